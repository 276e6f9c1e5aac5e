"""What runs told of rows, as columns; runs of several folds as one, runs of several seeds apart.

R rows, each a video.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Generic, Self, TypeVar

import numpy as np

from util.errors import UserError
from util.text import clipped


@dataclass(frozen=True, eq=False, kw_only=True)
class Told:
    """What one model told of R rows: a run, or runs that tested a fold each."""

    # columns that are tuples, those that are arrays, and what runs of one model share
    TEXTS: ClassVar[tuple[str, ...]] = ("ids", "videos", "groups", "numbers")
    ARRAYS: ClassVar[tuple[str, ...]] = ("source",)
    ALIKE: ClassVar[tuple[str, ...]] = ("split", "video", "frames", "crops")

    # in messages and tables: the run's, or what the runs' names have in common
    name: str
    # paths of runs or of predictions files
    sources: tuple[str, ...]
    # steps that each was trained for
    steps: tuple[int, ...]
    seed: int
    split: str
    # what was shown: real, none or shuffled videos; real, middle or shuffled frames
    video: str
    frames: str
    # where a picture was cut out: 1, or 3 places a clip
    crops: int
    # R each: as the annotations, the stores and the groups name them
    ids: tuple[str, ...]
    videos: tuple[str, ...]
    groups: tuple[str, ...]
    # which of the video's frames the model saw, from 0; () where that is not known
    numbers: tuple[tuple[int, ...], ...]
    # (R,) int64, the place of the row's run in `sources`
    source: np.ndarray

    def __len__(self) -> int:
        """Number of rows R."""
        return len(self.videos)

    def take(self, rows: np.ndarray) -> Self:
        """Some rows, in this order.  rows (R',) int64."""
        texts = {n: tuple(getattr(self, n)[i] for i in rows.tolist()) for n in self.TEXTS}
        return replace(self, **texts, **{n: getattr(self, n)[rows] for n in self.ARRAYS})

    def same_truth(self, other: Self) -> bool:
        """Whether the truth of the same rows is the same."""
        raise NotImplementedError

    def of_run(self, column: np.ndarray, run: int) -> Any:
        """The value that a column has in the rows of a run, by its place in `sources`."""
        return column[self.source == run][0].item()


T = TypeVar("T", bound=Told)


@dataclass(frozen=True, eq=False, kw_only=True)
class Seeds(Generic[T]):
    """A model trained from one or more seeds, each of which told the same rows."""

    name: str
    each: tuple[T, ...]  # rows in one order

    @property
    def first(self) -> T:
        """That of the first seed: rows and their truth are the same of all."""
        return self.each[0]

    def in_order_of(self, other: "Seeds[T]", option: str) -> "Seeds[T]":
        """The same with its rows in another's order; UserError if it has others."""
        return replace(self, each=tuple(in_order(one, other.first, option) for one in self.each))


def together(every: Sequence[T], option: str = "--run") -> Seeds[T]:
    """Several runs as one model: runs of one seed are folds of it, which test other rows each.

    Raises UserError where two runs of a seed test the same row, where the seeds do not test the
    same rows, and where runs were shown different things or have other classes.
    """
    first = every[0]
    for one in every[1:]:
        for field in first.ALIKE:
            mine, its = getattr(one, field), getattr(first, field)
            if mine != its:
                raise UserError(
                    f"{option} {one.sources[0]}: {field} {_short(mine)}, {first.sources[0]} has "
                    f"{_short(its)}; evaluate them apart"
                )
    seeds: dict[int, list[T]] = {}
    for one in every:
        seeds.setdefault(one.seed, []).append(one)
    name = name_of([one.name for one in every])
    pooled = [_pooled(of, option) for of in seeds.values()]
    rest = tuple(in_order(one, pooled[0], option) for one in pooled[1:])
    return Seeds(name=name, each=(pooled[0], *rest))


def in_order(one: T, other: T, option: str) -> T:
    """The same with its rows in the order of `other`; UserError if they are not the same."""
    place = {video: i for i, video in enumerate(one.videos)}
    missing = [video for video in other.videos if video not in place]
    if missing or len(one) != len(other):
        which = f", first {clipped(repr(missing[0]), 60)}" if missing else ""
        raise UserError(
            f"{option} {one.sources[0]}: tests {len(one):,} rows, {other.sources[0]} "
            f"{len(other):,} ({len(missing):,} of them are missing{which}); name runs of the same "
            "split, and of all folds that the others have"
        )
    found = one.take(np.array([place[video] for video in other.videos], dtype=np.int64))
    if not found.same_truth(other):
        raise UserError(
            f"{option} {one.sources[0]}: has other classes, or other true ones, than "
            f"{other.sources[0]}; name runs of one label file"
        )
    return found


def _pooled(parts: Sequence[T], option: str) -> T:
    """Runs of one seed, each with rows of its own, as one."""
    if len(parts) == 1:
        return parts[0]
    tested: dict[str, str] = {}
    for part in parts:
        for video in part.videos:
            if video in tested:
                raise UserError(
                    f"{option} {part.sources[0]}: tests video {clipped(repr(video), 60)} with seed "
                    f"{part.seed}, as {tested[video]} does; name one run for each fold and seed"
                )
        tested |= dict.fromkeys(part.videos, part.sources[0])
    joined = (*parts[0].TEXTS, "sources", "steps")
    texts = {name: tuple(x for part in parts for x in getattr(part, name)) for name in joined}
    columns = {n: np.concatenate([getattr(part, n) for part in parts]) for n in parts[0].ARRAYS}
    begins = np.cumsum([0, *(len(part.sources) for part in parts)])
    columns["source"] = np.concatenate(
        [part.source + begin for part, begin in zip(parts, begins, strict=False)]
    )
    return replace(parts[0], name=name_of([part.name for part in parts]), **texts, **columns)


def name_of(names: Sequence[str]) -> str:
    """What several runs are called together: what their names begin with, less what tells them.

    Runs a_f0_s1, a_f1_s1, ... are called a.
    """
    if len(names) == 1:
        return names[0]
    begin = names[0]
    for name in names[1:]:
        while not name.startswith(begin):
            begin = begin[:-1]
    for ending in ("_s", "_f", "_"):
        begin = begin.removesuffix(ending)
    return begin or "+".join(names)


def _short(value: Any) -> str:
    if isinstance(value, tuple):
        return f"{len(value)} ({clipped(', '.join(map(str, value)), 60)})"
    return str(value)
