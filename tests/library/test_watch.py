"""A folder that is watched: files come, half copied ones are waited for, a signal ends it."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from library.gather.scan import Listed, Seen
from library.watch import Settled
from tests.conftest import ROOT
from tests.library.folder import video
from tests.library.test_index import Shelf
from util.errors import UserError

NOW = 1_000_000.0


def seen(size: int, changed: float, path: str = "a.mp4") -> Listed:
    return Listed(files=[Seen(path, size, int(changed * 1e9))])


def test_a_file_that_grows_is_waited_for() -> None:
    settled = Settled(10.0)
    for size in (100, 200, 300):
        found = settled.settled(seen(size, NOW - 1), NOW)
        assert found.files == [] and found.waiting == ["a.mp4"]
    assert settled.settled(seen(300, NOW - 1), NOW) == seen(300, NOW - 1)
    # It is written again, without a change of size.
    assert settled.settled(seen(300, NOW), NOW).waiting == ["a.mp4"]


def test_an_old_file_is_taken_at_once_and_an_empty_one_is_not() -> None:
    assert Settled(10.0).settled(seen(100, NOW - 11), NOW).waiting == []
    assert Settled(10.0).settled(seen(0, NOW - 11), NOW).waiting == ["a.mp4"]
    assert Settled(10.0).settled(seen(100, NOW + 99), NOW).waiting == []  # another clock's file


def test_a_known_file_that_is_written_anew_is_not_gone(tmp_path: Path) -> None:
    shelf = Shelf(tmp_path)
    path = video(shelf.folder, "a.mp4", 1)
    shelf.index()
    from library.gather.scan import find_changes

    files = shelf.catalogue.files()
    waiting = Listed(waiting=[str(path)])
    found = find_changes(waiting, files, shelf.folder, failed={}, stored=lambda file: True)
    assert found.gone == []


def until(true: Callable[[], bool], seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end
        time.sleep(0.05)


@pytest.mark.parametrize(
    "number", [signal.SIGTERM, pytest.param(signal.SIGINT, marks=pytest.mark.long)]
)
def test_it_keeps_up_and_ends_by_a_signal(tmp_path: Path, number: signal.Signals) -> None:
    shelf = Shelf(tmp_path)
    video(shelf.folder, "a0.mp4", 0)
    words = [sys.executable, "-m", "tests.library.index_process", shelf.folder, shelf.path, "0.3"]
    with subprocess.Popen(
        words, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline().startswith("watching ")
        until(lambda: list(shelf.names()) == ["a0.mp4"])
        with pytest.raises(UserError, match=f"process {process.pid} on .* is writing it; wait"):
            shelf.index()  # two at once
        whole = video(tmp_path, "a1.mp4", 1).read_bytes()
        with (shelf.folder / "a1.mp4").open("wb") as growing:
            for first in range(0, len(whole), len(whole) // 4):
                growing.write(whole[first : first + len(whole) // 4])
                growing.flush()
                os.fsync(growing.fileno())
                time.sleep(0.2)
                assert process.poll() is None and "a1.mp4" not in shelf.names()
        until(lambda: sorted(shelf.names()) == ["a0.mp4", "a1.mp4"])
        (shelf.folder / "a0.mp4").unlink()
        until(lambda: list(shelf.names()) == ["a1.mp4"])
        process.send_signal(number)
        said = process.stdout.read()
        assert process.wait(60) == 0, said
    assert "set aside" not in said and "Traceback" not in said
    assert said.splitlines()[-1].startswith("stopped; what was indexed is there")
    shelf.check()
    assert not Path(f"{shelf.path}.lock").exists() and shelf.index() == 0
