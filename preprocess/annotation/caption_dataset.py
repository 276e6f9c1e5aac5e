"""The data sets with captions: each reader turns its annotation files into segments.

A new data set is one file in `caption/` with a `read` and one line in `CAPTION_DATASETS`.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

from options.preprocess.captions import CaptionOptions
from preprocess.annotation.caption import activitynet_captions, msrvtt, msvd, own, shapes
from preprocess.annotation.caption.segment import CaptionAnnotations, Segment
from preprocess.annotation.dataset import SPLITS
from util.errors import UserError


@dataclass(frozen=True, kw_only=True)
class CaptionDataset:
    """One data set."""

    read: Callable[[CaptionOptions], CaptionAnnotations]
    needs: tuple[str, ...] = SPLITS  # splits without which it is of no use
    share: frozenset[str] = frozenset()  # splits that may have the same videos


CAPTION_DATASETS: dict[str, CaptionDataset] = {
    "msvd": CaptionDataset(read=msvd.read),
    "activitynet_captions": CaptionDataset(
        read=activitynet_captions.read, share=frozenset(("val", "test"))
    ),
    "msrvtt": CaptionDataset(read=msrvtt.read),
    "own": CaptionDataset(read=own.read, needs=("train", "val")),
    "shapes": CaptionDataset(read=shapes.read),
}


def caption_dataset(name: str) -> CaptionDataset:
    """The data set of a name.  Raises UserError for one that is not known."""
    if name not in CAPTION_DATASETS:
        raise UserError(f"--dataset {name}: not known; choose from {', '.join(CAPTION_DATASETS)}")
    return CAPTION_DATASETS[name]


def read_captions(options: CaptionOptions) -> CaptionAnnotations:
    """The segments of each split; a split that the data set can do without is left out if empty.

    Raises UserError for an unknown data set, malformed annotations, an empty split, or a video
    that occurs in two splits (its captions would leak from one to the other).
    """
    dataset = caption_dataset(options.dataset)
    found = dataset.read(options)
    for split in dataset.needs:
        if not found.splits[split]:
            raise UserError(
                f"{options.annotations}: split {split} has no captions; "
                f"{' and '.join(dataset.needs)} need some"
            )
    for one, other, videos in shared_videos(found.splits, dataset.share):
        raise UserError(
            f"{options.annotations}: video {videos[0]!r} is in both the {one} and the {other} "
            f"split ({len(videos):,} such); keep all captions of a video in one split"
        )
    return CaptionAnnotations(
        splits={split: rows for split, rows in found.splits.items() if rows},
        split_ids=found.split_ids,
        notes=found.notes,
    )


def shared_videos(
    splits: Mapping[str, Sequence[Segment]], may: frozenset[str]
) -> Iterator[tuple[str, str, list[str]]]:
    """The videos that two splits have both, if they have; not of the splits that `may` share."""
    videos = {split: dict.fromkeys(s.video for s in rows) for split, rows in splits.items()}
    for one, other in combinations(videos, 2):
        both = [video for video in videos[one] if video in videos[other]]
        if both and not {one, other} <= may:
            yield one, other, both
