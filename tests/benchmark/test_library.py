"""The benchmark of a library, on few clips."""

import pytest

from benchmark import library
from benchmark.arguments import arguments

pytest.importorskip("usearch", reason="needs requirements-library.txt")


def test_it_finds_what_is_nearest(capsys: pytest.CaptureFixture[str]) -> None:
    words = ["--clips", "800", "1600", "--width", "16", "--queries", "20", "--exact", "5"]
    found = library.run(arguments("").parse_args(["library", *words, "--least", "1000"]))
    assert set(found) == {"800", "1600"} and "build_s" not in found["800"]
    for rows in found.values():
        assert rows["exact_recall"] == 1 and rows["vector_bytes_a_clip"] == 64
    large = found["1600"]
    for name in ("hnsw", "filter_0.5", "filter_0.01"):
        assert large[f"{name}_recall"] > 0.98
    assert "hnsw_p50_ms" in capsys.readouterr().out
