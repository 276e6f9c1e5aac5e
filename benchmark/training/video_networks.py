"""What classifiers of videos cost:  python -m benchmark video_networks

ViViTs over made-up frames, and the classifiers over made-up features.  Of each: clips a second (of
a classifier over features: videos), applied and trained (forward, backward, AdamW), and the share
of the machine's rate at large matrix products that its own products reach; the hours that an epoch
of Kinetics-400 would take.  Beside the factorised encoder a plainly written one of the same
weights: Conv3d, attention as it stands in the paper, time by time, all tokens to the end; first it
is checked that both say the same.
"""

import argparse
import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.attention import SDPBackend, sdpa_kernel

from benchmark.measure import interleaved, matrix_rate
from benchmark.training.sizes import FlopCounter
from model.backbone.spec import NORMALISATIONS
from model.classifier.classifier import CLASSIFIERS, build_classifier
from model.classifier.config import ClassifierConfig
from model.vivit.block import Block
from model.vivit.config import VivitConfig
from model.vivit.stack import Stack
from model.vivit.vivit import FactorisedEncoder, VivitName, build_vivit
from training.step import parameter_groups
from util.device import autocast

KINETICS = 214_834  # training videos of Kinetics-400, as ViViT had them
MINI = "mini_vivit"

BASE = VivitConfig(
    classes=400,
    frames=32,
    size=(224, 224),
    normalisation=NORMALISATIONS["half"],
    tubelet=(2, 16),
    every_frame=True,
    time_positions=True,
    width=768,
    depth=12,
    temporal_depth=4,
    heads=12,
    mlp=3072,
    gelu="tanh",
    eps=1e-6,
    dropout=0.0,
    drop_path=0.0,
    checkpointing=False,
    repeats=1,
    head_mixing="none",
    mlp_transform="none",
)
FEATURES = ClassifierConfig(
    appearance_width=2048,
    motion_width=2048,
    outputs=400,
    values=False,
    steps=128,
    positions="temporal",
    width=512,
    layers=4,
    heads=8,
    cell="lstm",
    head_width=512,
    tbptt=0,
    carry=0.0,
    units=1,
    graph_layers=1,
    topology="complete",
    punish="values",
    graph_dropout=0.0,
    fusion="linear",
    bilinear_width=256,
    bilinear_factor=2,
    feature_norm="standardize",
    feature_dropout=0.0,
    dropout=0.0,
    state_dropout=0.0,
)


@dataclass(frozen=True, kw_only=True)
class Size:
    """One size of the ViViTs, and of a batch of clips or of videos."""

    vivit: VivitConfig
    features: ClassifierConfig
    clips: int
    videos: int
    video: tuple[int, int]  # clips and frames of a video of features


SIZES = {
    "base": Size(vivit=BASE, features=FEATURES, clips=2, videos=64, video=(8, 16)),
    "shapes": Size(
        vivit=replace(
            BASE, classes=16, frames=24, size=(64, 64), width=128, depth=4, temporal_depth=2,
            heads=4, mlp=512,
        ),
        features=replace(FEATURES, appearance_width=512, motion_width=0, width=128, layers=2),
        clips=32, videos=64, video=(4, 8),
    ),
    "tiny": Size(
        vivit=replace(
            BASE, classes=3, frames=4, size=(8, 8), tubelet=(2, 4), width=16, depth=2,
            temporal_depth=2, heads=2, mlp=32,
        ),
        features=replace(
            FEATURES, appearance_width=8, motion_width=4, outputs=3, width=16, layers=1, heads=2,
            head_width=8,
        ),
        clips=2, videos=2, video=(2, 3),
    ),
}  # fmt: skip
VIVITS: dict[str, tuple[VivitName, dict[str, Any]]] = {
    "vivit": ("vivit", {}),
    "vivit_model1": ("vivit_model1", {}),
    "vivit_average": ("vivit_average", {}),
    MINI: ("vivit", {"repeats": 2, "head_mixing": "identity"}),
}


def run(options: argparse.Namespace) -> dict[str, Any]:
    """Check, measure, print a table."""
    size = SIZES[options.size]
    size = replace(size, clips=options.clips or size.clips)
    device, rate = torch.device("cpu"), matrix_rate()
    found: dict[str, Any] = {}
    print(
        f"{torch.get_num_threads()} threads, matrix products {rate / 1e9:.0f} GFLOP/s (float32); "
        f"{size.clips} clips or {size.videos} videos at a time"
    )
    print(f"plain form differs by {plain_difference(size):.1e} at most")
    print(HEAD)
    for name in options.networks:
        found[name] = measure(name, size, device, "float32", rounds=options.rounds, rate=rate)
        print(row(name, found[name]), flush=True)
    return {"matrix_gflops": rate / 1e9, **found}


HEAD = (
    "| network | parameters | GFLOP a clip | clips/s | share | clips/s, training | share "
    "| hours an epoch of Kinetics-400 |\n|-|-|-|-|-|-|-|-|"
)


def row(name: str, found: dict[str, float]) -> str:
    """A line of the table."""
    return (
        f"| `{name}` | {found['parameters']:,} | {found['gflop']:.3g} | "
        f"{found['clips_per_second']:.3g} | {found['share']:.0%} | "
        f"{found['trained_per_second']:.3g} | {found['trained_share']:.0%} | "
        f"{found['epoch_hours']:.3g} |"
    )


def measure(
    name: str, size: Size, device: torch.device, precision: str, *, rounds: int, rate: float
) -> dict[str, float]:
    """What one network does; `rate`: the machine's at matrix products, FLOP/s."""
    network, given = make(name, size)
    network, given = network.to(device), tuple(x.to(device) for x in given)
    target = torch.zeros(len(given[0]), dtype=torch.int64, device=device)
    optimizer = torch.optim.AdamW(parameter_groups(network, 0.0, {}), lr=1e-5, fused=True)

    def apply() -> None:
        with torch.inference_mode(), autocast(device, precision):
            network(*given)

    def train() -> None:
        with autocast(device, precision):
            loss = nn.functional.cross_entropy(network(*given).float(), target)
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()

    flop, trained = _flop(network, apply), _flop(network, train)
    seconds = interleaved({"apply": apply, "train": train}, rounds=rounds)
    applied, training = (statistics.median(seconds[key]) for key in ("apply", "train"))
    clips = len(target)
    return {
        "parameters": sum(p.numel() for p in network.parameters()),
        "gflop": flop / clips / 1e9,
        "clips_per_second": clips / applied,
        "share": flop / applied / rate,
        "trained_per_second": clips / training,
        "trained_share": trained / training / rate,
        "epoch_hours": KINETICS * training / clips / 3600,
    }


def make(name: str, size: Size) -> tuple[nn.Module, tuple[Tensor, ...]]:
    """A network with random weights, and a made-up batch."""
    torch.manual_seed(0)
    if name == "plain_vivit":
        return PlainVivit(build_vivit(size.vivit, "vivit")), (_clips(size),)
    if name in VIVITS:
        kind, change = VIVITS[name]
        return build_vivit(replace(size.vivit, **change), kind), (_clips(size),)
    n, f = size.video
    config = replace(size.features, steps=n * f)
    return build_classifier(config, next(kind for kind in CLASSIFIERS if kind == name)), (
        torch.randn(size.videos, n, f, config.appearance_width),
        torch.randn(size.videos, n, config.motion_width),
        torch.ones(size.videos, n, dtype=torch.bool),
    )


def _clips(size: Size) -> Tensor:
    """Frames as a task hands them on: their colours innermost in memory."""
    shape = (size.clips, size.vivit.frames, *size.vivit.size, 3)
    return torch.randint(0, 256, shape, dtype=torch.uint8).float().permute(0, 1, 4, 2, 3)


def _flop(network: nn.Module, work: Callable[[], None]) -> int:
    """FLOP of the matrix products of some work; attention written out, whose kernels count none."""
    with sdpa_kernel(SDPBackend.MATH), FlopCounter(network) as counter:
        work()
    return counter.total


class PlainVivit(nn.Module):
    """The factorised encoder as the paper writes it, over the weights of ours."""

    def __init__(self, ours: nn.Module) -> None:
        """`ours` keeps the weights."""
        super().__init__()
        assert isinstance(ours, FactorisedEncoder)
        self.ours = ours

    def forward(self, frames: Tensor) -> Tensor:
        """Clips (B, T, 3, H, W), 0..255 -> logits (B, K)."""
        tubelets = self.ours.tubelets
        x = ((frames - tubelets.mean) / tubelets.deviation).transpose(1, 2)
        stride = tubelets.weight.shape[2:]
        x = nn.functional.conv3d(x, tubelets.weight, tubelets.bias, stride=stride)
        times = [
            self._stack(self.ours.spatial, x[:, :, i].flatten(2).transpose(1, 2))
            for i in range(x.shape[2])
        ]
        return self.ours.head(self._stack(self.ours.temporal, torch.stack(times, 1)))

    def _stack(self, stack: Stack, x: Tensor) -> Tensor:
        assert stack.position_embedding is not None
        x = torch.cat([stack.class_embedding.expand(len(x), -1, -1), x], 1)
        x = x + stack.position_embedding
        for block in stack.blocks:
            assert isinstance(block, Block)
            x = x + self._attend(block, block.norm1[0](x))
            x = x + block.mlp(block.norm2[0](x))
        return stack.norm(x)[:, 0]

    def _attend(self, block: Block, x: Tensor) -> Tensor:
        heads = block.attention.heads
        q, k, v = (
            part.unflatten(2, (heads, -1)).transpose(1, 2)
            for part in block.attention.qkv(x).chunk(3, 2)
        )
        weights = (q @ k.transpose(2, 3) / q.shape[3] ** 0.5).softmax(3)
        return block.attention.proj((weights @ v).transpose(1, 2).flatten(2))


@torch.no_grad()
def plain_difference(size: Size) -> float:
    """How far apart the two forms of the factorised encoder are, at most; it must be nothing."""
    torch.manual_seed(0)
    ours = build_vivit(size.vivit, "vivit").eval()
    nn.init.normal_(ours.head.weight)  # which starts at zero
    frames = _clips(replace(size, clips=1))
    one, other = ours(frames), PlainVivit(ours)(frames)
    difference = float((one - other).abs().max() / other.abs().max())
    assert difference < 1e-4, f"the plain form says something else: {difference}"
    return difference


def names() -> Sequence[str]:
    """What can be measured."""
    return (*VIVITS, "plain_vivit", *CLASSIFIERS)
