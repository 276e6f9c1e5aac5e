"""Timecode against labels counted one by one, and against OpenTimelineIO's."""

from fractions import Fraction
from typing import get_args

import pytest

from library.edit_list.rate import (
    NTSC,
    RATES,
    day,
    labels_a_second,
    nearest,
    read_timecode,
    timecode,
)
from options.library.export import RateName


def labels(rate, minutes: int):
    """Labels in order, as SMPTE ST 12-1 leaves them out: written from its text."""
    second = {24: 24, 25: 25, 30: 30, 50: 50, 60: 60}[round(rate.fps)]
    for minute in range(minutes):
        for at in range(60):
            for frame in range(second):
                if rate.drop and at == 0 and minute % 10 and frame < {30: 2, 60: 4}[second]:
                    continue
                mark = ";" if rate.drop else ":"
                yield f"{minute // 60:02}:{minute % 60:02}:{at:02}{mark}{frame:02}"


@pytest.mark.parametrize("name", RATES)
def test_labels_come_in_their_order(name: str) -> None:
    rate = RATES[name]
    for number, label in enumerate(labels(rate, 31)):
        if number % 11 == 0 or label[6:8] == "00":
            assert timecode(number, rate) == label
            assert read_timecode(label, rate.fps) == (number, rate)


@pytest.mark.parametrize("name", RATES)
def test_as_opentimelineio(name: str) -> None:
    otio = pytest.importorskip("opentimelineio", reason="needs opentimelineio, optional")
    rate = RATES[name]
    for number in [0, 1, 1799, 1800, 17981, 17982, 107_892, *range(7, day(rate), 29_989)]:
        label = timecode(number, rate)
        assert otio.opentime.from_timecode(label, float(rate.fps)).value == number


def test_drop_frame_keeps_to_the_clock() -> None:
    """The known value: an hour is 107,892 frames, and a day is off by 86 ms."""
    rate = RATES["29.97df"]
    assert read_timecode("01:00:00;00", rate.fps)[0] == 107_892
    assert abs(day(rate) / rate.fps - 86_400) < Fraction(87, 1000)
    assert timecode(17_982, rate) == "00:10:00;00" and timecode(1800, rate) == "00:01:00;02"
    assert timecode(3600, RATES["59.94df"]) == "00:01:00;04"


@pytest.mark.parametrize(
    "label", ["00:01:00;00", "00:01:00;01", "24:00:00:00", "00:60:00:00", "00:00:00:30", "1:0:0:0",
              "", "00:00:60:00", "00:00:00:00 x"],
)  # fmt: skip
def test_no_such_label(label: str) -> None:
    with pytest.raises(ValueError, match="no "):
        read_timecode(label, 30 * NTSC)


def test_rates_without_timecode() -> None:
    assert labels_a_second(Fraction(25, 2)) is None and labels_a_second(Fraction(15)) is None
    with pytest.raises(ValueError, match="no timecode at 15"):
        read_timecode("00:00:00:00", Fraction(15))


@pytest.mark.parametrize(
    ("fps", "name"),
    [("29.8", "29.97"), ("30.02", "30"), ("23.9", "23.976"), ("15", "23.976"), ("27", "29.97"),
     ("5", "23.976"), ("240", "60"), ("48", "50"), ("59.95", "59.94")],
)  # fmt: skip
def test_the_rate_that_a_variable_one_is_placed_on(fps: str, name: str) -> None:
    assert nearest(Fraction(fps)).name == name


def test_the_option_names_the_same_rates() -> None:
    assert get_args(RateName) == tuple(RATES)
    assert all(rate.name == name for name, rate in RATES.items())
