"""Weights of frozen backbones: from a file, by torchvision's name, or at random, fingerprinted."""

import hashlib
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torchvision.models import WeightsEnum

from util.errors import UserError
from util.files import sha256

RANDOM = "random"
SEED = 0


def load_weights(
    build: Callable[[], nn.Module],
    weights: str,
    *,
    name: str,
    head: str,
    named: type[WeightsEnum] | None,
) -> tuple[nn.Module, dict[str, str]]:
    """Build a network and fill it -> (network, {"source": .., "sha256": ..}).

    `weights` is the word `random` (seeded), one of torchvision's names in `named`, or a file: a
    state dict, or a checkpoint with one under `state_dict`; a prefix `module.` is taken off.  The
    classifier (keys that begin with `head`) is not needed and may be absent or of another size.
    Raises UserError that names the file, the first key that does not fit, and the cure.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(SEED)
        network = build()
    if weights == RANDOM:
        return network, {"source": RANDOM, "sha256": _fingerprint(network)}
    names = [entry.name for entry in named] if named else []
    if named and weights in names:
        path = _download(named[weights])
    else:
        path = Path(weights)
        if not path.is_file():
            raise UserError(
                f"--weights {weights}: no such file; for {name} there are {choices(named)}"
            )
    state = _read(path)
    _fill(network, state, path, name=name, head=head)
    return network, {"source": weights, "sha256": sha256(path)}


def choices(named: type[WeightsEnum] | None) -> str:
    """What --weights may be, for an error message."""
    names = ", ".join(entry.name for entry in named) if named else ""
    return (f"{names}, " if names else "") + f"a file, or the word {RANDOM} (untrained, for tests)"


def _download(entry: WeightsEnum) -> Path:
    """The file of torchvision's weights, downloaded once into torch's cache."""
    path = Path(torch.hub.get_dir()) / "checkpoints" / Path(entry.url).name
    if not path.is_file():
        try:
            entry.get_state_dict(progress=True, check_hash=True)
        except (OSError, RuntimeError) as error:
            raise UserError(
                f"--weights {entry.name}: cannot be downloaded ({error}); fetch {entry.url} by "
                "other means and give the file"
            ) from error
    return path


def _read(path: Path) -> dict[str, Tensor]:
    """A state dict from a file of tensors; code in it is never run."""
    try:
        content: Any = torch.load(path, map_location="cpu", weights_only=True)
    except (pickle.UnpicklingError, RuntimeError, OSError, EOFError, ValueError, KeyError) as error:
        reason = str(error).strip().split("\n")[0][:150]
        raise UserError(
            f"--weights {path}: not a file of PyTorch weights, or damaged ({reason}); "
            "fetch it again, or name another file"
        ) from error
    state = content.get("state_dict", content) if isinstance(content, dict) else None
    if not isinstance(state, dict) or not state or not all(map(torch.is_tensor, state.values())):
        raise UserError(
            f"--weights {path}: holds no state dict; save network.state_dict(), or a dict with it "
            "under the key state_dict"
        )
    return {str(key).removeprefix("module."): value for key, value in state.items()}


def _fill(
    network: nn.Module, state: dict[str, Tensor], path: Path, *, name: str, head: str
) -> None:
    """Copy a state dict into a network; all but the classifier and batch counters must match."""
    own = network.state_dict()
    for key, value in own.items():
        if key.startswith(head):
            continue
        if key not in state:
            if key.endswith("num_batches_tracked"):  # files from before PyTorch 0.4.1 lack it
                continue
            raise _misfit(path, name, f"lacks {key}")
        if state[key].shape != value.shape:
            raise _misfit(path, name, f"{key} is {_size(state[key])}, not {_size(value)}")
    extra = [key for key in state if key not in own and not key.startswith(head)]
    if extra:
        raise _misfit(path, name, f"has {extra[0]}, which the network has not")
    network.load_state_dict(
        {key: value for key, value in state.items() if not key.startswith(head)}, strict=False
    )


def _misfit(path: Path, name: str, what: str) -> UserError:
    return UserError(
        f"--weights {path}: not the weights of {name}: it {what}; give the file made for {name}"
    )


def _size(tensor: Tensor) -> str:
    return "x".join(map(str, tensor.shape)) or "a single number"


def _fingerprint(network: nn.Module) -> str:
    """SHA-256 over the tensors of a network, in the order of its state dict."""
    digest = hashlib.sha256()
    for value in network.state_dict().values():
        digest.update(value.contiguous().numpy().tobytes())
    return digest.hexdigest()
