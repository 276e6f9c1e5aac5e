"""`python -m preprocess.backbones --list`: what each frozen backbone gives, costs, and may be."""

import argparse
from collections.abc import Sequence

import torch
from torch import nn
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from model.backbone.spec import Network, Pixels
from model.backbone.weights import RANDOM
from preprocess.feature.load import BACKBONES, HUBS, find_recipe, open_network
from util.errors import run_command

FRAMES = 16  # of the clip that the cost is for
TITLES = ("name", "kind", "width", "input", "GFLOP", "weights", "licence")
LEFT = {"name", "kind", "weights", "licence"}


def main(argv: Sequence[str] | None = None) -> int:
    """Print the table, or the lines of some."""
    parser = argparse.ArgumentParser(
        prog="python -m preprocess.backbones", description="The frozen backbones there are."
    )
    parser.add_argument(
        "--list", nargs="*", metavar="NAME", required=True,
        help="these, timm:NAME and hf:NAME among them; without any name, all of the table",
    )  # fmt: skip
    names = parser.parse_args(argv).list or list(BACKBONES)
    rows = [TITLES, *(line(name) for name in names)]
    widths = [max(len(row[i]) for row in rows) for i in range(len(TITLES))]
    for row in rows:
        cells = [
            cell.ljust(width) if title in LEFT else cell.rjust(width)
            for title, cell, width in zip(TITLES, row, widths, strict=True)
        ]
        print("  ".join(cells).rstrip())
    print(f"GFLOP: a clip of {FRAMES} frames, a multiply and an add counted as two")
    print(f"{' and '.join(f'{hub}NAME' for hub in HUBS)}: any image encoder of those libraries")
    return 0


def line(name: str) -> tuple[str, ...]:
    """A row of the table, as text.  Raises UserError for an unknown name."""
    recipe, cost = find_recipe(name), None
    if recipe is None:
        recipe, network, _ = open_network(name, None, RANDOM)
        cost = gflop(recipe, network)
    elif isinstance(recipe, Network):
        cost = gflop(recipe, headless(recipe))
    if isinstance(recipe, Pixels):
        size = f"{recipe.grid}x{recipe.grid}"
    else:
        size = f"{recipe.size}x{recipe.size}"
        if recipe.frames:
            size = f"{recipe.frames}x{size}"
        elif recipe.least_frames > 1:
            size = f"{recipe.least_frames}+x{size}"
    return (
        name, recipe.kind, str(recipe.width), size, "-" if cost is None else f"{cost:.1f}",
        recipe.origin, recipe.licence,
    )  # fmt: skip


def headless(recipe: Network) -> nn.Module:
    """The network without its head, and without any memory for its weights."""
    with torch.device("meta"):
        network = recipe.build()
    network.set_submodule(recipe.head, recipe.instead())
    return network.eval()


@torch.no_grad()
def gflop(recipe: Network, network: nn.Module) -> float:
    """10^9 floating-point operations for a clip of 16 frames, as PyTorch counts them.

    Matrix products and convolutions; a multiply and an add are two.
    """
    device = next(network.parameters()).device
    size = (recipe.size, recipe.size)
    shape = (1, 3, FRAMES, *size) if recipe.kind == "clip" else (1, 3, *size)
    # The fused kernels of attention on a CPU are not counted; plain products are.
    with FlopCounterMode(display=False) as counter, sdpa_kernel(SDPBackend.MATH):
        recipe.features(network.eval(), torch.zeros(shape, device=device))
    times = 1 if recipe.kind == "clip" else FRAMES
    return times * counter.get_total_flops() / 1e9


if __name__ == "__main__":
    run_command(main)
