"""Specs of torchvision's networks, from what its weights say of themselves."""

from collections.abc import Callable
from typing import Any

from torch import nn
from torchvision.models import WeightsEnum, get_model_weights

from model.backbone.spec import BackboneSpec, Kind, name_normalisation


def torchvision_spec(
    build: Callable[..., nn.Module],
    *,
    kind: Kind,
    width: int,
    head: str,
    stages: tuple[tuple[str, ...], ...],
    chain: bool = True,
    replacement: Callable[[], nn.Module] = nn.Identity,
    auxiliary: str = "",
    fixed_size: bool = False,
    least_side: int = 16,
    frames: int | None = None,
    torch_is_faster: bool = False,
) -> BackboneSpec:
    """A network of torchvision's, with the input that its weights' own transforms make.

    The first weights decide; others that want an input of another size, and those without a
    classifier (whose linear layers are not numbers), are not offered.
    """
    weights = list(get_model_weights(getattr(build, "func", build)))
    size, scaled, norm = input_of(weights[0])
    whole = (entry for entry in weights if entry.meta["categories"])
    named = tuple(entry for entry in whole if input_of(entry)[0] == size)
    data = "Kinetics-400" if kind == "clip" else "ImageNet-1K"
    licence = f"code BSD-3; weights: terms of {data}"
    own = [entry.name for entry in named if "license" in entry.meta]
    if own:  # SWAG's
        licence += f", {', '.join(own)}: {named[-1].meta['license']}"
    elif "pytorch/vision" not in weights[0].meta["recipe"]:  # trained by others, ported
        licence += f", see source {weights[0].meta['recipe']}"
    return BackboneSpec(
        kind=kind,
        width=width,
        size=size,
        scaled=scaled,
        normalisations=(norm,),
        fixed_size=fixed_size,
        least_side=least_side,
        frames=frames,
        least_frames=weights[0].meta.get("min_temporal_size", 1),
        build=build,
        head=head,
        replacement=replacement,
        auxiliary=auxiliary,
        stages=stages,
        chain=chain,
        named=named,
        licence=licence,
        origin=f"torchvision: {', '.join(entry.name for entry in named)}",
        torch_is_faster=torch_is_faster,
    )


def input_of(entry: WeightsEnum) -> tuple[int, int | tuple[int, int], str]:
    """(size, scaled, normalisation) of the transforms that come with torchvision's weights."""
    transforms: Any = entry.transforms()
    scaled = transforms.resize_size
    norm = name_normalisation([255 * m for m in transforms.mean], [255 * s for s in transforms.std])
    return transforms.crop_size[0], scaled[0] if len(scaled) == 1 else tuple(scaled), norm
