"""Feature files of HCRN / DualVGR become two stores, or one clear error."""

import h5py
import numpy as np
import pytest

from data_loader.store import open_store
from preprocess import imported
from preprocess.backbones import backbone_from_provenance
from preprocess.imported import main
from util.errors import UserError


def write(path, name: str, features: np.ndarray, ids) -> None:
    with h5py.File(path, "w") as file:
        file[name] = features
        file["ids"] = ids


@pytest.fixture
def files(tmp_path):
    rng = np.random.default_rng(0)
    appearance = rng.normal(size=(4, 3, 2, 5)).astype(np.float32)
    motion = rng.normal(size=(4, 3, 6)).astype(np.float16)
    write(tmp_path / "a.in", "resnet_features", appearance, [7, 3, 11, 5])
    write(tmp_path / "m.in", "resnext_features", motion, np.array([b"3", b"5", b"7", b"11"]))
    return tmp_path, appearance, motion


def words(folder, *more: str) -> list[str]:
    return [
        "--appearance", str(folder / "a.in"), "--motion", str(folder / "m.in"),
        "--output_appearance", str(folder / "a.h5"), "--output_motion", str(folder / "m.h5"), *more,
    ]  # fmt: skip


@pytest.mark.parametrize("block", [1, 2**20])
def test_rows_find_their_videos(files, monkeypatch, block: int) -> None:
    folder, appearance, motion = files
    monkeypatch.setattr(imported, "BLOCK", block)
    assert main(words(folder)) == 0
    first, second = open_store(folder / "a.h5"), open_store(folder / "m.h5")
    wanted = ["5", "7", "3"]
    features, _ = first.load(wanted)
    assert features.dtype == np.float32 and np.array_equal(features, appearance[[3, 0, 1]])
    features, _ = second.load(wanted)
    assert features.dtype == np.float16 and np.array_equal(features[:, :, 0], motion[[1, 2, 0]])
    assert first.frames.tolist() == [2] * 4 and second.frames.tolist() == [1] * 4
    assert first.provenance["imported"]["file"] == "a.in"
    with pytest.raises(UserError, match="no backbone to run"):
        backbone_from_provenance(first.provenance)


def test_bad_rows_are_named_or_left_out(files) -> None:
    folder, appearance, motion = files
    appearance[1, 2, 0] = 0  # video 3
    motion[1, 0, 0] = np.nan  # video 5
    write(folder / "a.in", "resnet_features", appearance, [7, 3, 11, 5])
    write(folder / "m.in", "resnext_features", motion, [3, 5, 7, 11])
    with pytest.raises(UserError, match=r"2 of 4 videos.*3 \(a row of zeros\), 5 \(NaN"):
        main(words(folder))
    assert not (folder / "a.h5").exists()
    assert main(words(folder, "--drop_bad")) == 0
    assert set(open_store(folder / "a.h5").ids) == {"7", "11"}
    assert set(open_store(folder / "m.h5").ids) == {"7", "11"}


def test_files_that_do_not_fit(files) -> None:
    folder, _, motion = files

    def refused(message: str) -> None:
        with pytest.raises(UserError, match=message):
            main(words(folder))
        assert not (folder / "a.h5").exists() and not (folder / "m.h5").exists()

    write(folder / "m.in", "resnext_features", motion, [3, 5, 7, 12])
    refused(r"m\.in lacks 1 of the 4 videos of .*a\.in \(11\)")
    write(folder / "m.in", "resnext_features", motion, [3, 5, 7, 7])
    refused("1 ids come twice, the first is 7")
    write(folder / "m.in", "resnext_features", motion, [3, 5, 7])
    refused("3 ids for 4 rows")
    write(folder / "m.in", "other", motion, [3, 5, 7, 11])
    refused(r"m\.in: has no resnext_features \(it holds ids, other\)")
    write(folder / "m.in", "resnext_features", motion[:, 0], [3, 5, 7, 11])
    refused("not numbers")
    (folder / "m.in").write_text("x")
    refused(r"m\.in: not readable as HDF5")


def test_the_real_pair(shared, tmp_path) -> None:
    source = shared / "data" / "msvd_qa_476"
    pair = {"a": "msvd-qa_appearance_feat.h5", "m": "msvd-qa_motion_feat.h5"}
    for short, name in pair.items():
        (tmp_path / f"{short}.in").symlink_to(source / name)
    assert main(words(tmp_path)) == 0
    first, second = open_store(tmp_path / "a.h5"), open_store(tmp_path / "m.h5")
    assert first.ids != second.ids and set(first.ids) == set(second.ids)
    assert (first.width, second.width) == (1000, 359)
    with h5py.File(source / pair["m"]) as file:
        row = file["ids"][:].tolist().index(1573)
        assert np.array_equal(second.load(["1573"])[0][0, :, 0], file["resnext_features"][row])
    with h5py.File(source / pair["a"]) as file:
        row = file["ids"][:].tolist().index(1573)
        assert np.array_equal(first.load(["1573"])[0][0], file["resnet_features"][row])
