"""Approximate search of large libraries: a graph of neighbours beside the matrix (HNSW).

Malkov and Yashunin 2018, arXiv 1603.09320, by usearch, in whole numbers of 8 bits: half the memory
and time of half precision, and which clips are near is enough to know, since every score is a
product of the matrix.  `LIBRARY.hnsw` is a cache: it can be deleted, and is then made anew.  It
names rows of the matrix, which are never written again, so that it stays right while clips come and
go: what came since is looked through exactly, what went is passed over.  The catalogue keeps its
checksum: a file that is damaged, cut short or another's is told and never opened.
"""

import hashlib
import importlib.metadata
import importlib.util
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from library.catalogue import Catalogue
from library.engine import Filter, Use
from library.exact import ExactEngine, best, merged
from util.errors import UserError
from util.files import sha256, whole_file

INDEXED = 200_000  # clips from which it is made: exact search takes 50 ms there
FEW = 100_000  # clips that a filter may leave for exact search
GROWN = 0.2  # share of rows that came or went since, from which it is made anew
LINKS, BUILT, BEAM = 16, 128, 256  # of the graph: links of a row, candidates of adding, of asking
MORE, ALSO, MOST = 1.3, 30, 8192  # hits that are asked for: times as many, and some; at most
WIDER, PART = 8, 500  # times as many with a filter; values of one statement
FIRST = 20_000  # rows that one thread adds, and that are added at a time after them
SAME = 0.999  # cosine of a row and what is found in its place, if that looks the same
SAMPLE = 64  # rows of the matrix that are told again
KEY = "hnsw"  # of `meta`
INSTALL = "pip install -r requirements.txt -r requirements-library.txt"


class HnswEngine(ExactEngine):
    """Vectors of a library of one machine, with a graph where there is one."""

    def __init__(
        self, catalogue: Catalogue, use: Use = "auto", say: Callable[[str], object] = print
    ) -> None:
        """`use`: off, as the exact engine; on, also of small libraries.  `say`: told of damage.

        Raises UserError where vectors are missing, and with `on` where usearch is not installed.
        """
        super().__init__(catalogue)
        self.graph = Path(f"{catalogue.path}.hnsw")
        self.use: Use = use
        self.say = say
        self._opened: str | None = None  # what the catalogue kept of the graph that was looked at
        self._index: Any = None  # the open graph; None: there is none to be used
        self._content: np.ndarray | None = None  # its bytes
        self._largest = 1.0  # number of a vector
        self._covered = 0  # rows of the matrix that it has
        if use == "on" and not _installed():
            raise UserError(f"--hnsw on: needs usearch; {INSTALL}")

    def search(self, vectors: np.ndarray, filter: Filter, k: int) -> tuple[np.ndarray, np.ndarray]:
        """The k clips nearest to each of `vectors` (Q, D): ids (Q, k) and cosines (Q, k)."""
        self.refresh()
        if not self._ready():
            return super().search(vectors, filter, k)
        queries = np.ascontiguousarray(vectors, np.float32)
        self.check_width(queries.shape[1], "query ")
        ids, matrix, covered = self._ids, self._matrix, self._covered
        if filter:
            near = [self._near_and_met(query[None], filter, k) for query in queries]
            found = [pair for pair in near if pair is not None]
            if len(found) == len(near):
                return np.concatenate([p[0] for p in found]), np.concatenate([p[1] for p in found])
            rows = self._filtered(filter)
            if len(rows) <= FEW:
                return best(matrix[rows], ids[rows], queries, k)
            left = np.full(len(ids), -1, np.int64)
            left[rows] = ids[rows]
            ids = left
        found = self._near(queries, ids[:covered], k)
        if covered < len(ids):
            found = merged(found, best(matrix[covered:], ids[covered:], queries, k))
        return found

    def build(self, *, least: int = INDEXED) -> bool:
        """Make the graph where it lacks, is damaged or old, and there are `least` rows.

        -> whether it was made.  Raises UserError where it cannot be written.
        """
        self.refresh()
        if self.use == "off" or len(self._matrix) < (1 if self.use == "on" else least):
            return False
        if not _installed():
            self.say(f"approximate search of {len(self._matrix):,} clips needs usearch; {INSTALL}")
            return False
        if self._ready() and self._others() <= GROWN * self._covered:
            return False
        rows = len(self._matrix)
        # Of missing files, too: they may come back.
        own = self.catalogue.run("SELECT row FROM clip WHERE row < ? ORDER BY row", [rows])
        largest = max(
            float(np.abs(self._matrix[at : at + FIRST]).max()) for at in range(0, rows, FIRST)
        )
        index = _built(self._matrix, np.array(own, np.int64).reshape(-1), largest)
        with whole_file(self.graph) as partial:
            index.save(str(partial))
            kept = {**self._state(rows, largest), "sha256": sha256(partial)}
        self.catalogue.keep(KEY, json.dumps(kept))
        return True

    def _near(self, queries: np.ndarray, ids: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
        """As `best` of the rows that the graph has; ids: (R,), -1: not to be found."""
        matrix, alive = self._matrix[: len(ids)], int(np.count_nonzero(ids >= 0))
        wanted = int(MORE * k * len(ids) / max(alive, 1)) + ALSO
        if wanted > min(MOST, len(self._index)):
            return best(matrix, ids, queries, k)
        found = np.full((len(queries), k), -1, np.int64)
        scores = np.full((len(queries), k), -np.inf, np.float32)
        for q, query in enumerate(queries):
            rows = self._nearest_rows(query, wanted)
            rows = rows[ids[rows] >= 0]
            if len(rows) < min(k, alive):  # more was passed over than thought: all are looked at
                near = best(matrix, ids, queries[q : q + 1], k)
            else:
                near = best(matrix[rows], ids[rows], queries[q : q + 1], k)
            found[q], scores[q] = near[0][0], near[1][0]
        return found, scores

    def _near_and_met(
        self, query: np.ndarray, filter: Filter, k: int
    ) -> tuple[np.ndarray, np.ndarray] | None:
        """As `best` of one query (1, D): of the nearest, those that a filter leaves.

        None: they are fewer than k.  Of a million clips a filter that leaves half takes 0.5 s.
        """
        wanted = WIDER * k + ALSO
        if wanted > min(MOST, len(self._index)):
            return None
        rows = self._nearest_rows(query[0], wanted).tolist()
        parts = [rows[first : first + PART] for first in range(0, len(rows), PART)]
        met = [
            self._filtered(filter, f"clip.row IN ({', '.join('?' * len(part))})", part)
            for part in parts
        ]
        if sum(map(len, met)) < k:
            return None
        met.append(self._filtered(filter, "clip.row >= ?", [self._covered]))
        found = np.concatenate(met)
        return best(self._matrix[found], self._ids[found], query, k)

    def _nearest_rows(self, query: np.ndarray, count: int) -> np.ndarray:
        """Rows of the graph that are near to a query (D,), ascending."""
        self._index.expansion_search = max(BEAM, count)
        found = self._index.search(_whole(query, self._largest), count)
        return np.sort(found.keys.astype(np.int64))

    def _ready(self) -> bool:
        """Whether there is a whole graph of this library, open; told once where it is not whole."""
        kept = None if self.use == "off" else self.catalogue.recall(KEY)
        if kept != self._opened:
            self._opened, self._index, self._content, self._covered = kept, None, None, 0
            fault = None if kept is None else self._open(kept)
            if fault:
                self.say(
                    f"{self.graph}: {fault}; the search is exact, and slower, until "
                    "`library index` makes it anew"
                )
        return self._index is not None

    def _open(self, kept: str) -> str | None:
        """Open the graph that the catalogue has kept this of; what is wrong with it, or None."""
        if not _installed():
            return f"needs usearch ({INSTALL})"
        try:
            head = json.loads(kept)
            rows, largest = int(head["rows"]), float(head["largest"])
            checksum = str(head["sha256"])
        except (ValueError, TypeError, KeyError):
            return "of another version"
        if not (0 < rows <= len(self._matrix) and largest > 0):
            return "of other vectors"
        if head != {**self._state(rows, largest), "sha256": checksum}:
            return "of other vectors"
        try:
            # What is checked and what is opened are the same bytes, whatever becomes of the name.
            content = np.memmap(self.graph, np.uint8, "r")
        except (OSError, ValueError):
            return "missing"
        if _checksum(content) != checksum:
            return "damaged"
        index = _graph(self._matrix.shape[1])
        index.view(content)
        # usearch holds no reference to what it looks at.
        self._index, self._content = index, content
        self._covered, self._largest = rows, largest
        return None

    def _state(self, rows: int, largest: float) -> dict[str, Any]:
        """What a graph of the first rows belongs to."""
        sample = np.linspace(0, rows - 1, min(rows, SAMPLE)).astype(np.int64)
        return {
            "rows": rows,
            "width": self._matrix.shape[1],
            "largest": largest,
            "fingerprint": self.fingerprint(),
            "graph": f"usearch {importlib.metadata.version('usearch')} i8 {LINKS} {BUILT}",
            "sample": hashlib.sha256(np.asarray(self._matrix[sample]).tobytes()).hexdigest(),
        }

    def _others(self) -> int:
        """Rows that came since the graph was made, and those of it that went."""
        left = self.catalogue.run("SELECT count(*) FROM clip WHERE row < ?", [self._covered])[0][0]
        return len(self._ids) - self._covered + len(self._index) - left


def _checksum(content: np.ndarray) -> str:
    """SHA-256 of bytes (N,) uint8, a piece at a time: of a mapped file no copy is made whole."""
    found = hashlib.sha256()
    for at in range(0, len(content), 2**24):
        found.update(content[at : at + 2**24].tobytes())
    return found.hexdigest()


def _installed() -> bool:
    return importlib.util.find_spec("usearch") is not None


def _graph(width: int) -> Any:
    """An empty graph of vectors (D,)."""
    from usearch.index import Index

    return Index(
        ndim=width, metric="ip", dtype="i8", connectivity=LINKS, expansion_add=BUILT,
        expansion_search=BEAM,
    )  # fmt: skip


def _whole(vectors: np.ndarray, largest: float) -> np.ndarray:
    """Vectors (V, D) in whole numbers of 8 bits, `largest` at the end of their range."""
    return np.rint(np.clip(vectors * (127 / largest), -127, 127)).astype(np.int8)


def _built(matrix: np.ndarray, rows: np.ndarray, largest: float) -> Any:
    """A graph of some rows (N,) of a matrix (R, D).

    Threads that add at once may leave a row without links to it (usearch 2.26: up to 1 in 1,000):
    each is looked for afterwards, and those that are not found are added anew, one by one.
    """
    index = _graph(matrix.shape[1])
    bar = tqdm(total=2 * len(rows), desc="graph", unit="clip", leave=False, disable=None)
    with bar:
        for at in range(0, len(rows), FIRST):
            own = rows[at : at + FIRST]
            index.add(own, _whole(matrix[own], largest), threads=0 if at else 1)
            bar.update(len(own))
        index.expansion_search = BUILT // 2
        for at in range(0, len(rows), FIRST) if len(rows) > FIRST else ():
            own = rows[at : at + FIRST]
            vectors = np.asarray(matrix[own])
            small = _whole(vectors, largest)
            found = np.asarray(matrix[index.search(small, 1).keys.reshape(-1).astype(np.int64)])
            lost = np.einsum("rd,rd->r", vectors, found) < SAME
            if lost.any():
                index.remove(own[lost])
                index.add(own[lost], small[lost], threads=1)
            bar.update(len(own))
    return index
