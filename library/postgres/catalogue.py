"""The catalogue of a library in PostgreSQL: the same statements, in PostgreSQL's words."""

import hashlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from library.catalogue import Catalogue
from library.find.shelf import Text
from library.postgres.connection import told
from library.postgres.engine import PostgresEngine
from library.where import Condition, sql_of
from util.text import without_password

FEATURES = Path("data/library")  # where feature stores of such libraries lie, on this machine
MOST_WORDS = 64  # of a query that are looked for in texts


class PostgresCatalogue(Catalogue):
    """Tables on the connection of an engine, so that both are written in one transaction."""

    mark = "%s"

    def __init__(self, engine: PostgresEngine) -> None:
        self.engine, self.connection = engine, engine.connection
        self.name = without_password(engine.library)
        of = hashlib.sha256(self.name.encode()).hexdigest()[:12]
        # The same name whichever password it was opened with.
        self.features = FEATURES / f"postgresql-{of}.d"
        self.beside = None

    def run(self, sql: str, values: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """One statement -> its rows.  Raises UserError where the server refuses it, or ends."""
        with told(self.engine.library):
            cursor = self.engine.run(sql, values)
            return cursor.fetchall() if cursor.description else []

    def run_many(self, sql: str, rows: Sequence[Sequence[Any]]) -> None:
        """One statement for each row of values."""
        with told(self.engine.library), self.connection.cursor() as cursor:
            cursor.executemany(sql.encode(), rows)

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All of what is written within, or nothing; one within another is part of it."""
        with told(self.engine.library), self.connection.transaction():
            yield

    def texts(self, words: Sequence[str], where: Sequence[Condition], k: int) -> list[Text]:
        """Up to k texts that have one or more of the words, the best first."""
        words = [word.replace("\0", "") for word in words[:MOST_WORDS]]
        if not words:
            return []
        # Each word by itself is parsed by the server: no operator of its queries is among them.
        query = " || ".join(["plainto_tsquery('simple', %s)"] * len(words))
        condition, values = sql_of(where, self.mark)
        sql = (
            f"SELECT text.clip, text.kind, text.text FROM text JOIN clip ON clip.id = text.clip "
            f"JOIN file ON file.id = clip.file, (SELECT {query} AS asked) AS query "
            f"WHERE text.words @@ asked AND file.missing = 0 AND {condition} "
            "ORDER BY ts_rank(text.words, asked) DESC, text.clip, text.text LIMIT %s"
        )
        return [Text(*row) for row in self.run(sql, [*words, *values, k])]
