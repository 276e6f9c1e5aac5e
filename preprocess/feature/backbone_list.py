"""What each network gives and costs, and its weights, as a table."""

from collections.abc import Sequence
from importlib.util import find_spec as find_module

import torch
from torch import nn
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from model.backbone.spec import BackboneSpec, PixelSpec
from model.backbone.table import BACKBONES, TIMM, find_spec, open_network
from model.backbone.weights import RANDOM

FRAMES = 16  # of the clip that the cost is for
TITLES = ("name", "kind", "width", "input", "GFLOP", "weights", "licence")
LEFT = {"name", "kind", "weights", "licence"}


def print_backbones(names: Sequence[str]) -> None:
    """Print the lines of some networks; of no names, those of the whole table."""
    names = names or list(BACKBONES)
    rows = [TITLES, *(line(name) for name in names)]
    widths = [max(len(row[i]) for row in rows) for i in range(len(TITLES))]
    for row in rows:
        cells = [
            cell.ljust(width) if title in LEFT else cell.rjust(width)
            for title, cell, width in zip(TITLES, row, widths, strict=True)
        ]
        print("  ".join(cells).rstrip())
    small = [n for n, spec in BACKBONES.items() if isinstance(spec, BackboneSpec) and spec.small]
    print(f"small, made to be trained (--encoders full): {', '.join(small)}")
    print(f"GFLOP: a clip of {FRAMES} frames, a multiply and an add counted as two")
    print(f"{TIMM}NAME: any image encoder of timm")


def line(name: str) -> tuple[str, ...]:
    """A row of the table, as text.  Raises UserError for an unknown name."""
    spec = find_spec(name)
    if isinstance(spec, PixelSpec):
        size, cost = f"{spec.grid}x{spec.grid}", "-"
    else:
        network = None
        if spec is None:
            spec, network, _ = open_network(name, RANDOM)
        elif not spec.requires or find_module(spec.requires):
            with torch.device("meta"):  # no memory for its weights
                network = spec.without_head()
        size = f"{spec.size}x{spec.size}"
        cost = f"{gflop(spec, network):.1f}" if network else f"needs {spec.requires}"
        if spec.frames:
            size = f"{spec.frames}x{size}"
        elif spec.least_frames > 1:
            size = f"{spec.least_frames}+x{size}"
    return name, spec.kind, str(spec.width), size, cost, spec.origin, spec.licence


@torch.no_grad()
def gflop(spec: BackboneSpec, network: nn.Module) -> float:
    """10^9 floating-point operations for a clip of 16 frames, as PyTorch counts them.

    Matrix products and convolutions; a multiply and an add are two.
    """
    device = next(network.parameters()).device
    size = (spec.size, spec.size)
    shape = (1, 3, FRAMES, *size) if spec.kind == "clip" else (1, 3, *size)
    # The fused kernels of attention on a CPU are not counted; plain products are.
    with FlopCounterMode(display=False) as counter, sdpa_kernel(SDPBackend.MATH):
        spec.features(network.eval(), torch.zeros(shape, device=device))
    times = 1 if spec.kind == "clip" else FRAMES
    return times * counter.get_total_flops() / 1e9
