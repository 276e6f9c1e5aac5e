"""Damage is found, in both kinds of store, and does not travel from one store to another."""

import zlib
from dataclasses import replace

import h5py
import numpy as np
import pytest

from data_loader.store.clips import VideoClips, open_clip_store, write_clip_store
from data_loader.store.features import VideoFeatures, open_store, write_store
from data_loader.store.open import open_any_store
from data_loader.store.provenance import Provenance
from data_loader.store.report import look_through
from util.errors import UserError

IDS = ("a", "b", "c", "d")


def _features(width: int = 64) -> list[VideoFeatures]:
    rng = np.random.default_rng(0)
    return [
        VideoFeatures(id, rng.normal(size=(3, 2, width)).astype("f2"), 7, "", f"{i}" * 64)
        for i, id in enumerate(IDS)
    ]


def _clips() -> list[VideoClips]:
    rng = np.random.default_rng(0)
    return [
        VideoClips(id, rng.integers(0, 256, (3, 8, 8, 3)).astype("u1"), np.eye(2, dtype=int), 7)
        for id in IDS
    ]


def _write(path, kind: str, videos=None) -> None:
    if kind == "clips":
        write_clip_store(path, videos or _clips(), Provenance())
    else:
        write_store(path, videos or _features(), Provenance(), compression=kind)  # pyright: ignore


def _as_format_1(path) -> None:
    with h5py.File(path, "a") as file:
        del file["checksum"], file["file_sha256"]
        file.attrs["format"] = 1


def test_the_checksum_is_what_the_docstrings_say() -> None:
    video = replace(_features()[1], note="ä")
    facts = f'["b", 3, 2, 7, "\\u00e4", "{"1" * 64}"]'.encode()
    assert video.compute_checksum() == zlib.crc32(facts + video.features.tobytes())
    big = replace(video, features=video.features.astype(">f2"))
    assert big.compute_checksum() == video.compute_checksum()
    clips = _clips()[0]
    data = b'["a", 3, 7, "", ""]' + clips.frames.tobytes() + clips.index.tobytes()
    assert clips.compute_checksum() == zlib.crc32(data)


@pytest.mark.parametrize("kind", ["none", "clips"])
def test_any_flipped_bit_of_the_rows_is_found(tmp_path, kind: str) -> None:
    path = tmp_path / "s.h5"
    _write(path, kind)
    assert look_through(open_any_store(path))[0] == []
    whole = bytearray(path.read_bytes())
    for i, video in enumerate(_clips() if kind == "clips" else _features()):
        rows = (video.frames if isinstance(video, VideoClips) else video.features).tobytes()
        place = whole.index(rows)
        for byte in (0, len(rows) // 2, len(rows) - 1):
            damaged = bytearray(whole)
            damaged[place + byte] ^= 1 << (byte + i) % 8
            path.write_bytes(damaged)
            assert look_through(open_any_store(path))[0] == [video.id]


@pytest.mark.parametrize("kind", ["gzip", "lzf"])
def test_a_damaged_compressed_chunk_is_found_and_loading_says_so(tmp_path, kind: str) -> None:
    path = tmp_path / "s.h5"
    _write(path, kind, [replace(v, features=np.tile(v.features, 9)) for v in _features()])
    with h5py.File(path) as file:
        chunks = file["features"].id  # pyright: ignore
        assert chunks.get_num_chunks() == 4  # one a video  # pyright: ignore
        place = chunks.get_chunk_info(2).byte_offset  # pyright: ignore
    whole = bytearray(path.read_bytes())
    whole[place : place + 40] = b"\xff" * 40
    path.write_bytes(whole)
    store = open_store(path)
    assert look_through(store)[0] == ["c"]
    if kind == "gzip":  # lzf may unpack what was never packed
        with pytest.raises(UserError, match=r"s\.h5: features not readable .*data_loader\.store"):
            store.load(["a", "c"])
    assert len(store.load(["a", "b", "d"])[0]) == 3


@pytest.mark.parametrize("kind", ["none", "clips"])
@pytest.mark.parametrize(
    ("column", "value", "found"),
    [
        ("frame_count", 8, ["b"]),
        ("note", "odd", ["b"]),
        ("file_sha256", "f" * 64, ["b"]),
        ("checksum", 1, ["b"]),
        ("ids", "other", ["other"]),
    ],
)
def test_facts_that_were_altered_are_found(tmp_path, kind, column, value, found) -> None:
    path = tmp_path / "s.h5"
    _write(path, kind)
    with h5py.File(path, "a") as file:
        file[column][1] = value  # pyright: ignore
    assert look_through(open_any_store(path))[0] == found


def test_rows_under_another_id_are_found(tmp_path) -> None:
    """The classic accident of feature files: rows and ids in different orders."""
    path = tmp_path / "s.h5"
    _write(path, "none")
    with h5py.File(path, "a") as file:
        file["ids"][...] = ["a", "c", "b", "d"]  # pyright: ignore
    assert look_through(open_store(path))[0] == ["c", "b"]


@pytest.mark.parametrize("kind", ["none", "clips"])
def test_damage_does_not_travel(tmp_path, kind: str) -> None:
    source, output = tmp_path / "source.h5", tmp_path / "output.h5"
    _write(source, kind)
    with h5py.File(source, "a") as file:
        data = file["frames" if kind == "clips" else "features"]
        data[-1] = 0  # pyright: ignore
    store = open_any_store(source)
    with pytest.raises(UserError, match=r"output\.h5: not written, video d .*damaged.*data_loader"):
        _write(output, kind, list(store.videos()))
    assert [path.name for path in tmp_path.iterdir()] == ["source.h5"]
    _write(output, kind, list(store.videos(["a", "b", "c"])))
    assert look_through(open_any_store(output))[0] == []


@pytest.mark.parametrize("kind", ["none", "clips"])
def test_a_store_of_format_1_opens_and_goes_into_one_of_format_2(tmp_path, kind: str) -> None:
    old, new = tmp_path / "old.h5", tmp_path / "new.h5"
    _write(old, kind)
    _as_format_1(old)
    store = open_any_store(old)
    assert store.checksum is None and store.file_sha256 == ("",) * 4
    assert look_through(store)[0] == []
    _write(new, kind, list(store.videos()))
    again = (open_clip_store if kind == "clips" else open_store)(new)
    assert again.checksum is not None and look_through(again)[0] == []
    for one, other in zip(
        again.videos(), _clips() if kind == "clips" else _features(), strict=True
    ):
        assert one.compute_checksum() == replace(other, file_sha256="").compute_checksum()


@pytest.mark.parametrize("kind", ["none", "clips"])
def test_fingerprints_are_of_checksums_and_read_no_video(tmp_path, kind: str) -> None:
    """Another machine's sums of the same numbers may differ in the last bit; its files do not."""
    videos = _clips() if kind == "clips" else _features()
    for name in ("one", "copy"):
        _write(tmp_path / name, kind, videos)
    changed = (videos[-1].frames if kind == "clips" else videos[-1].features).copy()
    changed.reshape(-1)[-1] += 1
    field = "frames" if kind == "clips" else "features"
    _write(tmp_path / "bit", kind, [*videos[:-1], replace(videos[-1], **{field: changed})])
    _write(tmp_path / "fewer", kind, videos[:-1])
    stores = [open_any_store(tmp_path / name) for name in ("one", "copy", "bit", "fewer")]
    for path in tmp_path.iterdir():
        path.unlink()
    one, copy, bit, fewer = (store.fingerprint() for store in stores)
    assert one == copy
    assert len({one, bit, fewer}) == 3
