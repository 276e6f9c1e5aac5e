"""Connections: one line with the cure for what is missing, and passwords in none of them."""

import subprocess
import sys
import traceback
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from library.postgres import connection as module
from library.postgres.connection import connect, is_postgres
from tests.conftest import ROOT
from tests.library.postgres_server import MISSING
from util.errors import UserError

SECRET = "ge/h@im 7%"  # what must be percent-encoded in a URL


@pytest.fixture
def guarded(postgres_server: Any, postgres_url: str) -> str:
    """The URL of a database of a user who has a password, with {} for it."""
    import psycopg

    server = postgres_server
    rules = Path(server.pgdata) / "pg_hba.conf"
    line = 'local all "/^guarded" scram-sha-256\n'
    if line not in rules.read_text():
        rules.write_text(line + rules.read_text())
    name = postgres_url.partition("?")[0].rpartition("/")[2]
    with psycopg.connect(postgres_url, autocommit=True) as own:
        own.execute("CREATE EXTENSION vector")  # only a superuser may
        own.execute(f"CREATE ROLE guarded_{name} LOGIN PASSWORD '{SECRET}'".encode())
        own.execute(f"ALTER DATABASE {name} OWNER TO guarded_{name}".encode())
        own.execute("SELECT pg_reload_conf()")
    return postgres_url.replace("postgres:@", f"guarded_{name}:{{}}@")


def test_urls_are_told_from_files() -> None:
    assert is_postgres("postgresql://host/db") and is_postgres("postgres://a@h")
    assert not is_postgres("data/library.db") and not is_postgres("postgresql.db")


def test_a_password_opens_and_is_told_nowhere(
    guarded: str, postgres_server: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = guarded.format(quote(SECRET, safe=""))
    opened = connect(url)
    row = opened.execute("SELECT current_user, query FROM pg_stat_activity").fetchall()
    assert ("guarded" in row[0][0]) and SECRET not in str(row) and SECRET not in repr(opened)
    opened.close()
    monkeypatch.setenv("PGPASSWORD", SECRET)
    connect(guarded.replace(":{}", "")).close()
    monkeypatch.delenv("PGPASSWORD")
    for password in ("", "Falsch+-7", quote("Fal sch/@7%", safe="")):
        with pytest.raises(UserError) as told:
            connect(guarded.format(password))
        shown = "".join(traceback.format_exception(told.value))
        assert "Fal" not in shown and "sch" not in shown.lower().replace("schema", "")
        assert "check that the server runs and the URL is right" in str(told.value)
        assert "guarded" in str(told.value) and "password" in str(told.value)
    assert SECRET not in Path(postgres_server.log).read_text(errors="replace")


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://ann:ge/heim@host/db",  # libpq: invalid integer value "ge" for "port"
        "postgresql://ann:geheim%@host/db",  # invalid percent-encoded token
        "postgresql://ann:ge heim@host:x/db",
        "postgresql://ann:geheim@[host/db",
        "postgresql://host/db?password=geheim&nonsense=1",
        "postgresql://ann:geheim@nowhere.invalid/db",
        "postgresql://ann:geheim@127.0.0.1:9/db",
        "postgresql://ann:12/34heim@host/db",  # libpq: port 12 of host ann, database 34heim@host
        "postgresql://ann:ge@heim@127.0.0.1:9/db",
    ],
)
def test_no_part_of_a_password_is_in_the_line_about_a_url(url: str) -> None:
    pytest.importorskip("psycopg", reason=MISSING)
    with pytest.raises(UserError) as told:
        connect(url)
    shown = "".join(traceback.format_exception(told.value))
    assert "heim" not in shown and "\n" not in str(told.value)
    assert str(told.value).startswith("--library postgresql://")
    assert "write postgresql://USER@HOST" in shown or "check that the server runs" in shown


def test_missing_packages_are_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "psycopg", None)
    cure = r"\*\*\*@h/d: needs psycopg and pgvector; pip install .* -r requirements-postgres.txt"
    with pytest.raises(UserError, match=cure):
        connect("postgresql://ann:geheim@h/d")


def test_an_extension_that_is_missing_or_old_is_one_line(
    postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as changed:
        changed.setattr(module, "LEAST_EXTENSION", (99, 0, 0))
        with pytest.raises(UserError, match=r"has pgvector 0\.8.*install 99\.0\.0 or newer, then"):
            connect(postgres_url)
    monkeypatch.setattr(module, "EXTENSION", "none_such")
    with pytest.raises(UserError, match="lacks the extension vector; install pgvector 0"):
        connect(postgres_url)


def test_a_user_who_may_not_make_the_extension_is_told(guarded: str, postgres_url: str) -> None:
    import psycopg

    with psycopg.connect(postgres_url, autocommit=True) as own:
        own.execute("DROP EXTENSION vector")
        name = postgres_url.partition("?")[0].rpartition("/")[2]
        own.execute(f"ALTER DATABASE {name} OWNER TO postgres".encode())
    with pytest.raises(UserError, match=r"permission denied.*; GRANT the user that right"):
        connect(guarded.format(quote(SECRET, safe="")))


def test_the_command_shows_no_password() -> None:
    words = [sys.executable, "-m", "library", "export", "--libary=postgresql://ann:geheim@host/db"]
    done = subprocess.run(words, cwd=ROOT, text=True, capture_output=True, check=False)
    assert done.returncode == 2 and "geheim" not in done.stderr + done.stdout
