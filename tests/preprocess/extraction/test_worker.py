"""Processes of their own: what one job does to its process costs that job alone."""

import os
import signal
import subprocess
import sys
import time
import types
from pathlib import Path

import numpy as np
import pytest

from preprocess.extraction.worker import SHORTAGE, Failure, run_in_workers
from preprocess.video.error import VideoError
from tests.conftest import ROOT
from util.errors import UserError

# Jobs are (function's name, argument), so that one module-level function serves all tests.


def _sleep_and_return(seconds: float) -> float:
    time.sleep(seconds)
    return seconds


def _ignore_sigterm(path: str) -> None:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    Path(path).write_text(str(os.getpid()))
    while True:
        time.sleep(100)


def _spin_in_c(path: str) -> None:
    """Hold the interpreter's lock in C code: no thread nor signal handler of Python's gets in."""
    Path(path).write_text(str(os.getpid()))
    pow(3, 10**8)


def _child_that_stays(path: str) -> None:
    child = subprocess.Popen(["sleep", "1000"])
    Path(path).write_text(str(child.pid))
    child.wait()


def _die(number: int) -> None:
    os.kill(os.getpid(), number)


def _leave(code: int) -> None:
    os._exit(code)


def _video_error(reason: str) -> None:
    raise VideoError("some.mp4", reason)


def _user_error(words: str) -> None:
    raise UserError(words)


class _CannotBeReceived(Exception):
    def __init__(self, one: int, two: int) -> None:
        super().__init__(f"{one} and {two}")


def _odd_error(_: object) -> None:
    raise _CannotBeReceived(1, 2)


def _no_pickle(_: object) -> object:
    return lambda: 0


def _memory(_: object) -> None:
    raise MemoryError


def _torch_threads(_: object) -> tuple[int, int]:
    import torch

    return os.getpid(), torch.get_num_threads()


def _array(size: int) -> np.ndarray:
    return np.arange(size)


def work(job: tuple[str, object]) -> object:
    return globals()[job[0]](job[1])


def run(
    *jobs: tuple[str, object], workers: int = 2, time_limit: float = 60, ahead: int = 4
) -> list:
    results = run_in_workers(work, jobs, workers=workers, time_limit=time_limit, ahead=ahead)
    return [(job[1], result) for job, result in results]


def _gone(pid: int, seconds: float = 5) -> bool:
    """Whether a process ends in time (a zombie has ended)."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        try:
            if Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] == "Z":
                return True
        except OSError:
            return True
        time.sleep(0.02)
    return False


def test_results_come_in_order_of_completion() -> None:
    assert run(("_sleep_and_return", 2), ("_sleep_and_return", 0)) == [(0, 0), (2, 2)]


def test_in_this_process_without_workers() -> None:
    jobs = [("_sleep_and_return", 0.1), ("_sleep_and_return", 0), ("_video_error", "cut")]
    assert run(*jobs, workers=0) == [(0.1, 0.1), (0, 0), ("cut", Failure("cut"))]
    pid, _ = run(("_torch_threads", None), workers=0)[0][1]
    assert pid == os.getpid()
    with pytest.raises(UserError, match="no such"):
        run(("_user_error", "no such"), workers=0)


def test_no_more_jobs_than_asked_are_ahead() -> None:
    drawn = []

    def jobs():
        for number in range(12):
            drawn.append(number)
            yield "_sleep_and_return", number / 1000

    taken = 0
    for _ in run_in_workers(work, jobs(), workers=2, time_limit=60, ahead=3):
        taken += 1
        time.sleep(0.02)  # a slow consumer: what is done waits for it
        assert len(drawn) <= taken + 3
    assert taken == len(drawn) == 12


def test_what_hangs_is_killed_and_the_others_go_on(tmp_path) -> None:
    files = [str(tmp_path / name) for name in ("deaf", "spinning", "parent")]
    names = ("_ignore_sigterm", "_spin_in_c", "_child_that_stays")
    begin = time.monotonic()
    outcomes = dict(run(*zip(names, files, strict=True), ("_array", 5), time_limit=2))
    assert time.monotonic() - begin < 30
    for file in files:
        assert outcomes[file] == Failure("not decoded after 2 s")
        assert _gone(int(Path(file).read_text())), "killed, with what it had started"
    assert outcomes[5].tolist() == [0, 1, 2, 3, 4]


def test_what_crashes_costs_itself() -> None:
    """Many crashes right after a job is taken, among large results."""
    jobs = [("_die", signal.SIGSEGV) if i % 3 else ("_array", 200_000 + i) for i in range(18)]
    outcomes = run(*jobs, workers=3)
    crashed = Failure("the decoder crashed (signal 11)")
    assert sum(isinstance(r, Failure) and r == crashed for _, r in outcomes) == 12
    sizes = [(size, len(r)) for size, r in outcomes if not isinstance(r, Failure)]
    assert sorted(sizes) == [(200_000 + i, 200_000 + i) for i in range(0, 18, 3)]


def test_how_a_process_ended_is_said() -> None:
    outcomes = dict(run(("_die", signal.SIGKILL), ("_leave", 3), ("_memory", 0)))
    assert outcomes[signal.SIGKILL].reason == "the decoder crashed (signal 9, out of memory?)"
    assert outcomes[3].reason == "the decoder crashed (exit code 3)"
    assert outcomes[0] == Failure(f"{SHORTAGE}; the same command tries again", True)


def test_a_bad_video_is_a_failure_and_other_errors_are_raised() -> None:
    outcomes = run(("_video_error", "cut off"), ("_array", 3))
    assert ("cut off", Failure("cut off")) in outcomes
    for name, kind, words in (
        ("_user_error", UserError, "give another --output"),
        ("_odd_error", RuntimeError, "1 and 2"),
        ("_no_pickle", Exception, "pickle"),
    ):
        with pytest.raises(kind, match=words):
            run((name, "give another --output"), ("_sleep_and_return", 0.1))


def test_closing_kills_the_workers(tmp_path) -> None:
    file = tmp_path / "pid"
    jobs = [("_array", 1), ("_ignore_sigterm", str(file)), ("_array", 2)]
    results = run_in_workers(work, jobs, workers=2, time_limit=60, ahead=4)
    next(results)
    while not file.exists() or not file.read_text():
        time.sleep(0.01)
    begin = time.monotonic()
    results.close()
    assert time.monotonic() - begin < 5
    assert _gone(int(file.read_text()))


def test_workers_use_one_thread_and_end_with_their_parent(tmp_path) -> None:
    file = tmp_path / "pid"
    code = (
        "from tests.preprocess.extraction.test_worker import run\n"
        "print(run(('_torch_threads', None))[0][1][1], flush=True)\n"
        f"run(('_child_that_stays', {str(file)!r}), workers=1)"
    )
    environment = {**os.environ, "OMP_NUM_THREADS": "3"}
    parent = subprocess.Popen(
        [sys.executable, "-c", code], cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True
    )
    assert parent.stdout is not None and parent.stdout.readline() == "1\n"
    while not file.exists() or not file.read_text():
        assert parent.poll() is None
        time.sleep(0.02)
    parent.kill()
    parent.communicate()
    assert _gone(int(file.read_text()))


def test_a_worker_that_cannot_start_is_our_bug(monkeypatch, capfd, tmp_path) -> None:
    """Every video would otherwise fail."""
    only_here = types.ModuleType("only_here")
    exec("def work(job): return job", only_here.__dict__)
    monkeypatch.setitem(sys.modules, "only_here", only_here)
    with pytest.raises(RuntimeError, match="cannot import its work") as error:
        list(run_in_workers(only_here.work, [1], workers=1, time_limit=60, ahead=1))
    assert isinstance(error.value.__cause__, ModuleNotFoundError)
    assert "In a worker process" in error.value.__cause__.__notes__[0]
    monkeypatch.setattr(sys, "path", ["/nowhere"])
    monkeypatch.chdir(tmp_path)  # where a worker finds none of our code
    with pytest.raises(RuntimeError, match="did not start"):
        run(("_array", 3))
    assert "No module named 'preprocess'" in capfd.readouterr().err
