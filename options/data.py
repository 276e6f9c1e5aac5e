"""What a run learns from."""

import re
from dataclasses import dataclass
from typing import Literal

Video = Literal["real", "none", "shuffled"]
Channels = Literal["both", "appearance", "motion"]
MotionFrom = Literal["store", "mean", "difference"]
FeaturesIn = Literal["auto", "memory", "disk", "gpu"]


@dataclass(frozen=True, kw_only=True)
class DataOptions:
    """The data: encoded questions and one feature store a channel.

    Args:
        questions: file of python -m preprocess.questions
        validate_on: what is validated on: val, the split of the question file; fold:I/K, the I-th
            of K parts of the training videos, which are then not trained on (to choose options
            by); or seen, val, which is trained on too (a last run, of fixed length)
        label_share: share of the training videos, drawn by --seed, whose questions are learned
            from, as if the others had none (what is a first stage worth where labels are few?)
        appearance: feature store of the appearance channel
        motion: feature store of the motion channel
        clips: store of decoded clips (python -m preprocess.videos --backbone none), in place of the
            two feature stores: the encoders are then part of the run
        video: real features; none: zeros in their place (question-only); shuffled: each video's
            features exchanged for another's of the same split, by a fixed permutation
        motion_from: where the motion channel is from: its store; or, without one, from the
            appearance store: the mean of a clip's frames, or the difference of its two halves
        channels: both, or one alone, with zeros in place of the other's features
        features_in: where stored features are held: memory, disk (mapped, read batch by batch),
            gpu, or auto, the fastest that they fit in
    """

    questions: str
    validate_on: str = "val"
    label_share: float = 1.0
    appearance: str | None = None
    motion: str | None = None
    clips: str | None = None
    video: Video = "real"
    motion_from: MotionFrom = "store"
    channels: Channels = "both"
    features_in: FeaturesIn = "auto"

    def __post_init__(self) -> None:
        """Only a question-only run can do without stores; one kind of them is enough."""
        fold = re.fullmatch(r"fold:([0-9]+)/([0-9]+)", self.validate_on)
        if self.validate_on not in ("val", "seen") and not (
            fold and 1 <= int(fold[1]) <= int(fold[2]) and int(fold[2]) > 1
        ):
            raise ValueError(
                f"--validate_on {self.validate_on}: give val, seen, or fold:I/K with I from 1 to "
                "K, such as fold:1/5"
            )
        if not 0 < self.label_share <= 1:
            raise ValueError(
                f"--label_share {self.label_share}: must be above 0 and at most 1, such as 0.1"
            )
        if self.label_share < 1 and self.validate_on == "seen":
            raise ValueError(
                f"--label_share {self.label_share}: --validate_on seen trains on all that it has; "
                "leave out one"
            )
        if self.motion_from != "store" and (self.motion is not None or self.clips is not None):
            raise ValueError(
                f"--motion_from {self.motion_from}: takes the place of --motion and --clips: leave "
                "out one"
            )
        if self.clips is not None:
            if self.appearance is not None or self.motion is not None:
                raise ValueError(
                    "--clips takes the place of --appearance and --motion: leave out one"
                )
            return
        for name in ("appearance", "motion"):
            if name == "motion" and self.motion_from != "store":
                continue
            if self.video != "none" and getattr(self, name) is None:
                raise ValueError(
                    f"--{name} is missing: name the feature store of that channel "
                    "(python -m preprocess.videos makes one), --clips, or --video none"
                )


@dataclass(frozen=True, kw_only=True)
class ClipOptions:
    """The videos that the encoders are pretrained on; nobody asks about them.

    Args:
        clips: store of decoded clips (python -m preprocess.videos --backbone none)
        questions: question file whose train and val splits say which videos to train on and which
            to validate on; without one, --val_share decides
        labels: label file (python -m preprocess.labels), whose splits say so in its place
        val_share: share of the videos, drawn by --seed, that is kept for validation
    """

    clips: str
    questions: str | None = None
    labels: str | None = None
    val_share: float = 0.1

    def __post_init__(self) -> None:
        """Refuse a split without videos."""
        if self.questions is not None and self.labels is not None:
            raise ValueError("--questions and --labels both say what to train on: leave out one")
        if not 0 < self.val_share < 1:
            raise ValueError(f"--val_share {self.val_share}: must be between 0 and 1, such as 0.1")
