"""Search on PostgreSQL with pgvector: vectors as halfvec beside the catalogue's tables.

Half precision, since a row of 512 float32 (2,056 bytes) would leave its page for the TOAST table,
and since an index of it needs half the memory; cosines of unit vectors change by less than 1e-3.
Below `INDEXED` clips, and where a filter leaves few, the search is exact.  Above, HNSW (Malkov and
Yashunin 2018, arXiv 1603.09320) finds the nearest; with a filter it goes on until there are k
(iterative scan), and where that gives up before there are k, the search is exact after all.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from library.engine import Use
from library.postgres.connection import connect, told
from library.postgres.schema import make_tables
from library.where import Condition, sql_of
from util.errors import UserError
from util.text import without_password

INDEXED = 200_000  # clips from which an index is made: exact search takes 0.1 s there
FEW = 20_000  # clips that a filter may leave for exact search: 10 ms
BEAM = 400  # ef_search: recall@10 of 0.9975 at 200,000 x 512, 100 gave 0.83
MOST_BEAM = 1000  # of pgvector
JOINED = "clip JOIN file ON file.id = clip.file"
INDEX = "clip_vector_hnsw"


class PostgresEngine:
    """Vectors (C, D) of a library in PostgreSQL; the port of `library.engine.Engine`."""

    def __init__(self, library: str, use: Use = "auto") -> None:
        """`use`: off, every search is exact; on, `build` makes the index of few clips, too."""
        self.library, self.use = library, use
        self.connection = connect(library)
        with told(library):
            make_tables(self.connection)

    def close(self) -> None:
        """Give the connection back."""
        self.connection.close()

    def fingerprint(self) -> str:
        """The fingerprint of the weights that made the vectors; "" of an empty library."""
        with told(self.library):
            found = self._one("SELECT value FROM meta WHERE key = 'fingerprint'")
        return found[0] if found else ""

    def add(self, ids: np.ndarray, vectors: np.ndarray) -> None:
        """Store `vectors` (C, D) float32 under clip `ids` (C,) int64; all or none.

        A clip that has one gets the new one.  Raises UserError for another width.
        """
        from pgvector import HalfVector

        width = vectors.shape[1]
        connection = self.connection
        with told(self.library), connection.transaction(), connection.cursor() as cursor:
            self._table(width)
            # COPY takes rows fastest, but knows no conflict: by way of a table of one's own.
            cursor.execute(
                "CREATE TEMP TABLE added (LIKE clip_vector INCLUDING STORAGE) ON COMMIT DROP"
            )
            with cursor.copy("COPY added FROM STDIN WITH (FORMAT BINARY)") as copy:
                copy.set_types(["int8", "halfvec"])
                for number, row in zip(ids.tolist(), vectors, strict=True):
                    copy.write_row((number, HalfVector(row)))
            cursor.execute(
                "INSERT INTO clip_vector SELECT * FROM added ORDER BY clip "
                "ON CONFLICT (clip) DO UPDATE SET embedding = EXCLUDED.embedding"
            )

    def delete(self, ids: np.ndarray) -> None:
        """Forget the vectors of clips; those that have none are let pass."""
        with told(self.library):
            if self._width():
                self.run("DELETE FROM clip_vector WHERE clip = ANY(%s)", [ids.tolist()])

    def search(
        self, vectors: np.ndarray, filter: Sequence[Condition], k: int
    ) -> tuple[np.ndarray, np.ndarray]:
        """The `k` clips nearest to each of `vectors` (Q, D) among those that a filter leaves.

        Returns:
            ids (Q, k) int64, -1 where there are fewer, and scores (Q, k) float32, inner products
            (cosines of unit vectors), the best first, -inf where there are fewer.

        """
        ids = np.full((len(vectors), k), -1, np.int64)
        scores = np.full((len(vectors), k), -np.inf, np.float32)
        with told(self.library), self.connection.transaction():
            width = self._width()
            if not width:
                return ids, scores
            if width != vectors.shape[1]:
                raise self._other_width(width, vectors.shape[1])
            exact = self.use == "off" or not self._indexed() or self._few(filter)
            for row, vector in enumerate(vectors):
                found = self._nearest(vector, filter, k, exact)
                if not exact and len(found) < k:
                    found = self._nearest(vector, filter, k, True)
                if found:
                    ids[row, : len(found)], scores[row, : len(found)] = zip(*found, strict=True)
        return ids, scores

    def build(self, *, least: int = INDEXED) -> bool:
        """Make the HNSW index where it lacks and there are `least` clips; whether it was made.

        Memory for it is asked of the server: where it does not fit, building takes many times as
        long.  A killed build leaves nothing, and what is stored later joins the index by itself.
        """
        with told(self.library), self.connection.transaction():
            width = self._width()
            if not width or self._indexed() or self.use == "off":
                return False
            count = self._one("SELECT count(*) FROM clip_vector")[0]
            if count < (1 if self.use == "on" else least):
                return False
            needed = int(count * (2 * width + 400) * 1.2) // 2**20 + 64  # MiB
            self.run(
                "SELECT set_config('maintenance_work_mem', %s, true)", [f"{min(needed, 2**16)}MB"]
            )
            self.run(f"CREATE INDEX {INDEX} ON clip_vector USING hnsw (embedding halfvec_ip_ops)")
        with told(self.library):
            self.run("ANALYZE clip_vector")
        return True

    def vectors(self, ids: Sequence[int]) -> np.ndarray:
        """The vectors (C, D) float32 of clips.  Raises UserError for a clip that has none."""
        sql = "SELECT clip, embedding FROM clip_vector WHERE clip = ANY(%s)"
        with told(self.library):
            rows = self.run(sql, [[int(number) for number in ids]]).fetchall() if len(ids) else []
        found = {clip: vector.to_numpy().astype(np.float32) for clip, vector in rows}
        for number in ids:
            if int(number) not in found:
                raise UserError(
                    f"--library {without_password(self.library)}: has no vector of clip {number}"
                )
        return np.stack([found[int(number)] for number in ids])

    def _nearest(
        self, vector: np.ndarray, filter: Sequence[Condition], k: int, exact: bool
    ) -> list[tuple[int, float]]:
        """Ids and scores, at most `k`, the best first."""
        from pgvector import HalfVector

        where, values = sql_of(filter, "%s")
        query = HalfVector(vector)
        condition = "true"
        # A condition on files costs a look at each: none is made where all are there.
        gone = bool(self._one("SELECT 1 FROM file WHERE missing = 1 LIMIT 1"))
        if gone:
            where = f"file.missing = 0 AND {where}"
        if exact:
            source = "clip_vector"
            if filter or gone:
                source += f", (SELECT clip.id FROM {JOINED} WHERE {where}) AS left_over"
                condition = "left_over.id = clip"
            order = "far, clip"
        else:
            source, order = "clip_vector", "far"
            if filter or gone:
                # In parentheses, and no join: it is asked of each row that the index gives.
                condition = f"(SELECT {where} FROM {JOINED} WHERE clip.id = clip_vector.clip)"
        # The planner's estimates of distances are poor: it is told which way to go.
        self.run(
            "SELECT set_config('hnsw.ef_search', %s, true), "
            "set_config('hnsw.iterative_scan', 'strict_order', true), "
            "set_config('enable_indexscan', %s, true), set_config('enable_seqscan', %s, true)",
            [str(min(max(BEAM, 2 * k), MOST_BEAM)), *(("off", "on") if exact else ("on", "off"))],
        )
        sql = (
            f"SELECT clip, embedding <#> %s AS far FROM {source} WHERE {condition} "
            f"ORDER BY {order} LIMIT %s"
        )
        found = self.run(sql, [query, *values, k]).fetchall()
        return [(clip, -far) for clip, far in found]

    def _few(self, filter: Sequence[Condition]) -> bool:
        """Whether a filter leaves so few clips that all of them can be looked at."""
        if not filter:
            return False
        where, values = sql_of(filter, "%s")
        sql = f"SELECT count(*) FROM (SELECT 1 FROM {JOINED} WHERE {where} LIMIT %s) AS counted"
        return self._one(sql, [*values, FEW + 1])[0] <= FEW

    def _table(self, width: int) -> None:
        """The table of vectors, made by the first that are stored."""
        if not self._width():
            # Of two at once the second would fail, IF NOT EXISTS or not: it waits for the first.
            self.run("SELECT pg_advisory_xact_lock(hashtext('video library'))")
            self.run(
                "CREATE TABLE IF NOT EXISTS clip_vector ("
                "clip bigint PRIMARY KEY REFERENCES clip ON DELETE CASCADE, "
                f"embedding halfvec({int(width)}) STORAGE PLAIN NOT NULL)"
            )
        found = self._width()
        if found != width:
            raise self._other_width(found, width)

    def _width(self) -> int:
        """D of what is stored; 0 where nothing is."""
        found = self._one(
            "SELECT atttypmod FROM pg_attribute "
            "WHERE attrelid = to_regclass('clip_vector') AND attname = 'embedding'"
        )
        return found[0] if found else 0

    def _indexed(self) -> bool:
        return bool(self._one("SELECT to_regclass(%s) IS NOT NULL", [INDEX])[0])

    def _other_width(self, stored: int, given: int) -> UserError:
        return UserError(
            f"--library {without_password(self.library)}: holds vectors of width {stored}, not "
            f"{given}; take the run that it was made with, or another database"
        )

    def _one(self, sql: str, values: Sequence[Any] = ()) -> Any:
        return self.run(sql, values).fetchone()

    def run(self, sql: str, values: Sequence[Any] = ()) -> Any:
        """One statement; its cursor.  Raises psycopg's errors."""
        # Bytes: psycopg takes no text put together at run time, and ours is made of tables alone.
        return self.connection.execute(sql.encode(), values or None)
