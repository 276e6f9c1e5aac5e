"""What `timm_encoders` and `hugging_face` share: other libraries' networks and weights."""

from collections.abc import Callable, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from model.backbone.spec import Network, normalisation
from model.backbone.weights import PRETRAINED, RANDOM, fingerprint, seeded
from util.errors import UserError

Opened = tuple[Network, nn.Module, dict[str, str]]  # recipe, network, where its weights are from


def require(package: str, backbone: str, weights: str | None, kind: str) -> Any:
    """Import an optional package; UserError without it, or if no weights are named."""
    try:
        library = import_module(package)
    except ImportError as error:
        raise UserError(
            f"--backbone {backbone}: {package} is not installed; pip install {package}"
        ) from error
    if weights is None:
        raise UserError(f"--backbone {backbone} needs --weights: {_choices(kind)}")
    return library


def existing(backbone: str, weights: str, kind: str) -> Path:
    """The file or folder (`kind`) of weights; UserError if it is not there."""
    path = Path(weights)
    if not (path.is_file() if kind == "file" else path.is_dir()):
        raise UserError(f"--weights {path}: no such {kind}; for {backbone} give {_choices(kind)}")
    return path


def _choices(kind: str) -> str:
    return f"{PRETRAINED} (downloads), a {kind}, or the word {RANDOM} (untrained, for tests)"


def build_random(backbone: str, make: Callable[[], nn.Module]) -> Any:
    """A network with seeded random weights; UserError with the library's reason if it has none."""
    try:
        return seeded(make)
    except (RuntimeError, ValueError) as error:
        raise UserError(f"--backbone {backbone}: cannot be built ({_first(error)})") from error


def fetch(get: Callable[..., Any], backbone: str, *args: Any, **kwargs: Any) -> Any:
    """Let a library load, from its cache, the network or a folder.

    What it raises has many classes: its own, the network's, the file format's.
    """
    try:
        return get(*args, **kwargs)
    except Exception as error:
        raise UserError(
            f"--backbone {backbone}: cannot be loaded ({_first(error)}); without the network, "
            "fetch its files by other means and give them as --weights"
        ) from error


def made_from(library: Any, network: nn.Module, weights: str) -> dict[str, str]:
    """What provenance says of weights; the fingerprint is of the tensors, whatever their file."""
    return {
        "source": weights,
        "sha256": fingerprint(network),
        "library": f"{library.__name__} {library.__version__}",
    }


def square(backbone: str, height: int, width: int) -> int:
    """Side of a square input; UserError if it is none."""
    if height != width:
        raise UserError(
            f"--backbone {backbone}: takes pictures of {height}x{width}; only squares are made here"
        )
    return height


def norm(mean: Sequence[float], std: Sequence[float], full: float) -> str:
    """Name of a normalisation of numbers that reach from 0 to 255 / `full`."""
    return normalisation([full * m for m in mean], [full * s for s in std])


@torch.inference_mode()
def width_of(backbone: str, network: nn.Module, size: int, features: Callable[..., Tensor]) -> int:
    """Width of the features, from a black picture; UserError if the network takes none."""
    try:
        return features(network.eval(), torch.zeros(1, 3, size, size)).flatten(1).shape[1]
    except Exception as error:  # what it wants instead, in its own words
        raise UserError(
            f"--backbone {backbone}: gives no features of a picture of {size}x{size} "
            f"({_first(error)}); name an image encoder"
        ) from error


def _first(error: Exception) -> str:
    """The first line of a library's message, or its class."""
    return (str(error).strip() or type(error).__name__).split("\n")[0][:200]
