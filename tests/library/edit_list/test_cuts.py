"""Hits become the frames that are shown during them."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from library.edit_list.cuts import ORDERS, Cut, EditList, Source, cut_of
from library.edit_list.rate import RATES
from library.hits import Hit
from tests.library.edit_list.drawn import RATE_NAMES
from util.errors import UserError


def source(rate: str = "29.97", frames: int = 900) -> Source:
    return Source("/v/a.mp4", "0" * 64, RATES[rate], frames, 64, 48)


def hit(start: str, end: str, **more) -> Hit:
    return Hit("a.mp4", Fraction(start), Fraction(end), **more)


def cut(start: str, end: str, of: Source | None = None, handles: str = "0") -> tuple[int, int]:
    found = cut_of(hit(start, end), of or source(), handles=Fraction(handles), track=1)
    return found.begin, found.end


@pytest.mark.parametrize(
    ("start", "end", "frames"),
    [
        ("0", "1", (0, 30)),  # 29.97 frames
        ("0.033", "0.067", (1, 2)),  # rounded to the millisecond: frame 1 alone
        ("0.0333667", "0.0667333", (1, 2)),
        ("0.05", "0.06", (1, 2)),
        ("0.05", "0.0500001", (1, 2)),  # as short as can be: what is shown then
        ("10", "20", (299, 600)),
        ("29", "1000", (869, 900)),  # as far as the video goes
    ],
)
def test_frames_that_are_shown(start: str, end: str, frames: tuple[int, int]) -> None:
    assert cut(start, end) == frames


@given(
    rate=st.sampled_from(RATE_NAMES), begin=st.integers(0, 200_000), length=st.integers(1, 5000),
    digits=st.integers(3, 9),
)  # fmt: skip
def test_times_of_frames_give_those_frames(rate, begin, length, digits) -> None:
    """Also when they are written with three digits, at 90 minutes as at 0."""
    of = source(rate, 10**6)
    start, end = (Fraction(round(frame / of.rate.fps, digits)) for frame in (begin, begin + length))
    found = cut_of(Hit("a", start, end), of, handles=Fraction(0), track=1)
    assert (found.begin, found.end) == (begin, begin + length)


def test_handles_stay_within_the_video() -> None:
    found = cut_of(hit("1", "2"), source("25", 60), handles=Fraction(2), track=3)
    assert (found.begin, found.end, found.head, found.tail, found.track) == (0, 60, 25, 10, 3)
    assert cut("1", "2", source("25", 100), "0.1") == (23, 52)  # 2.5 frames are 2, the even


def test_a_hits_own_track_counts() -> None:
    found = cut_of(hit("1", "2", track=2), source(), handles=Fraction(0), track=5)
    assert found.track == 2


def test_a_hit_after_the_end_is_told() -> None:
    with pytest.raises(UserError, match=r"/v/a\.mp4: lasts 30\.030 s, and a hit begins at 30\.5"):
        cut("30.5", "31")


def test_orders() -> None:
    hits = [hit("5", "6", score=0.1), Hit("b", Fraction(0), Fraction(1)), hit("1", "2", score=0.9)]
    first, other, last = hits
    assert ORDERS["given"](hits) == hits
    assert ORDERS["score"](hits) == [last, first, other]
    assert ORDERS["time"](hits) == [last, first, other]


def test_places_do_not_drift() -> None:
    """Three tracks of 92 minutes each, in cuts of ten frames, at a rate that no float holds."""
    of = source("23.976", 400_000)
    cuts = tuple(Cut(of, 10 * at, 10 * at + 10, track=1 + at % 3) for at in range(39_999))
    placed = EditList("n", of.rate, 0, cuts).placed()
    assert placed[-1].end == Fraction(133_330 * 1001, 24_000)
    for one in placed[::997]:
        assert one.begin * of.rate.fps == (one.number - 1) // 3 * 10
