"""Clips whose frames are some frames apart: in stores, of new videos, and of streams."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from data_loader.batch import Features, Frames
from data_loader.label.steps import step_times
from data_loader.open import StoreOrigin
from data_loader.store.clip_frames import clip_frames
from data_loader.store.clips import open_clip_store
from data_loader.store.features import open_store
from data_loader.store.frames import frame_numbers, frame_seconds
from data_loader.store.provenance import Sampling
from inference.video import ClipDecoding, FeatureExtraction
from preprocess.feature.load import load_backbone
from preprocess.feature.stream import stream_features
from preprocess.stream import main as stream
from preprocess.video.clips import read_clips
from preprocess.videos import main
from tests.video_files import STEP, level, moving_images, write_video
from util.errors import UserError

SIZE = ["--clips", "2", "--frames", "3", "--stride", "4"]


@pytest.fixture
def video(tmp_path) -> Path:
    (tmp_path / "in").mkdir()
    return write_video(tmp_path / "in" / "a.mp4", images=moving_images(45, (48, 64)))


def test_a_clip_holds_its_frames(tmp_path) -> None:
    clips = read_clips(write_video(tmp_path / "a.mp4", 40), clips=3, frames=4, stride=5)
    numbers = clip_frames(40, clips=3, frames=4, stride=5)
    seen = clips.frames.mean(axis=(1, 2, 3))[clips.index]
    assert np.abs(seen - np.vectorize(level)(numbers)).max() < STEP / 2
    assert (clips.numbers[clips.index] == numbers).all()
    assert clips.seconds == pytest.approx(40 / 25)
    assert read_clips(tmp_path / "a.mp4", clips=3, frames=4).seconds == 0  # not even looked for


def test_stores_and_new_videos(video, tmp_path) -> None:
    a, c = tmp_path / "a.h5", tmp_path / "c.h5"
    flags = ["--videos", str(video.parent), *SIZE, "--size", "48"]
    assert main([*flags, "--backbone", "pixels", "none", "--output", str(a), str(c)]) == 0
    features, clips = open_store(a), open_clip_store(c)
    wanted = clip_frames(45, clips=2, frames=3, stride=4)
    for store in (features, clips):
        assert store.provenance.sampling == Sampling(2, 3, "linspace", stride=4)
        numbers, shown = frame_numbers(store, "a"), frame_seconds(store, "a")
        assert numbers is not None and (numbers == wanted).all()
        assert shown is not None and np.allclose(shown, wanted / 25)
        assert np.allclose(step_times(store, "a"), wanted.flatten() / 25)
    decoded = read_clips(video, clips=2, frames=3, stride=4)
    expected = load_backbone("pixels", weights=None).extract(decoded)
    stored, _ = features.load(["a"])
    assert np.array_equal(stored[0], expected.astype(np.float16))
    origin = StoreOrigin(path=str(a), provenance=features.provenance)
    reader = FeatureExtraction(
        tmp_path, {"appearance": origin}, weights={"appearance": None}, device="cpu"
    )
    visual = reader(video).visual
    assert isinstance(visual, Features)
    assert torch.equal(visual.appearance, torch.from_numpy(stored).float())
    frames, index = clips.gather(["a"])
    new = ClipDecoding(clips.provenance)(video).visual
    assert isinstance(new, Frames) and torch.equal(new.frames[new.index], frames[index])


def test_a_store_has_one_stride(video, tmp_path) -> None:
    flags = ["--videos", str(video.parent), "--backbone", "pixels", "--output"]
    main([*flags, str(tmp_path / "a.h5"), *SIZE])
    with pytest.raises(UserError, match=r'made with sampling .*"stride": 4'):
        main([*flags, str(tmp_path / "a.h5"), *SIZE[:-1], "3"])
    for wrong, said in (
        (["--stride", "0"], "--stride 0: give at least 1"),
        (["--stride", "2", "--fps", "5"], "--stride 2: with --fps there is one frame a clip"),
    ):
        with pytest.raises(UserError, match=said):
            main([*flags, str(tmp_path / "b.h5"), *wrong])


@pytest.mark.parametrize("hop", [4, 8, 12, 20])  # clips that share frames, and such that do not
def test_a_stream_has_the_same_clips(video, hop: int) -> None:
    backbones = {"a": load_backbone("pixels", weights=None)}
    streamed = list(
        stream_features(
            video, backbones=backbones, frames=3, stride=hop, spacing=4, first=2, group=1, rate=25
        )
    )
    starts = [start for start in range(2, 45, hop) if start + 2 * 4 < 45]
    assert [clip.start for clip in streamed] == starts
    assert [clip.end for clip in streamed] == [start + 9 for start in starts]
    whole = read_clips(video, clips=1, frames=45)
    assert whole.numbers.tolist() == [*range(45)]
    index = np.array(starts)[:, None] + 4 * np.arange(3)
    expected = backbones["a"].extract(replace(whole, index=index))
    assert np.allclose(np.stack([clip.rows["a"] for clip in streamed]), expected, atol=0.02)


def test_a_streams_spacing_divides_its_stride(video) -> None:
    flags = ["--video", str(video), "--backbone", "pixels", "--frames", "3", "--spacing", "4"]
    with pytest.raises(
        UserError, match="--spacing 4: does not divide --stride 10; give --stride 8"
    ):
        stream([*flags, "--stride", "10"])
    assert stream([*flags, "--stride", "8"]) == 0
