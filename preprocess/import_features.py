"""`python -m preprocess.import_features`: feature files of HCRN / DualVGR -> two feature stores."""

from collections.abc import Sequence

from options.parse import parse
from options.preprocess.extract import ImportOptions
from util.errors import run_command

PROG = "python -m preprocess.import_features"
ABOUT = "HCRN / DualVGR feature files -> feature stores."


def main(argv: Sequence[str] | None = None) -> int:
    """Import; returns 0.  Raises UserError as `import_features` does."""
    (options,) = parse(PROG, ABOUT, [ImportOptions], argv)
    # Here and not above: help and a misspelt option shall not wait for h5py.
    from preprocess.feature.import_files import import_features

    import_features(options)
    return 0


if __name__ == "__main__":
    run_command(main)
