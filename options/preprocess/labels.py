"""Options of `python -m preprocess.labels`."""

import re
from dataclasses import dataclass
from typing import Literal

# Options that only some data sets have a use for.
ONLY = {
    "list": ("ucf101", "hmdb51"),
    "protocol": ("msr_daily",),
    "group_pattern": ("folder", "own"),
}
FEWEST_FOLDS = 3


@dataclass(frozen=True, kw_only=True)
class LabelOptions:
    """Which annotations become which label file, or are checked.

    Args:
        dataset: Format of the annotations (kinetics, ucf101, hmdb51, msr_daily, folder, own,
            shapes).
        annotations: Folder with the annotation files, or the file itself where there is one; of
            folder and msr_daily, the folder of the videos.
        output: Label file to write (.pt).
        list: Of ucf101 and hmdb51, which of their three official splits; 1 if not given.
        protocol: Of msr_daily, who is tested on. cross_subject, the subjects of even number (what
            is taken if not given); half, subjects 6 to 10; seed_random_split, a fifth of the
            videos, drawn, whose subjects are trained on too.
        folds: Cut all videos into so many folds that share no group, in place of splits; train.py
            --fold says which of them is tested on.
        seed: What is drawn (folds, splits where there are none, validation videos where there are
            none) follows from it; 0 if not given, and 42 for seed_random_split.
        group_pattern: Of folder, and of own without a column group, a regular expression whose
            first parenthesis, found in a video's name, is its group, such as `_(s[0-9]+)_`.
        id_map: File of lines `<clip name> vid<id>`, as for preprocess.videos; it turns the names of
            the annotations into ids, and with --videos names the files.
        videos_in: Feature or clip stores (A.h5 B.h5 ...); only labels of videos in all are kept.
        check: Write nothing; compare annotations, --videos and --videos_in, and list what is wrong.
        videos: With --check, folders and video files that are labelled.
    """

    dataset: str
    annotations: str
    output: str | None = None
    list: Literal["1", "2", "3"] | None = None
    protocol: Literal["cross_subject", "half", "seed_random_split"] | None = None
    folds: int = 0
    seed: int | None = None
    group_pattern: str | None = None
    id_map: str | None = None
    videos_in: tuple[str, ...] = ()
    check: bool = False
    videos: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Refuse options that mean nothing here."""
        for name, datasets in ONLY.items():
            if getattr(self, name) is not None and self.dataset not in datasets:
                raise ValueError(
                    f"--{name} {getattr(self, name)}: is for {' and '.join(datasets)}; leave it out"
                )
        if self.folds and self.folds < FEWEST_FOLDS:
            raise ValueError(
                f"--folds {self.folds}: one is tested on, one validated on and the rest trained "
                f"on; give at least {FEWEST_FOLDS}"
            )
        if self.folds and (self.list is not None or self.protocol is not None):
            name = "list" if self.list is not None else "protocol"
            raise ValueError(
                f"--folds {self.folds}: takes the place of the splits of --{name} "
                f"{getattr(self, name)}; leave out one"
            )
        if self.seed is not None and self.seed < 0:
            raise ValueError(f"--seed {self.seed}: give 0 or more")
        if self.group_pattern is not None:
            _check_pattern(self.group_pattern)
        if self.output is None and not self.check:
            raise ValueError("--output: not given; name the label file to write")
        if self.videos and not self.check:
            raise ValueError("--videos: only --check looks at video files; add --check")


def _check_pattern(pattern: str) -> None:
    try:
        groups = re.compile(pattern).groups
    except re.error as error:
        raise ValueError(f"--group_pattern {pattern}: no regular expression ({error})") from error
    if groups < 1:
        raise ValueError(
            f"--group_pattern {pattern}: has no parenthesis to say which part of a name is the "
            "group; write it as _(s[0-9]+)_"
        )
