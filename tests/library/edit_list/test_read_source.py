"""What a file says of itself: constant or variable rate, timecode, sound, size."""

from fractions import Fraction

import numpy as np
import pytest

from library.edit_list.cuts import Audio
from library.edit_list.rate import NTSC, RATES
from library.edit_list.read_source import constant_rate, read_source
from preprocess.video.error import VideoError
from tests import numbered_video
from tests.video_files import write_sound
from util.files import sha256

TICKS = [Fraction(1, 1000), Fraction(1, 600), Fraction(1, 90_000), Fraction(1, 10**9)]


@pytest.mark.parametrize("name", RATES)
@pytest.mark.parametrize("base", TICKS, ids=str)
def test_rates_are_found_whatever_the_container_rounds_to(name: str, base: Fraction) -> None:
    """Two hours of frames, of which Matroska knows the millisecond alone."""
    fps = RATES[name].fps
    steps = np.arange(int(7200 * fps)) * (1 / fps).numerator
    ticks = steps * base.denominator // (1 / fps).denominator
    assert constant_rate(ticks + 12345, base, []) == fps


def test_neighbouring_rates_are_told_apart() -> None:
    """23.976 and 24 differ by a millisecond each second; shorter files are what they say."""
    ticks = np.arange(0, 5000, 1000 / 24).astype(np.int64)
    assert constant_rate(ticks, Fraction(1, 1000), []) == 24
    for fps in (Fraction(24), 24 * NTSC):
        few = (np.arange(12) * 1000 / float(fps)).astype(np.int64)
        assert constant_rate(few, Fraction(1, 1000), [fps]) == fps


@pytest.mark.parametrize("fps", ["15", "12.5", "10", "7.5", "14985/1000", "120"])
def test_other_constant_rates(fps: str) -> None:
    rate = Fraction(fps)
    ticks = np.arange(900) * (90_000 * rate.denominator) // rate.numerator
    assert constant_rate(ticks, Fraction(1, 90_000), [rate]) == rate


def test_a_missing_frame_makes_a_rate_variable() -> None:
    ticks = np.delete(np.arange(0, 90_000, 3000), 20)
    assert constant_rate(ticks, Fraction(1, 90_000), [Fraction(30)]) is None
    # Also where the container's unit is the frame.
    assert constant_rate(np.delete(np.arange(30), 20), Fraction(1, 30), [Fraction(30)]) is None
    assert constant_rate(np.zeros(5, dtype=np.int64), Fraction(1, 30), [Fraction(30)]) is None


@pytest.mark.parametrize(
    ("rate", "label", "frame", "drop"),
    [("29.97", "01:00:00;00", 107_892, True), ("29.97", "01:00:00:00", 108_000, False),
     ("25", "10:00:00:05", 900_005, False), ("59.94", "00:01:00;04", 3600, True)],
)  # fmt: skip
def test_timecode_of_a_file(rate: str, label: str, frame: int, drop: bool, tmp_path) -> None:
    fps = RATES[rate].fps
    source = read_source(numbered_video.write(tmp_path / "a.mov", 30, fps, timecode=label))
    assert (source.timecode, source.rate.drop, source.rate.fps) == (frame, drop, fps)


def test_a_file_without_timecode_counts_as_the_list(tmp_path) -> None:
    path = numbered_video.write(tmp_path / "a.mp4", 30, 30 * NTSC, sound=False)
    assert read_source(path).rate == RATES["29.97"]
    assert read_source(path, RATES["29.97df"]).rate == RATES["29.97df"]
    assert read_source(path, RATES["25"]).rate == RATES["29.97"]  # its own is known
    assert read_source(path).timecode is None


def test_facts(tmp_path) -> None:
    path = numbered_video.write(tmp_path / "a.mov", 30, Fraction(25), sound=True)
    source = read_source(path)
    assert (source.width, source.height, source.frames) == (48, 32, 30)
    assert (source.audio, source.sha256) == (Audio(1, 48_000), sha256(path))
    assert source.duration == Fraction(30, 25) and source.path == str(path)


def test_a_rate_without_timecode_is_placed_where_one_is_named(tmp_path) -> None:
    path = numbered_video.write(tmp_path / "a.mp4", 30, Fraction(15))
    own, placed = read_source(path), read_source(path, RATES["30"])
    assert (own.rate.fps, own.frames, own.variable) == (15, 30, False)
    assert (placed.rate, placed.frames, placed.variable) == (RATES["30"], 60, True)


def test_one_frame(tmp_path) -> None:
    source = read_source(numbered_video.write(tmp_path / "a.mp4", 1, Fraction(25)))
    assert (source.rate.fps, source.frames) == (25, 1)


def test_no_video(tmp_path) -> None:
    (tmp_path / "empty.mp4").touch()
    (tmp_path / "text.mp4").write_text("no video" * 100)
    write_sound(tmp_path / "sound.mp4")
    for name in ("missing.mp4", "empty.mp4", "text.mp4", "sound.mp4"):
        with pytest.raises(VideoError, match=name.replace(".", r"\.")):
            read_source(tmp_path / name)
    with pytest.raises(VideoError, match="not UTF-8; rename it"):
        read_source(str(tmp_path / "caf\udce9.mp4"))
