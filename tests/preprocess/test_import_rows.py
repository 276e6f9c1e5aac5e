"""Rows of others, video by video, become one store, or one clear line for each bad file."""

import pickle
import re
from pathlib import Path

import numpy as np
import pytest

from data_loader.segment import segment_rows
from data_loader.store import __main__ as describe
from data_loader.store.features import FeatureStore, open_store
from preprocess.feature import import_rows
from preprocess.feature.load import backbone_from_provenance
from preprocess.import_features import main
from util.errors import UserError

LENGTHS = {"v_b": 7, "v_a": 3, "v_c": 12}


def rows(name: str, dtype="f4", width: int = 6) -> np.ndarray:
    rng = np.random.default_rng(sorted(LENGTHS).index(name))
    return (rng.normal(size=(LENGTHS[name], width)) + 3).astype(dtype)


def save(path: Path, content) -> Path:
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(content if isinstance(content, bytes) else pickle.dumps(content, 2))
    return path


@pytest.fixture
def folder(tmp_path) -> Path:
    """A pickle a video, one without an ending, and one as .npy."""
    folder = tmp_path / "in"
    save(folder / "v_b.pkl", rows("v_b"))
    save(folder / "v_c", rows("v_c"))
    np.save(folder / "v_a.npy", rows("v_a"))
    (folder / ".hidden").write_text("x")
    return folder


def words(given: Path, *more: str) -> list[str]:
    output = given.parent / "out.h5"
    return ["--features", str(given), "--output", str(output), "--fps", "5", *more]


def check(store: FeatureStore, dtype="f4") -> None:
    for name, length in LENGTHS.items():
        found = store.video(name).features
        assert found.shape == (length, 1, 6) and found.dtype == np.dtype(dtype)
        assert np.array_equal(found[:, 0], rows(name, dtype))
    times = np.array([[0.2, 0.9]])
    assert segment_rows(store, ["v_b"], times).tolist() == [[1, 4]]
    with pytest.raises(UserError, match="no backbone to run"):
        backbone_from_provenance(store.provenance)


def test_a_folder_of_files(folder, tmp_path, capsys) -> None:
    (folder / "README.txt").write_text("x")
    assert main(words(folder)) == 0
    said = capsys.readouterr()
    assert "out.h5: 3 videos, 22 rows at 5 a second, width 6, from" in said.out
    assert "1 files that are no .pkl or .npy left out" in said.err
    store = open_store(tmp_path / "out.h5")
    assert store.ids == ("v_a", "v_b", "v_c")
    check(store)
    assert store.provenance.imported == {"file": "in"}
    assert describe.main([str(tmp_path / "out.h5")]) == 0
    assert "fps 5.0" in capsys.readouterr().out


@pytest.mark.parametrize("dtype", ["f2", "f4"])
@pytest.mark.parametrize("protocol", [2, 5])
def test_one_pickle_of_all(tmp_path, dtype, protocol: int) -> None:
    content = pickle.dumps({name: rows(name, dtype) for name in LENGTHS}, protocol)
    given = save(tmp_path / "all.pkl", content)
    assert main(words(given)) == 0
    store = open_store(tmp_path / "out.h5")
    assert store.ids == tuple(LENGTHS)
    check(store, dtype)
    assert store.provenance.imported is not None
    assert store.provenance.imported.keys() == {"file", "sha256"}


def test_without_a_rate_there_are_no_segments(folder, tmp_path) -> None:
    main(words(folder, "--fps", "0"))
    with pytest.raises(UserError, match="its clips come at no steady rate"):
        segment_rows(open_store(tmp_path / "out.h5"), ["v_a"], np.array([[0.0, 1.0]]))


BAD = {
    "v_d.pkl": (b"no pickle", r"v_d\.pkl: holds not a whole pickle"),
    "v_e.npy": (b"no array", r"v_e\.npy: holds not a whole \.npy file"),
    "v_f.pkl": (np.zeros((2, 6), "f4"), r"v_f\.pkl: holds a row of zeros"),
    "v_g.pkl": (np.full((2, 6), np.nan, "f4"), r"v_g\.pkl: holds rows with NaN"),
    "v_h.pkl": (np.ones((2, 5), "f4"), r"v_h\.pkl: holds rows of width 5 .* first video has 6"),
    "v_i.pkl": (np.ones((2, 6), "f2"), r"v_i\.pkl: holds rows of width 6 \(float16\), where"),
    "v_j.pkl": (np.ones((1, 2, 6), "f4"), r"v_j\.pkl: holds float32 \(1, 2, 6\), not rows"),
    "v_k.pkl": (np.ones((0, 6), "f4"), r"v_k\.pkl: holds an array of \(0, 6\), which is nothing"),
    "v_l.pkl": ({"a": np.ones((2, 6), "f4")}, r"v_l\.pkl: holds a dict of 1 arrays"),
    "v_m.pkl": (b"", r"v_m\.pkl: holds not a whole pickle"),
}


def test_bad_files_have_a_line_each(folder, tmp_path, capsys) -> None:
    for name, (content, _) in BAD.items():
        save(folder / name, content)
    with pytest.raises(UserError, match=r"in: 10 of 13 videos have no good rows, .*--drop_bad"):
        main(words(folder))
    lines = [line for line in capsys.readouterr().err.splitlines() if ": holds " in line]
    assert len(lines) == len(BAD) and not (tmp_path / "out.h5").exists()
    for line, (_, expected) in zip(lines, BAD.values(), strict=True):
        assert re.search(expected, line), (line, expected)
    assert main(words(folder, "--drop_bad", "true")) == 0
    assert "3 videos, 10 left out" in capsys.readouterr().out
    check(open_store(tmp_path / "out.h5"))


def test_mistakes(folder, tmp_path, monkeypatch) -> None:
    for given, line in {
        tmp_path / "no": r"no: cannot be read \(No such file",
        save(tmp_path / "one.pkl", rows("v_a")): "holds one array; give a pickle of {video: rows}",
        save(tmp_path / "empty.pkl", {}): "holds no video",
        save(tmp_path / "list.pkl", [1]): "holds list, not an array; give a pickle of",
        save(tmp_path / "x.csv", b"1"): "give a folder, or one pickle",
        save(tmp_path / "bad" / "v.pkl", b"").parent: r"none of 1 videos has rows; first .*v\.pkl",
        save(tmp_path / "none" / "v.txt", b"").parent: r"no \.pkl or \.npy file in it",
    }.items():
        with pytest.raises(UserError, match=line):
            main(words(given))
        assert not (tmp_path / "out.h5").exists()
    save(folder / "v_a.pkl", rows("v_a"))
    with pytest.raises(UserError, match=r"v_a\.pkl and v_a\.npy: two files of the video v_a"):
        main(words(folder))
    monkeypatch.setattr(import_rows, "free_memory", lambda device: 100)
    with pytest.raises(
        UserError, match=r"a pickle is read as a whole, which needs .* one file a v"
    ):
        main(words(save(tmp_path / "all.pkl", {"a": rows("v_a")})))
    given = tmp_path / "one.pkl"
    with pytest.raises(UserError, match=r"one\.pkl: is what --features names"):
        main(["--features", str(given), "--output", str(given)])
    assert given.stat().st_size


@pytest.mark.parametrize(
    ("flags", "line"),
    [
        ("--appearance a --motion m --output_motion o", "--output_appearance is missing: give all"),
        ("", "--appearance is missing: .*; or --features and --output"),
        ("--features f", "--output is missing"),
        ("--features f --output o --motion m", "--motion m: --features makes one store"),
        ("--fps 5", r"--fps 5\.0: is for --features"),
        ("--output o", "--output o: is for --features"),
        ("--features f --output o --fps -1", "--fps -1: give rows a second"),
    ],
)
def test_options_that_do_not_fit(flags: str, line: str) -> None:
    with pytest.raises(UserError, match=line):
        main(flags.split())
