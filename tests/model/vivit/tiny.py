"""ViViTs small enough to build in every test, and clips for them."""

from dataclasses import replace
from typing import get_args

import torch
from torch import Tensor

from model.backbone.spec import NORMALISATIONS
from model.vivit.config import VivitConfig
from model.vivit.vivit import Vivit, VivitName, build_vivit

NAMES: tuple[VivitName, ...] = get_args(VivitName)

CONFIG = VivitConfig(
    classes=5,
    frames=6,
    size=(12, 8),
    normalisation=NORMALISATIONS["half"],
    tubelet=(2, 4),
    every_frame=True,
    time_positions=True,
    width=16,
    depth=2,
    temporal_depth=2,
    heads=2,
    mlp=32,
    gelu="tanh",
    eps=1e-6,
    dropout=0.0,
    drop_path=0.0,
    checkpointing=False,
    repeats=1,
    head_mixing="none",
    mlp_transform="none",
)
BASE = replace(  # ViT-B on Kinetics-400
    CONFIG, classes=400, frames=32, size=(224, 224), tubelet=(2, 16), width=768, depth=12,
    temporal_depth=4, heads=12, mlp=3072,
)  # fmt: skip
MINI = replace(CONFIG, repeats=2, head_mixing="released", mlp_transform="released")


def clips(count: int = 3, config: VivitConfig = CONFIG) -> Tensor:
    """Random frames (B, T, 3, H, W), 0..255."""
    generator = torch.Generator().manual_seed(1)
    shape = (count, config.frames, *config.size, 3)
    return torch.randint(0, 256, shape, generator=generator).float().permute(0, 1, 4, 2, 3)


def lively(config: VivitConfig, name: VivitName) -> Vivit:
    """A network all of whose parameters are random: no zero hides what is computed wrong."""
    torch.manual_seed(0)
    model = build_vivit(config, name).eval()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.2 * torch.randn_like(parameter))
    return model
