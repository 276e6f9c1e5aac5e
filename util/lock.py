"""One writer at a time: a lock beside what is written, that says who writes."""

import fcntl
import json
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, TextIO

from util.errors import UserError
from util.files import CURE


@contextmanager
def writer_lock(path: str | Path) -> Iterator[None]:
    """Hold `PATH.lock` while `path`, a file or a folder, is written; UserError where another does.

    The file says host and process.  On one machine the kernel's lock decides, which ends with the
    process, however it ends: a lock that was left behind is stale, and taken over.  Of another
    machine, whose processes cannot be seen (and whose file system may not share locks), the file
    alone tells: the message says how to remove it.
    """
    lock = Path(f"{path}.lock")
    with _opened(lock, path) as file:
        held = _who(file)
        if held and held["host"] != socket.gethostname():
            raise UserError(
                f"{path}: {_words(held)} is writing it; if it is not running any more, delete "
                f"{lock} and try again"
            )
        file.seek(0)
        file.truncate()
        json.dump({"host": socket.gethostname(), "pid": os.getpid()}, file)
        file.flush()
        try:
            yield
        finally:
            lock.unlink(missing_ok=True)  # while it is still locked: nobody else has it


def _opened(lock: Path, path: str | Path) -> TextIO:
    """The lock's file, locked."""
    while True:
        try:
            lock.parent.mkdir(parents=True, exist_ok=True)
            file = os.fdopen(os.open(lock, os.O_RDWR | os.O_CREAT, 0o666), "r+", encoding="utf-8")
        except OSError as error:
            raise UserError(f"{lock}: cannot be written ({error.strerror}); {CURE}") from error
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            held = _who(file)
            file.close()
            raise UserError(
                f"{path}: {_words(held)} is writing it; wait for its end, or name another place"
            ) from error
        except OSError:  # a file system without locks: what the file says must do
            return file
        with suppress(FileNotFoundError):
            if os.path.samestat(os.fstat(file.fileno()), lock.stat()):
                return file
        file.close()  # whoever held it took it away in between


def _who(file: TextIO) -> dict[str, Any]:
    """Host and process that a lock names; nothing, where it is empty or damaged."""
    try:
        found = json.loads(file.read())
    except ValueError:
        return {}
    return found if isinstance(found, dict) and found.keys() >= {"host", "pid"} else {}


def _words(held: dict[str, Any]) -> str:
    return f"process {held['pid']} on {held['host']}" if held else "another process"
