"""What contrastive pretraining tells apart, and how."""

from dataclasses import dataclass
from typing import Literal

Positives = Literal["same_frame", "neighbour", "other_channel"]
IntraNegatives = Literal["none", "reversed", "shuffled"]


@dataclass(frozen=True, kw_only=True)
class ContrastiveOptions:
    """Pairs of views that are to be alike, their augmentation (beside --crop, --flip and --jitter
    of the encoders), and the head that they are compared in.

    Args:
        positives: what is alike: same_frame, two views of a frame (appearance) and of a clip
            (motion); neighbour, a frame and one beside it, a clip and the next of its video;
            other_channel, the appearance of a clip and its motion
        train_channels: encoders that are pretrained: both, appearance or motion
        mask_same_video: other clips of the same video are no negatives
        intra_negatives: more negatives of the motion channel, from the clips themselves: reversed,
            each clip played backwards, or shuffled, with its frames in a random order; only the
            order of frames tells them from the clip
        temperature: of the similarities; small ones weigh the most similar negatives most
        head_layers: layers of the projection head
        head_hidden: width of its layers between; 0: that of the features
        embedding: width of its last layer
        least_area: least part of a frame that a view shows; 1: all of it
        grey: chance that a view is without colours
        blur: chance that a view is blurred
        least_rank: a run whose validation embeddings have an effective rank below this, three times
            one after another, has collapsed and is stopped; 0: never
    """

    positives: Positives = "same_frame"
    train_channels: Literal["both", "appearance", "motion"] = "both"
    mask_same_video: bool = False
    intra_negatives: IntraNegatives = "none"
    temperature: float = 0.1
    head_layers: int = 3
    head_hidden: int = 0
    embedding: int = 128
    least_area: float = 0.08
    grey: float = 0.2
    blur: float = 0.5
    least_rank: float = 2.0

    def __post_init__(self) -> None:
        """Refuse what cannot be built or compares nothing."""
        if not 1 <= self.head_layers <= 3:
            raise ValueError(f"--head_layers {self.head_layers}: give 1, 2 or 3")
        if self.embedding < 2:
            raise ValueError(f"--embedding {self.embedding}: must be at least 2")
        if self.head_hidden < 0:
            raise ValueError(f"--head_hidden {self.head_hidden}: must not be negative")
        if self.temperature <= 0:
            raise ValueError(f"--temperature {self.temperature}: must be positive, such as 0.1")
        if not 0 < self.least_area <= 1:
            raise ValueError(f"--least_area {self.least_area}: must be above 0 and at most 1")
        for name in ("grey", "blur"):
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(f"--{name} {getattr(self, name)}: must be in [0, 1], such as 0.2")
        if self.least_rank < 0:
            raise ValueError(f"--least_rank {self.least_rank}: must not be negative")
        if self.positives == "other_channel" and self.train_channels != "both":
            raise ValueError(
                f"--train_channels {self.train_channels}: --positives other_channel compares both; "
                "leave out one"
            )
        if self.intra_negatives != "none" and (
            self.train_channels == "appearance" or self.positives == "other_channel"
        ):
            raise ValueError(
                f"--intra_negatives {self.intra_negatives}: are clips of the motion channel, "
                "compared with clips; leave it out, or --train_channels appearance and "
                "--positives other_channel"
            )
