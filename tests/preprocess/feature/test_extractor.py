"""Frozen networks on a device whose memory ends, and in bfloat16."""

from copy import deepcopy
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from model.backbone.spec import BackboneSpec
from model.backbone.table import BACKBONES
from preprocess.feature.extractor import NetworkExtractor
from preprocess.feature.runtime import cast_weights
from util.errors import UserError


class Limited(nn.Module):
    """Runs out of memory above some frames, as a GPU does."""

    def __init__(self, most: int) -> None:
        super().__init__()
        self.most = most
        self.passes: list[int] = []

    def forward(self, x: Tensor) -> Tensor:
        frames = len(x) * (x.shape[2] if x.ndim == 5 else 1)
        self.passes.append(frames)
        if frames > self.most:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 3.00 GiB")
        return x.mean(dim=tuple(range(2, x.ndim)))


def limited(most: int, kind: str) -> tuple[NetworkExtractor, Limited]:
    line = BACKBONES[{"clip": "r3d_18", "frame": "squeezenet1_1"}[kind]]
    assert isinstance(line, BackboneSpec)
    network = Limited(most)
    backbone = NetworkExtractor(
        name="mine", spec=replace(line, features=lambda net, x: net(x), size=8),
        network=network, weights={"source": "random", "sha256": ""}, layer="pooled",
        resize="squash", normalisation=line.normalisations[0], device=torch.device("cpu"), batch=16,
        scaler="torch", precision="float32",
    )  # fmt: skip
    return backbone, network


@pytest.mark.parametrize(
    ("kind", "most", "sizes", "later"),
    [  # 21 frames; 6 clips of 2 frames
        ("frame", 4, [16, 8], [4, 4, 4, 4, 4, 1]),
        ("clip", 3, [12, 6], [2, 2, 2, 2, 2, 2]),
    ],
)
def test_a_pass_that_does_not_fit_is_halved(kind, most, sizes, later, capsys) -> None:
    pictures = np.random.default_rng(0).integers(0, 256, (21, 8, 8, 3), np.uint8)
    index = np.array([[0, 3], [20, 5], [7, 8], [9, 9], [9, 2], [6, 1]])
    whole, _ = limited(100, kind)
    expected = whole.rows(whole.input(pictures), index)
    assert not capsys.readouterr().err
    backbone, network = limited(most, kind)
    assert np.array_equal(backbone.rows(backbone.input(pictures), index), expected)
    assert network.passes == sizes + later
    said = capsys.readouterr().err.splitlines()
    assert said == [
        f"mine: {size} frames in a pass are more than the memory of cpu takes: going on with "
        f"{lower} (--batch)"
        for size, lower in zip(sizes, [sizes[1], later[0]], strict=True)
    ]
    network.passes.clear()
    backbone.rows(backbone.input(pictures), index)
    assert network.passes == later and not capsys.readouterr().err  # said once, not once a video


@pytest.mark.parametrize(("kind", "what"), [("frame", "one frame"), ("clip", "one clip of 2")])
def test_where_not_even_one_fits_a_line_says_what_to_do(kind: str, what: str) -> None:
    backbone, _ = limited(0, kind)
    pictures = np.zeros((4, 8, 8, 3), np.uint8)
    with pytest.raises(UserError, match=f"^mine: {what}.*not fit .*--network_precision bf16"):
        backbone.rows(backbone.input(pictures), np.array([[0, 1], [2, 3]]))


class Layers(nn.Module):
    """One of each kind of layer that the networks have."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 8, 3)
        self.batch_norm, self.norm = nn.BatchNorm2d(8), nn.LayerNorm(8)
        self.attention = nn.MultiheadAttention(8, 2, batch_first=True)
        self.linear = nn.Linear(8, 5)

    def forward(self, x: Tensor) -> Tensor:
        x = self.batch_norm(self.conv(x)).flatten(2).transpose(1, 2)
        return self.linear(self.attention(self.norm(x), x, x)[0]).mean(1)


def test_weights_cast_once_give_the_numbers_of_weights_cast_at_each_pass() -> None:
    torch.manual_seed(0)
    network = Layers().eval().requires_grad_(False)
    once = deepcopy(network)
    cast_weights(once)
    images = torch.randn(2, 3, 6, 6)
    with torch.inference_mode(), torch.autocast("cpu", torch.bfloat16):
        expected, found = network(images), once(images)
    assert torch.equal(found, expected) and found.dtype == torch.bfloat16
    assert {n for n, p in once.named_parameters() if p.dtype == torch.float32} == {
        "batch_norm.weight", "batch_norm.bias", "norm.weight", "norm.bias",
        "attention.in_proj_weight", "attention.in_proj_bias",
    }  # fmt: skip
