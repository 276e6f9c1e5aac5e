"""Layers of a contrastive run's projection head that stay on the encoders (SimCLR v2)."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from torch import Tensor

from model.contrastive.head import PARTS
from model.task.encoder import projected_widths
from options.data import Channels
from options.encoder import EncoderOptions
from options.train import TrainOptions
from util.checkpoint import load_plain
from util.errors import UserError

KEPT = re.compile(r"encoder\.projection\.(\w+)\.(.*)")


def widths_after_projection(
    encoders: EncoderOptions,
    train: TrainOptions,
    checkpoint: Mapping[str, Any] | None,
    *,
    channels: Channels = "both",
) -> dict[str, int]:
    """The width of each channel's features after `projection_layers`; none where there are none.

    `checkpoint`: what the run goes on from.  Raises UserError where --init_from has no projection
    head of so many layers and one more.
    """
    layers = encoders.projection_layers
    if not layers:
        return {}
    if checkpoint is not None:
        return projected_widths(checkpoint["sizes"], channels)
    if train.init_from is None:
        raise UserError(
            f"--projection_layers {layers}: are those of a contrastive run; give --init_from "
            "results/RUN (python train.py contrastive), or leave it out"
        )
    path = Path(train.init_from)
    path = path / "best.pt" if path.is_dir() else path
    content = load_plain(path)
    state = content.get("weights", {})
    found = {}
    for channel in ("appearance", "motion") if channels == "both" else (channels,):
        kept, head = (
            [f"{prefix}.{channel}.layers.{PARTS * i}.weight" for i in range(3)]
            for prefix in ("encoder.projection", "heads")
        )
        there = sum(name in state for name in kept) or sum(name in state for name in head) - 1
        if there < layers:
            has = f"{there} before its last" if there >= 0 else "none"
            raise UserError(
                f"--projection_layers {layers}: {path} has {has} for {channel}; start from a "
                f"contrastive run of both with --head_layers {layers + 1} or more, or leave it out"
            )
        found[channel] = len(state[kept[0] if kept[0] in state else head[0]])
    return found


def with_kept_projection(
    state: Mapping[str, Tensor], own: Mapping[str, Tensor]
) -> dict[str, Tensor]:
    """A state where heads' layers that `own` keeps are found by the names that they have there."""
    state = dict(state)
    for name in own:
        match = KEPT.fullmatch(name)
        if match and (of_head := "heads.{}.{}".format(*match.groups())) in state:
            state.setdefault(name, state[of_head])
    return state


def refuse_projection_layers(options: EncoderOptions) -> None:
    """Raise UserError for layers that a first stage was told to keep."""
    if options.projection_layers:
        raise UserError(
            f"--projection_layers {options.projection_layers}: are kept by runs of train.py qa, "
            "classification and captioning that start from a contrastive one; leave it out"
        )
