"""Generated videos with questions, actions, angles or counts:  python -m preprocess.shapes"""

from collections.abc import Sequence

from options.parse import parse
from options.preprocess.shapes import ShapesOptions
from util.errors import run_command

PROG = "python -m preprocess.shapes"


def main(argv: Sequence[str] | None = None) -> int:
    """Write the data set and print what it holds; returns 0."""
    (options,) = parse(PROG, "Generate the embedded data set `shapes`.", [ShapesOptions], argv)
    # Here and not above: help and a misspelt option shall not wait for NumPy and PyAV.
    if options.kind == "actions":
        from preprocess.shapes.action_set import generate_actions

        generate_actions(options)
    elif options.kind == "steering":
        from preprocess.shapes.steering import generate_steering

        generate_steering(options)
    elif options.kind == "counts":
        from preprocess.shapes.count_set import generate_counts

        generate_counts(options)
    else:
        from preprocess.shapes.generate import generate

        generate(options)
    return 0


if __name__ == "__main__":
    run_command(main)
