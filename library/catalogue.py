"""What a library knows of its files and clips: rows of SQLite, and questions to them."""

import sqlite3
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import Any

from library.engine import ClipFacts, FileFacts, TextFacts
from library.find.shelf import Place, Text
from library.schema import open_database
from library.where import Condition, sql_of
from util.errors import UserError

MOST = 500  # values of one statement


@dataclass(frozen=True)
class KnownFile:
    """A file of the library, as it was when it was last looked at."""

    id: int
    path: str
    sha256: str
    size: int
    mtime_ns: int
    missing: int  # 1: it was gone when last looked for
    store: str


class Catalogue:
    """An open library's tables; of SQLite here, other servers override what they do otherwise."""

    mark = "?"  # of a parameter in SQL

    def __init__(self, path: str | Path, *, make: bool = False) -> None:
        """Open a file; with `make`, one that is not there is made.

        Raises UserError as `open_database` does.
        """
        self.path = Path(path)
        self.name = str(path)  # for people
        self.features = Path(f"{path}.d")  # where its feature stores lie
        self.beside: Path | None = self.path  # what else it has begins with this path
        self.connection: Any = open_database(self.path, make=make)
        self._depth = 0

    def close(self) -> None:
        """Close the file."""
        self.connection.close()

    def run(self, sql: str, values: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """One statement -> its rows.  Raises UserError where the file cannot be read or written."""
        try:
            return self.connection.execute(sql, values).fetchall()
        except sqlite3.Error as error:
            raise UserError(
                f"--library {self.name}: {error}; try again, or mend its disk"
            ) from error

    def run_many(self, sql: str, rows: Sequence[Sequence[Any]]) -> None:
        """One statement for each row of values."""
        try:
            self.connection.executemany(sql, rows)
        except sqlite3.Error as error:
            raise UserError(
                f"--library {self.name}: {error}; try again, or mend its disk"
            ) from error

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All of what is written within, or nothing; one within another is part of it."""
        if self._depth == 0:
            self.run("BEGIN IMMEDIATE")
        self._depth += 1
        try:
            yield
        except BaseException:
            self._depth -= 1
            if self._depth == 0:
                with suppress(sqlite3.Error):
                    self.connection.execute("ROLLBACK")
            raise
        self._depth -= 1
        if self._depth == 0:
            self.run("COMMIT")

    # What is there

    def recall(self, key: str) -> str | None:
        """A value kept under a key; None: there is none."""
        rows = self.run(f"SELECT value FROM meta WHERE key = {self.mark}", [key])
        return rows[0][0] if rows else None

    def count(self) -> int:
        """How many clips there are, of files that are not missing."""
        sql = "SELECT count(*) FROM clip JOIN file ON file.id = clip.file WHERE file.missing = 0"
        return self.run(sql)[0][0]

    def files(self) -> list[KnownFile]:
        """All files, missing ones too."""
        rows = self.run(
            "SELECT id, path, sha256, size, mtime_ns, missing, store FROM file ORDER BY id"
        )
        return [KnownFile(*row) for row in rows]

    def file_at(self, path: str) -> KnownFile | None:
        """The file of a path; None: there is none."""
        rows = self.run(
            "SELECT id, path, sha256, size, mtime_ns, missing, store FROM file "
            f"WHERE path = {self.mark}",
            [path],
        )
        return KnownFile(*rows[0]) if rows else None

    def files_without(self, kind: str, source: str) -> list[KnownFile]:
        """Files, not missing, of which `source` has said no text of this kind."""
        mark = self.mark
        said = (
            "SELECT clip.file FROM clip JOIN text ON text.clip = clip.id "
            f"WHERE text.kind = {mark} AND text.source = {mark}"
        )
        rows = self.run(
            "SELECT id, path, sha256, size, mtime_ns, missing, store FROM file "
            f"WHERE missing = 0 AND id NOT IN ({said}) ORDER BY id",
            [kind, source],
        )
        return [KnownFile(*row) for row in rows]

    def files_without_thumbnails(self) -> list[KnownFile]:
        """Files, not missing, whose first clip has no picture: pictures come for all of a file."""
        return [
            KnownFile(*row)
            for row in self.run(
                "SELECT file.id, path, sha256, size, mtime_ns, missing, store FROM file JOIN clip "
                "ON clip.file = file.id WHERE missing = 0 AND clip.number = 0 AND NOT EXISTS "
                "(SELECT 1 FROM thumbnail WHERE thumbnail.clip = clip.id) ORDER BY file.id"
            )
        ]

    def kept(self, prefix: str) -> dict[str, str]:
        """All values whose keys begin with a prefix."""
        sql = f"SELECT key, value FROM meta WHERE substr(key, 1, {len(prefix)}) = {self.mark}"
        return dict(self.run(sql, [prefix]))

    def clips(self, file: int) -> list[int]:
        """Ids of a file's clips, in their order."""
        sql = f"SELECT id FROM clip WHERE file = {self.mark} ORDER BY number"
        return [row[0] for row in self.run(sql, [file])]

    def places(self, clips: Sequence[int]) -> dict[int, Place]:
        """Where clips are, by id; those of files that are missing are left out."""
        rows: list[tuple[Any, ...]] = []
        for part in _parts(list(clips)):
            rows += self.run(
                'SELECT clip.id, clip.file, clip.number, clip.start, clip."end", file.path, '
                "file.sha256 FROM clip JOIN file ON file.id = clip.file "
                f"WHERE file.missing = 0 AND clip.id IN ({self._marks(part)})",
                part,
            )
        return {row[0]: Place(*row) for row in rows}

    def texts(self, words: Sequence[str], where: Sequence[Condition], k: int) -> list[Text]:
        """Up to k texts that have one or more of the words, the best first."""
        # In quotation marks a word is a word: FTS5 has operators and columns without.
        match = " OR ".join(f'"{word.replace(chr(34), "")}"' for word in words)
        condition, values = sql_of(where, self.mark)
        rows = self.run(
            "SELECT text.clip, text.kind, text.text FROM words JOIN text ON text.id = words.rowid "
            "JOIN clip ON clip.id = text.clip JOIN file ON file.id = clip.file "
            f"WHERE words MATCH ? AND file.missing = 0 AND {condition} ORDER BY words.rank LIMIT ?",
            [match, *values, k],
        )
        return [Text(*row) for row in rows]

    def texts_of(self, clip: int) -> list[TextFacts]:
        """All texts of a clip."""
        sql = f"SELECT kind, text, source, score FROM text WHERE clip = {self.mark} ORDER BY id"
        return [TextFacts(*row) for row in self.run(sql, [clip])]

    def thumbnail(self, clip: int) -> bytes | None:
        """A clip's picture, JPEG; None: it has none."""
        rows = self.run(f"SELECT jpeg FROM thumbnail WHERE clip = {self.mark}", [clip])
        return bytes(rows[0][0]) if rows else None

    # Changes

    def keep(self, key: str, value: str) -> None:
        """Keep a value under a key."""
        self.run(
            f"INSERT INTO meta VALUES ({self.mark}, {self.mark}) "
            "ON CONFLICT (key) DO UPDATE SET value = excluded.value",
            [key, value],
        )

    def forget(self, key: str) -> None:
        """Keep no value under a key any more."""
        self.run(f"DELETE FROM meta WHERE key = {self.mark}", [key])

    def add_file(self, file: FileFacts, clips: Sequence[ClipFacts]) -> list[int]:
        """Store a file that is not there yet, with its clips -> the clips' ids, in their order.

        The caller stores their vectors in the same transaction.
        """
        row = {**vars(file), "name": PurePath(file.path).name, "added": time.time()}
        with self.transaction():
            number = self._insert("file", row)
            ids = [
                self._insert("clip", {"file": number, "number": n, "start": c.start, "end": c.end})
                for n, c in enumerate(clips)
            ]
            for one, clip in zip(ids, clips, strict=True):
                self.add_texts(one, clip.texts)
                if clip.jpeg is not None:
                    self.add_thumbnail(one, clip.jpeg)
        return ids

    def add_thumbnail(self, clip: int, jpeg: bytes) -> None:
        """Store the picture of a clip that has none."""
        self._insert("thumbnail", {"clip": clip, "jpeg": jpeg}, key="clip")

    def add_texts(self, clip: int, texts: Sequence[TextFacts]) -> None:
        """Store texts of a clip beside those that it has."""
        for text in texts:
            self._insert("text", {"clip": clip, **vars(text)}, key="clip")

    def remove_file(self, file: int) -> None:
        """Forget a file and all that hangs on it; its vectors are the engine's to delete before."""
        self.run(f"DELETE FROM file WHERE id = {self.mark}", [file])

    def remove_texts(self, kinds: Sequence[str], clips: Sequence[int]) -> None:
        """Forget texts of these kinds of some clips."""
        for part in _parts(list(clips)):
            self.run(
                f"DELETE FROM text WHERE kind IN ({self._marks(kinds)}) "
                f"AND clip IN ({self._marks(part)})",
                [*kinds, *part],
            )

    def change_file(self, file: int, **columns: str | int | float | None) -> None:
        """Write columns of a file anew: where it is, or whether it is there."""
        named = ", ".join(f"{name} = {self.mark}" for name in columns)
        self.run(f"UPDATE file SET {named} WHERE id = {self.mark}", [*columns.values(), file])

    def _insert(self, table: str, row: dict[str, Any], key: str = "id") -> int:
        names = ", ".join(f'"{name}"' for name in row)
        sql = f"INSERT INTO {table} ({names}) VALUES ({self._marks(row)}) RETURNING {key}"
        return self.run(sql, list(row.values()))[0][0]

    def _marks(self, values: Any) -> str:
        return ", ".join([self.mark] * len(values))


def _parts(values: list[int]) -> Iterator[list[int]]:
    for first in range(0, len(values), MOST):
        yield values[first : first + MOST]
