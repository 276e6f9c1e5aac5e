"""An index in a process of its own, to be killed or stopped: FOLDER LIBRARY [WATCH_SECONDS]."""

import sys
from pathlib import Path

from library.index import index
from tests.library.folder import PixelEmbedder, options
from util.errors import run_command


def main() -> int:
    """As `python -m library index`, with the tests' embedder."""
    folder, library, *every = sys.argv[1:]
    more = {"watch": True, "every": float(every[0])} if every else {}
    of = options(Path(folder), Path(library), batch=8, **more)
    return index(*of, PixelEmbedder(), say=lambda line: print(line, flush=True))


if __name__ == "__main__":
    run_command(main)
