"""Decoders that rebuild clips from their vectors."""

import math
from itertools import pairwise

from torch import Tensor, nn

from model.layer.norm import GlobalBatchNorm

COARSEST = 15  # places a side, at most, of the grid that the transposed decoder starts from
LAYERS = 2  # transposed convolutions, at least
CHANNELS = 16  # of every grid but the first, at least
SLOPE = 0.3  # of its leaky ReLUs: as quick to learn as ELU, which takes a CPU longer than a layer
MLP_WIDTH = 512  # the outer hidden layers of the write-up's decoder
FIRST = 0.3  # gain of the last layers: pixels start near mid grey, the sigmoid far from flat


class TransposedDecoder(nn.Module):
    """A coarse grid from a linear layer, then transposed 3D convolutions that double its sides.

    The vectors are first normalised over the batch: those of an LSTM begin small and nearly alike.
    The grid has 8 to 15 places a side (4 to 8 for frames below 32 pixels): with one of 4 to 7 and
    twice the channels, the same time bought a larger error.  Kernels are twice as long as their
    stride, 4 where a side doubles, so that neighbours overlap and no seams show.  The last layer's
    are as long as their stride: every pixel is a linear function of one place, which is one matrix
    product; with overlap this layer, of three channels and most of the places, took a CPU longer
    than all others together and the error was no smaller.  Channels halve from grid to grid, and
    frames double in the last layers, so that most of the arithmetic is where places are few.  An
    odd side or number of frames is made as it is, not cut from a larger one.
    """

    def __init__(self, *, width: int, frames: int, size: int, hidden: int) -> None:
        """D, F and the side h = w in pixels; `hidden` channels of the coarsest grid.

        Raises ValueError for no frames or fewer than 16 pixels.
        """
        super().__init__()
        _check(frames, size)
        sides = [size]
        while sides[0] > COARSEST or len(sides) <= LAYERS:
            sides.insert(0, -(-sides[0] // 2))
        layers = len(sides) - 1
        times = [-(-frames // 2**i) for i in reversed(range(layers + 1))]
        channels = [hidden, *(max(hidden // 2**i, CHANNELS) for i in range(1, layers))]
        self.grid = (times[0], sides[0], sides[0], channels[0])
        self.norm = GlobalBatchNorm(width)
        self.start = nn.Linear(width, math.prod(self.grid))
        nn.init.normal_(self.start.weight, std=width**-0.5)
        nn.init.zeros_(self.start.bias)
        self.layers = nn.ModuleList(
            _doubling(
                inputs,
                outputs,
                old=(times[i], sides[i], sides[i]),
                new=(times[i + 1], sides[i + 1], sides[i + 1]),
                overlap=i < layers - 1,
            )
            for i, (inputs, outputs) in enumerate(zip(channels, [*channels[1:], 3], strict=True))
        )

    def forward(self, clips: Tensor) -> Tensor:
        """Rebuild clips.  clips (V, N, D) -> (V, N, 3, F, h, w), 0 to 1."""
        x = self.start(self.norm(clips.flatten(0, 1))).unflatten(1, self.grid)
        x = x.movedim(-1, 1)  # channels last in memory, the layout that convolutions are fastest in
        for layer in self.layers:
            x = layer(nn.functional.leaky_relu(x, SLOPE))
        return x.sigmoid().unflatten(0, clips.shape[:2])


def _doubling(
    inputs: int,
    outputs: int,
    *,
    old: tuple[int, int, int],
    new: tuple[int, int, int],
    overlap: bool,
) -> nn.ConvTranspose3d:
    """A transposed convolution from a grid of (T, H, W) places to one of twice as many a side.

    A side of n becomes 2 n or 2 n - 1, or stays 1.  Weights keep the variance (He et al. 2015): of
    the kernel, each output sees one part in stride^3.  The last layer, without overlap, gets FIRST.
    """
    stride, kernel, padding, extra = [], [], [], []
    for a, b in zip(old, new, strict=True):
        step = 2 if b > a else 1
        reach = 2 * step if overlap and step == 2 else step
        odd = int(b < a * step)  # 2 n - 1: cut one more at the front, one less at the back
        stride.append(step)
        kernel.append(reach)
        padding.append((reach - step) // 2 + odd)
        extra.append(odd)
    layer = nn.ConvTranspose3d(
        inputs,
        outputs,
        kernel_size=(kernel[0], kernel[1], kernel[2]),
        stride=(stride[0], stride[1], stride[2]),
        padding=(padding[0], padding[1], padding[2]),
        output_padding=(extra[0], extra[1], extra[2]),
    )
    seen = inputs * math.prod(kernel) / math.prod(stride)
    nn.init.normal_(layer.weight, std=(2 / seen) ** 0.5 * (1 if overlap else FIRST))
    assert layer.bias is not None
    nn.init.zeros_(layer.bias)
    return layer


class MlpDecoder(nn.Module):
    """The write-up's decoder: D -> 512 -> hidden -> 512 -> all pixels, with ELU between.

    Of its weights 512 belong to every pixel and colour of every frame: 50 million at F 8, 64 x 64.
    """

    def __init__(self, *, width: int, frames: int, size: int, hidden: int) -> None:
        """D, F and the side h = w in pixels; `hidden` is the middle layer's width.

        Raises ValueError for no frames or fewer than 16 pixels.
        """
        super().__init__()
        _check(frames, size)
        self.shape = (3, frames, size, size)
        widths = (width, MLP_WIDTH, hidden, MLP_WIDTH)
        stages = []
        for i, (inputs, outputs) in enumerate(pairwise(widths)):
            stages += [_linear(inputs, outputs, gain=1 if i == 0 else 2**0.5), nn.ELU()]
        self.layers = nn.Sequential(
            *stages, _linear(MLP_WIDTH, math.prod(self.shape), gain=FIRST * 2**0.5)
        )

    def forward(self, clips: Tensor) -> Tensor:
        """Rebuild clips.  clips (V, N, D) -> (V, N, 3, F, h, w), 0 to 1."""
        return self.layers(clips).sigmoid().unflatten(-1, self.shape)


def _linear(inputs: int, outputs: int, *, gain: float) -> nn.Linear:
    layer = nn.Linear(inputs, outputs)
    nn.init.normal_(layer.weight, std=gain * inputs**-0.5)
    nn.init.zeros_(layer.bias)
    return layer


def _check(frames: int, size: int) -> None:
    if frames < 1:
        raise ValueError(f"a decoder needs 1 frame or more, not {frames}")
    if size < 16:
        raise ValueError(f"a decoder needs frames of 16 x 16 pixels or more, not {size} x {size}")


DECODERS = {"transposed": TransposedDecoder, "mlp": MlpDecoder}
