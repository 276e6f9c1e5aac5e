"""One optimizer step, and the parameters it updates.  `train.py` and the benchmarks take it."""

import math
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from options.train import TrainOptions
from training.lars import Lars
from util.device import autocast
from util.distributed import world_size


def take_step(
    task: nn.Module,
    batches: Sequence[Any],
    optimizer: torch.optim.Optimizer,
    rate: float | Tensor,
    clip_norm: float,
    precision: str = "float32",
) -> tuple[dict[str, Tensor], Tensor | None]:
    """One optimizer step on equal parts of a batch, one after another.

    `precision` "bf16": the forward pass, and nothing else, under autocast.  Of several processes
    (DistributedDataParallel) each has a share of every part; gradients are exchanged once, at the
    last part.  -> named losses of the whole batch, with the norm of the gradient ("grad_norm");
    which rows were answered right (B,), or None where nothing is asked.
    """
    parts = len(batches) * world_size()
    device = next(task.parameters()).device
    for group in optimizer.param_groups:
        group["lr"] = rate * group["scale"]
    optimizer.zero_grad()
    means: dict[str, Tensor] = {}
    corrects = []
    for i, batch in enumerate(batches, start=1):
        shared = isinstance(task, DistributedDataParallel)
        with task.no_sync() if shared and i < len(batches) else nullcontext():
            with autocast(device, precision):
                losses, correct = task(batch, parts)
            (losses["loss"] / len(batches)).backward()
        for name, value in losses.items():
            means[name] = means.get(name, 0) + value.detach() / len(batches)
        corrects.append(correct)
    means["grad_norm"] = nn.utils.clip_grad_norm_(task.parameters(), clip_norm or math.inf)
    for group in optimizer.param_groups:
        if l2 := group.get("l2"):  # not in checkpoints of earlier versions
            for parameter in group["params"]:
                if parameter.grad is not None:
                    parameter.grad.add_(parameter.detach(), alpha=l2)
    optimizer.step()
    return means, None if corrects[0] is None else torch.cat(corrects)


def make_optimizer(
    module: nn.Module, options: TrainOptions, lr_scales: Mapping[nn.Module, float]
) -> torch.optim.Optimizer:
    """The optimizer of a run, with the groups of `parameter_groups`."""
    groups = parameter_groups(module, options.weight_decay, lr_scales, l2=options.l2)
    if options.optimizer == "adadelta":
        return torch.optim.Adadelta(
            groups, lr=options.lr, rho=0.95, eps=1e-6,
            foreach=True, capturable=options.cuda_graph,  # tensor by tensor it asks for the rate
        )  # fmt: skip
    if options.optimizer == "sgd":  # fused: the others ask for a captured step's rate
        return torch.optim.SGD(groups, lr=options.lr, momentum=options.momentum, fused=True)
    if options.optimizer == "lars":
        return Lars(groups, lr=options.lr, momentum=options.momentum)
    return torch.optim.AdamW(groups, lr=options.lr, fused=True, capturable=options.cuda_graph)


def parameter_groups(
    module: nn.Module,
    weight_decay: float,
    lr_scales: Mapping[nn.Module, float],
    *,
    l2: float = 0.0,
) -> list[dict[str, Any]]:
    """What is trained: matrices decay, or have an L2 penalty; norms, biases, word vectors do not.

    `lr_scales`: multiples of the learning rate for the parameters of some submodules.
    """
    scales = {p: scale for part, scale in lr_scales.items() for p in part.parameters()}
    found: dict[tuple[float, float, float], list[nn.Parameter]] = {}
    for name, parameter in module.named_parameters():
        if parameter.requires_grad:
            spared = parameter.ndim < 2 or "embedding" in name
            decay, penalty = (0.0, 0.0) if spared else (weight_decay, l2)
            found.setdefault((scales.get(parameter, 1.0), decay, penalty), []).append(parameter)
    return [
        {"params": parameters, "weight_decay": decay, "l2": penalty, "scale": scale}
        for (scale, decay, penalty), parameters in found.items()
    ]
