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
