"""`python -m preprocess.labels`: annotations -> a class, or a series of values, for each video.

With `--check` it writes nothing and lists what is wrong with them.
"""

from collections.abc import Sequence

from options.parse import parse
from options.preprocess.labels import LabelOptions
from util.errors import run_command

PROG = "python -m preprocess.labels"
ABOUT = "Turn a data set's annotations into one file of labels: actions, or values over time."


def main(argv: Sequence[str] | None = None) -> int:
    """Write the label file, print a summary; returns 0.

    With --check, write nothing and print what is wrong; returns 2 if that would stop a run.  Raises
    UserError for annotations, stores or options that do not fit.
    """
    (options,) = parse(PROG, ABOUT, [LabelOptions], argv)
    # Here and not above: help and a misspelt option shall not wait for torch.
    if options.check:
        from preprocess.annotation.label.check import check

        return check(options)
    from preprocess.annotation.label.file import make_label_file

    make_label_file(options)
    return 0


if __name__ == "__main__":
    run_command(main)
