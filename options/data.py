"""What a run learns from."""

from dataclasses import dataclass
from typing import Literal

Video = Literal["real", "none", "shuffled"]
Channels = Literal["both", "appearance", "motion"]


@dataclass(frozen=True, kw_only=True)
class DataOptions:
    """The data: encoded questions and one feature store a channel.

    Args:
        questions: file of python -m preprocess.questions
        appearance: feature store of the appearance channel
        motion: feature store of the motion channel
        video: real features; none: zeros in their place (question-only); shuffled: each video's
            features exchanged for another's of the same split, by a fixed permutation
        channels: both, or one alone, with zeros in place of the other's features
    """

    questions: str
    appearance: str | None = None
    motion: str | None = None
    video: Video = "real"
    channels: Channels = "both"

    def __post_init__(self) -> None:
        """Only a question-only run can do without stores."""
        for name in ("appearance", "motion"):
            if self.video != "none" and getattr(self, name) is None:
                raise ValueError(
                    f"--{name} is missing: name the feature store of that channel "
                    "(python -m preprocess.videos makes one), or --video none"
                )
