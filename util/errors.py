"""A user's mistake: one clear line on the error stream, exit code 2, no traceback."""

import os
import sys
from collections.abc import Callable


class UserError(Exception):
    """A mistake that the user can cure.  Its one line names the file, the item and the cure."""


def run_command(main: Callable[[], int | None]) -> None:
    """Run a command's `main` and leave the process with its exit code.

    0: done; 1: finished, with items set aside and listed; 2: a `UserError`; 130: interrupted.
    Any other exception is our own bug and keeps its traceback.
    """
    try:
        code = main() or 0
        sys.stdout.flush()
    except UserError as error:
        print(f"error: {' '.join(str(error).split())}", file=sys.stderr)
        code = 2
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        code = 130
    except BrokenPipeError:  # the reader (head, less) has gone: nothing is wrong, nothing to say
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = 0
    sys.exit(code)
