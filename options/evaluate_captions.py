"""What an evaluation of captions looks at."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, kw_only=True)
class CaptionFileOptions:
    """Captions of any model, beside what they must be judged by.

    Args:
        predictions: captions as JSON: [{"image_id" or "video_id", "caption"}], {id: caption},
            ActivityNet's {"version", "results", "external_data"}; or text, a caption a line (.txt)
        references: caption file (.pt), JSON of COCO, MSRVTT or {id: [captions]}; text files, a line
            a segment in each; with --protocol activitynet val_1.json val_2.json or the like
        protocol: coco scores a caption for each segment; activitynet scores sentences with time
            stamps against all that they overlap, at tIoU .3, .5, .7 and .9
        split: split of a caption file or of MSRVTT's JSON; default test
        train: training captions, in a form of --references, for the best constant caption and the
            share of captions that are copied; default those of a caption file or of MSRVTT's JSON
        against: another file of captions of the same segments, to compare with
        seed: seed of the permutation that gives each segment a caption of another video, and of the
            words that stand in for references in --protocol activitynet
        output: JSON of all numbers, with each segment's; default none
    """

    predictions: str
    references: list[str]
    protocol: Literal["coco", "activitynet"] = "coco"
    split: str | None = None
    train: str | None = None
    against: str | None = None
    seed: int = 666
    output: str | None = None

    def __post_init__(self) -> None:
        """Refuse what the protocol has no use for."""
        if not self.references:
            raise ValueError("--references: names no file; give the file with the references")
        if self.protocol == "activitynet" and self.split:
            raise ValueError(
                f"--split {self.split}: the files of --protocol activitynet are a split each; "
                "leave it out"
            )
        if not 0 <= self.seed < 2**63:
            raise ValueError(f"--seed {self.seed}: must be at least 0 and less than 2^63")
