"""Sources that come frame by frame: the frames of a file, through a pipe too, at a steady rate."""

import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from preprocess.video import pyav
from preprocess.video.live import LiveFrame, at_rate, live_frames
from preprocess.video.pyav import TimedFrame
from preprocess.video.rate import samples, shown_times
from tests.conftest import ROOT
from tests.video_files import write_video
from util.errors import UserError


@pytest.fixture(scope="module")
def video(tmp_path_factory) -> Path:
    """25 frames a second, 40 of them, in a container that can be piped."""
    return write_video(tmp_path_factory.mktemp("live") / "a.mkv", 40)


def levels(frames: Iterator[LiveFrame]) -> list[tuple[float, int]]:
    return [(round(frame.time, 4), int(frame.convert().mean())) for frame in frames]


def test_frames_are_those_of_the_decoder_and_times_of_the_container(video: Path) -> None:
    found = levels(live_frames(str(video)))
    assert [level for _, level in found] == [int(c().mean()) for c in pyav.frames(video)]
    assert [time for time, _ in found] == pytest.approx(shown_times(video)[0].tolist(), abs=1e-3)


@pytest.mark.parametrize("fps", [1.0, 7.0, 12.5, 25.0, 60.0])
def test_a_steady_rate_takes_what_extraction_takes(video: Path, fps: float) -> None:
    every = levels(live_frames(str(video)))
    found = levels(at_rate(live_frames(str(video)), fps))
    expected = samples(shown_times(video)[0], fps)
    assert [level for _, level in found] == [every[i][1] for i in expected]
    assert [time for time, _ in found] == pytest.approx(np.arange(len(expected)) / fps, abs=1e-3)


def test_a_rate_of_times_that_are_uneven() -> None:
    """By hand, against the rule for whole files."""
    generator = np.random.default_rng(0)
    for fps in (0.7, 3.0, 11.0):
        for count in (1, 2, 50):
            times = np.cumsum(generator.choice([0.01, 0.04, 0.5], count)) - 0.01
            times -= times[0]
            frames = (LiveFrame(t, lambda t=t: np.array(t)) for t in times.tolist())
            found = [float(frame.convert()) for frame in at_rate(frames, fps)]
            assert found == times[samples(times, fps)].tolist(), (fps, count)


def test_a_pipe_is_read_as_the_file(video: Path, tmp_path: Path) -> None:
    expected = levels(live_frames(str(video)))
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    writer = threading.Thread(target=lambda: fifo.write_bytes(video.read_bytes()))
    writer.start()
    assert levels(live_frames(str(fifo))) == expected
    writer.join()
    code = (
        "from preprocess.video.live import live_frames\n"
        "print([(round(f.time, 4), int(f.convert().mean())) for f in live_frames('-')])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, input=video.read_bytes(), capture_output=True
    )
    assert done.stdout.decode().strip() == str(expected), done.stderr.decode()


def test_times_that_jump_back_go_on(monkeypatch, video: Path) -> None:
    """A camera that was reset in the middle."""
    given = [0.2, 0.24, 0.28, 0.0, 0.04, None, 0.12]
    monkeypatch.setattr(
        "preprocess.video.live.timed_frames",
        lambda *_: (TimedFrame(t, lambda: np.zeros(0)) for t in given),
    )
    times = [frame.time for frame in live_frames(str(video))]
    assert times == pytest.approx([0, 0.04, 0.08, 0.12, 0.16, 0.2, 0.24])


def test_what_is_no_source_is_one_line(tmp_path: Path, video: Path) -> None:
    (tmp_path / "text.mkv").write_text("no video" * 50)
    (tmp_path / "cut.mkv").write_bytes(video.read_bytes()[:2000])
    for source, message in (
        ("none.mkv", r"^none\.mkv: no such file"),
        (str(tmp_path), "is a folder"),
        (str(tmp_path / "text.mkv"), r"text\.mkv: not a video"),
        ("ftpx://nowhere/x", "ftpx://nowhere/x: not a video, or not one to stream"),
    ):
        with pytest.raises(UserError, match=message) as caught:
            list(live_frames(source))
        assert "\n" not in str(caught.value)
