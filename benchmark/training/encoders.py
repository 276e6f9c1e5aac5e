"""What training the encoders costs:  python -m benchmark encoders

The original way encodes the video of every question; here a batch is formed of videos, each with
its questions.  Time and peak memory of a whole training step (forward, backward, optimizer) of the
same model on the same number of questions, with and without activation checkpointing, memory in a
process of its own.  With --full: memory of the full-size model, one step of up to 8 videos.
"""

import argparse
import statistics
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch

from benchmark.measure import interleaved, peak_memory, spread
from benchmark.training.sizes import SIZES, training_step
from data_loader.batch import Batch, Frames
from data_loader.vocabulary import Vocabulary
from model.task.encoder import build_encoder
from model.task.qa import QuestionAnswering
from options.encoder import EncoderOptions
from options.loss import LossOptions
from options.model import ModelOptions

GROUP = 26  # questions a video, as in MSVD-QA
QUESTIONS = 256  # what times are given for
GIB = 2**30
CARD = 24  # GiB of the card that memory is projected for


@dataclass(frozen=True)
class Setting:
    """One measured step: encoders, side of the frames, N, F, videos, questions a video."""

    appearance: str
    motion: str
    side: int
    clips: int
    frames: int
    videos: int
    questions: int
    checkpointing: bool
    precision: str = "float32"


def ready_step(setting: Setting) -> Callable[[], object]:
    """Everything before a training step, done; the step."""
    torch.manual_seed(0)
    size = SIZES["msvd_qa"]
    encoder = build_encoder(
        EncoderOptions(
            appearance_encoder=setting.appearance,
            motion_encoder=setting.motion,
            checkpointing=setting.checkpointing,
        )
    )
    task = QuestionAnswering(
        ModelOptions(),
        LossOptions(),
        vocabulary=Vocabulary(
            words=tuple(map(str, range(size.vocabulary))),
            answers=tuple(map(str, range(size.answers))),
        ),
        word_width=300,
        encoder=encoder,
        appearance_width=encoder.appearance.width,
        motion_width=encoder.motion.width,
    ).train()
    return training_step(task, _batch(setting), precision=setting.precision)


def _batch(setting: Setting) -> Batch:
    """Made-up questions about made-up clips that share no frame."""
    size = SIZES["msvd_qa"]
    v, n, f = setting.videos, setting.clips, setting.frames
    asked = v * setting.questions
    frames = torch.randint(256, (v * n * f, setting.side, setting.side, 3), dtype=torch.uint8)
    return Batch(
        visual=Frames(
            frames=frames,
            index=torch.arange(v * n * f).view(v, n, f),
            clip_mask=torch.ones(v, n, dtype=torch.bool),
            row=torch.arange(v),
        ),
        video=torch.arange(v).repeat_interleave(setting.questions),
        words=torch.randint(2, size.vocabulary, (asked, size.words)),
        length=torch.full((asked,), size.words),
        answer=torch.randint(2, size.answers, (asked,)),
        row=torch.arange(asked),
    )


def compare(options: argparse.Namespace) -> dict[str, float]:
    """Both ways with the small encoders, in one run."""
    appearance, motion = options.encoders
    shape = (appearance, motion, options.side, options.clips, options.frames)
    asked = options.videos * GROUP
    settings = {
        (name, keep): Setting(*shape, videos=videos, questions=each, checkpointing=not keep)
        for name, videos, each in (("own", asked, 1), ("shared", options.videos, GROUP))
        for keep in (True, False)
    }
    works = {key: ready_step(setting) for key, setting in settings.items()}
    seconds = interleaved(works, rounds=options.rounds)
    del works
    scale = QUESTIONS / asked
    median, memory = {}, {}
    for key, setting in settings.items():
        times = [scale * second for second in seconds[key]]
        median[key] = statistics.median(times)
        memory[key] = peak_memory(ready_step, (setting,))
        print(
            f"{key[0]:>6} video, {'all activations kept' if key[1] else 'checkpointing':<20} | "
            f"{spread(times)} s for {QUESTIONS} questions | peak memory of a step of {asked} "
            f"questions on {setting.videos} videos {memory[key] / GIB:.2f} GiB",
            flush=True,
        )
    return {
        "time_ratio": median["own", True] / median["shared", True],
        "time_ratio_checkpointing": median["own", False] / median["shared", False],
        "memory_ratio": memory["own", True] / memory["shared", True],
        "memory_ratio_checkpointing": memory["own", False] / memory["shared", False],
        "checkpointing_memory_share": memory["shared", False] / memory["shared", True],
        "checkpointing_time_factor": median["shared", False] / median["shared", True],
    }


def full_size(options: argparse.Namespace) -> dict[str, float]:
    """Peak memory and time of a step of the full-size model, for videos that memory allows."""
    shape = ("resnet101", "resnext101", 112, 8, 16)
    found: dict[str, float] = {}
    for checkpointing, videos in ((False, options.without), (True, options.with_checkpointing)):
        memory = {}
        for count in videos:
            setting = Setting(
                *shape, videos=count, questions=GROUP, checkpointing=checkpointing,
                precision=options.precision,
            )  # fmt: skip
            memory[count] = peak_memory(ready_step, (setting,)) / GIB
            print(
                f"{count} videos x 8 clips x 16 frames at 112x112, {options.precision}, "
                f"{'checkpointing' if checkpointing else 'all activations kept'}: peak "
                f"{memory[count]:.2f} GiB",
                flush=True,
            )
        few, many = min(memory), max(memory)
        each = (memory[many] - memory[few]) / (many - few)
        name = "checkpointing" if checkpointing else "kept"
        found[f"{name}_gib_a_video"] = each
        found[f"{name}_gib_8_videos"] = memory.get(8, memory[many] + (8 - many) * each)
        fixed = memory[few] - few * each
        found[f"{name}_videos_in_{CARD}_gib"] = int((CARD - fixed) / each)
    return found


def run(options: argparse.Namespace) -> dict[str, Any]:
    """Measure, print."""
    print(f"{torch.get_num_threads()} threads, no GPU" if not torch.cuda.is_available() else "GPU")
    found = full_size(options) if options.full else compare(options)
    return {key: round(value, 3) for key, value in found.items()}
