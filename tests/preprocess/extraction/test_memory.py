"""Memory of decoding does not grow with the length of a video."""

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from benchmark.measure import peak_memory
from options.preprocess.extract import VideoOptions
from preprocess.extraction.decode_task import DecodeSettings, DecodeTask, decode
from preprocess.video.clips import read_resized
from preprocess.video.resize import InputSpec, Thumbnail
from tests.commands import serve
from tests.video_files import moving_images, write_video

SIZE = 64
KEPT = 8 * 16 * SIZE * SIZE * 3  # bytes of the frames that clips need
PIXELS = InputSpec(size=16, resize="area", scaled=16, scaler="torch")


@pytest.fixture(autouse=True, scope="module")
def imported() -> None:
    """Processes in which memory is measured begin with their imports done."""
    serve()


def write_long(path: Path, frames: int) -> Path:
    """A video of so many frames of noise that scrolls: no two neighbours are the same."""
    noise = np.random.default_rng(0).integers(0, 255, (SIZE, 2 * SIZE), dtype=np.uint8)
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mpeg4", rate=Fraction(10))
        stream.height = stream.width = SIZE
        stream.pix_fmt = "yuv420p"
        for number in range(frames):
            begin = number % SIZE
            grey = np.ascontiguousarray(noise[:, begin : begin + SIZE])
            picture = np.concatenate([grey, np.full((SIZE // 2, SIZE), 128, np.uint8)])
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="yuv420p")))
        container.mux(stream.encode())
    return path


def prepare(path: Path, scaler: str):
    """What a worker does with one video; decoded once before, so that all is loaded."""
    options = VideoOptions(videos=["x"], output=["s.h5"], backbone=["resnet18"])
    spec = InputSpec(size=SIZE, resize="squash", scaled=SIZE, scaler=scaler)
    settings, task = DecodeSettings(options, (spec,)), DecodeTask("a", path, (0,))
    return lambda: decode(settings, task)


def grows(tmp_path: Path, minutes: int) -> int:
    """Bytes of memory that a long video takes more than a short one."""
    short = write_long(tmp_path / "short.avi", 300)
    long = write_long(tmp_path / "long.avi", minutes * 600)
    peaks = [peak_memory(prepare, (path, "decoder")) for path in (short, long)]
    print(f"30 s: {peaks[0] / 2**20:.1f} MiB, {minutes} min: {peaks[1] / 2**20:.1f} MiB")
    return peaks[1] - peaks[0]


def test_twenty_minutes_take_no_more_than_half_a_minute(tmp_path) -> None:
    """All frames of the long video would be 140 MiB."""
    assert grows(tmp_path, 20) < 2 * KEPT + 16 * 2**20


def prepare_large(path: Path, spec: InputSpec | Thumbnail):
    """Keep all frames of a video of frames larger than what is kept of them."""
    options = {"clips": 36, "frames": 1, "decoder": "pyav", "keep_partial": False}
    return lambda: read_resized(path, specs=[spec], **options)


@pytest.mark.parametrize(
    "spec",
    [
        pytest.param(Thumbnail(height=48), id="thumbnail"),
        pytest.param(PIXELS, id="area"),
    ],
)
@pytest.mark.long
def test_frames_larger_than_what_is_kept_of_them_are_not_kept(tmp_path, spec) -> None:
    """36 of them would be 95 MiB (47 before conversion), what is kept is less than 2."""
    path = write_video(tmp_path / "large.mp4", images=moving_images(36, (720, 1280)))
    assert peak_memory(prepare_large, (path, spec)) < 40 * 2**20


@pytest.mark.long
def test_an_hour_takes_no_more_than_half_a_minute(tmp_path) -> None:
    """All frames of the long video would be 420 MiB."""
    assert grows(tmp_path, 60) < 2 * KEPT + 16 * 2**20
