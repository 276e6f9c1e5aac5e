"""A damaged or foreign file that calls itself a store is one line: file, data set, cure."""

import os

import h5py
import numpy as np
import pytest
import torch

from data_loader.mapped import MappedFeatures
from data_loader.placement import choose_placement
from data_loader.store.__main__ import main as report
from data_loader.store.clips import VideoClips, write_clip_store
from data_loader.store.features import VideoFeatures, open_store, write_store
from data_loader.store.merge import StoredVideos
from data_loader.store.open import open_any_store
from data_loader.store.provenance import Provenance
from util.errors import UserError

ROWS = np.random.default_rng(0).normal(size=(4, 3, 2, 64)).astype(np.float32)
NAMES = ["a", "b", "c", "d"]


def _features(path, compression="none") -> None:
    videos = [VideoFeatures(name, rows, 9) for name, rows in zip(NAMES, ROWS, strict=True)]
    write_store(path, videos, Provenance(backbone="pixels"), compression=compression)


def _clips(path) -> None:
    frames, index = np.full((2, 4, 4, 3), 200, "u1"), np.zeros((1, 2), int)
    write_clip_store(path, [VideoClips(name, frames, index, 9) for name in NAMES], Provenance())


def _put(name: str, value):
    """A damage: another data set (or group, or nothing) of a name."""

    def damage(path) -> None:
        with h5py.File(path, "a") as file:
            del file[name]
            if value is not None:
                file[name] = value

    return damage


def _attribute(name: str, value):
    def damage(path) -> None:
        with h5py.File(path, "a") as file:
            file.attrs[name] = value

    return damage


def _group(name: str):
    def damage(path) -> None:
        with h5py.File(path, "a") as file:
            del file[name]
            file.create_group(name)

    return damage


def _cut(share: float):
    return lambda path: os.truncate(path, int(share * path.stat().st_size))


def _chunk(path) -> None:
    """Flip the bytes of the first compressed chunk."""
    with h5py.File(path, "r") as file:
        data = file["features"]
        assert isinstance(data, h5py.Dataset)
        place = data.id.get_chunk_info(0).byte_offset
    with path.open("r+b") as file:
        file.seek(place)
        file.write(b"\xff" * 64)


def _folder(path) -> None:
    path.unlink()
    path.mkdir()


def _pipe(path) -> None:
    path.unlink()
    os.mkfifo(path)


LATIN = np.array(["é".encode("latin1")] * 4)
BOTH = [
    (_folder, "is a folder, not a (feature|clip) store"),
    (_pipe, "is no regular file"),
    (_cut(0.7), r"not readable as a (feature|clip) store .truncated"),
    (_cut(0), "not readable as a (feature|clip) store"),
    (_put("ids", None), "ids cannot be opened"),
    (_put("ids", np.arange(4)), r"ids is int64 \(4,\), not texts"),
    (_put("ids", "a"), r"ids is object \(\), not texts"),
    (_put("ids", LATIN), "ids has .*xe9.*, no UTF-8"),
    (_put("ids", ["a", "a", "b", "c"]), "1 of its ids come twice"),
    (_put("ids", h5py.Empty("f")), "ids is empty"),
    (_put("ids", h5py.SoftLink("/nowhere")), "ids cannot be opened"),
    (_group("ids"), "ids is a group"),
    (_put("note", ["x"]), "its columns are not all of 4 videos"),
    (_put("note", np.zeros(4)), r"note is float64 \(4,\), not texts"),
    (_put("file_sha256", None), "file_sha256 cannot be opened"),
    (_put("checksum", np.zeros(4)), "checksum is float64"),
    (_group("checksum"), "checksum is a group"),
    (_put("frame_count", np.zeros((4, 2), int)), r"frame_count is int64 \(4, 2\), not integers"),
    (_put("frame_count", 3), r"frame_count is int64 \(\), not integers"),
    (_attribute("provenance", "{"), "attribute provenance is no JSON"),
    (_attribute("provenance", "[1]"), "attribute provenance is a JSON list, not an object"),
    (_attribute("provenance", 3), "attribute provenance is no JSON"),
    (_attribute("provenance", np.bytes_(b"\xe9")), "attribute provenance is no JSON"),
    (_attribute("format", [1, 2]), "attribute format is ndarray"),
    (_attribute("format", "new"), "format new, this code reads 1 to 2"),
    (_attribute("kind", [1, 2]), "attribute kind is ndarray"),
]
FEATURES = [
    (_group("features"), "features is a group"),
    (_put("features", 3.0), r"features is float64 \(\), not floats of 2 axes"),
    (_put("features", ROWS), r"features is float32 \(4, 3, 2, 64\), not floats of 2 axes"),
    (_put("features", np.zeros((24, 64), complex)), "features is complex128"),
    (_put("features", np.array([[b"x"]] * 24)), r"features is \|S1"),
    (_put("features", np.zeros((24, 0))), "4 videos of width 0"),
    (_put("clips", np.full(4, 3.0)), "clips is float64"),
    (_put("clips", [-3, 3, 6, 6]), "clips or frames has a number below 1"),
    (_put("frames", [2, 2, 2]), "its columns are not all of 4 videos"),
    (_put("frames", [2, 2, 2, 3]), "features has 24 rows where its videos need 27"),
]
CLIPS = [
    (_group("frames"), "frames is a group"),
    (_put("frames", np.zeros((8, 4, 4), "u1")), r"frames is uint8 \(8, 4, 4\)"),
    (_put("frames", np.zeros((8, 4, 4, 3))), "frames is float64"),
    (_put("index", np.zeros((4, 1), int)), r"index is int64 \(4, 1\), not integers of 3 axes"),
    (_put("index", np.zeros((4, 0, 2), int)), "it holds 0 clips of 2 frames"),
    (_put("count", np.full(4, 2.0)), "count is float64"),
]


@pytest.mark.parametrize(
    ("make", "damage", "said"),
    [(_features, *row) for row in BOTH + FEATURES] + [(_clips, *row) for row in BOTH + CLIPS],
)
def test_a_damaged_store_is_one_line(tmp_path, capsys, make, damage, said: str) -> None:
    path = tmp_path / "s.h5"
    make(path)
    damage(path)
    for read in (open_any_store, lambda p: report([str(p)])):
        with pytest.raises(UserError, match=said) as caught:
            read(path)
        message = str(caught.value)
        assert str(path) in message and ";" in message and "\n" not in message
    assert not capsys.readouterr().out


def test_the_other_stores_of_a_report_are_shown(tmp_path, capsys) -> None:
    _features(tmp_path / "good.h5")
    (tmp_path / "bad.h5").write_text("x")
    words = [str(tmp_path / name) for name in ("bad.h5", "good.h5", "none.h5")]
    with pytest.raises(UserError, match=r"bad\.h5: not readable.*; .*none\.h5: no such"):
        report(words)
    assert "all 4 videos fit" in capsys.readouterr().out


def test_a_damaged_chunk_found_while_reading_is_one_line(tmp_path, capsys) -> None:
    path = tmp_path / "s.h5"
    _features(path, "gzip")
    _chunk(path)
    store = open_store(path)
    merged = StoredVideos(dict.fromkeys(NAMES, store), NAMES)
    for read in (
        lambda: store.load(NAMES),
        lambda: MappedFeatures(store, NAMES, frame_mean=False).gather(np.arange(4)),
        lambda: write_store(tmp_path / "merged.h5", merged, Provenance()),
    ):
        with pytest.raises(UserError, match=r"s\.h5: features not readable .*names the damaged"):
            read()
    with pytest.raises(UserError, match=r"1 of 4 videos are damaged \(a\)"):
        report([str(path)])
    assert [p.name for p in tmp_path.iterdir()] == ["s.h5"]


def test_a_store_that_goes_or_changes_after_it_was_opened(tmp_path) -> None:
    path = tmp_path / "s.h5"
    _features(path)
    store = open_store(path)
    mapped = MappedFeatures(store, NAMES, frame_mean=False)
    reads = (
        lambda: store.load(NAMES),
        lambda: mapped.gather(np.arange(4)),
        lambda: choose_placement("memory", [store], [NAMES], torch.device("cpu")),
    )
    path.unlink()
    for read in reads:
        with pytest.raises(UserError, match=r"s\.h5: no such feature store"):
            read()
    write_store(path, [VideoFeatures("a", ROWS[0], 9)], Provenance())
    with pytest.raises(UserError, match=r"s\.h5: features has changed since it was opened"):
        store.load(NAMES)


@pytest.mark.parametrize(
    "layout",
    [
        {"chunks": (6, 32)},
        {"chunks": (6, 64), "shuffle": True},
        {"chunks": (6, 64), "fletcher32": True},
        {"chunks": (5, 64), "dtype": ">f4"},
    ],
)
def test_a_mapped_store_in_the_layout_of_another_tool(tmp_path, layout: dict) -> None:
    """As h5repack writes it: chunks of part of the width, bytes shuffled, checksums, big-endian."""
    path = tmp_path / "s.h5"
    _features(path)
    with h5py.File(path, "a") as file:
        del file["features"]
        file.create_dataset("features", data=ROWS.reshape(-1, 64), **layout)
    found = MappedFeatures(open_store(path), NAMES, frame_mean=False).gather(np.array([3, 0]))
    assert np.array_equal(found.numpy(), ROWS[[3, 0]])
