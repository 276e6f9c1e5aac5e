"""`python -m preprocess.captions`: annotations -> vocabulary, encoded captions, word vectors.

With `--check` it writes nothing and lists what is wrong with them.
"""

from collections.abc import Sequence

from options.parse import parse
from options.preprocess.captions import CaptionOptions
from util.errors import run_command

PROG = "python -m preprocess.captions"
ABOUT = "Turn a data set's annotations into one file of encoded captions and their words."


def main(argv: Sequence[str] | None = None) -> int:
    """Write the caption file, print a summary; returns 0.

    With --check, write nothing and print what is wrong; returns 2 if that would stop a run.  Raises
    UserError for annotations, word vectors, stores or options that do not fit.
    """
    (options,) = parse(PROG, ABOUT, [CaptionOptions], argv)
    # Here and not above: help and a misspelt option shall not wait for torch.
    if options.check:
        from preprocess.annotation.caption_check import check

        return check(options)
    from preprocess.annotation.caption_file import make_caption_file

    make_caption_file(options)
    return 0


if __name__ == "__main__":
    run_command(main)
