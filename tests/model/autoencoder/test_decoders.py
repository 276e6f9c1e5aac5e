"""The decoders make every shape, lose no work on it, and can learn."""

import math
from functools import partial
from itertools import product

import numpy as np
import pytest
import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from model.autoencoder.decoders import DECODERS, TransposedDecoder
from model.autoencoder.errors import baselines, reconstruction_loss, squared_error
from preprocess.shapes.families import make_scenes
from preprocess.shapes.scene import draw

WIDTH = 24


SHAPES = list(product((1, 2, 3, 7, 8, 32), (16, 17, 32, 61, 100, 112)))


@pytest.mark.parametrize(
    ("name", "frames", "size"),
    [("transposed", *shape) for shape in SHAPES]
    + [("mlp", f, s) for f, s in SHAPES if f * s * s < 10_000],  # 512 weights a pixel and colour
)
def test_every_number_of_frames_and_size(name: str, frames: int, size: int) -> None:
    torch.manual_seed(0)
    decoder = DECODERS[name](width=WIDTH, frames=frames, size=size, hidden=16)
    with torch.no_grad():
        out = decoder(torch.randn(1, 2, WIDTH))
    assert out.shape == (1, 2, 3, frames, size, size)
    assert abs(out.mean() - 0.5) < 0.05  # starts near mid grey,
    assert 0.01 < out.std() < 0.15  # and not dead
    assert ((out > 0) & (out < 1)).all()


@pytest.mark.parametrize("name", DECODERS)
def test_clips_are_rebuilt_one_by_one(name: str) -> None:
    torch.manual_seed(0)
    decoder = DECODERS[name](width=WIDTH, frames=4, size=16, hidden=16)
    decoder.eval()  # in training each vector is normalised among the others
    clips = torch.randn(3, 2, WIDTH)
    torch.testing.assert_close(decoder(clips)[1, 1], decoder(clips[1:2, 1:])[0, 0])


@pytest.mark.parametrize("name", DECODERS)
def test_nothing_to_build(name: str) -> None:
    with pytest.raises(ValueError, match=r"16 x 16 pixels or more, not 15 x 15"):
        DECODERS[name](width=WIDTH, frames=8, size=15, hidden=16)
    with pytest.raises(ValueError, match="1 frame or more, not 0"):
        DECODERS[name](width=WIDTH, frames=0, size=32, hidden=16)


def cost(decoder: nn.Module) -> dict[str, int]:
    """Floating-point operations of one clip's forward, of each part."""
    decoder.eval()
    counter = FlopCounterMode(display=False)
    with torch.no_grad(), counter:
        decoder(torch.zeros(1, 1, WIDTH))
    return {k: sum(v.values()) for k, v in counter.get_flop_counts().items()}


@pytest.mark.parametrize("frames", [1, 8, 15, 16, 32])
@pytest.mark.parametrize("size", [32, 64, 100, 112, 128])
def test_little_is_computed_that_no_frame_shows(frames: int, size: int) -> None:
    """Products of every transposed convolution against those that its own outputs need."""
    decoder = TransposedDecoder(width=WIDTH, frames=frames, size=size, hidden=16)
    places: dict[str, torch.Size] = {}

    def keep(name: str, layer: nn.Module, x: object, y: torch.Tensor) -> None:
        places[name] = y.shape[2:]

    for name, layer in decoder.layers.named_children():
        layer.register_forward_hook(partial(keep, name))
    by_part = cost(decoder)
    made = needed = 0
    for name, layer in decoder.layers.named_children():
        assert isinstance(layer, nn.ConvTranspose3d)
        taps = math.prod(layer.kernel_size) / math.prod(layer.stride)
        needed += 2 * layer.in_channels * layer.out_channels * taps * places[name].numel()
        made += by_part[f"TransposedDecoder.layers.{name}"]
    assert needed <= made < 1.1 * needed


def test_most_of_the_arithmetic_is_before_the_pixels() -> None:
    for frames, size, last in ((8, 32, 1), (16, 112, 2)):
        by_part = cost(TransposedDecoder(width=WIDTH, frames=frames, size=size, hidden=64))
        assert by_part[f"TransposedDecoder.layers.{last}"] < 0.1 * by_part["TransposedDecoder"]


@pytest.mark.parametrize(("name", "steps"), [("transposed", 300), ("mlp", 100)])
def test_overfits_one_batch(name: str, steps: int) -> None:
    torch.manual_seed(0)
    films = np.stack([draw(scene) for scene in make_scenes(8, seed=0, split=0)])
    films = torch.from_numpy(films).movedim(-1, 2)[:, :16, :, ::4, ::4]  # (8, 16, 3, 16, 16)
    clips = films.unflatten(1, (2, 8)).transpose(2, 3)  # (8, 2, 3, 8, 16, 16)
    decoder = DECODERS[name](width=WIDTH, frames=8, size=16, hidden=64)
    codes = nn.Parameter(torch.randn(8, 2, WIDTH))
    optimizer = torch.optim.Adam([codes, *decoder.parameters()], lr=5e-3)
    for _ in range(steps):
        optimizer.zero_grad()
        reconstruction_loss(squared_error(clips, decoder(codes)).mean()).backward()
        optimizer.step()
    with torch.no_grad():
        error = squared_error(clips, decoder(codes)).mean()
    guess = baselines(clips)
    assert error < 0.05 * guess.mean_colour.mean()
    assert error < guess.mean_frame.mean()  # it has learnt motion, too
