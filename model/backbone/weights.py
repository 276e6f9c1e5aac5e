"""Weights of frozen backbones: from a file, by torchvision's name, or at random, fingerprinted."""

import hashlib
import pickle
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torchvision.models import WeightsEnum

from util.errors import UserError
from util.files import sha256

PRETRAINED = "pretrained"
RANDOM = "random"
SEED = 0


def load_weights(
    build: Callable[[], nn.Module],
    weights: str,
    *,
    name: str,
    head: str,
    named: Sequence[WeightsEnum],
) -> tuple[nn.Module, dict[str, str]]:
    """Build a network and fill it -> (network, {"source": .., "sha256": ..}).

    `weights` is the word `random` (seeded), one of torchvision's names in `named`, the word
    `pretrained` for those it deems best, or a file: a state dict, or a checkpoint with one under
    `state_dict`; a prefix `module.` is taken off.  The classifier (`head`, its path of modules) is
    not needed and may be absent or of another size.  Raises UserError that names the file, the
    first key that does not fit, and the cure.
    """
    network = seeded(build)
    if weights == RANDOM:
        return network, {"source": RANDOM, "sha256": fingerprint(network)}
    weights, path, entry = _locate(weights, named)
    if entry and not path.is_file():
        try:
            entry.get_state_dict(progress=True, check_hash=True)
        except (OSError, RuntimeError) as error:
            raise UserError(
                f"--weights {weights}: cannot be downloaded ({error}); fetch {entry.url} by other "
                "means and give the file"
            ) from error
    if not path.is_file():
        raise UserError(f"--weights {weights}: no such file; for {name} there are {choices(named)}")
    fill(network, read_state(path), path, name=name, heads=(head,))
    return network, {"source": weights, "sha256": sha256(path)}


def seeded(build: Callable[[], nn.Module]) -> nn.Module:
    """Build a network with random weights, always the same; the generator is left alone."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(SEED)
        return build()


def entry_of(named: Sequence[WeightsEnum], made: dict[str, str]) -> WeightsEnum | None:
    """Which of torchvision's weights `load_weights` loaded, by name or downloaded by hand.

    The names of torchvision's files end with the first digits of their SHA-256.
    """
    for entry in named:
        digits = Path(entry.url).stem.rpartition("-")[2]
        if made["source"] == entry.name or made["sha256"].startswith(digits):
            return entry
    return None


def known_sha256(weights: str, named: Sequence[WeightsEnum]) -> str | None:
    """SHA-256 of the file that `load_weights` would take, if it is here; it is not loaded."""
    weights, path, _ = _locate(weights, named)
    return sha256(path) if weights != RANDOM and path.is_file() else None


def choices(named: Sequence[WeightsEnum]) -> str:
    """What --weights may be, for an error message."""
    names = "".join(f"{name}, " for name in (*(e.name for e in named), PRETRAINED) if named)
    return f"{names}a file, or the word {RANDOM} (untrained, for tests)"


def _locate(weights: str, named: Sequence[WeightsEnum]) -> tuple[str, Path, WeightsEnum | None]:
    """Name, file (torchvision's: in torch's cache) and torchvision's entry of some weights."""
    if named and weights == PRETRAINED:
        weights = type(named[0])["DEFAULT"].name
    for entry in named:
        if entry.name == weights:
            return weights, Path(torch.hub.get_dir(), "checkpoints", Path(entry.url).name), entry
    return weights, Path(weights), None


def read_state(path: Path) -> dict[str, Tensor]:
    """A state dict from a file of tensors; code in it is never run."""
    try:
        if path.suffix == ".safetensors":
            content: Any = _safetensors(path)
        else:
            content = torch.load(path, map_location="cpu", weights_only=True)
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


def _safetensors(path: Path) -> dict[str, Tensor]:
    """A file of safetensors.  ValueError if it is damaged."""
    try:
        from safetensors import SafetensorError
        from safetensors.torch import load_file
    except ImportError as error:
        raise UserError(f"--weights {path}: pip install safetensors reads it") from error
    try:
        return load_file(path)
    except SafetensorError as error:
        raise ValueError(str(error)) from error


def fill(
    network: nn.Module, state: dict[str, Tensor], path: Path, *, name: str, heads: Sequence[str]
) -> None:
    """Copy a state dict into a network; all but the classifier and batch counters must match.

    `heads`: paths of the classifier's modules.  Raises UserError for the first key that does not.
    """
    own = network.state_dict()
    head = tuple(f"{path}." for path in heads)
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


def fingerprint(network: nn.Module) -> str:
    """SHA-256 over the tensors of a network, in the order of its state dict."""
    digest = hashlib.sha256()
    for value in network.state_dict().values():
        digest.update(value.contiguous().cpu().numpy().tobytes())
    return digest.hexdigest()
