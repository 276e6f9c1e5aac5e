"""Found clips -> moments: neighbours merged, near-duplicates folded, one before another."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

import numpy as np

TOUCHING = 0.5  # s between two clips that are still one moment
Placed = TypeVar("Placed", "Found", "Moment")
ALIKE = 0.985  # cosine from which two clips are one picture to a person


@dataclass(frozen=True)
class Found:
    """A clip that a search found."""

    clip: int  # its id
    file: int  # id of its video
    number: int  # which clip of the video
    start: float  # s
    end: float  # s
    score: float
    why: str = ""
    cosine: float = 0.0  # of its vector and the query's
    told: bool = False  # whether one of its texts has all words of the query


@dataclass(frozen=True)
class Moment:
    """A stretch of a video."""

    file: int
    start: float  # s
    end: float  # s
    score: float  # of its best clip
    best: int  # that clip's id
    clips: tuple[int, ...]  # ids, in the order of time
    why: str = ""
    like: tuple[int, ...] = ()  # best clips of moments that look the same, folded into this one


def merge(found: Sequence[Found], drop: float) -> list[Moment]:
    """Moments of clips, the best first.

    A moment grows from its best clip to both sides, over clips that touch it (`TOUCHING`) and
    score at most `drop` less than the best: what is found somewhere else in the same video is
    another moment.  Every clip is in one moment.
    """
    moments = []
    for own in _by_file(found).values():
        own.sort(key=lambda clip: (clip.start, clip.end))
        free = set(range(len(own)))
        while free:
            peak = min(free, key=lambda i: (-own[i].score, i))
            least = own[peak].score - drop
            low = high = peak
            while low - 1 in free and own[low - 1].score >= least and _touch(own, low - 1):
                low -= 1
            while high + 1 in free and own[high + 1].score >= least and _touch(own, high):
                high += 1
            free -= set(range(low, high + 1))
            moments.append(_moment(own[low : high + 1], own[peak]))
    return sorted(moments, key=lambda m: (-m.score, m.file, m.start))


def fold(
    moments: Sequence[Moment], vectors: np.ndarray, clips: Sequence[int], *, alike: float = ALIKE
) -> list[Moment]:
    """Take moments that look like a better one into it, in their order.

    vectors: (C, D) unit vectors of `clips`, the best clip of every moment among them.
    """
    row = {clip: i for i, clip in enumerate(clips)}
    kept: list[Moment] = []
    seen = np.empty((len(moments), vectors.shape[1]), np.float32)
    for moment in moments:
        own = vectors[row[moment.best]]
        likeness = seen[: len(kept)] @ own
        best = int(likeness.argmax()) if len(kept) else -1
        if best >= 0 and likeness[best] >= alike:
            kept[best] = replace(kept[best], like=(*kept[best].like, moment.best))
        else:
            seen[len(kept)] = own
            kept.append(moment)
    return kept


def one_a_file(moments: Sequence[Moment]) -> list[Moment]:
    """The first moment of each video, in their order."""
    first: dict[int, Moment] = {}
    for moment in moments:
        first.setdefault(moment.file, moment)
    return list(first.values())


def in_order(
    first: Sequence[Moment], second: Sequence[Moment], *, asked: int
) -> list[tuple[Moment, Moment]]:
    """Pairs (hit, other) of a video where a moment of `first` begins and ends before one of
    `second`: the best pair of each video, the best video first.

    A pair scores as its weaker half: both must be there.  `asked`: which of the two is the hit.
    """
    later = _by_file(second)
    pairs = []
    for file, own in _by_file(first).items():
        fitting = [
            (one, other)
            for one in own
            for other in later.get(file, [])
            if one.start < other.start and one.end <= other.end and not _same(one, other)
        ]
        if fitting:
            one, other = max(fitting, key=lambda p: (min(p[0].score, p[1].score), -p[0].start))
            weaker = min(one.score, other.score)
            pair = (one, other)[asked], (one, other)[1 - asked]
            pairs.append((replace(pair[0], score=weaker), pair[1]))
    return sorted(pairs, key=lambda pair: (-pair[0].score, pair[0].file))


def _same(one: Moment, other: Moment) -> bool:
    """Whether two moments share more than half of the shorter one."""
    shared = min(one.end, other.end) - max(one.start, other.start)
    return shared > 0.5 * min(one.end - one.start, other.end - other.start)


def _by_file(placed: Sequence[Placed]) -> dict[int, list[Placed]]:
    grouped: dict[int, list[Placed]] = defaultdict(list)
    for one in placed:
        grouped[one.file].append(one)
    return grouped


def _touch(own: Sequence[Found], left: int) -> bool:
    """Whether a clip and the one after it, in the order of time, touch."""
    return own[left + 1].start - own[left].end <= TOUCHING


def _moment(clips: Sequence[Found], best: Found) -> Moment:
    return Moment(
        file=best.file,
        start=min(clip.start for clip in clips),
        end=max(clip.end for clip in clips),
        score=best.score,
        best=best.clip,
        clips=tuple(clip.clip for clip in clips),
        why=best.why,
    )
