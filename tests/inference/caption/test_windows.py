"""Windows of a video are videos of their own; subtitles of them; a stream captioned as it comes."""

import itertools
import weakref
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

import predict
from data_loader.batch import Features, Frames
from inference.caption.captioner import Captioner
from inference.caption.windows import read_windows
from inference.live import LiveCaptions
from inference.video import VideoReader
from options.caption import SearchOptions
from preprocess.video.decoders import DECODERS
from preprocess.video.error import VideoError
from tests.video_files import cut, moving_images, write_video
from util.errors import UserError

SEARCH = SearchOptions(beam=1)


def tensors_of(visual: Features | Frames) -> list[torch.Tensor]:
    return list(vars(visual).values())


@pytest.fixture(scope="module")
def long_video(made) -> Path:
    """Ten seconds and a little, 25 frames a second, without loss."""
    images = moving_images(255, (48, 64))
    options = {"crf": "0", "preset": "ultrafast"}
    return write_video(made / "long.mp4", images=images, options=options)


def strided(reader: VideoReader, stride: int) -> VideoReader:
    """The reader, as if its stores had been made with this stride."""
    for name, reading in reader.reading.items():
        sampling = replace(reading.sampling, stride=stride)
        reader.reading[name] = reading._replace(sampling=sampling)
    return reader


@pytest.mark.parametrize(
    ("name", "stride"), [("both", 1), ("both", 5), ("rate", 1), ("clips", 1), ("clips", 3)]
)
def test_a_window_is_read_as_a_video_of_its_frames(
    name: str, stride: int, long_video: Path
) -> None:
    reader = Captioner(f"results/{name}", search=SEARCH, device="cpu").read_video
    reader = strided(reader, stride)
    windows = list(read_windows(reader, long_video, 4))
    assert [(w.start, round(w.end, 6)) for w in windows] == [(0, 4), (4, 8), (8, 10.2)]
    decoded = [convert() for convert in DECODERS["pyav"].frames(long_video)]
    for window, (first, past) in zip(windows, [(0, 100), (100, 200), (200, 255)], strict=True):
        options = {"crf": "0", "preset": "ultrafast"}
        own = write_video(Path("own.mp4"), images=np.stack(decoded[first:past]), options=options)
        for found, expected in zip(
            tensors_of(window.visual), tensors_of(reader(own).visual), strict=True
        ):
            assert found.shape == expected.shape
            most = 8 if name == "clips" else 0.1  # of 255, of 2: the copy is encoded once more
            apart = (found.double() - expected.double()).abs()
            assert not apart.numel() or apart.max() < most  # of a channel left out there is nothing


def test_windows_that_do_not_fit(long_video: Path) -> None:
    reader = Captioner("results/both", search=SEARCH, device="cpu").read_video
    spans = [[(w.start, w.end) for w in read_windows(reader, long_video, s)] for s in (60, 9, 6)]
    assert [len(span) for span in spans] == [1, 1, 2]
    assert spans[1][0] == (0, pytest.approx(10.2))
    short = list(read_windows(reader, long_video, 0.01))  # a frame lasts four of them
    assert len(short) == 255 and all(w.visual.clip_mask.all() for w in short)
    broken = cut(Path("broken.mp4"), long_video, 0.5)
    for file in (broken, Path("none.mp4")):
        with pytest.raises(VideoError):
            list(read_windows(reader, file, 4))


@pytest.mark.parametrize("kind", ["vtt", "srt"])
def test_subtitles_are_those_of_the_windows(kind: str, long_video: Path, capsys) -> None:
    flags = ["--run", "results/derived", "--video", str(long_video), "--beam", "1"]
    assert predict.main(["caption", *flags, "--as", kind, "--every", "2"]) == 0
    text = Path(f"results/derived/captions.{kind}").read_text(encoding="utf-8")
    captioner = Captioner("results/derived", search=SEARCH)
    windows = read_windows(captioner.read_video, long_video, 2)
    said = [captioner.caption_clips(window.visual)[0].text for window in windows]
    assert len(said) == 5
    assert all(said)
    expected = [text for text, _ in itertools.groupby(said)]
    shown = [block.split("\n")[-1] for block in text.strip().split("\n\n")]
    assert shown[kind == "vtt" :] == expected
    assert text.startswith(
        "WEBVTT\n\n00:00:00.000 --> " if kind == "vtt" else "1\n00:00:00,000 -->"
    )
    point = "." if kind == "vtt" else ","
    assert f" --> 00:00:10{point}200\n" in text
    line = f"results/derived/captions.{kind}: {len(expected)} captions, 10.2 s\n"
    assert capsys.readouterr().out == line


def test_a_file_is_captioned_live(long_video: Path, capsys) -> None:
    flags = ["--run", "results/derived", "--live", str(long_video), "--beam", "1"]
    assert predict.main(["caption", *flags, "--every", "2"]) == 0
    lines = capsys.readouterr().out.splitlines()
    captioner = Captioner("results/derived", search=SEARCH)
    live, expected = LiveCaptions(captioner, rate=25, every=2), []
    for clip in live.clips(long_video):
        if said := live.step(clip):
            expected.append(f"{clip.time:8.1f} s  {said.text}")
    assert lines == expected and len(lines) == 5
    times = [float(line.split()[0]) for line in lines]
    assert all(2 * i <= t < 2 * i + 0.5 for i, t in enumerate(times, 1))
    assert predict.main(["caption", *flags, "--every", "60"]) == 1
    assert "ends before 60 s: no caption" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["both", "one_channel", "rate"])
def test_a_stream_without_end_takes_fixed_memory(name: str) -> None:
    alive: list[weakref.ref] = []

    def source() -> Iterator[np.ndarray]:
        for number in itertools.count():
            frame = np.full((24, 32, 3), number % 256, np.uint8)
            alive.append(weakref.ref(frame))
            yield frame
            del frame

    captioner = Captioner(f"results/{name}", search=SEARCH, device="cpu")
    live = LiveCaptions(captioner, rate=25, every=1)
    said, held = [], set()
    for clip in live.clips(source()):
        if caption := live.step(clip):
            said.append(caption)
            held.add(len(live._last))
            assert sum(ref() is not None for ref in alive) <= 8
        if len(said) == 30:
            break
    count = 5 if name == "rate" else 8
    assert max(held) == count and len(held) <= 2
    assert clip.time == pytest.approx(30, abs=0.5)


def test_a_stream_has_the_stride_of_the_stores(long_video: Path) -> None:
    captioner = Captioner("results/both", search=SEARCH, device="cpu")
    plain = LiveCaptions(captioner, rate=25, every=4)
    strided(captioner.read_video, 3)
    live = LiveCaptions(captioner, rate=25, every=4)
    assert (live.spacing, live.frames) == (3, plain.frames)
    assert live.stride % 3 == 0 and abs(live.stride - plain.stride) < 3
    for clip, near in zip(live.clips(long_video), plain.clips(long_video), strict=False):
        assert clip.end - clip.start == 3 * (live.frames - 1) + 1
        shift = clip.start + 3 * (live.frames // 2) - near.start - live.frames // 2
        assert abs(shift) < 3 * (clip.start / live.stride + 1)  # the centres are those
    name = next(iter(captioner.read_video.reading))
    reading = captioner.read_video.reading[name]
    other = replace(reading.sampling, stride=2)
    captioner.read_video.reading[name] = reading._replace(sampling=other)
    with pytest.raises(UserError, match="extract both with the same --frames and --stride"):
        LiveCaptions(captioner, rate=25, every=4)


def test_a_run_with_encoders_is_not_live(long_video: Path) -> None:
    flags = ["caption", "--run", "results/clips", "--live"]
    with pytest.raises(UserError, match=r"results/clips has encoders of its own, which see whole"):
        predict.main([*flags, str(long_video)])
    with pytest.raises(UserError, match=r"none\.mp4"):
        predict.main(["caption", "--run", "results/both", "--live", "none.mp4"])
