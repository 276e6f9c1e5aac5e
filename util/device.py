"""Where to compute."""

import torch

from util.errors import UserError


def pick_device(name: str) -> torch.device:
    """`auto` takes a GPU when there is one.  UserError for a GPU that is not there."""
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    if name == "cuda" and not torch.cuda.is_available():
        raise UserError("--device cuda: torch sees no GPU here; use --device cpu")
    return torch.device(name)


def autocast(device: torch.device, precision: str) -> torch.autocast:
    """Arithmetic in bfloat16 inside, where `precision` is bf16 and torch deems it safe."""
    return torch.autocast(device.type, torch.bfloat16, enabled=precision == "bf16")
