"""A token where others can reach the page: shown as a header, or once in the address."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from options.inference.web import WebOptions
from tests.web.raw import Raw, request
from tests.web.tiny_page import Server, serving
from util.errors import UserError
from web.guard import Guard
from web.serve import address, token_of

TOKEN = "a-token-of-24-characters"


@pytest.fixture(scope="module")
def locked(run: Path, tmp_path_factory) -> Iterator[Server]:
    uploads = tmp_path_factory.mktemp("locked")
    uploads.chmod(0o700)
    with serving(TOKEN, run=(str(run),), uploads=str(uploads)) as server:
        yield server


def test_without_it_nothing_is_told(locked: Server) -> None:
    for target in ("/", "/info", "/openapi.json", "/page.js", "/metrics", "/videos/" + "x" * 22,
                   "/library/search?q=x", "/nothing", "/info?token=" + TOKEN):  # fmt: skip
        assert request(locked, target).error == (401, "token")
    assert request(locked, "/videos", method="POST", body=b"x").error == (401, "token")
    assert request(locked, "/healthz").status == 200


@pytest.mark.parametrize(
    "shown",
    ["Bearer x", "Bearer", f"Basic {TOKEN}", TOKEN, f"Bearer {TOKEN[:-1]}", f"Bearer {TOKEN}x",
     f"Bearer {TOKEN.upper()}"],
)  # fmt: skip
def test_a_wrong_one_is_refused(locked: Server, shown: str) -> None:
    assert request(locked, "/info", Authorization=shown).error == (401, "token")


def test_it_is_shown_as_a_header(locked: Server) -> None:
    assert request(locked, "/info", Authorization=f"Bearer {TOKEN}").status == 200


def entered(locked: Server, target: str) -> Raw:
    """The answer to an address with the token, which is always the same."""
    answer = request(locked, target)
    assert answer.status == 303 and answer.header("location") == "./"
    return answer


def test_an_address_with_it_becomes_a_cookie(locked: Server) -> None:
    cookie = entered(locked, f"/?token={TOKEN}").header("set-cookie")
    assert cookie is not None and TOKEN not in cookie
    parts = {part.strip().lower() for part in cookie.split(";")[1:]}
    assert {"httponly", "samesite=strict", "path=/"} <= parts
    name = cookie.partition(";")[0]
    assert request(locked, "/info", Cookie=f"other=1; {name}").status == 200
    assert request(locked, "/info", Cookie=name + "x").error == (401, "token")
    assert request(locked, "/info", Cookie=f"page={TOKEN}").error == (401, "token")
    assert request(locked, "/info", Cookie="page=; page").error == (401, "token")


@pytest.mark.parametrize("told", [{}, {"X-Forwarded-Proto": "https", "Forwarded": "proto=https"}])
def test_a_cookie_is_kept_to_https_where_the_keeper_says_so(
    run: Path, locked: Server, tmp_path: Path, told: dict[str, str]
) -> None:
    """By --behind_tls alone: a header that a client sends changes nothing, either way."""
    tmp_path.chmod(0o700)
    where: Any = {"names": ("video.example.org",), "uploads": str(tmp_path)}
    with serving(TOKEN, run=(str(run),), behind_tls=True, **where) as behind:
        for server, secure in ((behind, True), (locked, False)):
            headers: Any = told
            cookie = request(server, f"/?token={TOKEN}", **headers).header("set-cookie")
            assert cookie is not None
            assert ("secure" in {part.strip().lower() for part in cookie.split(";")}) == secure
        assert request(behind, "/info", Cookie=cookie.partition(";")[0]).status == 200


@pytest.mark.parametrize(
    "more", ["&next=//evil.example", "&next=https://evil.example/", "&url=javascript:alert(1)"]
)
def test_it_leads_nowhere_else(locked: Server, more: str) -> None:
    """Open redirects (gradio 13593): the address that a client is sent to is fixed."""
    assert b"evil" not in entered(locked, f"/?token={TOKEN}{more}").body


@pytest.mark.parametrize(
    "target",
    ["//evil.example/?token=" + TOKEN, "/\\evil.example?token=" + TOKEN, "/%2f?token=" + TOKEN,
     "http://evil.example/?token=" + TOKEN],
)  # fmt: skip
def test_no_target_is_a_way_out(locked: Server, target: str) -> None:
    answer = request(locked, target)
    assert answer.status in (303, 400, 401, 404, 421)
    assert (answer.header("location") or "./") == "./"


@pytest.mark.parametrize(
    "token", [f"{TOKEN}%0d%0aSet-Cookie:%20x=y", "x%0d%0aX-Own:%201", "%00", "%F0%9F%8D%AA", "%ff"]
)
def test_no_header_is_made_of_an_address(locked: Server, token: str) -> None:
    """Cookie injection (CVE-2026-48545): what a client sends is in no header."""
    answer = request(locked, f"/?token={token}")
    assert answer.error == (401, "token")
    assert answer.header("set-cookie") is None and answer.header("x-own") is None
    named = request(
        locked, "/videos?name=x%0d%0aX-Own:1", method="POST", body=b"x",
        Authorization=f"Bearer {TOKEN}",
    )  # fmt: skip
    assert named.header("x-own") is None and named.status == 202


def test_who_needs_one(monkeypatch) -> None:
    monkeypatch.delenv("PAGE_TOKEN", raising=False)
    assert token_of(WebOptions()) is None
    made = token_of(WebOptions(host="0.0.0.0"))
    assert made is not None and len(made) >= 24
    assert token_of(WebOptions(host="0.0.0.0")) != made
    assert token_of(WebOptions(token=TOKEN)) == TOKEN
    monkeypatch.setenv("PAGE_TOKEN", TOKEN)
    assert token_of(WebOptions()) == token_of(WebOptions(host="::")) == TOKEN
    monkeypatch.setenv("PAGE_TOKEN", "short")
    with pytest.raises(UserError, match="PAGE_TOKEN: is short"):
        token_of(WebOptions())


@pytest.mark.parametrize(
    ("options", "fit", "unfit"),
    [
        ({}, ["127.0.0.1", "localhost:9", "[::1]"], ["example.org", "10.0.0.1", ""]),
        ({"host": "10.0.0.5"}, ["10.0.0.5:8000"], ["example.org", "10.0.0.6", "localhost"]),
        ({"host": "0.0.0.0"}, ["10.0.0.5", "localhost", "[fe80::1]:80"], ["example.org"]),
        ({"names": ("video.example.org",)}, ["video.example.org", "Video.Example.ORG:443"],
         ["example.org", "x.video.example.org"]),
    ],
)  # fmt: skip
def test_whose_name_it_answers_to(options: dict, fit: list[str], unfit: list[str]) -> None:
    async def nothing(*_) -> None:
        pass

    guard = Guard(nothing, WebOptions(**options), None)
    assert all(map(guard._is_ours, fit)) and not any(map(guard._is_ours, unfit))


def test_the_printed_address() -> None:
    assert address(WebOptions(), 8000) == "http://127.0.0.1:8000"
    assert address(WebOptions(host="::1"), 80) == "http://[::1]:80"
    assert address(WebOptions(names=("x.org",)), 80) == "http://x.org:80"
    assert address(WebOptions(names=("x.org",), behind_tls=True), 80) == "https://x.org"
