"""Image encoders of timm: `timm:NAME`, such as `timm:vit_base_patch16_clip_224.openai`.

timm itself is not imported before one is asked for.
"""

import difflib
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any

import torch
from torch import nn

from model.backbone.spec import BackboneSpec, name_normalisation
from model.backbone.weights import PRETRAINED, RANDOM, fill, fingerprint, read_state, seeded
from util.errors import UserError

Opened = tuple[BackboneSpec, nn.Module, dict[str, str]]  # and where its weights are from
CHOICES = f"{PRETRAINED} (downloads), a file, or the word {RANDOM} (untrained, for tests)"


def open_timm(name: str, weights: str | None) -> Opened:
    """Spec, network and source of weights of one of timm's image encoders.

    Features are what timm pools without a classifier (`num_classes=0`).  `weights`: `pretrained`, a
    file (state dict, checkpoint or safetensors, in timm's own names), or `random`.  Raises
    UserError if timm is not installed or has no such model, or the weights cannot be had or do not
    fit.
    """
    full = f"timm:{name}"
    try:
        timm: Any = import_module("timm")
    except ImportError as error:
        raise UserError(f"{full}: timm is not installed; pip install timm") from error
    if weights is None:
        raise UserError(f"--backbone {full} needs --weights: {CHOICES}")
    if not timm.is_model(name.partition(".")[0]):
        close = difflib.get_close_matches(name, timm.list_models(), n=3)
        raise UserError(
            f"{full}: timm {timm.__version__} has none of this name; "
            f"{'close are ' + ', '.join(close) if close else 'timm.list_models() lists them'}"
        )
    build = partial(timm.create_model, name, num_classes=0)
    try:
        network: Any = build(pretrained=True) if weights == PRETRAINED else seeded(build)
    except Exception as error:  # of many classes: timm's, the network's, the file format's
        problem = f"cannot be built ({_first_line(error)})"
        if weights == PRETRAINED:
            problem = (
                f"cannot be loaded ({_first_line(error)}); without the network, fetch its file by "
                "other means and give it as --weights"
            )
        raise UserError(f"{full}: {problem}") from error
    config = network.pretrained_cfg
    if weights not in (PRETRAINED, RANDOM):
        path = Path(weights)
        if not path.is_file():
            raise UserError(f"--weights {path}: no such file; for {full} give {CHOICES}")
        heads = config.get("classifier") or ()
        heads = (heads,) if isinstance(heads, str) else heads
        fill(network, read_state(path), path, name=full, heads=heads)
    data = timm.data.resolve_model_data_config(network)
    _, size, across = data["input_size"]
    if size != across:
        raise UserError(f"{full}: takes images of {size}x{across}; only squares are made here")
    scaled = int(size / data["crop_pct"])
    spec = BackboneSpec(
        kind="frame",
        width=_width(full, network, size),
        size=size,
        scaled=(scaled, scaled) if data["crop_mode"] == "squash" else scaled,
        normalisations=(
            name_normalisation([255 * m for m in data["mean"]], [255 * s for s in data["std"]]),
        ),
        fixed_size=bool(config.get("fixed_input_size")),
        build=build,
        stages=_stages(network),
        chain=False,
        licence=f"code Apache-2.0; weights: {config.get('license') or 'see source'}",
        origin=config.get("hf_hub_id") or config.get("url") or "timm",
    )
    library = f"timm {timm.__version__}"
    source = {"source": weights, "sha256": fingerprint(network), "library": library}
    return spec, network, source  # the fingerprint is of the tensors, whatever their file


@torch.inference_mode()
def _width(name: str, network: nn.Module, size: int) -> int:
    """Width of the features, from a black image; UserError if the network takes none."""
    try:
        return network.eval()(torch.zeros(1, 3, size, size)).flatten(1).shape[1]
    except Exception as error:  # what it wants instead, in its own words
        raise UserError(
            f"{name}: gives no features of an image of {size}x{size} ({_first_line(error)}); name "
            "an image encoder"
        ) from error


def _stages(network: Any) -> tuple[tuple[str, ...], ...]:
    """What runs before timm's last feature map, module by module; that map and what follows it.

    A network without feature maps: the last of its children that has weights.
    """
    maps = getattr(network, "feature_info", None)
    last = maps[-1]["module"] if isinstance(maps, list) and maps else ""
    outer = last.partition(".")[0]
    paths = []
    for name, child in network.named_children():
        inner = [f"{name}.{key}" for key, _ in child.named_children()]
        paths += inner if name == outer and last in inner else [name]
    if last not in paths:
        last = [p for p in paths if any(True for _ in network.get_submodule(p).parameters())][-1]
    first = paths.index(last)
    return (*((path,) for path in paths[:first]), tuple(paths[first:]))


def _first_line(error: Exception) -> str:
    """The first line of a library's message, or its class."""
    return (str(error).strip() or type(error).__name__).split("\n")[0][:200]
