"""`python -m preprocess.backbones --list`: what each network gives and costs, and its weights."""

from collections.abc import Sequence

from options.command.arguments import Arguments
from util.errors import run_command


def main(argv: Sequence[str] | None = None) -> int:
    """Print the table, or the lines of some."""
    parser = Arguments("python -m preprocess.backbones", description="The networks there are.")
    parser.add_argument(
        "--list", nargs="*", metavar="NAME", required=True,
        help="these, timm:NAME among them; without any name, all of the table",
    )  # fmt: skip
    options = parser.parse_args(argv)
    # Here and not above: help and a misspelt option shall not wait for torch.
    from preprocess.feature.backbone_list import print_backbones

    print_backbones(options.list)
    return 0


if __name__ == "__main__":
    run_command(main)
