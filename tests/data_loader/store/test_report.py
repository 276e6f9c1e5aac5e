"""The command: a reader learns what a store is and whether it is whole."""

import subprocess
import sys

import h5py
import numpy as np
import pytest

from data_loader.store.__main__ import main
from data_loader.store.clips import VideoClips, write_clip_store
from data_loader.store.features import VideoFeatures, write_store
from data_loader.store.histogram import Distribution
from data_loader.store.provenance import Provenance, Sampling, Weights
from tests.conftest import ROOT
from util.errors import UserError

PROVENANCE = Provenance(
    backbone="resnet101", kind="frame", width=3, has_backbone=True,
    weights=Weights("IMAGENET1K_V2", "cd" * 32), decoder="pyav", resize="crop", size=(224, 224),
    sampling=Sampling(2, 1, "linspace"), versions={"torch": "2.11"}, network_precision="bf16",
)  # fmt: skip


@pytest.fixture
def path(tmp_path):
    rows = np.array([[0, 0, 0], [0.5, -3, 0]], np.float16)
    videos = [
        VideoFeatures(f"v{i}", rows[:, None], 40, "partial: 1 of 2" if i == 8 else "", f"{i}" * 64)
        for i in range(10)
    ]
    write_store(tmp_path / "a.h5", videos, PROVENANCE, compression="gzip")
    return tmp_path / "a.h5"


def _lines(text: str) -> dict[str, str]:
    """{first word: the rest}, spaces made one."""
    return {words[0]: " ".join(words[1:]) for words in map(str.split, text.splitlines()) if words}


def test_every_line_of_the_provenance_is_shown(path, capsys) -> None:
    assert main([str(path)]) == 0
    lines = _lines(capsys.readouterr().out)
    assert {
        "holds": "2 clips x 1 frames x width 3, float16, gzip compressed; 400 frames decoded in "
        "all", "backbone": "resnet101", "kind": "frame", "resize": "crop", "decoder": "pyav",
        "weights": f"sha256 {'cd' * 32}, source IMAGENET1K_V2", "size": "[224, 224]",
        "sampling": "clips 2, frames 1, rule linspace", "versions": "torch 2.11",
        "network": "precision bf16",
        "new": "videos yes", "checksums": "all 10 videos fit", "zeros": "only 10 of 20 rows",
        "v0": f"40 {'0' * 64}", "v8": f"40 {'8' * 64} (partial: 1 of 2)",
        "...": "and 4 more (--videos all)", "values": "-3 to 0.5, mean -0.4167, standard "
        "deviation 1.17",
    }.items() <= lines.items()  # fmt: skip
    assert "v5" not in lines
    assert main([str(path), "--videos", "all"]) == 0
    lines = _lines(capsys.readouterr().out)
    assert {f"v{i}" for i in range(10)} <= lines.keys() and "..." not in lines
    assert main([str(path), "--videos", "0"]) == 0
    assert "v0" not in _lines(capsys.readouterr().out)


def test_format_1_says_that_it_has_no_checksums(path, capsys) -> None:
    with h5py.File(path, "a") as file:
        del file["checksum"], file["file_sha256"]
        file.attrs["format"] = 1
    assert main([str(path)]) == 0
    lines = _lines(capsys.readouterr().out)
    assert lines["checksums"] == "none (format 1); all 10 videos are readable"
    assert lines["v0"] == "40 unknown"


def test_damage_is_named_after_all_stores_were_shown_and_exits_2(path, tmp_path) -> None:
    clips = [VideoClips("c0", np.full((2, 4, 4, 3), 200, "u1"), np.zeros((1, 2), int), 2)]
    write_clip_store(tmp_path / "c.h5", clips, Provenance(kind="clips"))
    with h5py.File(path, "a") as file:
        file["features"][7] = 1  # the second row of v3  # pyright: ignore
    words = [sys.executable, "-m", "data_loader.store", str(path), str(tmp_path / "c.h5")]
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 2
    assert "1 of 10 videos are damaged: v3" in done.stdout and "all 1 videos fit" in done.stdout
    assert "192 to 207" in done.stdout
    assert done.stderr.splitlines()[-1].startswith(
        f"error: {path}: 1 of 10 videos are damaged (v3)"
    )


def test_mistakes_at_the_command_line(tmp_path) -> None:
    for words, message in [
        ([], "arguments are required: STORE; "),
        (["--vidoes", "all"], "--vidoes is no option of it; did you mean --videos"),
        (["a.h5", "--videos", "few"], "--videos few: give a number, or all"),
        ([str(tmp_path / "none.h5")], r"none\.h5: no such feature store"),
    ]:
        with pytest.raises(UserError, match=message):
            main(words)


@pytest.mark.parametrize("dtype", [np.float16, np.float32])
def test_the_distribution_is_numpys(dtype) -> None:
    rng = np.random.default_rng(0)
    rows = (rng.normal(size=(50, 40)) * 10.0 ** rng.integers(-3, 4, (50, 40))).astype(dtype)
    rows[:5] = 0
    rows[5, :4] = [1, -1, 0.0625, 2000]
    values = Distribution(pixels=False)
    for part in np.array_split(rows, 7):
        values.add(part)
    bins = dict(values.bins())
    assert sum(bins.values()) == rows.size and values.zero_rows == 5
    assert bins["0"] == (rows == 0).sum()
    for a in (0, 0.0625, 0.5, 1, 512, 1024):
        b = np.inf if a == 1024 else 2 * a or 0.0625
        inside = (rows > 0) & (rows >= a) & (rows < b)
        assert bins[f"{a:g} to {b:g}"] == inside.sum() > 0
        inside = (rows < 0) & (rows <= -a) & (rows > -b)
        assert bins[f"{-b:g} to {-a:g}"] == inside.sum()
    assert values.low == rows.min() and values.high == rows.max()
    text = values.lines(row="row")
    exact = rows.astype(np.float64)
    assert f"mean {exact.mean():.4g}, standard deviation {exact.std():.4g}" in text[0]


def test_the_distribution_of_pixels() -> None:
    values = Distribution(pixels=True)
    values.add(np.array([[0, 15, 16, 255], [0, 0, 0, 0]], np.uint8))
    bins = dict(values.bins())
    assert (bins["0 to 15"], bins["16 to 31"], bins["240 to 255"]) == (6, 1, 1)
    assert sum(bins.values()) == 8 and values.zero_rows == 1
