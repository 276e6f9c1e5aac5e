"""An edit list as data: sources, cuts of them in whole frames, and where each stands in the result.

All time is exact: frames of a rate, or fractions of a second.  Frame 0 is a source's first frame;
ranges are half open, so a cut of frames 10 to 20 has ten.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import ceil, floor

from library.edit_list.rate import Rate
from library.hits import Hit
from util.errors import UserError
from util.text import clipped

# s: how far a hit's times may be off a frame's.  They are written to the millisecond or so; without
# it 0.033 s, meant for frame 1 of a video at 29.97, would begin a cut with frame 0.
ROUNDING = Fraction(1, 1000)


@dataclass(frozen=True)
class Audio:
    """A source's sound."""

    channels: int
    sample_rate: int  # Hz


@dataclass(frozen=True)
class Source:
    """A video file as a line of frames at a constant rate.

    A variable rate is placed on a constant one: frame k is what is shown k / rate s after the first
    frame.
    """

    path: str  # absolute
    sha256: str  # of its bytes
    rate: Rate  # its own, or of a variable one that on which it is placed; drop as its timecode is
    frames: int  # at that rate
    width: int  # upright
    height: int
    turn: int = 0  # degrees that a player turns it counter-clockwise, to show it upright
    variable: bool = False  # whether it is placed on a rate that is not its own
    timecode: int | None = None  # of its first frame, in frames; None: the file has none
    stream: int = 0  # number of its video stream in the file
    first: Fraction = Fraction(0)  # s, when its first frame is shown by the file's own clock
    indexed: bool = False  # whether its container leads a reader to any moment of it
    audio: Audio | None = None

    @property
    def name(self) -> str:
        """The file's name."""
        return self.path.rpartition("/")[2]

    @property
    def duration(self) -> Fraction:
        """In s."""
        return self.frames / self.rate.fps

    @property
    def start(self) -> int:
        """The timecode of its first frame, in frames; 0 where it has none."""
        return self.timecode or 0


@dataclass(frozen=True)
class Cut:
    """A range of a source's frames, and why it was chosen."""

    source: Source
    begin: int  # its first frame, handles included
    end: int  # the frame after its last
    head: int = 0  # of them, frames of the handle before what was found
    tail: int = 0  # and of that after
    track: int = 1  # 1 is the lowest
    query: str = ""
    why: str = ""
    weights: str = ""  # hash of the weights that found it
    score: float | None = None

    def __post_init__(self) -> None:
        """At least one frame, all of the source's."""
        assert 0 <= self.begin < self.end <= self.source.frames, self
        assert 0 <= self.head + self.tail < self.end - self.begin and self.track >= 1, self

    @property
    def frames(self) -> int:
        """How many, handles included."""
        return self.end - self.begin


@dataclass(frozen=True)
class Placed:
    """A cut and where it stands in the result."""

    cut: Cut
    number: int  # from 1, in the list's order
    begin: Fraction  # s after the result's beginning
    end: Fraction


@dataclass(frozen=True)
class EditList:
    """Cuts in their order; those of a track follow each other without gaps."""

    name: str
    rate: Rate  # of the result
    start: int  # timecode of the result's first frame, in frames
    cuts: tuple[Cut, ...]

    @property
    def tracks(self) -> int:
        """How many the result has; some may be empty."""
        return max(cut.track for cut in self.cuts)

    def placed(self) -> list[Placed]:
        """The cuts with their places, in the list's order."""
        ends = dict.fromkeys(range(1, self.tracks + 1), Fraction(0))
        found = []
        for number, cut in enumerate(self.cuts, start=1):
            begin = ends[cut.track]
            ends[cut.track] = begin + cut.frames / cut.source.rate.fps
            found.append(Placed(cut, number, begin, ends[cut.track]))
        return found

    def sources(self) -> list[Source]:
        """Each once, in order of its first cut."""
        return list(dict.fromkeys(cut.source for cut in self.cuts))


def cut_of(hit: Hit, source: Source, *, handles: Fraction, track: int) -> Cut:
    """The frames that are shown during a hit, with handles of so many seconds where there are any.

    track: of a hit that names none.  Raises UserError for a hit after the source's end.
    """
    fps = source.rate.fps
    rounding = min(ROUNDING, 1 / (4 * fps))
    begin = floor((hit.start + rounding) * fps)
    end = min(max(begin + 1, ceil((hit.end - rounding) * fps)), source.frames)
    if begin >= end:
        raise UserError(
            f"{clipped(source.path, 300)}: lasts {float(source.duration):.3f} s, and a hit begins "
            f"at {float(hit.start):.3f} s; leave the hit out, or index the file anew"
        )
    margin = round(handles * fps)
    head, tail = min(margin, begin), min(margin, source.frames - end)
    return Cut(
        source,
        begin - head,
        end + tail,
        head=head,
        tail=tail,
        track=hit.track or track,
        query=hit.query,
        why=hit.why,
        weights=hit.weights,
        score=hit.score,
    )


ORDERS: dict[str, Callable[[Sequence[Hit]], list[Hit]]] = {
    "given": list,
    # Hits without a score come last; sorting keeps the order of those alike.
    "score": lambda hits: sorted(hits, key=lambda h: (h.score is None, -(h.score or 0.0))),
    "time": lambda hits: list(_by_time(hits)),
}


def _by_time(hits: Sequence[Hit]) -> Iterator[Hit]:
    """Videos in order of their first hit, and of each its hits as they happen."""
    for video in dict.fromkeys(hit.video for hit in hits):
        yield from sorted((h for h in hits if h.video == video), key=lambda h: (h.start, h.end))
