"""`python -m preprocess.import_features`: feature files of others -> feature stores."""

from collections.abc import Sequence

from options.parse import parse
from options.preprocess.extract import ImportOptions
from util.errors import run_command

PROG = "python -m preprocess.import_features"
ABOUT = "Feature files of others -> feature stores."


def main(argv: Sequence[str] | None = None) -> int:
    """Import; returns 0.  Raises UserError as `import_features` and `import_rows` do."""
    (options,) = parse(PROG, ABOUT, [ImportOptions], argv)
    # Here and not above: help and a misspelt option shall not wait for h5py.
    if options.features is None:
        from preprocess.feature.import_files import import_features

        import_features(options)
    else:
        from preprocess.feature.import_rows import import_rows

        import_rows(options)
    return 0


if __name__ == "__main__":
    run_command(main)
