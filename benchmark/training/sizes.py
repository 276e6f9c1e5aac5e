"""Sizes of the data sets, made-up batches of those sizes, and the arithmetic they take."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, Self

import numpy as np
import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from data_loader.batch import Batch
from data_loader.dataset import QaData
from data_loader.questions import QuestionSplit, without_padding
from data_loader.video_table import FeatureTable
from data_loader.vocabulary import Vocabulary
from model.answer.kind import Kind
from model.task.qa import QuestionAnswering
from options.loss import LossOptions
from options.model import ModelOptions
from training.step import parameter_groups, take_step


@dataclass(frozen=True, kw_only=True)
class Size:
    """One data set's shape: clips N, frames F, feature width, model width D, units T, words L."""

    clips: int
    frames: int
    feature_width: int = 2048
    width: int = 768
    units: int = 1
    words: int = 10
    answers: int = 1854
    vocabulary: int = 4809


SIZES = {
    "msvd_qa": Size(clips=8, frames=16),
    "msvd_qa_t2": Size(clips=8, frames=16, units=2),
    "msrvtt_qa": Size(clips=16, frames=16, units=6, answers=4002),
    "svqa": Size(clips=20, frames=16, units=4, words=20, answers=41, vocabulary=50),
    # the presets of the generated data set: make demo
    "demo": Size(
        clips=8, frames=8, feature_width=192, width=128, words=9, answers=30, vocabulary=60
    ),
    # for tests: seconds
    "tiny": Size(
        clips=4, frames=3, feature_width=24, width=16, units=2, words=5, answers=12, vocabulary=30
    ),
}


def make_task(
    size: Size,
    *,
    dropout: bool,
    kind: Kind = "open",
    candidate_encoder: Literal["cross", "bi"] = "cross",
) -> QuestionAnswering:
    """The product's model at a size, random weights; gamma and beta such that all terms show.

    The weights are the same whatever was drawn before: a rare draw, in which rounding shows most,
    must not stop a timing.
    """
    torch.manual_seed(0)
    rate = ModelOptions().dropout if dropout else 0.0
    state = ModelOptions().state_dropout if dropout else 0.0
    return QuestionAnswering(
        ModelOptions(
            width=size.width,
            units=size.units,
            dropout=rate,
            state_dropout=state,
            candidate_encoder=candidate_encoder,
        ),
        LossOptions(gamma=1.0, beta=1e-2),
        vocabulary=Vocabulary(
            words=tuple(f"w{i}" for i in range(size.vocabulary)),
            answers=tuple(f"a{i}" for i in range(size.answers)),
        ),
        word_width=300 if size.width >= 300 else 8,
        appearance_width=size.feature_width,
        motion_width=size.feature_width,
        kind=kind,
        count_range=(0, 9) if kind == "count" else None,
    )


def make_data(size: Size, *, videos: int, questions_per_video: int, seed: int = 0) -> QaData:
    """A split of made-up questions, `questions_per_video` about each of `videos` videos."""
    rng = np.random.default_rng(seed)
    video = np.repeat(np.arange(videos), questions_per_video)
    total = len(video)
    shape = (videos, size.clips, size.frames, size.feature_width)
    generator = torch.Generator().manual_seed(seed)
    appearance = torch.empty(shape, dtype=torch.float16)
    for row in appearance:  # one video at a time: no second copy in float32
        row.copy_(torch.randn(row.shape, generator=generator))
    motion = torch.randn(videos, size.clips, size.feature_width, generator=generator).half()
    # lengths as in MSVD-QA: from half of the longest to the longest
    length = torch.from_numpy(rng.integers(size.words // 2, size.words + 1, total))
    words = torch.from_numpy(rng.integers(2, size.vocabulary, (total, size.words)))
    text = ("",) * total
    split = QuestionSplit(
        name="made up",
        words=without_padding(words, length),
        length=length,
        longest=size.words,
        answer=torch.from_numpy(rng.integers(2, size.answers, total)),
        videos=tuple(str(v) for v in video),
        ids=tuple(range(total)),
        types=("what",) * total,
        texts=text,
        answer_texts=text,
    )
    return QaData(
        split=split,
        table=FeatureTable(
            appearance=appearance, motion=motion, clips=torch.full((videos,), size.clips)
        ),
        video=video.astype(np.int64),
    )


def training_step(
    task: nn.Module, batch: Batch, *, precision: str = "float32"
) -> Callable[[], object]:
    """One step of the product's training loop on a batch, whenever it is called."""
    optimizer = torch.optim.AdamW(parameter_groups(task, 0.0, {}), lr=1e-4, fused=True)
    return lambda: take_step(task, [batch], optimizer, 1e-4, 12.0, precision)


class FlopCounter(FlopCounterMode):
    """Multiply-adds, counted twice, of all matrix products: torch's counter and, as it passes over
    them, the LSTMs, by their inputs' shapes.

    with FlopCounter(module) as counter: ...; counter.total
    """

    def __init__(self, module: nn.Module) -> None:
        """Count what happens within the context; the LSTMs are those of `module`."""
        super().__init__(display=False)
        self.lstm = 0
        self.parts = [part for part in module.modules() if isinstance(part, nn.LSTM)]

    @property
    def total(self) -> int:
        """FLOP so far."""
        return self.get_total_flops() + self.lstm

    def __enter__(self) -> Self:
        """Begin."""
        self.hooks = [part.register_forward_hook(self._count) for part in self.parts]
        return super().__enter__()

    def __exit__(self, *args: object) -> None:
        """End."""
        for hook in self.hooks:
            hook.remove()
        super().__exit__(*args)

    def _count(self, lstm: nn.LSTM, given: tuple[Tensor], out: Tensor) -> None:
        steps = given[0].shape[0] * given[0].shape[1]
        self.lstm += 2 * steps * 4 * lstm.hidden_size * (lstm.input_size + lstm.hidden_size)
