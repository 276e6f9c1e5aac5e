import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import ROOT
from util.errors import UserError
from util.lock import writer_lock

HOLD = """
import sys, time
from util.lock import writer_lock
with writer_lock(sys.argv[1]):
    print("held", flush=True)
    time.sleep(60)
"""


def test_the_second_writer_is_told_who_the_first_is(tmp_path: Path) -> None:
    store = tmp_path / "s.h5"
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(store)], cwd=ROOT, stdout=subprocess.PIPE, text=True
    ) as first:
        assert first.stdout is not None and first.stdout.readline() == "held\n"
        with (
            pytest.raises(UserError, match=rf"s.h5: process {first.pid} on .*wait for its end"),
            writer_lock(store),
        ):
            pass
        first.kill()
        first.wait()
    assert (tmp_path / "s.h5.lock").exists()  # left behind by the kill: stale
    with writer_lock(store):
        assert json.loads((tmp_path / "s.h5.lock").read_text())["pid"] == os.getpid()
    assert list(tmp_path.iterdir()) == []


def test_a_lock_of_another_machine_is_believed(tmp_path: Path) -> None:
    (tmp_path / "s.h5.lock").write_text('{"host": "elsewhere", "pid": 7}')
    with (
        pytest.raises(UserError, match=r"process 7 on elsewhere .*delete .*s.h5.lock"),
        writer_lock(tmp_path / "s.h5"),
    ):
        pass
    assert (tmp_path / "s.h5.lock").exists()


def test_a_damaged_lock_is_taken_over(tmp_path: Path) -> None:
    (tmp_path / "s.h5.lock").write_text('{"ho')
    with writer_lock(tmp_path / "s.h5"):
        pass
    assert list(tmp_path.iterdir()) == []


def test_it_is_let_go_after_a_failure(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError), writer_lock(tmp_path / "s.h5"):
        raise ZeroDivisionError
    with writer_lock(tmp_path / "s.h5"):
        pass
