"""Image encoders of Hugging Face: `hf:NAME`, such as `hf:openai/clip-vit-base-patch32`.

NAME is a repository of the hub, or a folder.  Features are the image embedding of CLIP; otherwise
what the model itself pools (SigLIP: by attention; DINOv2: the class token; ConvNeXt: the mean), or
the class token where it pools nothing.  transformers is not imported before one is asked for.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from model.backbone.hub import (
    Opened,
    build_random,
    existing,
    fetch,
    made_from,
    norm,
    require,
    square,
    width_of,
)
from model.backbone.spec import Network
from model.backbone.weights import PRETRAINED, RANDOM
from util.errors import UserError

# Models of pictures and texts, and the class that is their vision tower alone.
TOWERS = {
    "clip": "CLIPVisionModelWithProjection",
    "clip_vision_model": "CLIPVisionModelWithProjection",
    "siglip": "SiglipVisionModel",
    "siglip_vision_model": "SiglipVisionModel",
}


def open_hugging_face(name: str, weights: str | None) -> Opened:
    """Recipe, network and source of weights of one of Hugging Face's image encoders.

    `weights`: `pretrained`, a folder as `save_pretrained` writes and the hub holds (config.json,
    preprocessor_config.json, model.safetensors), or `random`, which needs the first two.  Raises
    UserError if transformers is not installed, the files cannot be had, or do not fit.
    """
    full = f"hf:{name}"
    transformers = require("transformers", full, weights, "folder")
    weights = str(weights)
    place = name
    if weights not in (PRETRAINED, RANDOM):
        place = str(existing(full, weights, "folder"))
    config = fetch(transformers.AutoConfig.from_pretrained, full, place)
    tower = TOWERS.get(config.model_type)
    if tower and hasattr(config, "vision_config"):
        config = _vision_config(config)
    loader: Any = getattr(transformers, tower or "AutoModel")
    build = partial(loader if tower else loader.from_config, config)
    if weights == RANDOM:
        network = build_random(full, build)
    else:
        with _quiet(transformers.utils.logging):
            network, report = fetch(
                loader.from_pretrained, full, place, config=config, dtype=torch.float32,
                output_loading_info=True,
            )  # fmt: skip
        _check_missing(network, report["missing_keys"], full, place)
    picture = fetch(transformers.AutoImageProcessor.from_pretrained, full, place).to_dict()
    size, scaled = _picture(full, picture, config)
    recipe = Network(
        kind="frame",
        width=width_of(full, network, size, pooled),
        size=size,
        scaled=scaled,
        normalisations=(_norm(picture),),
        build=build,
        licence="code Apache-2.0; weights: see source",
        origin=name if Path(name).is_dir() else f"huggingface.co/{name}",
        features=pooled,
    )
    return recipe, network, made_from(transformers, network, weights)


def pooled(network: Any, x: Tensor) -> Tensor:
    """What a model of transformers pools itself, or its class token: (B, 3, H, W) -> (B, W)."""
    out = network(pixel_values=x)
    for key in ("image_embeds", "pooler_output"):
        if out.get(key) is not None:
            return out[key].flatten(1)
    hidden = out.last_hidden_state  # (B, L, W), or a map (B, W, H, W)
    return hidden[:, 0] if hidden.dim() == 3 else hidden.mean((2, 3))


def _check_missing(network: Any, missing: Any, backbone: str, place: str) -> None:
    """Raise UserError if weights are missing; only a pooler may be, and then it goes.

    Classifiers are published without one, and transformers would fill it with random numbers.
    """
    needed = sorted(key for key in missing if not key.startswith("pooler."))
    if needed:
        raise UserError(
            f"--weights {place}: not the weights of {backbone}: lacks {needed[0]}; give the folder "
            "made for it"
        )
    if missing:
        network.pooler = None


def _vision_config(config: Any) -> Any:
    """The vision part of a model of pictures and texts.

    CLIP's projection is as wide as the whole says, which its vision part may contradict.
    """
    vision = config.vision_config
    if hasattr(config, "projection_dim"):
        vision.projection_dim = config.projection_dim
    return vision


def _picture(
    backbone: str, picture: dict[str, Any], config: Any
) -> tuple[int, int | tuple[int, int]]:
    """(size, scaled) of an image processor."""
    given, crop = picture["size"], picture.get("crop_size")
    short = given.get("shortest_edge")
    scaled = short or (given["height"], given["width"])
    if picture.get("do_center_crop") and crop:
        return square(backbone, crop["height"], crop["width"]), scaled
    if picture.get("crop_pct") and short:  # ConvNeXT's way
        return short, int(short / picture["crop_pct"])
    if short:
        return getattr(config, "image_size", short), short
    return square(backbone, *scaled), scaled


def _norm(picture: dict[str, Any]) -> str:
    """Name of the normalisation of an image processor."""
    full = 1 / picture["rescale_factor"] if picture.get("do_rescale", True) else 1.0
    if not picture.get("do_normalize", True):
        return norm((0, 0, 0), (1, 1, 1), full)
    return norm(picture["image_mean"], picture["image_std"], full)


@contextmanager
def _quiet(logging: Any) -> Iterator[None]:
    """No report of what a file holds besides (the tower for texts), and no bar."""
    before, bar = logging.get_verbosity(), logging.is_progress_bar_enabled()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        logging.set_verbosity(before)
        if bar:
            logging.enable_progress_bar()
