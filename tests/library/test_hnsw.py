"""The graph of approximate search is a cache: whatever becomes of it, hits stay right."""

import json
import shutil
import time
from pathlib import Path

import numpy as np
import pytest

from library import hnsw
from library.catalogue import Catalogue
from library.hnsw import HnswEngine
from library.where import read_where
from tests.library.engines.conftest import CLIPS, Library, unit
from util.errors import UserError

pytest.importorskip("usearch", reason="needs requirements-library.txt")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A library of 640 clips with its graph."""
    engine = opened(tmp_path / "a.db", make=True, use="on")
    Library(engine.catalogue, engine, 1e-5).fill(unit(640, 1))
    assert engine.build() and not engine.build()
    engine.catalogue.close()
    return tmp_path / "a.db"


@pytest.fixture
def views(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many bytes were opened as a graph, each time."""
    from usearch.index import Index

    sizes: list[int] = []
    true = Index.view

    def counting(self, content, *more):
        sizes.append(len(content))
        return true(self, content, *more)

    monkeypatch.setattr(Index, "view", counting)
    return sizes


def opened(path: Path, *, make: bool = False, use: hnsw.Use = "auto", said=None) -> HnswEngine:
    return HnswEngine(Catalogue(path, make=make), use, (said if said is not None else []).append)


def check(engine: HnswEngine, vectors: np.ndarray) -> None:
    """Hits of `vectors`, which the library has, are those of NumPy."""
    queries = unit(20, 3)
    _, scores = engine.search(queries, (), 10)
    assert np.allclose(scores, np.sort(queries @ vectors.T)[:, ::-1][:, :10], atol=1e-5)
    assert np.allclose(engine.search(vectors[:5], (), 1)[1], 1, atol=1e-5)


def test_it_is_opened_once_and_asked(path: Path, views: list[int], monkeypatch) -> None:
    said: list[str] = []
    engine = opened(path, said=said)
    looked: list[int] = []
    true = hnsw.best
    monkeypatch.setattr(hnsw, "best", lambda m, *more: looked.append(len(m)) or true(m, *more))
    check(engine, unit(640, 1))
    assert views == [Path(f"{path}.hnsw").stat().st_size] and said == []
    assert max(looked) < 50  # of 640: the graph said which
    off = opened(path, use="off")
    check(off, unit(640, 1))
    assert len(views) == 1


@pytest.mark.parametrize("fault", ["cut", "bit", "crafted", "gone", "folder"])
def test_a_damaged_one_is_told_and_never_opened(path: Path, views: list[int], fault: str) -> None:
    graph = Path(f"{path}.hnsw")
    content = graph.read_bytes()
    graph.unlink()
    if fault == "cut":
        graph.write_bytes(content[:-1])
    elif fault == "bit":
        graph.write_bytes(content[:900] + bytes([content[900] ^ 1]) + content[901:])
    elif fault == "crafted":  # a head that promises more than there is
        graph.write_bytes(content[:64] + b"\xff" * 4096)
    elif fault == "folder":
        graph.mkdir()
    said: list[str] = []
    engine = opened(path, said=said)
    for _ in range(2):
        check(engine, unit(640, 1))
    assert views == [] and len(said) == 1
    assert "exact, and slower, until `library index` makes it anew" in said[0]
    if fault != "folder":
        assert opened(path, use="on").build()
        check(opened(path), unit(640, 1))
        assert len(views) > 0


def test_what_the_catalogue_keeps_of_it_may_be_damaged(path: Path, views: list[int]) -> None:
    catalogue = Catalogue(path)
    kept = catalogue.recall("hnsw")
    assert kept is not None
    for damaged in ("{", "[]", '{"rows": "x"}', kept.replace('"rows": 640', '"rows": 10000')):
        catalogue.keep("hnsw", damaged)
        said: list[str] = []
        check(opened(path, said=said), unit(640, 1))
        assert len(said) == 1 and views == [], damaged


def test_one_of_other_vectors_is_not_opened(path: Path, tmp_path: Path, views: list[int]) -> None:
    other = tmp_path / "other.db"
    engine = opened(other, make=True, use="on")
    Library(engine.catalogue, engine, 1e-5).fill(unit(640, 9))
    mine = Catalogue(path).recall("hnsw")
    shutil.copy(f"{path}.hnsw", f"{other}.hnsw")
    engine.catalogue.keep("hnsw", str(mine))
    said: list[str] = []
    check(opened(other, said=said), unit(640, 9))
    assert views == [] and "of other vectors" in said[0]


def test_what_comes_and_goes_after_it_was_made(path: Path, views: list[int]) -> None:
    said: list[str] = []
    engine, vectors = opened(path, said=said), unit(900, 1)
    library = Library(engine.catalogue, engine, 1e-5)
    check(engine, unit(640, 1))
    ids = library.fill(unit(80, 5), first=80)
    engine.delete(np.array(engine.catalogue.clips(1)))
    engine.catalogue.change_file(3, missing=1)
    left = np.delete(unit(640, 1), [*range(CLIPS), *range(2 * CLIPS, 3 * CLIPS)], axis=0)
    check(engine, np.concatenate([left, unit(80, 5)]))
    assert (engine.search(unit(80, 5), (), 1)[0][:, 0] == ids).all()
    assert not engine.build()  # few of them: it stays
    library.fill(unit(160, 6), first=90)
    assert opened(path, use="on").build()
    found = engine.search(unit(160, 6), (), 1)  # the open one takes the new graph
    assert np.allclose(found[1], 1, atol=1e-5) and len(views) == 3 and said == []
    engine.catalogue.change_file(3, missing=0)  # it was missing when the graph was made
    assert np.allclose(engine.search(vectors[16:24], (), 1)[1], 1, atol=1e-5)


def test_a_filter_that_the_nearest_do_not_meet(path: Path, monkeypatch) -> None:
    """All that is near is passed over: hits are found all the same."""
    monkeypatch.setattr(hnsw, "FEW", 0)
    engine, random = opened(path), np.random.default_rng(4)
    centre = unit(1, 8)
    near = centre + 0.05 * random.standard_normal((400, 16))
    near = (near / np.linalg.norm(near, axis=1, keepdims=True)).astype(np.float32)
    Library(engine.catalogue, engine, 1e-5).fill(near, first=100)
    engine = opened(path, use="on")
    assert engine.build()
    found, scores = engine.search(centre, read_where("duration<50"), 10)
    truth = np.sort(unit(640, 1)[: 50 * CLIPS] @ centre[0])[::-1][:10]
    assert np.allclose(scores[0], truth, atol=1e-5) and (found >= 0).all()


def test_duplicates_are_all_found(tmp_path: Path) -> None:
    engine = opened(tmp_path / "a.db", make=True, use="on")
    ids = Library(engine.catalogue, engine, 1e-5).fill(np.repeat(unit(2, 1), 120, axis=0))
    engine.build()
    found, _ = engine.search(unit(1, 1), (), 120)
    assert (np.sort(found[0]) == ids[:120]).mean() > 0.95


def test_it_is_made_from_a_number_of_clips(path: Path, tmp_path: Path, monkeypatch) -> None:
    engine = opened(tmp_path / "b.db", make=True)
    Library(engine.catalogue, engine, 1e-5).fill(unit(64, 1))
    assert not engine.build() and not Path(f"{tmp_path}/b.db.hnsw").exists()
    assert engine.build(least=64) and Path(f"{tmp_path}/b.db.hnsw").exists()
    assert not opened(tmp_path / "b.db", use="off").build(least=1)
    monkeypatch.setattr(hnsw, "_installed", lambda: False)
    said: list[str] = []
    lacking = opened(path, said=said)
    check(lacking, unit(640, 1))
    assert "needs usearch (pip install -r" in said[0]
    assert not lacking.build(least=1) and "needs usearch; pip install" in said[1]
    with pytest.raises(UserError, match="--hnsw on: needs usearch"):
        opened(path, use="on")


def test_a_build_that_fails_leaves_the_old_one(path: Path, monkeypatch) -> None:
    before = Path(f"{path}.hnsw").read_bytes(), Catalogue(path).recall("hnsw")
    engine = opened(path, use="on")
    Library(engine.catalogue, engine, 1e-5).fill(unit(400, 5), first=80)
    monkeypatch.setattr(hnsw, "sha256", lambda path: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        engine.build()
    assert before == (Path(f"{path}.hnsw").read_bytes(), Catalogue(path).recall("hnsw"))
    assert not list(path.parent.glob("*.partial"))
    assert json.loads(str(before[1]))["rows"] == 640


@pytest.mark.long
def test_threads_that_add_at_once_lose_no_row() -> None:
    """Of 60,000 rows, added by several threads, each finds itself."""
    vectors = unit(60_000, 1, 32)
    begin = time.perf_counter()
    index = hnsw._built(vectors, np.arange(len(vectors)), 1.0)
    index.expansion_search = 256
    keys = index.search(hnsw._whole(vectors, 1.0), 1).keys.reshape(-1).astype(np.int64)
    same = np.einsum("rd,rd->r", vectors, vectors[keys])
    assert len(index) == len(vectors) and (same < hnsw.SAME).sum() <= 3
    assert time.perf_counter() - begin < 300
