"""benchmark store: only what comes back as written is timed, and its errors are float16's."""

import json
from dataclasses import replace

import numpy as np
import pytest

from benchmark.__main__ import main
from benchmark.extraction import store
from data_loader.store.features import VideoFeatures, write_store
from data_loader.store.provenance import Provenance

SPEED = {"read_mib_per_second", "opened_once_ratio", "gzip_size", "gzip_read", "lzf_size",
         "lzf_read"}  # fmt: skip
ERROR = {f"float16_{name}" for name in (
    "max_absolute", "mean_absolute", "max_relative", "mean_relative", "max_row"
)}  # fmt: skip


def _last(capsys) -> dict[str, float]:
    return json.loads(capsys.readouterr().out.splitlines()[-1])


def test_the_last_line_is_json(capsys) -> None:
    small = ["--videos", "3", "--clips", "2", "--frames", "2", "--width", "5", "--rounds", "1"]
    assert main(["store", *small]) == 0
    found = _last(capsys)
    assert set(found) == SPEED | ERROR
    assert all(value > 0 for value in found.values())


def test_the_error_is_that_of_float16() -> None:
    exact = np.array([[[1, 1 + 2**-11, 0, -2048.75]], [[1, 0.5, 0, 2]]], np.float32)
    found = store.precision([VideoFeatures("a", exact, 0)])
    assert found["float16_max_absolute"] == 0.75
    assert found["float16_mean_absolute"] == (2**-11 + 0.75) / 8
    assert found["float16_max_relative"] == pytest.approx(2**-11 / (1 + 2**-11))
    row = np.hypot(2**-11, 0.75) / np.linalg.norm(exact[0])
    assert found["float16_max_row"] == pytest.approx(row)


def test_a_store_of_float16_says_nothing_of_its_error(tmp_path, capsys) -> None:
    videos = store.made_up(3, clips=2, frames=1, width=4)
    for dtype, keys in (("float16", SPEED), ("float32", SPEED | ERROR)):
        typed = [replace(v, features=v.features.astype(dtype)) for v in videos]
        write_store(tmp_path / "a.h5", typed, Provenance())
        main(["store", "--store", str(tmp_path / "a.h5"), "--videos", "2", "--rounds", "1"])
        assert set(_last(capsys)) == keys


def test_what_does_not_come_back_is_not_timed(monkeypatch) -> None:
    def forgets(path, videos, *rest, **more) -> None:
        write_store(path, [replace(v, features=v.features * 0) for v in videos], *rest, **more)

    monkeypatch.setattr(store, "write_store", forgets)
    with pytest.raises(AssertionError, match=r"float16_none\.h5.*nothing was timed"):
        main(["store", "--videos", "2", "--width", "5", "--rounds", "1"])
