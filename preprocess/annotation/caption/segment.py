"""What every annotation of captions becomes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Caption:
    """One sentence, and where it is: the file's name with line or item."""

    text: str
    where: str


@dataclass(frozen=True, kw_only=True)
class Segment:
    """A whole video or a part of one, with its captions (the references)."""

    id: str  # unique within its split; of a whole video the video's
    video: str  # the id that the feature stores use
    captions: tuple[Caption, ...]  # in the order of the file
    time: tuple[float, float] | None = None  # start and end in seconds; None: the whole video


@dataclass(frozen=True, kw_only=True)
class CaptionAnnotations:
    """All that a reader found."""

    splits: Mapping[str, Sequence[Segment]]  # train, val and test
    split_ids: str = ""  # how the data set is cut into splits, where there are several ways
    notes: tuple[str, ...] = ()  # what was changed or left out, and how many times


def whole_videos(captions: Mapping[str, Sequence[Caption]]) -> list[Segment]:
    """A segment for each video: {video: its captions}."""
    return [Segment(id=v, video=v, captions=tuple(rows)) for v, rows in captions.items()]
