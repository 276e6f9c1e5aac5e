"""A library in PostgreSQL, as `library.search` reads it."""

from collections.abc import Sequence

import numpy as np

from library.find.shelf import Place, Text
from library.postgres.connection import told
from library.postgres.engine import JOINED, PostgresEngine
from library.where import Condition, sql_of

MOST_WORDS = 64  # of a query that are looked for in texts


class PostgresShelf:
    """The port of `library.find.shelf.Shelf`."""

    def __init__(self, engine: PostgresEngine) -> None:
        self.engine = engine

    def search(
        self, vectors: np.ndarray, where: Sequence[Condition], k: int
    ) -> tuple[np.ndarray, np.ndarray]:
        """The k clips most alike to each of Q unit vectors (Q, D): ids (Q, k), cosines (Q, k)."""
        return self.engine.search(vectors, where, k)

    def vectors(self, clips: Sequence[int]) -> np.ndarray:
        """Unit vectors (C, D) float32 of clips.  Raises KeyError for one without."""
        rows = self._rows(
            "SELECT clip, embedding FROM clip_vector WHERE clip = ANY(%s)", [list(clips)]
        )
        found = {clip: vector.to_numpy().astype(np.float32) for clip, vector in rows}
        return np.stack([found[clip] for clip in clips])

    def places(self, clips: Sequence[int]) -> dict[int, Place]:
        """Where clips are, by id; those of files that are gone are left out."""
        sql = (
            'SELECT clip.id, file.id, clip.number, clip.start, clip."end", file.path, file.sha256 '
            f"FROM {JOINED} WHERE clip.id = ANY(%s) AND file.missing = 0"
        )
        return {row[0]: Place(*row) for row in self._rows(sql, [list(clips)])}

    def texts(self, words: Sequence[str], where: Sequence[Condition], k: int) -> list[Text]:
        """Up to k texts that have one or more of the words, the best first."""
        words = [word.replace("\0", "") for word in words[:MOST_WORDS]]
        if not words:
            return []
        # Each word by itself is parsed by the server: no operator of its queries is among them.
        query = " || ".join(["plainto_tsquery('simple', %s)"] * len(words))
        condition, values = sql_of(where, "%s")
        sql = (
            f"SELECT text.clip, text.kind, text.text FROM text JOIN clip ON clip.id = text.clip "
            f"JOIN file ON file.id = clip.file, (SELECT {query} AS asked) AS query "
            f"WHERE text.words @@ asked AND file.missing = 0 AND {condition} "
            "ORDER BY ts_rank(text.words, asked) DESC, text.clip, text.text LIMIT %s"
        )
        return [Text(*row) for row in self._rows(sql, [*words, *values, k])]

    def count(self) -> int:
        """How many clips there are."""
        return self._rows("SELECT count(*) FROM clip", [])[0][0]

    def recall(self, key: str) -> str | None:
        """A value kept in the library under a key of ours; None: there is none."""
        rows = self._rows("SELECT value FROM meta WHERE key = %s", [key])
        return rows[0][0] if rows else None

    def keep(self, key: str, value: str) -> None:
        """Keep a value."""
        sql = (
            "INSERT INTO meta VALUES (%s, %s) "
            "ON CONFLICT (key) DO UPDATE SET value = EXCLUDED.value"
        )
        with told(self.engine.library):
            self.engine.run(sql, [key, value])

    @property
    def fingerprint(self) -> str:
        """Of the weights that made the vectors."""
        return self.engine.fingerprint()

    def _rows(self, sql: str, values: Sequence[object]) -> list[tuple]:
        with told(self.engine.library):
            return self.engine.run(sql, values).fetchall()
