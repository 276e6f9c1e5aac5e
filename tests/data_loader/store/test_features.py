"""The feature store: what is written is what is read, in any order, or one clear error."""

import h5py
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data_loader.store import features as module
from data_loader.store.features import VideoFeatures, open_store, write_store
from data_loader.store.provenance import Provenance, Sampling
from util.errors import UserError

PROVENANCE = Provenance(backbone="pixels", has_backbone=True, sampling=Sampling(3, 2, "linspace"))


def _videos(clips=(3, 1, 2, 3), frames: int = 2, width: int = 5, dtype=np.float16):
    rng = np.random.default_rng(0)
    return [
        VideoFeatures(
            id=f"v{9 - i}",
            features=rng.normal(size=(n, frames, width)).astype(dtype),
            frame_count=10 * i,
            note="partial: 1 of 2 frames" if i == 2 else "",
            file_sha256="ab" * 32 if i == 1 else "",
        )
        for i, n in enumerate(clips)
    ]


@pytest.fixture(scope="module")
def stored(tmp_path_factory):
    path = tmp_path_factory.mktemp("store") / "a.h5"
    write_store(path, iter(_videos()), PROVENANCE)
    return path


def test_what_is_written_is_read(stored) -> None:
    store = open_store(stored)
    assert store.ids == ("v9", "v8", "v7", "v6"), "the order of writing"
    assert store.clips.tolist() == [3, 1, 2, 3] and store.frames.tolist() == [2] * 4
    assert store.frame_count.tolist() == [0, 10, 20, 30]
    assert store.notes == ("", "", "partial: 1 of 2 frames", "")
    assert store.file_sha256 == ("", "ab" * 32, "", "")
    assert store.width == 5 and store.provenance == PROVENANCE
    assert "v8" in store and "v1" not in store
    for read, video in zip(store.videos(), _videos(), strict=True):
        assert np.array_equal(read.features, video.features)
        assert (read.id, read.frame_count, read.note) == (video.id, video.frame_count, video.note)
        assert read.file_sha256 == video.file_sha256
        assert read.checksum == video.compute_checksum()


@settings(max_examples=60, deadline=None)
@given(
    wanted=st.lists(st.sampled_from(["v9", "v8", "v7", "v6"]), max_size=9),
    limit=st.sampled_from([1, 30, 2**20]),
)
def test_load_in_any_order_pads_with_zeros(stored, wanted: list[str], limit: int) -> None:
    content = {video.id: video.features for video in _videos()}
    before, module.READ_ROWS = module.READ_ROWS, limit
    try:
        features, clips = open_store(stored).load(wanted)
    finally:
        module.READ_ROWS = before
    most = max((len(content[v]) for v in wanted), default=0)
    assert features.dtype == np.float16 and features.shape[:2] == (len(wanted), most)
    assert clips.dtype == np.int64
    for video, rows, n in zip(wanted, features, clips, strict=True):
        assert np.array_equal(rows[:n], content[video])
        assert not rows[n:].any()


def test_load_opens_the_file_once_and_reads_stretches(stored, monkeypatch) -> None:
    store = open_store(stored)
    opened, reads = [], []
    real_file, real_get = h5py.File, h5py.Dataset.__getitem__

    def counting(*args, **more):
        opened.append(args)
        return real_file(*args, **more)

    def reading(self, key, *more):
        reads.append(key)
        return real_get(self, key, *more)

    monkeypatch.setattr(module.h5py, "File", counting)
    monkeypatch.setattr(h5py.Dataset, "__getitem__", reading)
    store.load(["v6", "v9", "v7", "v8"])
    assert len(opened) == 1 and len(reads) == 1


def test_float32_stays(tmp_path) -> None:
    write_store(tmp_path / "a.h5", _videos(dtype=np.float32), PROVENANCE)
    assert open_store(tmp_path / "a.h5").load(["v9"])[0].dtype == np.float32


def test_a_missing_video_is_named(stored) -> None:
    with pytest.raises(
        UserError, match=r"a\.h5: lacks 2 of 3 videos asked for \(x, y\).*preprocess"
    ):
        open_store(stored).load(["x", "v9", "y"])


def test_files_that_are_no_store(tmp_path) -> None:
    (tmp_path / "text.h5").write_text("hello")
    with h5py.File(tmp_path / "other.h5", "w") as file:
        file["resnet_features"] = np.zeros(3)
    write_store(tmp_path / "old.h5", _videos(), PROVENANCE)
    with h5py.File(tmp_path / "old.h5", "a") as file:
        file.attrs["format"] = 0
    write_store(tmp_path / "short.h5", _videos(), PROVENANCE)
    with h5py.File(tmp_path / "short.h5", "a") as file:
        file["features"].resize(5, axis=0)
    write_store(tmp_path / "column.h5", _videos(), PROVENANCE)
    with h5py.File(tmp_path / "column.h5", "a") as file:
        del file["checksum"]
        file["checksum"] = np.zeros(3, np.uint32)
    for name, message in {
        "none.h5": "no such feature store",
        "text.h5": "not readable as a feature store",
        "other.h5": "not a feature store.*resnet_features.*preprocess.import_features",
        "old.h5": "format 0, this code reads 1 to 2",
        "short.h5": "5 rows where its videos need 18",
        "column.h5": "its columns are not all of 4 videos",
    }.items():
        with pytest.raises(UserError, match=message) as caught:
            open_store(tmp_path / name)
        assert name in str(caught.value)


def test_bad_features_are_refused_and_the_earlier_file_stays(tmp_path) -> None:
    path = tmp_path / "a.h5"
    write_store(path, _videos(), PROVENANCE)
    before = path.read_bytes()
    infinite = _videos()
    infinite[2].features[0, 0, 0] = np.inf
    other_width = [*_videos()[:1], VideoFeatures("w", np.zeros((3, 2, 4), np.float16), 0)]
    for videos, message in [
        (infinite, "video v7 are not finite"),
        (_videos() + _videos(), "v9 comes twice"),
        (other_width, "video w has 2 frames of width 4"),
        ([], "no video to store"),
    ]:
        with pytest.raises(UserError, match=message):
            write_store(path, videos, PROVENANCE)
        assert path.read_bytes() == before
        assert [p.name for p in tmp_path.iterdir()] == ["a.h5"]


def test_videos_one_by_one_open_the_file_once(stored, monkeypatch) -> None:
    store, opened, real = open_store(stored), [], h5py.File
    monkeypatch.setattr(module.h5py, "File", lambda *a, **k: opened.append(a) or real(*a, **k))
    assert [video.id for video in store.videos(["v6", "v9", "v7"])] == ["v6", "v9", "v7"]
    assert len(opened) == 1
    with pytest.raises(UserError, match=r"a\.h5: lacks 1 of 1 videos asked for \(x\)"):
        list(store.videos(["v6", "x"]))


@pytest.mark.parametrize("compression", ["none", "gzip", "lzf"])
@pytest.mark.parametrize("dtype", [np.float16, np.float32])
def test_compressed_or_not_it_reads_the_same(tmp_path, compression, dtype) -> None:
    zeros = np.zeros((40, 2, 300), dtype)
    videos = [*_videos(width=300, dtype=dtype), VideoFeatures("zeros", zeros, 0)]
    for name in ("a.h5", "b.h5"):
        write_store(tmp_path / name, iter(videos), PROVENANCE, compression=compression)
    assert (tmp_path / "a.h5").read_bytes() == (tmp_path / "b.h5").read_bytes()
    small = (tmp_path / "a.h5").stat().st_size < zeros.nbytes
    assert small == (compression != "none")
    features, _ = open_store(tmp_path / "a.h5").load(["v6", "zeros", "v9"])
    assert features.dtype == dtype and not features[1].any()
    assert np.array_equal(features[0, :3], videos[3].features)
    assert np.array_equal(features[2, :3], videos[0].features)
