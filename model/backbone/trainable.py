"""One network that is trained as far as it is told: policies, batch norm, checkpointing."""

from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal, Self

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.utils.checkpoint import checkpoint
from torchvision.models import WeightsEnum

from model.layer.norm import with_joint_statistics
from model.layer.precision import as_trained, trained_convolutions

Policy = Literal["frozen", "partial", "full"]
BatchNorm = Literal["eval", "train"]


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """A network as an encoder.

    kind: (B, 3, H, W) frames or (B, 3, F, H, W) clips; width: of its feature; build: makes it, at
    random, without classifier; stages: its children in order of running, the last of which is what
    the policy `partial` trains; mean, std: of each colour of its input, on the 0..255 scale; head:
    how keys of its classifier begin in files of weights; named: torchvision's weights; least: side
    in pixels of the smallest images that it can see.
    """

    kind: Literal["frame", "clip"]
    width: int
    build: Callable[[], nn.Module]
    stages: tuple[str, ...]
    mean: tuple[float, float, float]
    std: tuple[float, float, float]
    head: str
    named: type[WeightsEnum] | None
    least: int = 16


class Backbone(nn.Module):
    """One network of the tables, trained as far as its policy says."""

    mean: Tensor
    std: Tensor

    def __init__(
        self, *, recipe: Recipe, policy: Policy, batch_norm: BatchNorm, checkpointing: bool
    ) -> None:
        """Random weights.

        `policy`: `frozen` never changes and never leaves eval mode; `partial` trains the last stage
        and holds what precedes; `full` trains all.  `batch_norm`: whether what is trained uses
        running statistics (`eval`) or those of the batch (`train`; of several processes, those of
        all their batches together) in training; its scales and shifts train in either.
        `checkpointing`: keep only what enters the stem and each residual block, and compute the
        rest again in the backward pass.
        """
        super().__init__()
        self.width, self.policy, self.batch_norm = recipe.width, policy, batch_norm
        self.checkpointing = checkpointing
        # Images arrive with their colours innermost; networks so laid out are faster on a CPU, the
        # small ones by a quarter to a half.  On a GPU that is unmeasured, and grouped 3D
        # convolutions are doubtful: `python -m benchmark.gpu` times both layouts.
        self.layout = torch.channels_last if recipe.kind == "frame" else torch.channels_last_3d
        self.network = recipe.build()
        if batch_norm == "train":
            with_joint_statistics(self.network)
        self.network.to(memory_format=self.layout)  # pyright: ignore[reportCallIssue]
        trained = {"frozen": 0, "partial": 1, "full": len(recipe.stages)}[policy]
        split = len(recipe.stages) - trained
        self.held, self.trained = recipe.stages[:split], recipe.stages[split:]
        for name in self.held:
            self.network.get_submodule(name).requires_grad_(False)
        shape = (-1, 1, 1) if recipe.kind == "frame" else (-1, 1, 1, 1)
        self.register_buffer("mean", torch.tensor(recipe.mean).view(shape), persistent=False)
        self.register_buffer("std", torch.tensor(recipe.std).view(shape), persistent=False)

    def train(self, mode: bool = True) -> Self:
        """Training mode for what trains, and for its batch norms only if told so."""
        super().train(mode and self.policy != "frozen")
        for name in self.held:
            self.network.get_submodule(name).eval()
        if self.batch_norm == "eval":
            for norm in _batch_norms(self.network):
                norm.eval()
        return self

    def forward(self, images: Tensor) -> Tensor:
        """Images 0..255, frames (B, 3, H, W) or clips (B, 3, F, H, W) -> (B, width)."""
        x = (images - self.mean).div_(self.std).contiguous(memory_format=self.layout)
        with torch.no_grad():
            x = self._run(self.held, x)
        if self.trained:
            with trained_convolutions(x):
                x = self._run(self.trained, as_trained(x))
        return x.mean(dim=tuple(range(2, x.dim())))

    def _run(self, stages: tuple[str, ...], x: Tensor) -> Tensor:
        """Some of the stages."""
        children = [self.network.get_submodule(name) for name in stages]
        stem = [child for child in children if not isinstance(child, nn.Sequential)]
        blocks = [[b] for child in children if isinstance(child, nn.Sequential) for b in child]
        for part in [stem, *blocks] if stem else blocks:
            if self.checkpointing and torch.is_grad_enabled():
                x = checkpoint(
                    _chain, part, x, use_reentrant=False, preserve_rng_state=False,
                    context_fn=partial(_first_and_again, part),
                )  # fmt: skip
            else:
                x = _chain(part, x)
        return x

    @torch.no_grad()
    def calibrate(self, images: Iterable[Tensor]) -> None:
        """Set the batch norms' running statistics to the averages over some batches of images.

        For random weights: their running statistics (mean 0, variance 1) normalise nothing.
        Momentum and mode are left as they were.
        """
        norms = _batch_norms(self.network)
        before = [(norm.momentum, norm.training) for norm in norms]
        for norm in norms:
            norm.reset_running_stats()
            norm.momentum = None  # torch's word for a cumulative average
            norm.train()
        try:
            for batch in images:
                self(batch)
        finally:
            for norm, (momentum, training) in zip(norms, before, strict=True):
                norm.momentum = momentum
                norm.train(training)


def _chain(modules: list[nn.Module], x: Tensor) -> Tensor:
    for module in modules:
        x = module(x)
    return x


def _batch_norms(*modules: nn.Module) -> list[_BatchNorm]:
    return [m for module in modules for m in module.modules() if isinstance(m, _BatchNorm)]


def _first_and_again(
    modules: Sequence[nn.Module],
) -> tuple[AbstractContextManager[Any], AbstractContextManager[Any]]:
    """Contexts of a part's forward pass, and of its repetition in the backward pass."""
    return nullcontext(), _StatisticsHeld(modules)


class _StatisticsHeld(AbstractContextManager[None]):
    """Batch norms in training mode count what they see on copies of their statistics.

    Without any statistics they would save fewer tensors than in the forward pass, which
    checkpointing takes for an error.
    """

    def __init__(self, modules: Sequence[nn.Module]) -> None:
        self.norms = [norm for norm in _batch_norms(*modules) if norm.training]
        self.own: list[dict[str, Tensor]] = []

    def __enter__(self) -> None:
        self.own = [dict(norm.named_buffers()) for norm in self.norms]
        for norm, own in zip(self.norms, self.own, strict=True):
            for name, value in own.items():
                setattr(norm, name, value.clone())

    def __exit__(self, *_: object) -> None:
        for norm, own in zip(self.norms, self.own, strict=True):
            for name, value in own.items():
                setattr(norm, name, value)
