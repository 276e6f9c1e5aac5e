"""Exact search: a matrix on disk, looked through from its first row to its last.

`LIBRARY.vectors` is float32 (R, D) without a header; a clip's `row` says which is its own.  Vectors
are appended and on the disk before a row that names them is committed, and a committed row is never
written again: what a kill leaves past the last of them is written over.
"""

import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from library.catalogue import Catalogue
from library.engine import Filter
from library.where import sql_of
from util.errors import UserError

WIDTH, ROWS = "width", "rows"  # keys of `meta`: D, and R as far as it is committed
BLOCK = 2**14  # rows of one product
FEW = 4  # a filter that leaves one clip of so many: its rows are gathered
BYTES = 4  # of a number


class ExactEngine:
    """Vectors of a library of one machine; the port of `library.engine.Engine`."""

    def __init__(self, catalogue: Catalogue) -> None:
        """Raises UserError where vectors are missing that the catalogue has."""
        self.catalogue = catalogue
        self.path = Path(f"{catalogue.path}.vectors")
        self._seen: tuple[int, int] | None = None  # state of the tables that `_ids` is of
        self._ids = np.empty(0, np.int64)  # (R,) clip of each row; -1: none that is found
        self._matrix = np.empty((0, 0), np.float32)
        self._map()

    def fingerprint(self) -> str:
        """Of the weights that made the vectors; "" of a new library."""
        return self.catalogue.recall("fingerprint") or ""

    def add(self, ids: np.ndarray, vectors: np.ndarray) -> None:
        """Store `vectors` (C, D) float32 under clips' `ids` (C,); UserError for another width."""
        catalogue = self.catalogue
        with catalogue.transaction():
            self.check_width(vectors.shape[1], "")
            rows = int(catalogue.recall(ROWS) or 0)
            self._append(np.ascontiguousarray(vectors, np.float32), rows)
            catalogue.keep(WIDTH, str(vectors.shape[1]))
            catalogue.keep(ROWS, str(rows + len(ids)))
            catalogue.run_many(
                "UPDATE clip SET row = ? WHERE id = ?",
                [(rows + i, number) for i, number in enumerate(ids.tolist())],
            )

    def delete(self, ids: np.ndarray) -> None:
        """Forget the vectors of clips."""
        self.catalogue.run_many(
            "UPDATE clip SET row = NULL WHERE id = ?", [(number,) for number in ids.tolist()]
        )

    def search(self, vectors: np.ndarray, filter: Filter, k: int) -> tuple[np.ndarray, np.ndarray]:
        """The k clips nearest to each of `vectors` (Q, D): ids (Q, k) and cosines (Q, k)."""
        self.refresh()
        queries = np.ascontiguousarray(vectors, np.float32)
        ids, matrix = self._ids, self._matrix
        if len(ids):
            self.check_width(queries.shape[1], "query ")
        if filter:
            rows = self._filtered(filter)
            if len(rows) * FEW <= len(ids):
                return best(matrix[rows], ids[rows], queries, k)
            left = np.full(len(ids), -1, np.int64)
            left[rows] = ids[rows]
            ids = left
        return best(matrix, ids, queries, k)

    def vectors(self, ids: Sequence[int]) -> np.ndarray:
        """The vectors (C, D) of clips.  Raises UserError for a clip that has none."""
        self.refresh()
        rows = []
        for number in ids:
            found = self.catalogue.run("SELECT row FROM clip WHERE id = ?", [int(number)])
            if not found or found[0][0] is None:
                raise UserError(f"--library {self.catalogue.path}: has no vector of clip {number}")
            rows.append(found[0][0])
        return np.array(self._matrix[np.array(rows, np.int64)])

    def refresh(self) -> None:
        """See what was committed since, here or by other processes."""
        connection = self.catalogue.connection
        seen = connection.execute("PRAGMA data_version").fetchone()[0], connection.total_changes
        if seen == self._seen:
            return
        self._map()
        rows = self.catalogue.run(
            "SELECT clip.row, clip.id FROM clip JOIN file ON file.id = clip.file "
            "WHERE clip.row IS NOT NULL AND file.missing = 0"
        )
        pairs = np.array(rows, np.int64).reshape(-1, 2)
        if len(pairs) and pairs[:, 0].max() >= len(self._matrix):
            self._map()  # committed in between
        self._ids = np.full(len(self._matrix), -1, np.int64)
        self._ids[pairs[:, 0]] = pairs[:, 1]
        self._seen = seen

    def rows(self) -> tuple[np.ndarray, np.ndarray]:
        """Clip of each row (R,), -1 where there is none, and the matrix (R, D), to be read only."""
        self.refresh()
        return self._ids, self._matrix

    def _filtered(
        self, filter: Filter, only: str = "clip.row IS NOT NULL", of: Sequence[int] = ()
    ) -> np.ndarray:
        """Rows of the clips that a filter leaves, ascending; `only`: SQL of which, with `of`."""
        condition, values = sql_of(filter)
        rows = self.catalogue.run(
            "SELECT clip.row FROM clip JOIN file ON file.id = clip.file "
            f"WHERE {only} AND file.missing = 0 AND {condition}",
            [*of, *values],
        )
        found = np.sort(np.array(rows, np.int64).reshape(-1))
        return found[found < len(self._ids)]

    def check_width(self, width: int, of: str) -> None:
        """Raise UserError for vectors of another width than those that are stored."""
        stored = self.catalogue.recall(WIDTH)
        if stored is not None and int(stored) != width:
            raise UserError(
                f"--library {self.catalogue.path}: holds vectors of width {stored}, not {width} of "
                f"the {of}run; take the run that it was made with, or another library"
            )

    def _append(self, vectors: np.ndarray, rows: int) -> None:
        """Write vectors after the first `rows`, on the disk when it returns."""
        new = not self.path.exists()
        try:
            self.path.touch()
            with self.path.open("r+b") as file:
                at = rows * vectors.shape[1] * BYTES
                file.seek(0, os.SEEK_END)
                if file.tell() < at:
                    raise self._damaged()
                file.seek(at)
                file.truncate()  # what a kill or a rolled back transaction left
                file.write(vectors.tobytes())
                file.flush()
                os.fsync(file.fileno())
            if new:
                folder = os.open(self.path.parent, os.O_RDONLY)
                os.fsync(folder)
                os.close(folder)
        except OSError as error:
            raise UserError(
                f"{self.path}: cannot be written ({error.strerror}); free room there and give the "
                "same command again, which goes on"
            ) from error

    def _map(self) -> None:
        """Map what is committed."""
        rows = int(self.catalogue.recall(ROWS) or 0)
        width = int(self.catalogue.recall(WIDTH) or 0)
        if not rows or not width:
            self._matrix = np.empty((0, width), np.float32)
            return
        if len(self._matrix) == rows:
            return
        try:
            if self.path.stat().st_size < rows * width * BYTES:
                raise self._damaged()
            self._matrix = np.memmap(self.path, np.float32, "r", shape=(rows, width))
        except OSError as error:
            raise self._damaged() from error

    def _damaged(self) -> UserError:
        return UserError(
            f"{self.path}: vectors are missing that {self.catalogue.path} has; bring it back, or "
            "delete both and index again: what is in the feature stores is not computed anew"
        )


def best(
    matrix: np.ndarray, ids: np.ndarray, queries: np.ndarray, k: int
) -> tuple[np.ndarray, np.ndarray]:
    """The k rows of largest inner product with each query: ids (Q, k), products (Q, k).

    matrix: (R, D) float32.  ids: (R,); -1: not to be found.  queries: (Q, D).
    """
    found = np.full((len(queries), k), -1, np.int64)
    scores = np.full((len(queries), k), -np.inf, np.float32)
    for first in range(0, len(ids), BLOCK):
        own = ids[first : first + BLOCK]
        products = queries @ matrix[first : first + BLOCK].T  # (Q, B)
        products[:, own < 0] = -np.inf
        for q, row in enumerate(products):
            # Most blocks have few rows that are better than the k so far.
            better = np.flatnonzero(row > scores[q, -1])
            if len(better) > k:
                better = better[np.argpartition(-row[better], k - 1)[:k]]
            if len(better):
                all_scores = np.concatenate([scores[q], row[better]])
                all_ids = np.concatenate([found[q], own[better]])
                order = np.lexsort((all_ids, -all_scores))[:k]
                scores[q], found[q] = all_scores[order], all_ids[order]
    return found, scores


def merged(
    one: tuple[np.ndarray, np.ndarray], other: tuple[np.ndarray, np.ndarray]
) -> tuple[np.ndarray, np.ndarray]:
    """The k best of two lists of hits of different clips, each as `best` gives it."""
    ids, scores = (np.concatenate(pair, axis=1) for pair in zip(one, other, strict=True))
    order = np.lexsort((ids, -scores), axis=1)[:, : one[0].shape[1]]
    return np.take_along_axis(ids, order, axis=1), np.take_along_axis(scores, order, axis=1)
