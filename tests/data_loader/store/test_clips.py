"""The clip store: what is written is what is read, mapped from disk, or one clear error."""

import resource
from dataclasses import replace

import h5py
import numpy as np
import pytest
import torch

from data_loader.store.__main__ import main
from data_loader.store.clips import (
    VideoClips,
    is_clip_store,
    open_clip_store,
    write_clip_store,
)
from data_loader.store.features import VideoFeatures, open_store, write_store
from data_loader.store.open import open_any_store
from data_loader.store.provenance import Provenance
from util.errors import UserError

PROVENANCE = Provenance(backbone="none", kind="clips", size=(6, 4), has_backbone=True)


def _videos(rows=(5, 1, 3, 7), clips: int = 3, frames: int = 2, size=(6, 4)) -> list[VideoClips]:
    rng = np.random.default_rng(0)
    return [
        VideoClips(
            id=f"v{9 - i}",
            frames=rng.integers(0, 256, (m, *size, 3)).astype(np.uint8),
            index=rng.integers(0, m, (clips, frames)),
            frame_count=10 * i,
            note="partial: 1 of 2 frames" if i == 2 else "",
            file_sha256="ab" * 32 if i == 1 else "",
        )
        for i, m in enumerate(rows)
    ]


@pytest.fixture(scope="module")
def stored(tmp_path_factory):
    path = tmp_path_factory.mktemp("store") / "c.h5"
    write_clip_store(path, _videos(), PROVENANCE)
    return path


def test_what_is_written_is_read(stored) -> None:
    store = open_clip_store(stored)
    assert store.ids == ("v9", "v8", "v7", "v6"), "the order of writing"
    assert (store.clips, store.frames_per_clip, store.size) == (3, 2, (6, 4))
    assert store.provenance == PROVENANCE
    assert "v8" in store and "v1" not in store
    for video in _videos():
        read = store.video(video.id)
        assert np.array_equal(read.frames, video.frames)
        assert np.array_equal(read.index, video.index) and read.index.dtype == np.int64
        assert (read.id, read.frame_count, read.note) == (video.id, video.frame_count, video.note)
        assert read.file_sha256 == video.file_sha256
        assert read.checksum == video.compute_checksum()


@pytest.mark.parametrize(
    "wanted", [["v6"], ["v7", "v9"], ["v6", "v7", "v8", "v9"], ["v8", "v6", "v8", "v9", "v8"], []]
)
def test_gather_is_video_by_video_in_the_order_asked(stored, wanted: list[str]) -> None:
    store = open_clip_store(stored)
    frames, index = store.gather(wanted)
    assert frames.dtype == torch.uint8 and index.dtype == torch.int64
    assert frames.shape[1:] == (6, 4, 3) and index.shape == (len(wanted), 3, 2)
    content = {video.id: video for video in _videos()}
    apart = [content[v].frames for v in dict.fromkeys(wanted)]
    assert np.array_equal(frames, np.concatenate([np.zeros((0, 6, 4, 3), np.uint8), *apart]))
    for video, clips in zip(wanted, index, strict=True):
        one = content[video]
        assert np.array_equal(frames[clips], one.frames[one.index])


def test_a_missing_video_is_named(stored) -> None:
    store = open_clip_store(stored)
    for ask in (store.gather, lambda videos: store.video(videos[0])):
        with pytest.raises(UserError, match=r"c\.h5: lacks .* videos asked for \(x.*--backbone no"):
            ask(["x", "v9", "y"])


def test_frames_are_mapped_read_only_and_gathered_as_a_copy(stored) -> None:
    before = stored.read_bytes()
    store = open_clip_store(stored)
    mapped = store.frames
    assert isinstance(mapped, np.memmap) and mapped.mode == "r"
    with h5py.File(stored) as file:
        assert mapped.offset == file["frames"].id.get_offset()  # pyright: ignore
        assert file["frames"].chunks is None  # pyright: ignore
    frames, _ = store.gather(["v9", "v7"])
    assert not np.shares_memory(frames.numpy(), mapped)
    frames.zero_()
    assert stored.read_bytes() == before


def test_a_store_larger_than_memory_is_opened_and_gathered(tmp_path) -> None:
    """1 TiB of frames, nearly all of them a hole in the file: reading it all would not end."""
    path, size, rows = tmp_path / "large.h5", 64, [3, 2**40 // (64 * 64 * 3), 2]
    first = np.cumsum(rows) - rows
    ends = np.random.default_rng(0).integers(0, 256, (2, size, size, 3)).astype(np.uint8)
    with h5py.File(path, "w") as file:
        frames = file.create_dataset("frames", (sum(rows), size, size, 3), np.uint8)
        frames[-2:] = ends
        file["index"] = np.tile(np.arange(2), (3, 1, 1))
        file["first"], file["count"], file["frame_count"] = first, rows, rows
        file["ids"], file["note"] = ["a", "b", "c"], ["", "", ""]
        file.attrs.update({"format": 1, "kind": "clips", "provenance": "{}"})
    assert path.stat().st_size > 2**40 and path.stat().st_blocks * 512 < 2**24
    store = open_clip_store(path)
    frames, index = store.gather(["c", "a"])
    assert np.array_equal(frames[:2], ends) and not frames[2:].any()
    assert index.tolist() == [[[0, 1]], [[2, 3]]]
    assert np.array_equal(store.video("c").frames, ends)
    path.unlink()


def test_going_through_many_stores_leaves_none_open(tmp_path) -> None:
    """A merge goes through a store for each video; a process may open 1024 files or so."""
    path = tmp_path / "c.h5"
    write_clip_store(path, _videos(), PROVENANCE)
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (128, hard))
    try:
        stores = [open_clip_store(path) for _ in range(200)]
        assert sum(len(store.video("v9").frames) for store in stores) == 200 * 5
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_an_iterator_and_what_can_be_gone_through_again_write_the_same(stored, tmp_path) -> None:
    held = []

    class OneByOne:
        def __iter__(self):
            for i in range(4):
                held.append(i)
                yield _videos()[i]

    for name, videos in [("iterator.h5", iter(_videos())), ("again.h5", OneByOne())]:
        write_clip_store(tmp_path / name, videos, PROVENANCE)
        assert (tmp_path / name).read_bytes() == stored.read_bytes()
    assert held == [0, 1, 2, 3] * 2


def test_unlike_videos_are_refused_and_the_earlier_file_stays(tmp_path) -> None:
    path = tmp_path / "c.h5"
    write_clip_store(path, _videos(), PROVENANCE)
    before = path.read_bytes()

    class StopsTheSecondTime:
        def __init__(self) -> None:
            self.times = 0

        def __iter__(self):
            yield from _videos()
            self.times += 1
            if self.times == 2:
                raise KeyboardInterrupt("stopped")

    def other(**more):
        return [*_videos()[:2], replace(_videos(**more)[2], id="odd")]

    before_it = "those before it 3 clips of 2 frames of 6 x 4 pixels"
    for videos, error, message in [
        (other(size=(6, 5)), UserError, f"video odd has .* 6 x 5 pixels, {before_it}"),
        (other(frames=1), UserError, "video odd has 3 clips of 1 frames"),
        (other(clips=2), UserError, "video odd has 2 clips of 2 frames"),
        (_videos() + _videos(), UserError, "video v9 comes twice"),
        ([], UserError, "no video to store"),
        (StopsTheSecondTime(), KeyboardInterrupt, "stopped"),
    ]:
        with pytest.raises(error, match=message):
            write_clip_store(path, videos, PROVENANCE)
        assert path.read_bytes() == before
        assert [p.name for p in tmp_path.iterdir()] == ["c.h5"]


def test_damaged_and_foreign_files(tmp_path) -> None:
    (tmp_path / "text.h5").write_text("hello")
    with h5py.File(tmp_path / "other.h5", "w") as file:
        file["resnet_features"] = np.zeros(3)

    def damage(name: str, **columns):
        write_clip_store(tmp_path / name, _videos(), PROVENANCE)
        with h5py.File(tmp_path / name, "a") as file:
            for column, (place, value) in columns.items():
                file[column][place] = value  # pyright: ignore

    damage("old.h5")
    damage("bad_json.h5")
    damage("lacks.h5")
    damage("long.h5", count=(1, 2))
    damage("order.h5", first=(slice(None), [5, 0, 6, 9]))
    damage("negative.h5", count=(slice(0, 2), [7, -1]), first=(slice(0, 2), [0, 7]))
    damage("index.h5", index=((2, 0, 0), 3))
    damage("chunked.h5")
    with h5py.File(tmp_path / "old.h5", "a") as file:
        file.attrs["format"] = 0
    with h5py.File(tmp_path / "bad_json.h5", "a") as file:
        file.attrs["provenance"] = "{"
    with h5py.File(tmp_path / "lacks.h5", "a") as file:
        del file["index"]
    with h5py.File(tmp_path / "chunked.h5", "a") as file:
        del file["frames"]
        file.create_dataset("frames", (16, 6, 4, 3), np.uint8, chunks=True)
    write_clip_store(tmp_path / "cut.h5", _videos(), PROVENANCE)
    whole = (tmp_path / "cut.h5").read_bytes()
    (tmp_path / "cut.h5").write_bytes(whole[: len(whole) // 2])
    for name, message in {
        "none.h5": "no such clip store; python -m preprocess.videos --backbone none makes one",
        "text.h5": "not readable as a clip store",
        "cut.h5": "not readable as a clip store",
        "bad_json.h5": "damaged clip store, attribute provenance is no JSON",
        "lacks.h5": "damaged clip store, index cannot be opened",
        "other.h5": "not a clip store.*resnet_features",
        "old.h5": "format 0, this code reads 1 to 2",
        "long.h5": "16 rows where its videos need 17",
        "order.h5": "do not lie one after another",
        "negative.h5": "point outside",
        "index.h5": "point outside the frames of their video",
        "chunked.h5": "not in one contiguous piece",
    }.items():
        with pytest.raises(UserError, match=message) as caught:
            open_clip_store(tmp_path / name)
        assert name in str(caught.value) and "\n" not in str(caught.value)


def test_each_reader_names_the_other_kind(stored, tmp_path, capsys) -> None:
    features = tmp_path / "f.h5"
    write_store(features, [VideoFeatures("a", np.zeros((1, 1, 2), np.float16), 3)], Provenance())
    with pytest.raises(UserError, match=r"c\.h5: a clip store \(--clips\), not a feature store"):
        open_store(stored)
    with pytest.raises(UserError, match=r"f\.h5: a feature store \(--appearance or --motion\), no"):
        open_clip_store(features)
    assert is_clip_store(stored) and not is_clip_store(features)
    assert not is_clip_store(tmp_path / "none.h5")
    assert [type(open_any_store(path)).__name__ for path in (stored, features)] == [
        "ClipStore", "FeatureStore",
    ]  # fmt: skip
    assert main([str(stored), str(features)]) == 0
    text = capsys.readouterr().out
    for part in ("c.h5: 4 videos", "3 clips x 2 frames of 6 x 4 pixels; 16 distinct frames; 60",
                 "f.h5: 1 videos", "1 clips x 1 frames x width 2"):  # fmt: skip
        assert part in text
