"""`python -m data_loader.store STORE ...`: what a store is, what made it, whether it is whole.

Everything in it is read once: checksums, and how its values are distributed.
"""

from collections.abc import Sequence

from options.command.arguments import Arguments
from util.errors import UserError, run_command


def main(argv: Sequence[str] | None = None) -> int:
    """Print what stores are; UserError at the end if one of them is damaged."""
    parser = Arguments("python -m data_loader.store", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("stores", nargs="+", metavar="STORE", help="feature or clip stores")
    parser.add_argument("--videos", default="5", help="how many to list, or all (5)")
    options = parser.parse_args(argv)
    if options.videos != "all" and not options.videos.isdecimal():
        raise UserError(f"--videos {options.videos}: give a number, or all")
    # Here and not above: help and a misspelt option shall not wait for NumPy and h5py.
    from data_loader.store.report import report

    report(options.stores, None if options.videos == "all" else int(options.videos))
    return 0


if __name__ == "__main__":
    run_command(main)
