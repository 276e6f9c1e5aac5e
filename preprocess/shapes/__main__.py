"""Videos of moving shapes with questions:  python -m preprocess.shapes --output data/shapes"""

from collections.abc import Sequence

from options.parse import parse
from options.preprocess.shapes import ShapesOptions
from util.errors import run_command

PROG = "python -m preprocess.shapes"


def main(argv: Sequence[str] | None = None) -> int:
    """Write the data set and print what it holds; returns 0."""
    (options,) = parse(PROG, "Generate the embedded data set `shapes`.", [ShapesOptions], argv)
    # Here and not above: help and a misspelt option shall not wait for NumPy and PyAV.
    from preprocess.shapes.generate import generate

    generate(options)
    return 0


if __name__ == "__main__":
    run_command(main)
