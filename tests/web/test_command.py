"""`python -m web`: what its options reach, what it refuses, and what it leaves behind: nothing."""

import contextlib
import os
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2 as httpx
import pytest

from options.inference.web import WebOptions
from tests.commands import Command
from tests.conftest import ROOT
from tests.web.tiny_page import error_of
from util.errors import UserError
from web import __main__ as command
from web import models, moments, page
from web.serve import listen
from web.video import decoders


@contextlib.contextmanager
def started(run: Path, *flags: str) -> Iterator[tuple[Command, httpx.Client]]:
    """The command in a process of its own, and a client, once it answers."""
    given = ["--run", str(run), "--port", "0", "--device", "cpu", *flags]
    process = Command("web/__main__.py", given)
    try:
        end = time.monotonic() + 60
        said = ""
        while "\n" not in said:
            assert time.monotonic() < end and process.poll() is None, process.stderr
            time.sleep(0.02)
            with contextlib.suppress(FileNotFoundError):  # it has not begun
                said = process.stdout
        assert said.startswith("the page: http://127.0.0.1:")
        with httpx.Client(base_url=said.split()[-1], timeout=30) as client:
            assert client.get("/healthz").status_code == 200  # it is printed once it answers
            yield process, client
    finally:
        if process.poll() is None:
            process.kill()


def test_it_leaves_nothing_and_a_killed_one_is_tidied_up(
    run: Path, video: Path, tmp_path: Path
) -> None:
    """SIGKILL, then another start, a file that the system cuts off, and SIGTERM."""
    flags = ("--uploads", str(tmp_path))
    tmp_path.chmod(0o700)
    with started(run, *flags) as (process, client):
        assert client.post("/videos", content=video.read_bytes()).status_code == 202
        process.kill()
    left = {path.name for path in tmp_path.iterdir()}
    assert len(left) == 2  # a folder and its lock
    with started(run, *flags) as (process, client):
        number = process._process.pid
        assert number is not None
        resource.prlimit(number, resource.RLIMIT_FSIZE, (200_000, 200_000))
        now = {path.name for path in tmp_path.iterdir()}
        assert len(now) == 2 and not now & left
        assert client.post("/videos", content=video.read_bytes()).status_code == 202
        big = client.post("/videos", content=b"x" * 300_000)
        assert error_of(big) == (507, "disk_full")
        os.kill(number, signal.SIGTERM)
        assert process.wait(20) in (0, -signal.SIGTERM)
        assert "Traceback" not in process.stderr
    assert list(tmp_path.iterdir()) == []


class Reached(Exception):
    """What a stand-in was called with."""


def reach(monkeypatch: pytest.MonkeyPatch, module: Any, name: str) -> None:
    def stand_in(*given: Any, **named: Any) -> None:
        raise Reached(given, named)

    monkeypatch.setattr(module, name, stand_in)


def test_runs_and_device_reach_the_models(monkeypatch, run: Path) -> None:
    reach(monkeypatch, models, "Predictor")
    with pytest.raises(Reached) as reached:
        page.open_page(WebOptions(run=(str(run),), device="cuda:7"))
    assert reached.value.args == ((run,), {"device": "cuda:7"})


def test_the_runtime_reaches_the_backbones(monkeypatch, run: Path) -> None:
    reach(monkeypatch, models.FeatureExtraction, "run_by")
    with pytest.raises(Reached) as reached:
        page.open_page(WebOptions(run=(str(run),), runtime="openvino"))
    assert reached.value.args[0][1] == "openvino"
    models.open_models([str(run)], "cpu").close()  # torch: as they are


def test_without_runs_those_of_the_project_are_served(monkeypatch) -> None:
    reach(monkeypatch, models, "Predictor")
    with pytest.raises(Reached) as reached:
        page.open_page(WebOptions())
    assert "msvd_small" in str(reached.value.args[0][0])


def test_library_and_embedder_reach_the_library(monkeypatch, run: Path) -> None:
    reach(monkeypatch, moments, "open_search")
    options = WebOptions(run=(str(run),), library="l.db", embedder="e", device="cpu")
    with pytest.raises(Reached) as reached:
        page.open_page(options)
    of = reached.value.args[0][0]
    assert (of.library, of.embedder, of.device) == ("l.db", "e", "cpu")


def test_decoders_and_their_limits_reach_the_processes(monkeypatch, run: Path, tmp_path) -> None:
    tmp_path.chmod(0o700)
    made = []
    monkeypatch.setattr(decoders, "Worker", lambda *given: made.append(given) or _Idle())
    options = WebOptions(
        run=(str(run),), decoders=3, decoder_seconds=7, decoder_memory=512, device="cpu",
        uploads=str(tmp_path),
    )  # fmt: skip
    opened = page.open_page(options)
    opened.close()
    assert len(made) == 3 + 1 and {one[1] for one in made} == {7}  # and one that makes copies
    (limits,) = {(one[0].args[0].memory, one[0].args[0].copy_seconds) for one in made}
    assert limits == (512 * 2**20, pytest.approx(0.8 * 7))


class _Idle:
    """A process that does nothing."""

    def __init__(self) -> None:
        self.thread = self

    def close(self) -> None:
        """Nothing."""

    def join(self) -> None:
        """Nothing."""


def test_host_and_port_are_listened_at() -> None:
    with listen("127.0.0.1", 0) as one:
        host, port = one.getsockname()
        assert host == "127.0.0.1"
        with pytest.raises(UserError, match=rf"--port {port}: cannot listen there"):
            listen("127.0.0.1", port)


@pytest.mark.parametrize(
    ("flags", "line"),
    [
        (["--port", "70000"], "--port 70000: give 1 to 65535"),
        (["--keep", "0"], "--keep 0: give a number above 0"),
        (["--most_bytes", "inf"], "--most_bytes inf: give a number"),
        (["--waiting", "0"], "--waiting 0: give at least 1"),
        (["--decoder_memory", "10"], "--decoder_memory 10: give at least 256"),
        (["--token", "short"], "--token: give 16 or more plain characters"),
        (["--mark", "a/b"], "--mark a/b: give 1 to 4 letters"),
        (["--embedder", "x"], "--embedder x: is of --library"),
        (["--behind_tls"], "--behind_tls: give the name that browsers know"),
        (["--run", "none"], r"none.*(no such|not)"),
    ],
)
def test_mistakes(flags: list[str], line: str) -> None:
    with pytest.raises(UserError, match=line):
        command.main(flags)


def test_a_run_that_searches_is_refused(monkeypatch, run: Path) -> None:
    monkeypatch.setattr(models, "task_of", lambda _: "retrieval")
    with pytest.raises(UserError, match=r"is of the task retrieval; name runs that answer"):
        models.open_models([str(run)], "cpu")


def test_two_runs_of_one_name_are_told_apart_and_see_videos_once(run: Path) -> None:
    opened = models.open_models([str(run), str(run)], "cpu")
    assert list(opened.questions) == [run.name, f"{run.name}~2"]
    assert len(opened.readers) == 1
    opened.close()


def test_missing_packages_are_told(monkeypatch) -> None:
    monkeypatch.setattr(command, "find_spec", lambda _: None)
    with pytest.raises(UserError, match=r"requirements-web\.txt"):
        command.main([])


@pytest.mark.parametrize("module", ["web.video.look", "web.video.file_task", "web.stream.parts"])
def test_processes_that_decode_load_no_torch(module: str) -> None:
    """They start in a second, and have their memory for pictures."""
    code = f"import sys, {module}; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT).returncode == 0
