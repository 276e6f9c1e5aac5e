"""`python -m library index --watch`: a folder is looked at every few seconds for what comes.

By looking, and not by the system's notices of changes (inotify): those are not sent for folders of
other machines (NFS, SMB), where libraries lie, and are lost when there are many; a look at 100,000
files takes a second.
"""

import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from library.gather.scan import Listed, Seen, list_folder
from util.errors import UserError

Stamp = tuple[int, int]  # size, time of change


class Settled:
    """Tells files that are still being copied: they change from one look to the next."""

    def __init__(self, every: float) -> None:
        """`every`: seconds from one look to the next."""
        self.every = every
        self._before: dict[str, Stamp] = {}

    def settled(self, listed: Listed, now: float | None = None) -> Listed:
        """What was found, without the files that may still grow, which are `waiting`.

        A file is taken when it is as it was at the last look, or has not changed for longer.
        """
        now = time.time() if now is None else now
        stamps = {seen.path: (seen.size, seen.mtime_ns) for seen in listed.files}

        def rests(seen: Seen) -> bool:
            old = seen.size > 0 and abs(now - seen.mtime_ns / 1e9) > self.every
            return old or self._before.get(seen.path) == stamps[seen.path]

        ready = [seen for seen in listed.files if rests(seen)]
        taken = {seen.path for seen in ready}
        self._before = stamps
        return replace(listed, files=ready, waiting=[p for p in stamps if p not in taken])


def watch(
    folder: str,
    own: Path | None,
    every: float,
    look: Callable[[Listed], bool],
    say: Callable[[str], object],
) -> None:
    """Look at a folder every so many seconds until SIGINT or SIGTERM.

    look: indexes what changed -> whether nothing is left to be done.  own: the library's file,
    which is passed over.  A folder that cannot be listed any more, such as an unmounted one, is
    told once and waited for.
    """
    done: Listed | None = None
    told = ""
    settled = Settled(every)
    with _terminated():
        say(f"watching {folder}, every {every:g} s, until it is stopped (Ctrl+C)")
        try:
            while True:
                try:
                    listed = settled.settled(list_folder(folder, own=own))
                    told = ""
                except UserError as error:
                    listed = None
                    if str(error) != told:
                        told = str(error)
                        say(f"{told}; waiting for it")
                if listed is not None and listed != done:
                    done = listed if look(listed) else None
                time.sleep(every)
        except KeyboardInterrupt:
            say("stopped; what was indexed is there, and the same command goes on")


@contextmanager
def _terminated() -> Iterator[None]:
    """SIGTERM, which services are ended by, is as Ctrl+C; so is SIGINT in a shell's background."""
    if threading.current_thread() is not threading.main_thread():  # only it has signals
        yield
        return
    numbers = (signal.SIGTERM, signal.SIGINT)
    before = [signal.signal(number, signal.default_int_handler) for number in numbers]
    try:
        yield
    finally:
        for number, handler in zip(numbers, before, strict=True):
            signal.signal(number, handler)
