"""An empty library of every engine."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from library.catalogue import Catalogue
from library.engine import ClipFacts, Engine, FileFacts, TextFacts
from library.exact import ExactEngine

ENGINES = ["exact"]
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


@pytest.fixture(params=ENGINES)
def library(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Library]:
    """An empty library."""
    catalogue = Catalogue(tmp_path / "library.db", make=True)
    yield Library(catalogue, ExactEngine(catalogue), 1e-5)
    catalogue.close()
