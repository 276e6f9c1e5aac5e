"""What an evaluation looks at."""

from dataclasses import dataclass
from typing import Literal

from options.data import Video


@dataclass(frozen=True, kw_only=True)
class EvaluateOptions:
    """The evaluation of one run on one split.

    Args:
        run: folder of the run (results/RUN)
        checkpoint: best (by validation accuracy) or last
        split: split to answer
        video: as the run was trained (default), or real, none (zeros), shuffled (each question
            is asked of another video of the split, by a fixed permutation)
        seed: seed of that permutation
        questions: question file; default the run's
        appearance: feature store of the appearance channel; default the run's
        motion: feature store of the motion channel; default the run's
        batch_size: questions at a time
        device: where to compute; auto takes a GPU when there is one
        output: predictions JSON; default RUN/SPLIT-VIDEO.json
    """

    run: str
    checkpoint: Literal["best", "last"] = "best"
    split: str = "test"
    video: Video | None = None
    seed: int = 666
    questions: str | None = None
    appearance: str | None = None
    motion: str | None = None
    batch_size: int = 512
    device: Literal["auto", "cpu", "cuda"] = "auto"
    output: str | None = None

    def __post_init__(self) -> None:
        """Refuse an empty batch."""
        if self.batch_size < 1:
            raise ValueError(f"--batch_size {self.batch_size}: must be at least 1")
