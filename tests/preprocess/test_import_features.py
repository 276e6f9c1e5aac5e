"""Feature files of HCRN / DualVGR become two stores, or one clear error."""

import os

import h5py
import numpy as np
import pytest

from data_loader.store.features import open_store
from preprocess.feature import import_files
from preprocess.feature.load import backbone_from_provenance
from preprocess.import_features import main
from util.errors import UserError
from util.lock import writer_lock


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
    monkeypatch.setattr(import_files, "BLOCK", block)
    assert main(words(folder)) == 0
    first, second = open_store(folder / "a.h5"), open_store(folder / "m.h5")
    wanted = ["5", "7", "3"]
    features, _ = first.load(wanted)
    assert features.dtype == np.float32 and np.array_equal(features, appearance[[3, 0, 1]])
    features, _ = second.load(wanted)
    assert features.dtype == np.float16 and np.array_equal(features[:, :, 0], motion[[1, 2, 0]])
    assert first.frames.tolist() == [2] * 4 and second.frames.tolist() == [1] * 4
    assert first.provenance.imported["file"] == "a.in"
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
    refused(r"m\.in: not readable as a feature file")


def damaged(path) -> None:
    """A compressed file whose first chunk is not what was written."""
    features = np.random.default_rng(0).normal(size=(4, 3, 2, 5))
    with h5py.File(path, "w") as file:
        data = file.create_dataset("resnet_features", data=features, chunks=True, compression=4)
        file["ids"] = [7, 3, 11, 5]
        file.flush()
        place = data.id.get_chunk_info(0).byte_offset
    with path.open("r+b") as file:
        file.seek(place)
        file.write(b"\xff" * 32)


def group(path) -> None:
    with h5py.File(path, "w") as file:
        file.create_group("resnet_features")
        file["ids"] = [7, 3, 11, 5]


def truncated(path) -> None:
    os.truncate(path, path.stat().st_size // 2)


def folder(path) -> None:
    path.unlink()
    path.mkdir()


def ids(value):
    return lambda path: write(path, "resnet_features", np.ones((4, 3, 2, 5), "f4"), value)


def features(value):
    return lambda path: write(path, "resnet_features", value, [7, 3, 11, 5][: len(value)])


LATIN = np.array([b"7", "caf\xe9".encode("latin1"), b"11", b"5"])


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (damaged, "resnet_features cannot be read"),
        (group, "resnet_features is a group, not a data set"),
        (truncated, "not readable as a feature file .truncated"),
        (folder, "is a folder, not a feature file"),
        (lambda path: path.unlink(), "no such feature file"),
        (ids(7), r"ids is int64 \(\), not one id a video"),
        (ids(np.zeros((2, 2), int)), r"ids is int64 \(2, 2\), not one id a video"),
        (ids(LATIN), r"ids has .*caf\\xe9.*, no UTF-8"),
        (ids([7, 3, 11.5, 5]), "ids has 11.5, which is no whole number"),
        (ids([7, 3, np.nan, 5]), "ids has nan, which is no whole number"),
        (ids([7, 3, np.inf, 5]), "ids has inf, which is no whole number"),
        (ids([True, False, True, True]), "ids is bool, neither texts nor whole numbers"),
        (ids(np.zeros(4, complex)), "ids is complex128, neither"),
        (ids(np.zeros(4, [("a", "i4"), ("b", "f4")])), "ids is .*, neither"),
        (ids(["7", "", "11", "5"]), "ids has no text in row 1"),
        (ids(h5py.Empty("f")), "ids is empty"),
        (features(np.ones((4, 0, 2, 5), "f4")), r"is \(4, 0, 2, 5\), which is nothing to store"),
        (features(np.ones((4, 3, 2, 0), "f4")), r"is \(4, 3, 2, 0\), which is nothing to store"),
        (features(np.ones((0, 3, 2, 5), "f4")), r"is \(0, 3, 2, 5\), which is nothing to store"),
        (features(np.full((4, 3, 2, 5), 1e300)), r"4 of 4 videos .*7 \(NaN or infinite\)"),
        (features(np.full((4, 3, 2, 5), np.nan)), r"4 of 4 videos .*extract them again$"),
    ],
)
def test_a_damaged_or_odd_file_is_one_line(files, damage, said: str) -> None:
    source = files[0]
    damage(source / "a.in")
    with pytest.raises(UserError, match=said) as caught:
        main(words(source, "--drop_bad"))
    message = str(caught.value)
    assert str(source / "a.in") in message and ";" in message and "\n" not in message
    assert {path.name for path in source.iterdir()} <= {"a.in", "m.in"}


@pytest.mark.parametrize("kind", [complex, "S3"])
def test_features_that_are_no_floats(files, kind) -> None:
    write(files[0] / "a.in", "resnet_features", np.zeros((4, 3, 2, 5), kind), [7, 3, 11, 5])
    with pytest.raises(UserError, match=r"a\.in: resnet_features is .*not numbers"):
        main(words(files[0]))


@pytest.mark.parametrize("value", [[7.0, 3.0, 11.0, 5.0], [["7"], ["3"], ["11"], ["5"]]])
def test_whole_floats_and_columns_are_ids(files, value) -> None:
    write(files[0] / "a.in", "resnet_features", files[1], value)
    assert main(words(files[0])) == 0
    assert open_store(files[0] / "a.h5").ids == ("7", "3", "11", "5")


def test_outputs_are_looked_at_before_the_work(files) -> None:
    source = files[0]
    (source / "link").symlink_to("m.in")
    before = (source / "a.in").read_bytes(), (source / "m.in").read_bytes()

    def refused(first: str, second: str, said: str) -> None:
        outputs = ["--output_appearance", first, "--output_motion", second]
        with pytest.raises(UserError, match=said):
            main([*words(source)[:4], *(str(source / w) if w[0] != "-" else w for w in outputs)])

    refused("s.h5", "s.h5", "--output_motion .*s.h5: is what --output_appearance names")
    refused("a.in", "m.h5", "--output_appearance .*a.in: is what --appearance names")
    refused("link", "m.h5", "--output_appearance .*link: is what --motion names")
    refused("a.h5", "a.in", "--output_motion .*a.in: is what --appearance names")
    refused("a.h5", ".", "--output_motion .*: is a folder")
    refused("a.h5", "m.in/m.h5", "m.in is not a folder")
    with (
        writer_lock(source / "m.h5"),
        pytest.raises(UserError, match=r"m\.h5: process .* is writing it"),
    ):
        main(words(source))
    assert {path.name for path in source.iterdir()} == {"a.in", "m.in", "link"}
    assert before == ((source / "a.in").read_bytes(), (source / "m.in").read_bytes())


def test_both_stores_appear_or_neither(files, monkeypatch) -> None:
    real = import_files.write_store

    def full(path, videos, provenance) -> None:
        if "m.h5" in str(path):
            raise OSError(28, "No space left on device")
        real(path, videos, provenance)

    monkeypatch.setattr(import_files, "write_store", full)
    with pytest.raises(UserError, match=r"m\.h5: cannot be written .No space left"):
        main(words(files[0]))
    assert {path.name for path in files[0].iterdir()} == {"a.in", "m.in"}


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
