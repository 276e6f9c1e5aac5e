"""An empty library of every engine."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from library import hnsw
from library.catalogue import Catalogue
from library.engine import ClipFacts, Engine, FileFacts, Filter, TextFacts

ENGINES = ["exact", "hnsw", "hnsw_grown", "postgres", "postgres_hnsw"]
D, FILES, CLIPS = 16, 40, 8  # width, files, clips of each


@dataclass
class Library:
    """A library of one engine."""

    catalogue: Catalogue
    engine: Engine
    tolerance: float  # of scores

    def fill(self, vectors: np.ndarray, first: int = 0) -> np.ndarray:
        """Files of `CLIPS` clips, with vectors (C, D) -> the clips' ids (C,)."""
        ids: list[int] = []
        with self.catalogue.transaction():
            for n in range(first, first + len(vectors) // CLIPS):
                clips = [ClipFacts(c, c + 1.0, [TextFacts("tag", f"t{c}")]) for c in range(CLIPS)]
                ids += self.catalogue.add_file(facts(n), clips)
            found = np.array(ids, np.int64)
            self.engine.add(found, vectors)
        return found


def facts(n: int) -> FileFacts:
    """The n-th file."""
    return FileFacts(
        path=f"/f{n % 4}/v{n}.mp4", sha256=f"{n:064}", size=n, mtime_ns=n, duration=n, width=640
    )


def unit(count: int, seed: int, width: int = D) -> np.ndarray:
    """Unit vectors (count, width) float32."""
    found = np.random.default_rng(seed).standard_normal((count, width), dtype=np.float32)
    return found / np.linalg.norm(found, axis=1, keepdims=True)


class AlwaysBuilt(hnsw.HnswEngine):
    """Makes its graph before each search; or only before the first one, so that others join it."""

    once = False

    def search(self, vectors: np.ndarray, filter: Filter, k: int) -> tuple[np.ndarray, np.ndarray]:
        self.refresh()
        if not self.catalogue.connection.in_transaction and not (self.once and self._ready()):
            self.build()
        return super().search(vectors, filter, k)


@pytest.fixture(params=ENGINES)
def library(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Library]:
    """An empty library."""
    name = request.param
    if name.startswith("postgres"):
        found = _postgres(request.getfixturevalue("postgres_url"), name == "postgres_hnsw")
        monkeypatch.setattr("library.postgres.engine.FEW", 50)
        yield found
    else:
        if name != "exact":
            pytest.importorskip("usearch", reason="needs requirements-library.txt")
        # So that a filter of half the clips takes the graph, and each change makes it anew.
        monkeypatch.setattr(hnsw, "FEW", 50)
        monkeypatch.setattr(hnsw, "GROWN", 0.0)
        catalogue = Catalogue(tmp_path / "library.db", make=True)
        engine = AlwaysBuilt(catalogue, "off" if name == "exact" else "on")
        engine.once = name == "hnsw_grown"
        found = Library(catalogue, engine, 1e-5)
        yield found
    found.catalogue.close()


def _postgres(url: str, indexed: bool) -> Library:
    from library.postgres.catalogue import PostgresCatalogue
    from library.postgres.engine import PostgresEngine

    class Built(PostgresEngine):
        def search(
            self, vectors: np.ndarray, filter: Filter, k: int
        ) -> tuple[np.ndarray, np.ndarray]:
            self.build()
            return super().search(vectors, filter, k)

    engine = Built(url, "on" if indexed else "off")
    return Library(PostgresCatalogue(engine), engine, 2e-3)
