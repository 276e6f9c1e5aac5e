"""Frozen backbones.  `BACKBONES` is the table of them; `--list` prints it.

A "frame" backbone gives a row per frame, (N, F, W); a "clip" backbone a row per clip, (N, 1, W).
To add one, write its line in `BACKBONES`.  Names that begin with `timm:` or `hf:` are image
encoders of those libraries, where they are installed (`HUBS`).
"""

import difflib
from collections.abc import Callable
from dataclasses import replace
from functools import partial

from torch import nn
from torchvision import models
from torchvision.models import video

from data_loader.store.provenance import Crop, Provenance
from model.backbone import resnext3d
from model.backbone.hub import Opened
from model.backbone.hugging_face import open_hugging_face
from model.backbone.spec import Network, Pixels, normalisation, picture_of, torchvision_network
from model.backbone.timm import open_timm
from model.backbone.weights import choices, entry_of, load_weights
from preprocess.feature.extractor import Backbone, NetworkBackbone, PixelBackbone
from util.device import pick_device
from util.errors import UserError

_image = partial(torchvision_network, kind="frame")
_video = partial(torchvision_network, kind="clip")

BACKBONES: dict[str, Network | Pixels] = {
    "resnet18": _image(models.resnet18, width=512, head="fc"),
    "resnet34": _image(models.resnet34, width=512, head="fc"),
    "resnet50": _image(models.resnet50, width=2048, head="fc"),
    "resnet101": _image(models.resnet101, width=2048, head="fc"),
    "resnet152": _image(models.resnet152, width=2048, head="fc"),
    "resnext50_32x4d": _image(models.resnext50_32x4d, width=2048, head="fc"),
    "resnext101_32x8d": _image(models.resnext101_32x8d, width=2048, head="fc"),
    "resnext101_64x4d": _image(models.resnext101_64x4d, width=2048, head="fc"),
    "convnext_tiny": _image(models.convnext_tiny, width=768, head="classifier.2"),
    "convnext_small": _image(models.convnext_small, width=768, head="classifier.2"),
    "convnext_base": _image(models.convnext_base, width=1024, head="classifier.2"),
    "convnext_large": _image(models.convnext_large, width=1536, head="classifier.2"),
    "vit_b_16": _image(models.vit_b_16, width=768, head="heads"),
    "vit_b_32": _image(models.vit_b_32, width=768, head="heads"),
    "vit_l_16": _image(models.vit_l_16, width=1024, head="heads"),
    "swin_t": _image(models.swin_t, width=768, head="head"),
    "swin_s": _image(models.swin_s, width=768, head="head"),
    "swin_b": _image(models.swin_b, width=1024, head="head"),
    "swin_v2_t": _image(models.swin_v2_t, width=768, head="head"),
    "swin_v2_s": _image(models.swin_v2_s, width=768, head="head"),
    "swin_v2_b": _image(models.swin_v2_b, width=1024, head="head"),
    "squeezenet1_1": _image(
        models.squeezenet1_1, width=512, head="classifier",
        instead=partial(nn.AdaptiveAvgPool2d, 1),
    ),
    "resnext101": Network(
        kind="clip", width=resnext3d.FEATURES, size=112, scaled=112,
        normalisations=("kinetics", "raw255"), build=resnext3d.resnext101, head="fc",
        licence="authors' code MIT; weights: terms of Kinetics, see source",
        origin="resnext-101-kinetics.pth of github.com/kenshohara/3D-ResNets-PyTorch",
    ),
    "r3d_18": _video(video.r3d_18, width=512, head="fc"),
    "mc3_18": _video(video.mc3_18, width=512, head="fc"),
    "r2plus1d_18": _video(video.r2plus1d_18, width=512, head="fc"),
    "s3d": _video(video.s3d, width=1024, head="classifier"),
    "mvit_v1_b": _video(video.mvit_v1_b, width=768, head="head", frames=16),
    "mvit_v2_s": _video(
        video.mvit_v2_s, width=768, head="head", frames=16, torch_is_faster=True
    ),
    "swin3d_t": _video(video.swin3d_t, width=768, head="head"),
    "swin3d_s": _video(video.swin3d_s, width=768, head="head"),
    "swin3d_b": _video(video.swin3d_b, width=1024, head="head"),
    "pixels": Pixels(kind="frame", width=8 * 8 * 3, grid=8),
    "pixel_motion": Pixels(kind="clip", width=3 * 8 * 8 * 3, grid=8),
}  # fmt: skip

HUBS: dict[str, Callable[[str, str | None], Opened]] = {
    "timm:": open_timm,
    "hf:": open_hugging_face,
}


def load_backbone(
    name: str, *, weights: str | None, resize: str = "squash", motion_norm: str = "kinetics",
    device: str = "auto", batch: int = 0, scaler: str = "torch", frames: int | None = None,
    precision: str = "float32", runtime: str = "torch", threads: int = 1,
) -> Backbone:  # fmt: skip
    """Make a backbone ready to run.

    `weights`: a file, torchvision's name of weights, `pretrained` (the library's own, downloaded),
    or `random`; None for pixels.  `resize`, `motion_norm`: spec of the input (squash | crop;
    kinetics | raw255, resnext101 only).  `batch`: frames per pass, 0 for the device's usual.
    `scaler`: decoder | torch, what makes its pictures.  `frames`: of the clips that it will see,
    None if not known.  `precision`: float32 | bf16, in the network.  `runtime`: torch | openvino |
    auto (OpenVINO on a CPU, where it can; a video network then needs `frames`), called by `threads`
    at once.  Raises UserError for an unknown name, missing or misfit weights, a choice that the
    backbone does not have, clips that it cannot take, or a device or runtime that is not there.
    """
    recipe = find_recipe(name)
    if motion_norm == "raw255" and name != "resnext101":
        raise UserError(f"--motion_norm raw255: is for resnext101 only; leave it out for {name}")
    if isinstance(recipe, Pixels):
        if weights is not None:
            raise UserError(f"--weights {weights}: {name} has no weights; leave it out")
        if resize != "squash":
            raise UserError(f"--resize {resize}: {name} averages whole frames; leave it out")
        return PixelBackbone(name=name, recipe=recipe)
    if recipe:
        _check_frames(name, recipe, frames)
    target = pick_device(device)
    recipe, network, source = open_network(name, recipe, weights)
    norm = motion_norm if name == "resnext101" else recipe.normalisations[0]
    return NetworkBackbone(
        name=name, recipe=recipe, network=network, weights=source, resize=resize, device=target,
        normalisation=norm, batch=batch, scaler=scaler, precision=precision, runtime=runtime,
        frames=frames, threads=threads,
    )  # fmt: skip


def find_recipe(name: str) -> Network | Pixels | None:
    """A line of the table; None for another library's network, which brings its own."""
    if name in BACKBONES:
        return BACKBONES[name]
    if name.startswith(tuple(HUBS)):
        return None
    close = difflib.get_close_matches(name, BACKBONES, n=2) or list(BACKBONES)[:2]
    raise UserError(
        f"--backbone {name}: there is none; there are {', '.join(close)} and others: "
        "python -m preprocess.backbones --list"
    )


def _check_frames(name: str, recipe: Network, frames: int | None) -> None:
    """Raise UserError if a video network cannot take clips of so many frames."""
    if frames is None:
        return
    if recipe.frames and frames != recipe.frames:
        raise UserError(
            f"--frames {frames}: {name} takes clips of {recipe.frames} frames and no others; "
            f"give --frames {recipe.frames}"
        )
    if frames < recipe.least_frames:
        raise UserError(
            f"--frames {frames}: {name} takes clips of {recipe.least_frames} frames or more; "
            "give --frames 16"
        )


def require_weights(name: str, recipe: Network, weights: str | None) -> str:
    """The weights that are named for a network; UserError if none are."""
    if weights is None:
        raise UserError(f"--backbone {name} needs --weights: {choices(recipe.named)}")
    return weights


def open_network(name: str, recipe: Network | None, weights: str | None) -> Opened:
    """Recipe, network without its head, and where its weights are from."""
    if recipe is None:
        hub = next(hub for hub in HUBS if name.startswith(hub))
        return HUBS[hub](name.removeprefix(hub), weights)
    network, source = load_weights(
        recipe.build,
        require_weights(name, recipe, weights),
        name=name,
        head=recipe.head,
        named=recipe.named,
    )
    network.set_submodule(recipe.head, recipe.instead())
    entry = entry_of(recipe.named, source)
    if entry:  # weights of one network may have been trained on crops of different frames
        _, scaled, norm = picture_of(entry)
        recipe = replace(recipe, scaled=scaled, normalisations=(norm,))
    return recipe, network, source


def backbone_from_provenance(
    provenance: Provenance, *, weights: str | None = None, device: str = "auto", batch: int = 0
) -> Backbone:
    """The backbone that made a store, to run on a new video.

    `weights`: where its file lies now, if not where it lay then.  Raises UserError if the store has
    no backbone to run (imported features), or the weights are missing or not the same.
    """
    name, stored = provenance.backbone or "?", provenance.weights
    if not provenance.has_backbone or stored is None:
        raise UserError(
            f"features from {name} have no backbone to run, so no new video can be asked; use a "
            "run on stores made by preprocess.videos"
        )
    source = weights or (None if stored.source == "none" else stored.source)
    recipe = find_recipe(name)
    if isinstance(recipe, Pixels):
        return PixelBackbone(name=name, recipe=recipe)
    target = pick_device(device)
    recipe, network, found = open_network(name, recipe, source)
    if found["sha256"] != stored.sha256:
        raise UserError(
            f"--weights {source}: SHA-256 {found['sha256'][:12]}..., but the store was made with "
            f"{stored.sha256[:12]}... ({stored.source}); give that file"
        )
    made = provenance.with_defaults()
    norm = made.normalisation
    assert norm and norm.mean and norm.std and made.scaler and made.network_precision
    if isinstance(made.crop, Crop):  # that of the store, whatever these weights' is today
        recipe = replace(recipe, scaled=made.crop.of)
    return NetworkBackbone(
        name=name, recipe=recipe, network=network, weights=found, device=target, batch=batch,
        resize="crop" if isinstance(made.crop, Crop) else "squash",
        normalisation=normalisation(norm.mean, norm.std),
        scaler=made.scaler, precision=made.network_precision,
    )  # fmt: skip
