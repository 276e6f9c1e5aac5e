"""Segments: which rows they have, in memory as on disk, with captions, and which are empty."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

import data_loader.mapped
from data_loader.caption.captions import CaptionSplit
from data_loader.caption.dataset import join_captions
from data_loader.mapped import MappedFeatures
from data_loader.open import Stores, open_stores
from data_loader.placement import choose_placement
from data_loader.segment import segment_rows
from data_loader.store.features import FeatureStore, VideoFeatures, open_store, write_store
from data_loader.store.provenance import Sampling
from tests import tiny_clips, tiny_run
from util.errors import UserError

CPU = torch.device("cpu")
RATE = Sampling(0, 1, "rate", 5.0)
ROWS = {"a": 10, "b": 37, "c": 3}  # at 5 a second


def write(path: Path, *, width: int = 6, compression="none", rate=RATE):
    """A store of three videos; a row's first number is its place, its second the video."""
    videos = []
    for i, (name, rows) in enumerate(ROWS.items()):
        features = np.random.default_rng(i).normal(size=(rows, 1, width)).astype("f2")
        features[:, 0, 0], features[:, 0, 1] = np.arange(rows), i
        videos.append(VideoFeatures(name, features, 9))
    made = replace(tiny_run.provenance(width=width), sampling=rate)
    write_store(path, videos, made, compression=compression)
    return open_store(path)


@pytest.mark.parametrize(
    ("start", "end", "rows"),
    [
        (0.0, 2.0, (0, 10)),
        (0.39, 0.8, (1, 3)),  # int(1.95) to int(4.5)
        (0.41, 0.9, (2, 3)),  # int(2.05) to int(5.0)
        (1.5, 99.0, (7, 3)),  # past the end of the video
        (-1.0, 0.21, (0, 1)),
        (2.0, 3.0, (10, 0)),  # begins where the video ends
        (1.39, 1.25, (6, 0)),  # ends before it begins
        (0.3, 0.3, (1, 1)),  # one row, as int(1.5) to int(2.0)
        (0.2, 0.2, (1, 0)),
    ],
)
def test_rows_of_a_segment(tmp_path, start: float, end: float, rows: tuple[int, int]) -> None:
    store = write(tmp_path / "s.h5")
    assert segment_rows(store, ["a"], np.array([[start, end]])).tolist() == [list(rows)]


def test_a_store_without_a_rate_has_no_segments(tmp_path) -> None:
    for rate in (Sampling(10, 1, "linspace"), Sampling(10, 1, "unknown"), None):
        store = write(tmp_path / "s.h5", rate=rate)
        with pytest.raises(UserError, match=r"s\.h5: its clips come at no steady rate.*--fps 5"):
            segment_rows(store, ["a"], np.array([[0.0, 1.0]]))
    with pytest.raises(UserError, match="lacks 1 of 1 videos"):
        segment_rows(write(tmp_path / "s.h5"), ["z"], np.array([[0.0, 1.0]]))


def read(store: FeatureStore, video: str, first: int, count: int) -> np.ndarray:
    return store.video(video).features[first : first + count].astype("f4")


@pytest.mark.parametrize("compression", ["none", "gzip"])
@pytest.mark.parametrize("frame_mean", [False, True])
def test_mapped_spans_are_slices(tmp_path, compression, frame_mean: bool, monkeypatch) -> None:
    store = write(tmp_path / "s.h5", width=70000, compression=compression)  # a chunk is 7 rows
    videos = ["b", "a", "b", "c", "b"]
    spans = np.array([(5, 20), (0, 10), (30, 7), (1, 0), (36, 1)])
    mapped = MappedFeatures(store, videos, frame_mean=frame_mean, spans=spans)
    assert mapped.shape == (5, 20, *([] if frame_mean else [1]), 70000)
    expected = np.zeros((5, 20, 1, 70000), "f4")
    for row, (video, (first, count)) in enumerate(zip(videos, spans, strict=True)):
        expected[row, :count] = read(store, video, first, count)
    if frame_mean:
        expected = expected[:, :, 0]
    rows = np.array([4, 0, 0, 3, 2])
    assert np.array_equal(mapped.gather(rows).numpy(), expected[rows])
    assert np.array_equal(mapped.gather(rows[[0, 4]], 7).numpy(), expected[[4, 2], :7])
    for at_once in (64, 2):
        monkeypatch.setattr(data_loader.mapped, "AT_ONCE", at_once)
        held = mapped.to(CPU)
        assert held.dtype == torch.float16
        assert np.array_equal(held.float().numpy(), expected)


SEGMENTS = (
    ("a", 0.0, 1.0), ("a", 5.0, 6.0), ("b", 0.0, 7.4), ("b", 2.0, 3.0), ("b", 6.0, 6.5),
    ("c", 0.0, 0.4),
)  # fmt: skip


def captions(segments=SEGMENTS) -> CaptionSplit:
    """Two captions of each segment."""
    count = len(segments)
    return CaptionSplit(
        name="train",
        ids=tuple(map(str, range(count))),
        videos=tuple(video for video, *_ in segments),
        times=torch.tensor([times for _, *times in segments], dtype=torch.float64),
        segment=torch.arange(count).repeat_interleave(2),
        texts=("x y",) * (2 * count),
        words=torch.full((4 * count,), 4),
        length=torch.full((2 * count,), 2),
    )


def joined(stores: Stores, video="real", features_in="memory"):
    (data,), note = join_captions(
        [captions()], stores, video=video, channels="both", seed=0, features_in=features_in,
        device=CPU,
    )  # fmt: skip
    return data, note


@pytest.mark.parametrize("motion", [False, True])
def test_captions_of_segments(tmp_path, motion: bool) -> None:
    write(tmp_path / "a.h5")
    write(tmp_path / "m.h5", width=4)
    stores = open_stores(
        appearance=str(tmp_path / "a.h5"), motion=str(tmp_path / "m.h5") if motion else None
    )
    data, note = joined(stores)
    assert note.endswith(
        "1 of 6 segments of split train left out: no clip of their video lies in them"
    )
    assert data.split.ids == ("0", "2", "3", "4", "5") and len(data) == 10
    disk, _ = joined(stores, features_in="disk")
    rows = np.array([0, 1, 4, 5, 8])  # of segments 0, 3 and 5
    batch, other = data.batch(rows), disk.batch(rows)
    seen = batch.visual
    assert seen.clip_mask.sum(1).tolist() == [5, 5, 2] and seen.clip_mask.shape == (3, 5)
    assert seen.appearance[batch.video[2], :, 0, :2].tolist() == [[10 + i, 1] for i in range(5)]
    for name in ("appearance", "motion", "clip_mask"):
        assert torch.equal(getattr(seen, name), getattr(other.visual, name))
    assert seen.motion.shape == (3, 5, 4 if motion else 0)
    assert data.batch(np.array([2])).visual.appearance.shape[1] == 37  # its own longest
    of_all = replace(data.table, own_clips=None).gather(data.video[[0]])
    assert of_all.appearance.shape[1] == 37 and not of_all.appearance[:, 5:].any()


def test_controls_are_about_the_same_segments(tmp_path) -> None:
    write(tmp_path / "a.h5")
    stores = open_stores(appearance=str(tmp_path / "a.h5"))
    blind, _ = joined(stores, video="none")
    assert blind.split.ids == ("0", "2", "3", "4", "5")
    shuffled, _ = joined(stores, video="shuffled")
    own = {"a": 0, "b": 1, "c": 2}
    for row, video in enumerate(shuffled.split.videos):
        seen = shuffled.table.gather(shuffled.video[[row]])
        assert seen.clip_mask.sum() > 0 and seen.appearance[0, 0, 0, 1] != own[video]


def test_segments_need_features(tmp_path) -> None:
    tiny_clips.make(tmp_path)
    stores = open_stores(clips=str(tmp_path / "clips.h5"))
    assert stores.clips is not None
    names = stores.clips.ids[:2]
    split = captions(tuple((name, 0.0, 1.0) for name in names))
    with pytest.raises(UserError, match=r"clips\.h5: decoded clips come at no steady rate"):
        join_captions(
            [split], stores, video="real", channels="both", seed=0, features_in="auto", device=CPU
        )


def test_room_for_segments(tmp_path, monkeypatch) -> None:
    store = write(tmp_path / "a.h5")
    need = 5 * 37 * 6 * 2  # five of them, each padded to the longest
    spans = [np.array([(0, 5), (0, 37), (10, 5), (30, 3), (0, 2)])]
    for free, place in ((need / 0.75 + 1, "memory"), (need / 0.75 - 2, "disk")):
        monkeypatch.setattr("data_loader.placement.free_memory", lambda device, free=free: free)
        assert choose_placement("auto", [store], [list(ROWS)], CPU, spans).where == place
