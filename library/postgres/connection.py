"""Connections to PostgreSQL with pgvector:  --library postgresql://user@host:5432/database

All of a library lies in one schema of the database, `video_library`.  What psycopg says of a URL is
never repeated: libpq quotes parts of it, which may be parts of the password.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

from util.errors import UserError
from util.text import clipped, without_password

if TYPE_CHECKING:
    import psycopg

SCHEMA: Final = "video_library"
EXTENSION = "vector"
LEAST_SERVER = 160000  # oldest that is tested to have what pgvector 0.8.4 and the schema need
LEAST_EXTENSION = (0, 8, 4)  # before it, vacuum could damage HNSW indexes
PATIENCE = 10  # s, to connect
INSTALL = "pip install -r requirements.txt -r requirements-postgres.txt"
WRITE = "write postgresql://USER@HOST:5432/DATABASE, special characters as %XX"


def is_postgres(library: str) -> bool:
    """Whether `--library` names a database and no file."""
    return library.lower().startswith(("postgresql://", "postgres://"))


def connect(library: str) -> "psycopg.Connection[Any]":
    """Open a connection that commits each statement, unless in `connection.transaction()`.

    The extension is made where the database has it not yet.  Raises UserError, without any
    password, where a package, the server, the database or the extension is missing or too old.
    """
    shown = without_password(library)
    try:
        import psycopg
        import psycopg.conninfo
        from pgvector.psycopg import register_vector
    except ImportError as error:
        raise UserError(f"--library {shown}: needs psycopg and pgvector; {INSTALL}") from error
    try:
        given = psycopg.conninfo.make_conninfo(library, connect_timeout=PATIENCE)
        # libpq ends a password at the first @ or /, and would name the rest of it as the host.
        authority, _, rest = library.partition("://")[2].partition("/")
        if authority.count("@") > 1 or "@" in rest.partition("?")[0]:
            raise psycopg.ProgrammingError
    except psycopg.Error:
        raise UserError(f"--library {shown}: is no URL of a database; {WRITE}") from None
    with told(library):
        connection = psycopg.connect(given, autocommit=True)
        try:
            _prepare(connection, shown)
            register_vector(connection)
            connection.execute(f"SET search_path TO {SCHEMA}, public")
            # Compiling a query takes longer than any of these takes to run.
            connection.execute("SET jit TO off")
        except BaseException:
            connection.close()
            raise
    return connection


@contextmanager
def one_writer(library: str) -> Iterator[None]:
    """Be the only one that indexes in a database; the server gives the right on when we end.

    Raises UserError where another does.
    """
    with told(library):
        connection = connect(library)
    try:
        with told(library):
            row = connection.execute(
                "SELECT pg_try_advisory_lock(hashtext('video library index'))"
            ).fetchone()
        if row is None or not row[0]:
            raise UserError(
                f"--library {without_password(library)}: another process is writing it; wait for "
                "its end, or name another place"
            )
        yield
    finally:
        connection.close()


@contextmanager
def told(library: str) -> Iterator[None]:
    """Turn what a server refuses, or its end, into one line without a password."""
    import psycopg

    shown = without_password(library)
    try:
        yield
    except psycopg.errors.InsufficientPrivilege as error:
        cure = "GRANT the user that right, or take another user"
        raise UserError(f"--library {shown}: {_words(error, library)}; {cure}") from None
    except psycopg.errors.DiskFull as error:
        cure = "make room on the server's disk and start again"
        raise UserError(f"--library {shown}: {_words(error, library)}; {cure}") from None
    except (psycopg.errors.DeadlockDetected, psycopg.errors.LockNotAvailable):
        raise UserError(f"--library {shown}: others are writing the same; start again") from None
    except (psycopg.OperationalError, psycopg.InterfaceError) as error:
        cure = "check that the server runs and the URL is right, and start again: what was stored "
        raise UserError(f"--library {shown}: {_words(error, library)}; {cure}stays") from None


def _words(error: Exception, library: str) -> str:
    """The first line of what the server says, without anything of the URL's password."""
    first = (str(error).strip() or "the connection ended").splitlines()[0]
    for secret in _secrets(library):
        first = first.replace(secret, "***")
    return clipped(without_password(first), 300)


def _secrets(library: str) -> list[str]:
    """Passwords of a URL, as it was typed and decoded."""
    import psycopg.conninfo

    try:
        found = psycopg.conninfo.conninfo_to_dict(library)
    except psycopg.Error:
        found = {}
    typed = re.findall(r"://[^:@/?]*:(.*)@|password=([^&]*)", library)
    known = [*(str(found.get(k) or "") for k in ("password", "sslpassword")), *sum(typed, ())]
    return [secret for secret in known if secret]


def _prepare(connection: "psycopg.Connection[Any]", shown: str) -> None:
    """Check the server, and make extension and schema where they are not there yet."""
    if connection.info.server_version < LEAST_SERVER:
        found, least = connection.info.server_version // 10000, LEAST_SERVER // 10000
        raise UserError(f"--library {shown}: is PostgreSQL {found}; take {least} or newer")
    version = _extension(connection)
    if version is None:
        offered = connection.execute(
            "SELECT default_version FROM pg_available_extensions WHERE name = %s", [EXTENSION]
        ).fetchone()
        if offered is None:
            raise UserError(
                f"--library {shown}: the server lacks the extension vector; install pgvector "
                f"{_dotted(LEAST_EXTENSION)} or newer on it (apt.postgresql.org has it)"
            )
        # Two at once: whoever is second would fail, IF NOT EXISTS or not.
        with connection.transaction():
            connection.execute("SELECT pg_advisory_xact_lock(hashtext('video library'))")
            connection.execute("CREATE EXTENSION IF NOT EXISTS vector")
        version = _extension(connection)
    numbers = tuple(int(n) for n in re.findall(r"\d+", version or "")[:3])
    if numbers < LEAST_EXTENSION:
        raise UserError(
            f"--library {shown}: the database has pgvector {version}, whose vacuum could damage "
            f"indexes; install {_dotted(LEAST_EXTENSION)} or newer, then ALTER EXTENSION vector "
            "UPDATE"
        )


def _extension(connection: "psycopg.Connection[Any]") -> str | None:
    found = connection.execute(
        "SELECT extversion FROM pg_extension WHERE extname = %s", [EXTENSION]
    ).fetchone()
    return found[0] if found else None


def _dotted(version: tuple[int, ...]) -> str:
    return ".".join(map(str, version))
