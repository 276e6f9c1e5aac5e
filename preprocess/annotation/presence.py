"""What `--check` says of the videos of annotations: whether there are files and features."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Protocol, TypeVar

import numpy as np

from data_loader.segment import segment_rows
from data_loader.store.features import FeatureStore
from data_loader.store.open import Store, open_any_store
from preprocess.annotation.dataset import SPLITS
from preprocess.annotation.findings import Finding
from preprocess.video.files import list_videos, name_videos
from util.errors import UserError
from util.text import printable


class OfVideo(Protocol):
    """A question, a segment or a label."""

    @property
    def video(self) -> str:
        """The id of its video."""
        ...


class OfPart(OfVideo, Protocol):
    """A question or a segment, which may be of a part of its video."""

    @property
    def time(self) -> tuple[float, float] | None:
        """Start and end in seconds; None: the whole video."""
        ...


Rows = Mapping[str, Sequence[OfVideo]]  # of each split that could be read


def check_files(
    rows: Rows, words: Sequence[str], id_map: str | None, *, of: str
) -> Iterator[Finding]:
    """Whether the videos of the rows are among the files, and the other way round.

    `of`: what the rows are, "questions" or "segments".
    """
    try:
        files = name_videos(list_videos(words), id_map)
    except UserError as error:
        yield unread("--videos", str(error))
        return
    absent = [file for file in files.values() if not file.is_file()]
    if absent:
        first = printable(str(absent[0]))
        yield unread("--videos", f"{first}: no such file or folder ({len(absent)} such)")
    there = [video for video, file in files.items() if file.is_file()]
    yield from _check_presence(rows, there, f"{of} whose video has no file", "--videos", of)


def check_store(rows: Rows, path: str, *, of: str) -> Iterator[Finding]:
    """Whether the videos of the rows are in a store, and the other way round."""
    try:
        present = open_any_store(path).ids
    except UserError as error:
        yield unread("--videos_in", str(error))
        return
    yield from _check_presence(rows, present, f"{of} whose video is not in a store", path, of)


def _check_presence(
    rows: Rows, present: Sequence[str], what: str, place: str, of: str
) -> Iterator[Finding]:
    ids = set(present)
    for split, asked in rows.items():
        missing = [row for row in asked if row.video not in ids]
        videos = videos_of(missing)
        note, names = f"on {plural(len(videos), 'video')}:", [repr(video) for video in videos]
        if present and len(missing) == len(asked) > 0:  # most likely the names differ
            note, names = f"none fits: it has {present[0]!r}, the {of} say {names[0]}", []
        where = split if place == "--videos" else f"{split}, {place}"
        yield Finding(what, where, len(missing), len(asked), note, names)
    if len(rows) == len(SPLITS):  # else the rows of these videos may be in the other split
        known = {row.video for some in rows.values() for row in some}
        idle = [repr(video) for video in present if video not in known]
        yield Finding(f"videos without {of}", place, len(idle), len(ids), "", idle)


Part = TypeVar("Part", bound=OfPart)


def with_clips(rows: list[Part], stores: Sequence[Store]) -> list[Part]:
    """Those of the parts of videos in which each store has a clip; of whole videos, all."""
    times = np.array([row.time for row in rows if row.time is not None])
    if not len(times):
        return rows
    videos = [row.video for row in rows]
    held = np.ones(len(rows), bool)
    for store in stores:
        if isinstance(store, FeatureStore):  # clips to be decoded have no steady rate
            held &= segment_rows(store, videos, times)[:, 1] > 0
    return [row for row, has in zip(rows, held, strict=True) if has]


def unread(where: str, fault: str) -> Finding:
    """A file that cannot be read: `fault` says why, as a UserError does."""
    return Finding("cannot be read", where, 1, note=printable(" ".join(fault.split())))


def videos_of(rows: Iterable[OfVideo]) -> dict[str, None]:
    """The videos, each once, in the order of the rows."""
    return dict.fromkeys(row.video for row in rows)


def plural(count: int, noun: str) -> str:
    """`1 video`, `2 videos`."""
    return f"{count:,} {noun}{'' if count == 1 else 's'}"
