"""Features in memory and on disk are the same, and where they go is decided by what is free."""

import numpy as np
import pytest
import torch

import data_loader.mapped
from data_loader.join import join
from data_loader.mapped import MappedFeatures
from data_loader.open import open_stores
from data_loader.placement import choose_placement
from data_loader.questions import load_questions
from data_loader.store.features import VideoFeatures, open_store, write_store
from tests import tiny_run
from util.errors import UserError

CPU = torch.device("cpu")


def write_ragged(path, *, compression="none", width=5000) -> list[VideoFeatures]:
    """Videos of different length; at this width a video takes more than a chunk of the file."""
    rng = np.random.default_rng(0)
    videos = [
        VideoFeatures(f"v{i}", rng.normal(size=(n, 16, width)).astype("f2"), 9)
        for i, n in enumerate([8, 3, 9, 1])
    ]
    write_store(path, videos, tiny_run.provenance(width=width), compression=compression)
    return videos


@pytest.mark.parametrize("compression", ["none", "gzip"])
@pytest.mark.parametrize("frame_mean", [False, True])
def test_mapped_features_are_those_in_memory(
    tmp_path, compression, frame_mean, monkeypatch
) -> None:
    write_ragged(tmp_path / "s.h5", compression=compression)
    store = open_store(tmp_path / "s.h5")
    ids = ["v2", "v0", "v3", "v1"]
    mapped = MappedFeatures(store, ids, frame_mean=frame_mean)
    assert (mapped._chunks is None) == (compression == "gzip")
    if compression == "none":
        assert len(mapped._chunks[0]) < 8 * 16  # a video lies in several chunks
    expected = torch.from_numpy(store.load(ids)[0]).float()
    if frame_mean:
        expected = expected.mean(2)
    assert mapped.shape == tuple(expected.shape)
    rows = np.array([3, 0, 0, 2])
    torch.testing.assert_close(mapped.gather(rows), expected[rows])
    for at_once in (64, 2):  # also where the longest video is in another part
        monkeypatch.setattr(data_loader.mapped, "AT_ONCE", at_once)
        held = mapped.to(CPU)
        assert held.dtype == (torch.float32 if frame_mean else torch.float16)
        torch.testing.assert_close(held.float(), expected)


@pytest.mark.parametrize("video", ["real", "shuffled"])
@pytest.mark.parametrize("channels", ["both", "motion", "appearance"])
def test_a_split_on_disk_gives_the_batches_of_one_in_memory(tmp_path, video, channels) -> None:
    tiny_run.make(tmp_path)
    stores = open_stores(**{c: tmp_path / f"{c}.h5" for c in ("appearance", "motion")})
    split = load_questions(tmp_path / "questions.pt").splits["train"]
    memory, disk = (
        join(split, stores, video=video, channels=channels, seed=0, on_disk=on_disk)
        for on_disk in (False, True)
    )
    rows = np.array([7, 3, 40, 41])
    for one, other in zip(memory.table.statistics(), disk.table.statistics(), strict=True):
        torch.testing.assert_close(one, other)
    a, b = memory.batch(rows).visual, disk.batch(rows).visual
    for name in ("appearance", "motion", "clip_mask"):
        torch.testing.assert_close(getattr(a, name), getattr(b, name), rtol=0, atol=0)
    assert a.appearance.any() == (channels != "motion")
    assert a.motion.any() == (channels != "appearance")


def test_what_does_not_fit_stays_on_disk(tmp_path, monkeypatch) -> None:
    videos = write_ragged(tmp_path / "s.h5")
    store = open_store(tmp_path / "s.h5")
    need = 3 * videos[0].features.nbytes  # v1 is padded to the longest of its split
    splits = [["v0", "v1", "v0"], ["v0"]]  # a video that both splits hold is held twice
    for free, name in ((need / 0.75 + 1, "memory"), (need / 0.75 - 2, "disk")):
        monkeypatch.setattr("data_loader.placement.free_memory", lambda device, free=free: free)
        placement = choose_placement("auto", [store], splits, CPU)
        assert placement.where == name
    assert "do not fit into 75% of the 0.00 GiB free: read from disk" in placement.description
    assert choose_placement("disk", [store], splits, CPU).where == "disk"
    with pytest.raises(UserError, match=r"--features_in memory: .* do not fit .*; use disk, or"):
        choose_placement("memory", [store], splits, CPU)
    with pytest.raises(UserError, match=r"--features_in gpu: this run computes on the CPU"):
        choose_placement("gpu", [store], splits, CPU)


def test_processes_of_one_machine_share_its_memory(tmp_path, monkeypatch) -> None:
    videos = write_ragged(tmp_path / "s.h5")
    need = 4 * videos[2].features.nbytes  # each padded to the longest
    monkeypatch.setattr("data_loader.placement.free_memory", lambda device: int(1.5 * need))
    store = open_store(tmp_path / "s.h5")
    for processes, name in (("1", "memory"), ("2", "disk")):
        monkeypatch.setenv("LOCAL_WORLD_SIZE", processes)
        assert choose_placement("auto", [store], [store.ids], CPU).where == name
