"""Several processes that train one model: `torchrun --nproc-per-node 2 -- train.py ...`.

(The `--` keeps torchrun, which takes abbreviations, from reading our `--run` as its `--run-path`.)

torch's own process group: nccl between GPUs, gloo between CPUs.  Each process (rank) takes an equal
share of every batch; gradients, statistics over the batch and metrics are those of the whole batch.
Without torchrun there is one process, and everything here does nothing.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
import torch.distributed as dist
import torch.distributed.nn
from torch import Tensor

from util.errors import UserError


@contextmanager
def process_group(device: str) -> Iterator[None]:
    """Join the processes that torchrun started, if it did; leave them at the end."""
    if "RANK" not in os.environ:
        yield
        return
    gpu = device != "cpu" and torch.cuda.is_available()
    if gpu:
        torch.cuda.set_device(int(os.environ["LOCAL_RANK"]))
    dist.init_process_group("nccl" if gpu else "gloo")
    try:
        yield
    finally:
        dist.destroy_process_group()


def rank() -> int:
    """Number of this process, from 0; the first one writes files."""
    return dist.get_rank() if dist.is_initialized() else 0


def world_size() -> int:
    """How many processes there are."""
    return dist.get_world_size() if dist.is_initialized() else 1


def share(batch_size: int) -> slice:
    """This process's part of a batch's rows; UserError where the parts would not be equal."""
    if batch_size % world_size():
        raise UserError(
            f"--batch_size {batch_size}: not a multiple of the {world_size()} processes of "
            f"torchrun; give one, such as {max(1, batch_size // world_size()) * world_size()}"
        )
    part = batch_size // world_size()
    return slice(rank() * part, (rank() + 1) * part)


def sum_over_processes(value: Tensor) -> Tensor:
    """The sum of a tensor over all processes; gradients flow back to each."""
    if world_size() == 1:
        return value
    return torch.distributed.nn.all_reduce(value)


def gather_objects(value: Any) -> list[Any]:
    """The values of all processes, by rank, in each of them."""
    if world_size() == 1:
        return [value]
    out: list[Any] = [None] * world_size()
    dist.all_gather_object(out, value)
    return out


def same_everywhere(name: str, value: Any) -> None:
    """UserError if the processes do not all have the same value (other data, other options)."""
    if len({repr(v) for v in gather_objects(value)}) > 1:
        raise UserError(
            f"the processes differ in {name}: give every node the same files and options, copied "
            "from one place"
        )
