"""The data sets: each reader turns one split's annotation files into Samples.

A new data set is one file here with a `read` and one line in `DATASETS`.
"""

from collections.abc import Callable
from pathlib import Path

from preprocess.annotation.question import activitynet_qa, msvd_qa, own, svqa
from preprocess.annotation.sample import Sample
from util.errors import UserError

SPLITS = ("train", "val", "test")

Reader = Callable[[Path, str], list[Sample]]

DATASETS: dict[str, Reader] = {
    "msvd_qa": msvd_qa.read,
    "msrvtt_qa": msvd_qa.read,
    "activitynet_qa": activitynet_qa.read,
    "svqa": svqa.read,
    "own": own.read,
    "shapes": msvd_qa.read,  # the generated data set is written in MSVD-QA's format
}


def reader(dataset: str) -> Reader:
    """The reader of a data set.  Raises UserError for one that is not known."""
    if dataset not in DATASETS:
        raise UserError(f"--dataset {dataset}: not known; choose from {', '.join(DATASETS)}")
    return DATASETS[dataset]


def read_splits(dataset: str, annotations: Path) -> dict[str, list[Sample]]:
    """The Samples of each split.

    Raises UserError for an unknown data set, malformed annotations, an empty split, or a video
    that occurs in two splits (its answers would leak from one to the other).
    """
    read = reader(dataset)
    samples = {split: read(annotations, split) for split in SPLITS}
    split_of: dict[str, str] = {}
    for split, rows in samples.items():
        if not rows:
            raise UserError(
                f"{annotations}: split {split} has no questions; every split needs some"
            )
        videos = sorted({sample.video for sample in rows})
        twice = [video for video in videos if video in split_of]
        if twice:
            other = split_of[twice[0]]
            raise UserError(
                f"{annotations}: video {twice[0]!r} is in both the {other} and the {split} split "
                f"({len(twice)} such in {split}); keep all questions of a video in one split"
            )
        split_of.update(dict.fromkeys(videos, split))
    return samples
