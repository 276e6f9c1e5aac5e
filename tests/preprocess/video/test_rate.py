"""Frames at a steady rate: equal to decoding everything and picking by time."""

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from preprocess.video.clips import Clips, read_resized
from preprocess.video.container import video_stream
from preprocess.video.error import VideoError
from preprocess.video.pyav import frames as decode
from preprocess.video.rate import samples, shown_times
from tests.conftest import ROOT
from tests.video_files import begin_late, level, write_video

SHARED = ROOT.parent / "shared" / "data"


def read(path: Path, fps: float, **options) -> Clips:
    how = {"decoder": "pyav", "keep_partial": False, "specs": [None], **options}
    return read_resized(path, clips=8, frames=16, fps=fps, **how)[0]


def picked(path: Path, fps: float) -> tuple[list[int], list[np.ndarray]]:
    """The same said plainly: all frames in memory, and for each moment the last one shown."""
    with av.open(str(path), metadata_errors="ignore") as container:
        stream = video_stream(container, path)
        rate, base = stream.average_rate, stream.time_base
        shown = [frame.pts for frame in container.decode(stream)]
    assert base is not None
    if None in shown:
        assert rate is not None
        times = [Fraction(i) / rate for i in range(len(shown))]
    else:
        times = [(pts - min(shown)) * base for pts in sorted(shown)]
    images = [convert() for convert in decode(path)]
    assert len(images) == len(times)
    end = times[-1] * len(times) / max(1, len(times) - 1)
    numbers = []
    moment, k = Fraction(0), 0
    while not numbers or moment < end - Fraction(1, 10**6):
        shown_by = [i for i, time in enumerate(times) if time <= moment + Fraction(1, 10**6)]
        numbers.append(shown_by[-1])
        k += 1
        moment = k / Fraction(fps)
    return numbers, [images[i] for i in numbers]


def check(path: Path, fps: float) -> None:
    clips, (numbers, images) = read(path, fps), picked(path, fps)
    assert clips.numbers[clips.index[:, 0]].tolist() == numbers
    assert clips.index.shape == (len(numbers), 1)
    assert np.array_equal(clips.frames[clips.index[:, 0]], np.stack(images))
    assert len(clips.frames) == len(set(numbers))  # each distinct one once


@pytest.mark.parametrize("fps", [0.5, 5.0, 7.3, 25.0, 60.0])
@pytest.mark.parametrize("name", ["a.mp4", "a.mkv", "a.avi", "a.ts", "a.webm"])
def test_equal_to_picking_by_time(tmp_path, name: str, fps: float) -> None:
    codec = "libvpx" if name == "a.webm" else "libx264"
    check(write_video(tmp_path / name, 47, codec=codec), fps)


def test_by_hand(tmp_path) -> None:
    clips = read(write_video(tmp_path / "a.mp4", 47), 5.0)  # 25 frames a second: 1.88 s
    assert clips.numbers.tolist() == [0, 5, 10, 15, 20, 25, 30, 35, 40, 45]
    assert clips.frame_count == 47 and clips.note == ""
    expected = [level(i) for i in clips.numbers]
    assert np.abs(clips.frames.mean(axis=(1, 2, 3)) - expected).max() < 2
    assert read(write_video(tmp_path / "b.mp4", 50), 5.0).numbers.tolist()[-1] == 45
    assert read(write_video(tmp_path / "c.mp4", 51), 5.0).numbers.tolist()[-1] == 50
    assert read(write_video(tmp_path / "d.mp4", 1), 5.0).index.tolist() == [[0]]


def write_uneven(path: Path, times: list[int], start: int = 0) -> Path:
    """Frames shown at so many milliseconds, from `start` on."""
    with av.open(str(path), "w") as container:
        b_frames = "2" if path.suffix == ".mp4" else "0"
        stream = container.add_stream("libx264", rate=25, options={"bf": b_frames})
        stream.height, stream.width, stream.pix_fmt = 32, 48, "yuv420p"
        stream.time_base = stream.codec_context.time_base = Fraction(1, 1000)
        for number, time in enumerate(times):
            image = np.full((32, 48, 3), level(number), np.uint8)
            frame = av.VideoFrame.from_ndarray(image, format="rgb24")
            frame.pts, frame.time_base = start + time, Fraction(1, 1000)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path


@pytest.mark.parametrize(
    ("name", "start"), [("a.mp4", 0), ("a.mkv", 0), ("a.mp4", 1400), ("a.ts", 1400)]
)
def test_frames_of_uneven_length(tmp_path, name: str, start: int) -> None:
    """Not a frame each so many, and the first is at 0 whenever it is shown."""
    times = [0, 40, 80, 900, 940, 1000, 1200, 2500, 2540]
    path = write_uneven(tmp_path / name, times, start)
    own = shown_times(path)[0].tolist()
    assert own == pytest.approx([t / 1000 for t in times], abs=1e-3)
    assert shown_times(path, decoded=True)[0].tolist() == pytest.approx(own)
    clips = read(path, 5.0)  # until 2.54 * 9 / 8 = 2.86 s
    shown = [0, 2, 2, 2, 2, 5, 6, 6, 6, 6, 6, 6, 6, 8, 8]
    assert clips.numbers[clips.index[:, 0]].tolist() == shown
    check(path, 5.0)
    check(path, 12.5)


def test_only_what_is_needed_is_converted(tmp_path, monkeypatch) -> None:
    path = write_video(tmp_path / "a.mp4", 60)
    converted = []

    def frames(path: Path):
        for number, convert in enumerate(decode(path)):
            yield lambda n=number, c=convert: (converted.append(n), c())[1]

    monkeypatch.setattr("preprocess.video.pyav.frames", frames)
    monkeypatch.setattr(
        "preprocess.video.decoders.DECODERS",
        {"pyav": type("Counting", (), {"frames": staticmethod(frames)})},
    )
    read(path, 2.0)
    assert converted == [0, 12, 25, 37, 50]


def test_packets_without_a_picture(tmp_path) -> None:
    """Fewer frames than packets: times are then those of the frames."""
    whole = write_video(tmp_path / "w.mp4", 60, options={"g": "20", "bf": "0", "sc_threshold": "0"})
    late = begin_late(tmp_path / "late.ts", whole, 7)
    with pytest.raises(VideoError, match="begins in the middle"):
        read(late, 5.0)
    kept = read(late, 5.0, keep_partial=True)
    assert kept.frame_count == 40 and kept.numbers.tolist() == list(range(0, 40, 5))


def test_times_that_cannot_be(tmp_path) -> None:
    path = write_uneven(tmp_path / "a.mkv", [0, 40, 10**9])
    with pytest.raises(VideoError, match=r"lasts 1500000 s by its times, .* at --fps 5"):
        read(path, 5.0)


@settings(max_examples=200, deadline=None)
@given(
    gaps=st.lists(st.integers(0, 3000), max_size=40),
    fps=st.sampled_from([0.1, 1.0, 5.0, 24.0, 29.97]),
)
def test_each_sample_is_what_is_shown_then(gaps: list[int], fps: float) -> None:
    times = np.cumsum([0, *gaps]) / 1000
    numbers = samples(times, fps)
    end = times[-1] * len(times) / max(1, len(times) - 1)
    assert len(numbers) == max(1, int(np.ceil((end - 1e-6) * fps)))
    for k, number in enumerate(numbers):
        assert times[number] <= k / fps + 2e-6
        assert number == len(times) - 1 or times[number + 1] > k / fps


ODD = [
    "h264_10bits.mp4", "h265_video.mp4", "test.avi", "unordered.mov", "video_90.mov",
    "av1_video.mkv", "flipping_a_pancake.mkv",
]  # fmt: skip


@pytest.mark.parametrize("name", ODD)
def test_odd_videos(name: str) -> None:
    path = SHARED / "odd_videos" / name
    if not path.exists():
        pytest.skip("no shared data")
    check(path, 5.0)
