"""A user's mistake: one clear line on the error stream, exit code 2, no traceback."""

import errno
import io
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from util.text import without_password

SHORTAGE = (
    "error: there is not enough memory; end other programs, or take a machine with more (smaller "
    "batches and fewer --workers need less)"
)


class UserError(Exception):
    """A mistake that the user can cure.  Its one line names the file, the item and the cure."""


class MissingFile(UserError):
    """A file that is not there, for whoever can do without it."""


def run_command(main: Callable[[], int | None]) -> None:
    """Run a command's `main` and leave the process with its exit code; see `exit_codes`."""
    with exit_codes():
        code = main() or 0
        sys.stdout.flush()
        sys.exit(code)


@contextmanager
def exit_codes() -> Iterator[None]:
    """Leave the process with one line and an exit code where what runs inside raises.

    0: done; 1: finished, with items set aside and listed; 2: a `UserError`, a file that the system
    refuses (permission, no space, no such folder), or too little memory; 130: interrupted.  Any
    other exception is our own bug and keeps its traceback.
    """
    for stream in (sys.stdout, sys.stderr):  # a name that is no UTF-8 is printed all the same
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    try:
        yield
    except UserError as error:
        print(f"error: {without_password(' '.join(str(error).split()))}", file=sys.stderr)
        sys.exit(2)
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        sys.exit(130)
    except BrokenPipeError:  # the reader (head, less) has gone: nothing is wrong, nothing to say
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(0)
    except MemoryError:
        print(SHORTAGE, file=sys.stderr)
        sys.exit(2)
    except RuntimeError as error:  # torch's, of a GPU and of its allocator on a CPU
        if type(error).__name__ != "OutOfMemoryError" and "can't allocate memory" not in str(error):
            raise
        print(SHORTAGE, file=sys.stderr)
        sys.exit(2)
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
            print(
                f"error: {error.strerror}; make room on the disk and start again", file=sys.stderr
            )
            sys.exit(2)
        if error.filename is None:  # not about a file: ours to explain where it arises
            raise
        names = " -> ".join(str(name) for name in (error.filename, error.filename2) if name)
        print(f"error: {names}: {error.strerror}; check the path and its rights", file=sys.stderr)
        sys.exit(2)
