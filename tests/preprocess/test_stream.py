"""Clips' features while a source still decodes: those of a store, as soon as they can be."""

import itertools
import weakref
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

import train
from data_loader.store.features import VideoFeatures, write_store
from data_loader.store.provenance import Sampling
from inference.live import LiveClips
from inference.predictor import Predictor
from inference.video import FeatureExtraction
from model.backbone.spec import BackboneSpec
from model.backbone.table import BACKBONES
from preprocess.feature.load import load_backbone
from preprocess.feature.stream import stream_features
from preprocess.stream import main
from preprocess.video.clips import Clips, clip_frames, read_resized
from preprocess.video.error import VideoError
from tests import tiny_run
from tests.conftest import skip_without_library
from tests.video_files import moving_images, write_video
from util.errors import UserError

PLAIN = {"first": 0, "group": 1, "rate": 0.0}


@pytest.fixture(scope="module")
def backbones():
    return {
        "appearance": load_backbone("squeezenet1_1", weights="random", scaler="decoder"),
        "motion": load_backbone("pixel_motion", weights=None),
    }


@pytest.fixture(scope="module")
def video(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("stream") / "waves.mp4"
    return write_video(path, images=moving_images(40, (40, 64)))


@pytest.mark.parametrize("frames", [4, 16])  # clips apart, and overlapping
@pytest.mark.parametrize("group", [1, 3, 50])
def test_a_files_clips_are_those_of_its_store(video, backbones, frames: int, group: int) -> None:
    stored = {
        channel: backbone.extract_pictures(clips)
        for (channel, backbone), clips in zip(
            backbones.items(),
            read_resized(
                video, clips=3, frames=frames, decoder="pyav", keep_partial=False,
                specs=[backbone.picture for backbone in backbones.values()],
            ),
            strict=True,
        )
    }  # fmt: skip
    stride = 40 // (3 + 1)
    streamed = stream_features(
        video, backbones=backbones, frames=frames, stride=stride, first=stride - frames // 2,
        group=group, rate=25,
    )  # fmt: skip
    expected = clip_frames(40, clips=3, frames=frames)
    count = 0
    for clip, numbers, appearance, motion in zip(
        streamed, expected, stored["appearance"], stored["motion"], strict=False
    ):
        assert list(range(clip.start, clip.end)) == numbers.tolist()
        assert clip.time == clip.end / 25 and clip.delay > 0
        assert clip.rows["appearance"].shape == appearance.shape == (frames, 512)
        assert np.abs(clip.rows["appearance"] - appearance).max() < 1e-5 * appearance.max()
        assert np.array_equal(clip.rows["motion"], motion)
        count += 1
    assert count == 3


def test_a_clip_network_sees_each_clip_once(video, monkeypatch) -> None:
    network = load_backbone("r3d_18", weights="random", scaler="decoder")
    seen = []

    def passing(images):
        seen.append(images)
        return images[..., 0, 0].float().mean((1, 2))[:, None]

    monkeypatch.setattr(network, "_run", passing)
    clips = list(stream_features(video, backbones={"m": network}, frames=8, stride=4, **PLAIN))
    assert [clip.start for clip in clips] == list(range(0, 33, 4))
    assert [tuple(images.shape) for images in seen] == [(1, 8, 3, 112, 112)] * 9
    assert torch.equal(seen[0][0, 4:], seen[1][0, :4]), "neighbours share their frames"
    assert all(clip.rows["m"].shape == (1, 1) for clip in clips)


NETWORKS = [name for name, spec in BACKBONES.items() if isinstance(spec, BackboneSpec)]
CHEAP = {"efficientnet_lite0", "resnet_narrow", "resnext_narrow", "resnext_narrow64"}


@pytest.mark.parametrize(
    "name", [n if n in CHEAP else pytest.param(n, marks=pytest.mark.long) for n in NETWORKS]
)
def test_every_network_streams_what_it_extracts(name: str) -> None:
    skip_without_library(name)
    network = load_backbone(name, weights="random")
    images = moving_images(20, (40, 64))
    streamed = stream_features(
        images, backbones={"a": network}, frames=16, stride=4, first=0, group=2, rate=0
    )
    index = np.arange(16) + np.array([[0], [4]])
    expected = network.extract(Clips(images, index, 20))
    for clip, rows in zip(streamed, expected, strict=True):
        assert np.abs(clip.rows["a"] - rows).max() < 1e-5 * np.abs(rows).max()


def test_each_frame_passes_once_and_only_if_a_clip_has_it(backbones, monkeypatch) -> None:
    network = backbones["appearance"]
    real, seen = network._run, []
    monkeypatch.setattr(network, "_run", lambda x: (seen.append(len(x)), real(x))[1])
    images = moving_images(20, (30, 40))
    for stride, clips, passed in ((2, 7, 20), (8, 2, 20), (10, 2, 16)):
        seen.clear()
        made = list(
            stream_features(images, backbones={"a": network}, frames=8, stride=stride, **PLAIN)
        )
        assert len(made) == clips
        assert seen == [1] * passed


class Source:
    """Frames without end; remembers how many were taken, and which are still kept by anyone."""

    def __init__(self) -> None:
        self.taken, self.alive = 0, []

    def __iter__(self) -> Iterator[np.ndarray]:
        for number in itertools.count():
            self.taken += 1
            frame = np.full((24, 32, 3), number % 256, np.uint8)
            self.alive.append(weakref.ref(frame))
            yield frame
            del frame


def test_a_source_without_end_is_answered_as_it_comes() -> None:
    backbones = {
        "appearance": load_backbone("pixels", weights=None),
        "motion": load_backbone("pixel_motion", weights=None),
    }
    source, live = Source(), LiveClips(5)
    stream = stream_features(
        iter(source), backbones=backbones, frames=8, stride=4, first=3, group=1, rate=0
    )
    for number, clip in enumerate(itertools.islice(stream, 200)):
        assert clip.start == 3 + 4 * number and clip.end == clip.start + 8
        assert source.taken == clip.end, "nothing is taken in advance"
        grey = np.arange(clip.start, clip.end) % 256 / 127.5 - 1
        assert np.allclose(clip.rows["appearance"], grey[:, None], atol=1e-5)
        live.add(clip)
        kept = sum(ref() is not None for ref in source.alive)
        assert kept <= 8, f"{kept} of {source.taken} frames are kept"
    assert len(live) == 5
    assert live.span() == (3 + 4 * 195, 3 + 4 * 199 + 8)
    visual = live.visual()
    assert visual.appearance.shape == (1, 5, 8, 192) and visual.motion.shape == (1, 5, 576)
    assert visual.clip_mask.all()
    last = torch.from_numpy(clip.rows["appearance"])
    assert torch.equal(visual.appearance[0, -1], last)


def test_a_file_that_breaks_off_gives_what_was_whole(tmp_path) -> None:
    broken = write_video(tmp_path / "b.mp4", images=moving_images(60, (40, 64)))
    content = bytearray(broken.read_bytes())
    begin, end = content.index(b"mdat"), content.index(b"moov") - 4
    half = (begin + end) // 2
    content[half:end] = bytes(end - half)
    broken.write_bytes(content)
    pixels = {"a": load_backbone("pixels", weights=None)}
    clips = []
    with pytest.raises(VideoError, match=r"b\.mp4: decoding breaks off"):
        for clip in stream_features(broken, backbones=pixels, frames=4, stride=4, **PLAIN):
            clips.append(clip.start)
    assert 0 < len(clips) < 15 and clips == list(range(0, 4 * len(clips), 4))
    nothing = stream_features("none.mp4", backbones=pixels, frames=4, stride=4, **PLAIN)
    with pytest.raises(VideoError, match=r"none\.mp4"):
        next(nothing)


def test_the_command_prints_clips_as_they_come(video, capsys) -> None:
    flags = ["--backbone", "pixels", "pixel_motion", "--frames", "8", "--stride", "16"]
    assert main([str(video), *flags, "--rate", "25"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 4 and lines[0].startswith("frames 0-7  at 0.32 s  pixels (8, 192), ")
    assert lines[2].startswith("frames 32-39  at 1.60 s")
    assert lines[3].startswith(f"{video}: 3 clips, 40 frames in ")
    assert main([str(video), "--backbone", "pixels", "--frames", "41"]) == 1
    for flags, message in (
        (["--backbone", "mvit_v2_s", "--weights", "random", "--frames", "8"], "give --frames 16"),
        (["--backbone", "pixels", "pixels", "--weights", "none"], "give one for each"),
        (["--backbone", "pixels", "--stride", "0"], "--stride 0: give at least 1"),
    ):
        with pytest.raises(UserError, match=message):
            main([str(video), *flags])


def test_a_live_source_can_be_asked_about(tmp_path, monkeypatch) -> None:
    """A run's own backbones look at a stream; its model answers as it does about a file."""
    monkeypatch.chdir(tmp_path)
    flags = tiny_run.make(tmp_path)
    n, f = tiny_run.CLIPS, tiny_run.FRAMES
    rng = np.random.default_rng(0)
    for channel, backbone in (("appearance", "pixels"), ("motion", "pixel_motion")):
        made = load_backbone(backbone, weights=None)
        sampling = Sampling(n, f, "linspace")
        provenance = replace(made.provenance(), sampling=sampling, decoder="pyav")
        shape = (n, f if channel == "appearance" else 1, made.width)
        stored = [
            VideoFeatures(f"v{i}", rng.uniform(-1, 1, shape).astype("f4"), 9)
            for i in range(sum(tiny_run.VIDEOS.values()))
        ]
        write_store(tmp_path / f"{channel}.h5", stored, provenance)
    train.main(["--run", "r", *flags, "--epochs", "1"])

    predictor = Predictor("results/r", device="cpu")
    video = write_video(tmp_path / "v.mp4", images=moving_images(20, (40, 64)))
    question = "what is shown?"
    known = predictor.ask(video, question)
    live = LiveClips(n)
    assert isinstance(predictor.read_video, FeatureExtraction)
    for clip in stream_features(
        video, backbones=predictor.read_video.backbones, frames=f, stride=4, first=4 - f // 2,
        group=1, rate=0,
    ):  # fmt: skip
        live.add(clip)
        found = predictor.ask_live(live.visual(), question)
        assert len(found) == 4, "fewer clips than in training will do"
    assert len(live) == n
    assert dict(found) == pytest.approx(dict(known.answers), abs=1e-6)
