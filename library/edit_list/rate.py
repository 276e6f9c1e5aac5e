"""Rates that frames are counted at, exactly, and the timecode that names frames (SMPTE ST 12-1).

Timecode counts whole frames.  At 29.97 and 59.94 it runs slow against the clock; drop frame leaves
out labels (never frames), 2 or 4 at the beginning of each minute but every tenth.
"""

import re
from dataclasses import dataclass
from fractions import Fraction

NTSC = Fraction(1000, 1001)
_TIMECODE = re.compile(r"(\d\d):(\d\d):(\d\d)([:;.,])(\d\d)")


def drops(fps: Fraction) -> bool:
    """Whether there is drop-frame timecode of a rate."""
    return fps in (30 * NTSC, 60 * NTSC)


@dataclass(frozen=True)
class Rate:
    """How many frames a second, and how timecode names them."""

    fps: Fraction
    drop: bool = False  # whether its timecode leaves out labels

    def __post_init__(self) -> None:
        """Only 29.97 and its double drop."""
        assert not self.drop or drops(self.fps), self

    @property
    def name(self) -> str:
        """As --rate and messages spell it: 25, 23.976, 29.97df."""
        return shown(self.fps) + ("df" if self.drop else "")


RATES = {
    "23.976": Rate(24 * NTSC),
    "24": Rate(Fraction(24)),
    "25": Rate(Fraction(25)),
    "29.97": Rate(30 * NTSC),
    "29.97df": Rate(30 * NTSC, drop=True),
    "30": Rate(Fraction(30)),
    "50": Rate(Fraction(50)),
    "59.94": Rate(60 * NTSC),
    "59.94df": Rate(60 * NTSC, drop=True),
    "60": Rate(Fraction(60)),
}


def shown(fps: Fraction) -> str:
    """A number of frames a second as people write it, to three digits after the point."""
    return f"{float(fps):.3f}".rstrip("0").rstrip(".")


def labels_a_second(fps: Fraction) -> int | None:
    """Frames that timecode counts as one second; None for a rate that no timecode is of."""
    return next((round(r.fps / NTSC) if r.fps.denominator > 1 else int(r.fps)
                 for r in RATES.values() if r.fps == fps), None)  # fmt: skip


def nearest(fps: Fraction) -> Rate:
    """The named rate that shows what a variable one of `fps` on average shows.

    The nearest if it is within 3 %, else the next above, on which no frame is left out; non-drop.
    """
    named = [rate for rate in RATES.values() if not rate.drop]
    near = min(named, key=lambda rate: max(rate.fps / fps, fps / rate.fps))
    if abs(near.fps / fps - 1) <= Fraction(3, 100):
        return near
    return min([r for r in named if r.fps > fps] or [named[-1]], key=lambda rate: rate.fps)


def day(rate: Rate) -> int:
    """Frames in 24 hours of timecode."""
    return _frame(24 * 60, 0, 0, rate)


def timecode(frame: int, rate: Rate) -> str:
    """The label of a frame: hh:mm:ss:ff, with `;` before the frames where labels are dropped.

    frame: counted from 00:00:00:00; 0 <= frame < `day(rate)`.
    """
    second = labels_a_second(rate.fps)
    assert second is not None and 0 <= frame < day(rate), (frame, rate)
    if rate.drop:
        left_out = second // 15  # labels, in each minute that leaves out some
        ten, rest = divmod(frame, 600 * second - 9 * left_out)
        after_first = max(0, rest - left_out) // (60 * second - left_out)
        frame += left_out * (9 * ten + after_first)
    seconds, frames = divmod(frame, second)
    minutes, seconds = divmod(seconds, 60)
    mark = ";" if rate.drop else ":"
    return f"{minutes // 60:02}:{minutes % 60:02}:{seconds:02}{mark}{frames:02}"


def read_timecode(text: str, fps: Fraction) -> tuple[int, Rate]:
    """A label -> its frame counted from 00:00:00:00, and the rate with its way of counting.

    Raises ValueError for what is no timecode of this rate, a label that drop frame leaves out too.
    """
    found = _TIMECODE.fullmatch(text.strip())
    second = labels_a_second(fps)
    if found is None or second is None:
        raise ValueError(f"{text}: no timecode at {shown(fps)} frames a second")
    hours, minutes, seconds, frames = (int(found[at]) for at in (1, 2, 3, 5))
    rate = Rate(fps, drop=found[4] in ";.," and drops(fps))
    left_out = rate.drop and seconds == 0 and minutes % 10 and frames < second // 15
    if hours > 23 or minutes > 59 or seconds > 59 or frames >= second or left_out:
        raise ValueError(f"{text}: there is no such label at {rate.name}")
    return _frame(60 * hours + minutes, seconds, frames, rate), rate


def _frame(minutes: int, seconds: int, frames: int, rate: Rate) -> int:
    second = labels_a_second(rate.fps)
    assert second is not None
    left_out = second // 15 * (minutes - minutes // 10) if rate.drop else 0
    return (60 * minutes + seconds) * second + frames - left_out
