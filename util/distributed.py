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
        local, there = int(os.environ["LOCAL_RANK"]), torch.cuda.device_count()
        if local >= there:
            raise UserError(
                f"torchrun started {os.environ.get('LOCAL_WORLD_SIZE', local + 1)} processes here, "
                f"but there are {there} GPUs: give --nproc-per-node {there}, or --device cpu"
            )
        torch.cuda.set_device(local)
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


def share(batch_size: int, accumulate: int) -> slice:
    """This process's rows of each of the `accumulate` parts of a batch.

    UserError where the processes' shares would not be equal.
    """
    parts = accumulate * world_size()
    if batch_size % parts:
        each = f" in {accumulate} parts (--accumulate)" if accumulate > 1 else ""
        raise UserError(
            f"--batch_size {batch_size}{each}: not a multiple of the {world_size()} processes of "
            f"torchrun; give one, such as {max(1, batch_size // parts) * parts}"
        )
    rows = batch_size // parts
    return slice(rank() * rows, (rank() + 1) * rows)


def sum_over_processes(value: Tensor) -> Tensor:
    """The sum of a tensor over all processes, in each of them; no gradient flows through it."""
    if world_size() == 1:
        return value
    total = value.detach().clone()
    dist.all_reduce(total)
    return total


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
