"""What a long run says: a progress bar that stays below lines that also go to a file."""

from pathlib import Path

from tqdm import tqdm


class Console:
    """Lines for the screen (above any progress bar) and for `console.log`."""

    def __init__(self, path: Path | None) -> None:
        """Append to `path`; None: say nothing, because another process does."""
        self.file = None
        if path is not None:
            path.parent.mkdir(parents=True, exist_ok=True)
            self.file = path.open("a", encoding="utf-8", buffering=1)

    def say(self, line: str) -> None:
        """Show and keep one line."""
        if self.file is not None:
            tqdm.write(line)
            self.file.write(line + "\n")
