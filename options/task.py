"""The options of each task that train.py trains.

Nothing here loads torch: help and mistakes are answered at once.
"""

import sys
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from options.autoencoder import AutoencoderOptions
from options.caption import CaptionDataOptions, CaptionOptions
from options.classification import ClassificationOptions, LabelDataOptions, VivitOptions
from options.contrastive import ContrastiveOptions
from options.data import ClipOptions, DataOptions
from options.encoder import EncoderOptions
from options.flat import build
from options.loss import LossOptions
from options.model import ModelOptions
from options.parse import parse
from options.retrieval import PairDataOptions, RetrievalOptions
from options.train import TrainOptions


class QaRunOptions(NamedTuple):
    """Train a model that answers questions about videos."""

    data: DataOptions
    model: ModelOptions
    encoders: EncoderOptions
    loss: LossOptions
    train: TrainOptions


class AutoencoderRunOptions(NamedTuple):
    """Pretrain the encoders and relation graphs: they must rebuild the clips they see."""

    data: ClipOptions
    model: ModelOptions
    encoders: EncoderOptions
    autoencoder: AutoencoderOptions
    train: TrainOptions


class CaptioningRunOptions(NamedTuple):
    """Train a model that says in a sentence what happens in a video."""

    data: CaptionDataOptions
    caption: CaptionOptions
    encoders: EncoderOptions
    train: TrainOptions


class ClassificationRunOptions(NamedTuple):
    """Train a model that names what happens in a video, or tells a value at each frame."""

    data: LabelDataOptions
    classification: ClassificationOptions
    vivit: VivitOptions
    encoders: EncoderOptions
    train: TrainOptions


class ContrastiveRunOptions(NamedTuple):
    """Pretrain the encoders without labels: views of a clip are to be alike, of others not."""

    data: ClipOptions
    encoders: EncoderOptions
    contrastive: ContrastiveOptions
    train: TrainOptions


class RetrievalRunOptions(NamedTuple):
    """Train an embedding of videos and texts, to search by."""

    data: PairDataOptions
    retrieval: RetrievalOptions
    train: TrainOptions


RunOptions = (
    QaRunOptions
    | AutoencoderRunOptions
    | CaptioningRunOptions
    | ClassificationRunOptions
    | ContrastiveRunOptions
    | RetrievalRunOptions
)
TASK_OPTIONS = {
    "qa": QaRunOptions,
    "autoencoder": AutoencoderRunOptions,
    "captioning": CaptioningRunOptions,
    "classification": ClassificationRunOptions,
    "contrastive": ContrastiveRunOptions,
    "retrieval": RetrievalRunOptions,
}


def option_classes(task: str) -> tuple[type, ...]:
    """The option classes of a task, in the order of its help."""
    return tuple(TASK_OPTIONS[task].__annotations__.values())


def parse_task(argv: Sequence[str] | None = None) -> tuple[str, RunOptions]:
    """A task's name and options from a command line; qa, if it names none.  Raises UserError."""
    argv = list(sys.argv[1:] if argv is None else argv)
    task = argv.pop(0) if argv and argv[0] in TASK_OPTIONS else "qa"
    about = TASK_OPTIONS[task].__doc__ or ""
    return task, TASK_OPTIONS[task](
        *parse(f"python train.py {task}", about, option_classes(task), argv)
    )


def run_options(task: str, values: Mapping[str, Any]) -> RunOptions:
    """A task's options from flat values, such as those of a checkpoint; the rest are defaults."""
    return TASK_OPTIONS[task](*(build(cls, values) for cls in option_classes(task)))
