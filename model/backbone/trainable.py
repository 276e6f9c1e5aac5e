"""A backbone that is trained as far as its policy says: batch norm, checkpointing."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from itertools import chain
from typing import Any, Self

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.utils.checkpoint import checkpoint
from torchvision.ops import StochasticDepth

from model.backbone.spec import NORMALISATIONS, BackboneSpec, BatchNorm, Policy
from model.layer.norm import with_joint_statistics
from model.layer.precision import as_trained, trained_convolutions


class TrainableBackbone(nn.Module):
    """A network over frames or clips, of which nothing, the last stage or everything is trained."""

    mean: Tensor
    std: Tensor

    def __init__(
        self, *, spec: BackboneSpec, policy: Policy, batch_norm: BatchNorm, checkpointing: bool
    ) -> None:
        """Random weights.

        `policy`: `frozen` never changes and never leaves eval mode; `partial` trains the last stage
        and freezes what precedes; `full` trains all.  `batch_norm`: whether what is trained uses
        running statistics (`eval`) or those of the batch (`train`; of several processes, those of
        all their batches together) in training; its scales and shifts train in either.
        `checkpointing`: keep only what enters the stem and each block, and compute the rest again
        in the backward pass.
        """
        super().__init__()
        self.spec, self.width = spec, spec.width
        self.policy, self.batch_norm, self.checkpointing = policy, batch_norm, checkpointing
        # Images arrive with their colours innermost; networks so laid out are faster on a CPU, the
        # small ones by a quarter to a half.  On a GPU that is unmeasured, and grouped 3D
        # convolutions are doubtful: `python -m benchmark gpu` times both layouts.
        self.layout = torch.channels_last if spec.kind == "frame" else torch.channels_last_3d
        self.network = spec.without_head()
        if batch_norm == "train":
            with_joint_statistics(self.network)
        self.network.to(memory_format=self.layout)  # pyright: ignore[reportCallIssue]
        for module in self.network.modules():
            if isinstance(
                module, StochasticDepth | nn.Dropout
            ):  # what is dropped is for this project's options
                module.p = 0.0
        trained = {"frozen": 0, "partial": 1, "full": len(spec.stages)}[policy]
        first = len(spec.stages) - trained
        self.frozen_stages, self.trained_stages = spec.stages[:first], spec.stages[first:]
        self.network.requires_grad_(policy == "full")  # tokens and positions are in no stage
        for path in chain(*self.trained_stages):
            self.network.get_submodule(path).requires_grad_(True)
        if checkpointing and not spec.chain:
            for module in chain(*self._parts(self.trained_stages)):
                module.forward = _recomputed(module.forward, [module])
        shape = (-1, 1, 1) if spec.kind == "frame" else (-1, 1, 1, 1)
        mean, std = NORMALISATIONS[spec.normalisations[0]]
        self.register_buffer("mean", torch.tensor(mean).view(shape), persistent=False)
        self.register_buffer("std", torch.tensor(std).view(shape), persistent=False)

    def train(self, mode: bool = True) -> Self:
        """Training mode for what trains, and for its batch norms only if told so."""
        super().train(mode and self.policy != "frozen")
        if self.policy == "partial":
            self.network.eval()
            for path in chain(*self.trained_stages):
                self.network.get_submodule(path).train(mode)
        if self.batch_norm == "eval":
            for norm in _batch_norms(self.network):
                norm.eval()
        return self

    def forward(self, images: Tensor) -> Tensor:
        """Images 0..255, frames (B, 3, H, W) or clips (B, 3, F, H, W) -> (B, width)."""
        x = (images - self.mean).div_(self.std).contiguous(memory_format=self.layout)
        if not self.spec.chain:
            return self._whole(x)
        with torch.no_grad():
            x = self._run(self.frozen_stages, x)
        if self.trained_stages:
            with trained_convolutions(x):
                x = self._run(self.trained_stages, as_trained(x))
        return x.mean(dim=tuple(range(2, x.dim())))

    def _whole(self, x: Tensor) -> Tensor:
        """All of a network that is no chain: no graph is kept of what needs no gradient."""
        with trained_convolutions(x) if self.trained_stages else nullcontext():
            return self.spec.features(self.network, x if self.policy == "full" else x.detach())

    def _run(self, stages: tuple[tuple[str, ...], ...], x: Tensor) -> Tensor:
        """Some stages of a chain."""
        for part in self._parts(stages):
            run = partial(_in_order, part)
            if self.checkpointing and torch.is_grad_enabled():
                run = _recomputed(run, part)
            x = run(x)
        return x

    def _parts(self, stages: tuple[tuple[str, ...], ...]) -> Iterator[list[nn.Module]]:
        """What is checkpointed as one: each block of a Sequential, the other modules of a stage."""
        for stage in stages:
            part: list[nn.Module] = []
            for module in map(self.network.get_submodule, stage):
                if type(module) is not nn.Sequential:
                    part.append(module)
                    continue
                if part:
                    yield part
                part = []
                yield from ([block] for block in module)
            if part:
                yield part

    @torch.no_grad()
    def calibrate(self, images: Iterable[Tensor]) -> None:
        """Set the batch norms' running statistics to the averages over some batches of images.

        For random weights: their running statistics (mean 0, variance 1) normalise nothing.
        Momentum and mode are left as they were.
        """
        norms = _batch_norms(self.network)
        if not norms:
            return
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


def _in_order(modules: Sequence[nn.Module], x: Tensor) -> Tensor:
    for module in modules:
        x = module(x)
    return x


def _batch_norms(*modules: nn.Module) -> list[_BatchNorm]:
    return [m for module in modules for m in module.modules() if isinstance(m, _BatchNorm)]


def _recomputed(run: Callable[..., Any], modules: Sequence[nn.Module]) -> Callable[..., Any]:
    """The same function, whose inner activations are computed again in the backward pass."""
    return partial(
        checkpoint, run, use_reentrant=False, preserve_rng_state=False,
        context_fn=partial(_first_and_again, modules),
    )  # fmt: skip


def _first_and_again(
    modules: Sequence[nn.Module],
) -> tuple[AbstractContextManager[Any], AbstractContextManager[Any]]:
    """Contexts of a part's forward pass, and of its repetition in the backward pass."""
    return nullcontext(), _StatisticsKept(modules)


class _StatisticsKept(AbstractContextManager[None]):
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
