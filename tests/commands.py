"""Commands in processes of their own, which begin with their imports done.

`python train.py` imports for 3 to 9 seconds before it does anything.  Here one server has imported
once, and each command is forked from it: the same code, arguments, exit codes and signals.
"""

import importlib
import multiprocessing
import os
import signal
import socket
import sys
import tempfile
from collections.abc import Sequence
from multiprocessing import forkserver
from pathlib import Path

from util.errors import run_command

ROOT = Path(__file__).parent.parent
IMPORTED = ["train", "evaluate", "predict", "preprocess.videos", "preprocess.extraction.extract"]
SERVED = multiprocessing.get_context("forkserver")


class Command:
    """One started command."""

    def __init__(self, script: str, argv: Sequence[str], **environment: str) -> None:
        """Start `python SCRIPT ARGV...` in the current folder; environment: what it has besides."""
        serve()
        self._output = tempfile.TemporaryDirectory()
        paths = [str(Path(self._output.name, name)) for name in ("stdout", "stderr")]
        given = (script, list(argv), str(Path.cwd()), environment, *paths)
        self._process = SERVED.Process(target=_command, args=given)
        self._process.start()

    def wait(self, timeout: float = 240) -> int:
        """Its exit code, -N after signal N; it is killed after `timeout` seconds."""
        self._process.join(timeout)
        if self._process.exitcode is None:
            self.kill()
            raise TimeoutError(f"{self.stderr}\nnot done after {timeout} s")
        return self._process.exitcode

    def poll(self) -> int | None:
        """Its exit code; None while it runs."""
        return self._process.exitcode

    def kill(self) -> int:
        """SIGKILL; its exit code."""
        self._process.kill()
        self._process.join()
        assert self._process.exitcode is not None
        return self._process.exitcode

    @property
    def stdout(self) -> str:
        """What it has printed."""
        return Path(self._output.name, "stdout").read_text()

    @property
    def stderr(self) -> str:
        """What it has printed on the error stream."""
        return Path(self._output.name, "stderr").read_text()


def start_processes(count: int, script: str, argv: Sequence[str]) -> list[Command]:
    """The processes of `torchrun --nproc-per-node COUNT SCRIPT ARGV...`, without its launcher."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    world = {"WORLD_SIZE": str(count), "LOCAL_WORLD_SIZE": str(count)}
    world |= {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)}
    ranks = [{"RANK": str(rank), "LOCAL_RANK": str(rank)} for rank in range(count)]
    return [Command(script, argv, **world, **rank) for rank in ranks]


def serve() -> None:
    """Start the server, if it does not run; multiprocessing forks from it wherever asked to."""
    before = os.environ.get("PYTHONPATH")
    os.environ["PYTHONPATH"] = str(ROOT)  # it knows no sys.path of ours
    try:
        forkserver.set_forkserver_preload(IMPORTED)
        forkserver.ensure_running()
    finally:
        del os.environ["PYTHONPATH"]
        if before is not None:
            os.environ["PYTHONPATH"] = before


def _command(
    script: str, argv: list[str], folder: str, environment: dict[str, str], out: str, err: str
) -> None:
    """What the forked process does."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    os.chdir(folder)
    os.environ.update(environment)
    for stream, path in ((sys.stdout, out), (sys.stderr, err)):
        stream.flush()
        os.dup2(os.open(path, os.O_WRONLY | os.O_CREAT), stream.fileno())
    sys.argv = [script, *argv]
    main = importlib.import_module(script.removesuffix(".py").replace("/", ".")).main
    run_command(lambda: main(argv))
