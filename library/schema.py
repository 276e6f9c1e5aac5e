"""The tables of a library in SQLite: the truth that everything else can be rebuilt from."""

import sqlite3
from pathlib import Path

from util.errors import UserError

VERSION = "1"
APPLICATION = 0x564C4942  # "VLIB": tells a library from other programs' SQLite files
BUSY = 30.0  # s that a statement waits for another process's transaction
TABLES = """
CREATE TABLE meta (
    key TEXT PRIMARY KEY,
    value TEXT NOT NULL
) WITHOUT ROWID;
CREATE TABLE file (
    id INTEGER PRIMARY KEY AUTOINCREMENT,  -- never given twice: hits name them
    path TEXT NOT NULL UNIQUE,
    name TEXT NOT NULL,
    sha256 TEXT NOT NULL,
    size INTEGER NOT NULL,  -- bytes
    mtime_ns INTEGER NOT NULL,
    duration REAL,  -- s; NULL: not known, as of the next three
    rate REAL,  -- frames a second
    width INTEGER,
    height INTEGER,
    added REAL NOT NULL,  -- s since 1970
    missing INTEGER NOT NULL DEFAULT 0,  -- 1: the file was gone when last looked for
    store TEXT NOT NULL DEFAULT ''  -- which of the library's feature stores has it
);
CREATE INDEX file_sha256 ON file (sha256);
CREATE TABLE clip (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    file INTEGER NOT NULL REFERENCES file ON DELETE CASCADE,
    number INTEGER NOT NULL,  -- which clip of the file, from 0
    start REAL NOT NULL,  -- s after the file's first frame
    "end" REAL NOT NULL,
    row INTEGER UNIQUE,  -- of the file of vectors; NULL: it has none
    UNIQUE (file, number)
);
CREATE TABLE text (
    id INTEGER PRIMARY KEY,
    clip INTEGER NOT NULL REFERENCES clip ON DELETE CASCADE,
    kind TEXT NOT NULL,  -- caption, answer, action, name or tag
    source TEXT NOT NULL,  -- the run that said it; '': the file itself
    text TEXT NOT NULL,
    score REAL
);
CREATE INDEX text_clip ON text (clip, kind);
CREATE VIRTUAL TABLE words USING fts5(
    text, content='text', content_rowid='id', tokenize='porter unicode61 remove_diacritics 2'
);
CREATE TRIGGER text_added AFTER INSERT ON text BEGIN
    INSERT INTO words (rowid, text) VALUES (new.id, new.text);
END;
CREATE TRIGGER text_gone AFTER DELETE ON text BEGIN
    INSERT INTO words (words, rowid, text) VALUES ('delete', old.id, old.text);
END;
CREATE TABLE thumbnail (
    clip INTEGER PRIMARY KEY REFERENCES clip ON DELETE CASCADE,
    jpeg BLOB NOT NULL
);
"""


def open_database(path: Path, *, make: bool) -> sqlite3.Connection:
    """Open a library's SQLite file; with `make`, one that is not there is made.

    Raises UserError for a file that is no library, is damaged, or of another version.
    """
    try:
        if make:
            path.parent.mkdir(parents=True, exist_ok=True)
        elif not path.is_file():
            raise UserError(
                f"--library {path}: no such file; python -m library index FOLDER makes one"
            )
        connection = sqlite3.connect(path, timeout=BUSY, isolation_level=None)
    except (sqlite3.Error, OSError) as error:
        raise UserError(f"--library {path}: cannot be opened ({error})") from error
    try:
        _prepare(connection, path, make)
    except sqlite3.Error as error:
        connection.close()
        raise UserError(
            f"--library {path}: no library, or a damaged one ({error}); name another file, or "
            "delete it and index again: what is in its feature stores is not computed anew"
        ) from error
    except UserError:
        connection.close()
        raise
    return connection


def _prepare(connection: sqlite3.Connection, path: Path, make: bool) -> None:
    """Make the tables where there are none.  Raises sqlite3.Error, UserError."""
    connection.execute("PRAGMA foreign_keys = ON")
    application = connection.execute("PRAGMA application_id").fetchone()[0]
    if application != APPLICATION:
        if connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0] or not make:
            raise UserError(f"--library {path}: is no library; name another file")
        connection.execute("PRAGMA journal_mode = WAL")  # searches go on while it is written
        script = f"{TABLES} PRAGMA application_id = {APPLICATION};"
        # Whole or not at all; of two processes the second finds the tables of the first.
        connection.execute("BEGIN IMMEDIATE")
        if not connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]:
            for statement in _statements(script):
                connection.execute(statement)
            connection.execute("INSERT INTO meta VALUES ('version', ?)", [VERSION])
        connection.execute("COMMIT")
    # FULL: what a search was told of is there after a power cut, too.
    connection.execute("PRAGMA synchronous = FULL")
    version = connection.execute("SELECT value FROM meta WHERE key = 'version'").fetchone()
    if version is None or version[0] != VERSION:
        has = version[0] if version else "none"
        raise UserError(
            f"--library {path}: is of version {has}, not {VERSION}; take the version of this "
            "program that made it, or name another file"
        )


def _statements(script: str) -> list[str]:
    """Single statements: `executescript` would end the transaction."""
    found, now = [], ""
    for line in script.splitlines(keepends=True):
        now += line
        if sqlite3.complete_statement(now):
            found.append(now)
            now = ""
    return found
