"""`python -m preprocess.videos`: video files -> feature stores, or clip stores.

Killed at any moment and started again, the command goes on where it was.  Videos that cannot be
read are listed in `STORE.h5.quarantine.json`; nothing is ever filled with zeros.  Several processes
share the videos: `torchrun --nproc-per-node 2 -m preprocess.videos ...`.
"""

from collections.abc import Sequence

from options.parse import parse
from options.preprocess.extract import VideoOptions
from util.errors import run_command

PROG = "python -m preprocess.videos"
ABOUT = "Video files -> feature or clip stores."


def main(argv: Sequence[str] | None = None) -> int:
    """Extract; 0: every video is stored, 1: some have failed, 2 (UserError): no store."""
    (options,) = parse(PROG, ABOUT, [VideoOptions], argv)
    # Here and not above: help and a misspelt option shall not wait for torch.
    from preprocess.extraction.extract import extract_together

    return extract_together(options)


if __name__ == "__main__":
    run_command(main)
