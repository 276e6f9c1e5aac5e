"""A password in the URL of a database is shown nowhere."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import ROOT
from util.errors import UserError, exit_codes
from util.text import without_password

URLS = [
    "postgresql://ann:geheim@host/db",
    "postgres://ann:geheim@host:5432/db?sslmode=require",
    "postgresql://ann:ge/he@im geheim@host/db",  # not percent-encoded: hidden all the same
    "postgresql://:geheim@host/db",
    "POSTGRESQL://ann:geheim@[::1]/db",
    "postgresql://host/db?user=ann&password=geheim&sslmode=require",
    "postgresql:///db?host=/tmp&password=geheim",
]


@pytest.mark.parametrize("url", URLS)
def test_the_password_goes_and_the_rest_stays(url: str) -> None:
    line = f"{url} is closed; write postgresql://ann@host:5432/db, ann@example.org"
    shown = without_password(line)
    assert "geheim" not in shown and "***" in shown
    assert shown.endswith(" is closed; write postgresql://ann@host:5432/db, ann@example.org")
    assert without_password(shown) == shown
    assert "db" in shown.partition(" is closed")[0]


@pytest.mark.parametrize(
    "text", ["postgresql://ann@host:5432/db", "http://a:b@c", "a:b@c", "holiday/a:b@c.mp4", ""]
)
def test_what_holds_no_password_stays_as_it_is(text: str) -> None:
    assert without_password(text) == text


def test_the_line_of_an_error_is_without_it(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit), exit_codes():
        raise UserError(f"--libary={URLS[0]} is no option")
    assert capsys.readouterr().err == "error: --libary=postgresql://ann:***@host/db is no option\n"


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="needs Linux's /proc")
@pytest.mark.parametrize("url", URLS)
def test_ps_shows_none_of_it(url: str) -> None:
    code = (
        "from library.postgres.arguments import hide_passwords_in_ps as h; import sys; "
        "h(); print('ready', sys.argv[2] == sys.argv[3], flush=True); input()"
    )
    words = [sys.executable, "-c", code, "--library", url, url]
    with subprocess.Popen(
        words, cwd=ROOT, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdout is not None and process.stdin is not None
        assert process.stdout.readline() == "ready True\n"  # the program itself still has it
        shown = Path(f"/proc/{process.pid}/cmdline").read_bytes()
        process.stdin.write("\n")
    assert b"geheim" not in shown and b"xxxxxx" in shown and shown.count(b"db") >= 2
