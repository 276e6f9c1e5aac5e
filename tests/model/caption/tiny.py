"""Captioners small enough to build in every test, and videos for them."""

from dataclasses import replace
from typing import Any, get_args

import torch
from torch import Tensor

from model.caption.captioner import Captioner, DecoderName, RelationCaptioner, build_captioner
from model.caption.config import CaptionConfig
from model.caption.decoder import BOS

NAMES: tuple[DecoderName, ...] = get_args(DecoderName)
APPEARANCE, MOTION, WORDS = 7, 5, 11
CLIPS, FRAMES = 4, 3

CONFIG = CaptionConfig(
    appearance_width=APPEARANCE,
    motion_width=MOTION,
    feature_norm="none",
    width=16,
    units=1,
    heads=2,
    graph_layers=1,
    graph_dropout=0.0,
    topology="complete",
    punish="values",
    feature_dropout=0.0,
    dropout=0.0,
    state_dropout=0.0,
    vocabulary=WORDS,
    word_width=6,
    positions="clips",
    attn_act="tanh",
    legacy_frame_aligned=False,
    layers=2,
    fusion="mfb",
    fused_norm="batch",
    bilinear_width=4,
    bilinear_factor=2,
)


def captioner(
    name: DecoderName, seed: int = 0, sharp: float = 1.0, **changes: Any
) -> Captioner | RelationCaptioner:
    """A captioner in evaluation mode; all its matrices times `sharp`."""
    torch.manual_seed(seed)
    model = build_captioner(replace(CONFIG, **changes), name).eval()
    for parameter in model.parameters():
        parameter.data *= sharp
    return model


def videos(
    count: int, *, clips: tuple[int, ...] = (), seed: int = 0
) -> tuple[Tensor, Tensor, Tensor]:
    """Appearance (V, N, F, Da), motion (V, N, Dm), mask (V, N) with so many real clips each."""
    generator = torch.Generator().manual_seed(seed)
    real = torch.tensor(clips or [CLIPS] * count)
    total = int(real.max())
    return (
        torch.randn(count, total, FRAMES, APPEARANCE, generator=generator),
        torch.randn(count, total, MOTION, generator=generator),
        torch.arange(total) < real[:, None],
    )


def words(count: int, length: int) -> Tensor:
    """Captions as they are read, <BOS> first."""
    drawn = torch.randint(4, WORDS, (count, length), generator=torch.Generator().manual_seed(1))
    drawn[:, 0] = BOS
    return drawn
