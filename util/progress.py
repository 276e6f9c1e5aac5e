"""What a long run says: a progress bar that stays below lines that also go to a file."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from tqdm import tqdm

from util.errors import UserError
from util.text import clipped


@contextmanager
def warned(say: Callable[[str], object], what: str) -> Iterator[None]:
    """What only shows (a picture, an entry of a log) may fail: a line says so, the work goes on.

    A UserError is raised on: it says what the user can mend.
    """
    try:
        yield
    except UserError:
        raise
    except Exception as error:  # drawing libraries raise all kinds
        reason = next((line for line in str(error).splitlines() if line.strip()), "")
        say(f"warning: {what} left out ({type(error).__name__}: {clipped(reason, 200)})")


class Console:
    """Lines for the screen (above any progress bar) and for `console.log`."""

    def __init__(self, path: Path | None) -> None:
        """Append to `path`; None: say nothing, because another process does."""
        self.file = None
        if path is not None:
            path.parent.mkdir(parents=True, exist_ok=True)
            self.file = path.open("a", encoding="utf-8", errors="backslashreplace", buffering=1)

    def say(self, line: str) -> None:
        """Show and keep one line."""
        if self.file is not None:
            tqdm.write(line)
            with suppress(OSError):  # a full disk: the line was shown
                self.file.write(line + "\n")
