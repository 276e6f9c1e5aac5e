"""Videos of several stores in one order, with few files open."""

import os
from pathlib import Path

import h5py
import numpy as np
import pytest

from data_loader.store import merge
from data_loader.store.clips import VideoClips, open_clip_store, write_clip_store
from data_loader.store.features import VideoFeatures, open_store, write_store
from data_loader.store.merge import StoredVideos
from data_loader.store.provenance import Provenance

COUNT = 60


def _make(kind: str):
    """Videos of one kind, how they are written, how their stores are opened."""
    rng = np.random.default_rng(0)
    if kind == "clips":
        frames = rng.integers(0, 256, (COUNT, 3, 4, 4, 3)).astype("u1")
        index = np.array([[0, 1], [2, 2]])
        videos = [VideoClips(f"v{i}", f, index, i, "", f"{i:064}") for i, f in enumerate(frames)]
        return videos, write_clip_store, open_clip_store
    features = rng.normal(size=(COUNT, 2, 3, 5)).astype("f2")
    videos = [VideoFeatures(f"v{i}", f, i, "", f"{i:064}") for i, f in enumerate(features)]
    return videos, write_store, open_store


@pytest.mark.parametrize("kind", ["features", "clips"])
@pytest.mark.parametrize("shards", [1, 7, 30])
def test_a_merge_is_what_one_run_writes(tmp_path, monkeypatch, kind: str, shards: int) -> None:
    """Each shard has every `shards`-th video, as those of so many processes do."""
    videos, write, open_ = _make(kind)
    write(tmp_path / "whole.h5", videos, Provenance())
    stores = {}
    for i in range(shards):
        write(tmp_path / f"{i}.h5", videos[i::shards], Provenance())
        store = open_(tmp_path / f"{i}.h5")
        stores |= dict.fromkeys(store.ids, store)
    opened, real = [], h5py.File
    monkeypatch.setattr(h5py, "File", lambda *a, **k: opened.append(a) or real(*a, **k))
    merged = StoredVideos(stores, [video.id for video in videos])
    assert [video.id for video in merged] == [video.id for video in merged]  # goes twice
    read = len(opened)
    if kind == "features" and shards <= merge.OPEN:
        assert read == 2 * shards
    write(tmp_path / "merged.h5", merged, Provenance())
    assert (tmp_path / "merged.h5").read_bytes() == (tmp_path / "whole.h5").read_bytes()


@pytest.mark.parametrize("kind", ["features", "clips"])
def test_few_files_are_open_and_none_stays(tmp_path, kind: str) -> None:
    videos, write, open_ = _make(kind)
    stores = {}
    for video in videos:
        write(tmp_path / f"{video.id}.h5", [video], Provenance())
        stores[video.id] = open_(tmp_path / f"{video.id}.h5")

    def in_use() -> int:
        links = (p.resolve() for p in Path("/proc/self/fd").iterdir() if os.path.lexists(p))
        maps = Path("/proc/self/maps").read_text()
        return sum(p.parent == tmp_path for p in links) + maps.count(str(tmp_path))

    most = 0
    merged = iter(StoredVideos(stores, list(stores)))
    for video in merged:
        most = max(most, in_use())
        if video.id == "v50":
            break
    assert 0 < most <= 2 * (merge.OPEN + 2)
    merged.close()  # pyright: ignore
    del video, merged
    assert in_use() == 0
