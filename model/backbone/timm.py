"""Image encoders of timm: `timm:NAME`, such as `timm:vit_base_patch16_clip_224.openai`.

timm itself is not imported before one is asked for.
"""

import difflib
from functools import partial

from torch import nn

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
from model.backbone.weights import PRETRAINED, RANDOM, fill, read_state
from util.errors import UserError


def open_timm(name: str, weights: str | None) -> Opened:
    """Recipe, network and source of weights of one of timm's image encoders.

    Features are what timm pools without a classifier (`num_classes=0`).  `weights`: `pretrained`, a
    file (state dict, checkpoint or safetensors, in timm's own names), or `random`.  Raises
    UserError if timm is not installed or has no such model, or the weights cannot be had or do not
    fit.
    """
    full = f"timm:{name}"
    timm = require("timm", full, weights, "file")
    weights = str(weights)
    if not timm.is_model(name.partition(".")[0]):
        close = difflib.get_close_matches(name, timm.list_models(), n=3)
        raise UserError(
            f"--backbone {full}: timm {timm.__version__} has none of this name; "
            f"{'close are ' + ', '.join(close) if close else 'timm.list_models() lists them'}"
        )
    build = partial(timm.create_model, name, num_classes=0)
    if weights == PRETRAINED:
        network = fetch(build, full, pretrained=True)
    else:
        network = build_random(full, build)
    about = network.pretrained_cfg
    if weights not in (PRETRAINED, RANDOM):
        path = existing(full, weights, "file")
        heads = about.get("classifier") or ()
        heads = (heads,) if isinstance(heads, str) else heads
        fill(network, read_state(path), path, name=full, heads=heads)
    picture = timm.data.resolve_model_data_config(network)
    _, height, width = picture["input_size"]
    size = square(full, height, width)
    scaled = int(size / picture["crop_pct"])
    recipe = Network(
        kind="frame",
        width=width_of(full, network, size, nn.Module.__call__),
        size=size,
        scaled=(scaled, scaled) if picture["crop_mode"] == "squash" else scaled,
        normalisations=(norm(picture["mean"], picture["std"], 255),),
        build=build,
        licence=f"code Apache-2.0; weights: {about.get('license') or 'see source'}",
        origin=about.get("hf_hub_id") or about.get("url") or "timm",
    )
    return recipe, network, made_from(timm, network, weights)
