"""Whether a training step fits into memory, checked before the first."""

import contextlib
from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor, nn

from data_loader.batch import Frames, tensors
from options.train import TrainOptions
from training.randomness import seed_step
from training.task.base import TrainingTask, make_sampler
from util.device import autocast, free_memory
from util.distributed import world_size
from util.errors import UserError

PROBED = 16  # rows whose activations are counted
PROBED_CLIPS = 2  # the same where each brings frames and their encoders
LOWER = (
    "lower --batch_size, raise --accumulate, or use --checkpointing true, --precision bf16 or a "
    "smaller --crop"
)


def check_memory(task: TrainingTask, options: TrainOptions, device: torch.device) -> str:
    """What a training step needs, in one line; raises UserError if there is less.

    What it needs is found on a few rows and scaled to a batch.
    """
    with out_of_memory():
        step, weights = step_memory(task, options, device)
    if device.type == "cuda":
        torch.cuda.empty_cache()  # what the probe used is free again, but the driver does not know
    free = free_memory(device)
    kept = ["gradients", "moments", *["moving average"] * bool(options.ema)]
    kept += ["buckets of the processes"] * (world_size() > 1)
    need = (
        f"a step needs about {step / 2**30:.2f} GiB, weights with {', '.join(kept[:-1])} and "
        f"{kept[-1]} {weights / 2**30:.2f} GiB"
    )
    resident = sum(p.nbytes for p in task.module.parameters())  # no longer free
    if step + weights - resident > free:
        raise UserError(f"{need}; {free / 2**30:.2f} GiB are free on {device}: {LOWER}")
    return f"memory: {need}; {free / 2**30:.1f} GiB are free on {device}"


def step_memory(task: TrainingTask, options: TrainOptions, device: torch.device) -> tuple[int, int]:
    """Bytes that a training step needs, about, and those of the weights and what goes with them.

    On a CPU the first are what the forward pass keeps for the backward pass.  On a GPU they are
    measured on two numbers of rows, which tells what grows with the batch from what does not; with
    --cuda_graph a step in the graphs' memory and one outside of it.  Batches that come from memory
    are there twice, the next one too.
    """
    rows = make_sampler(task, options).rows(0)
    rows = rows[: len(rows) // options.accumulate // world_size()]
    some = task.batch(rows[:PROBED_CLIPS])
    probed = len(rows[:PROBED_CLIPS])
    if isinstance(_visual(some), Frames):  # nearly all of it is a video's, not a question's
        times = _videos(task.batch(rows)) / _videos(some)
    else:
        probed = len(rows[:PROBED])
        some = task.batch(rows[:probed])
        times = len(rows) / probed
    module = task.module
    buffers = {name: value.clone() for name, value in module.named_buffers()}
    module.to(device).train()
    trained = sum(p.nbytes for p in module.parameters() if p.requires_grad)
    seed_step(options.seed, 0, 0)
    if device.type == "cuda":
        few, share = 0, 0.0  # of a smaller batch; how much smaller
        if probed > 1 and _videos(less := task.batch(rows[: probed // 2])) < _videos(some):
            few, share = _peak(module, less, options.precision, device), probed // 2 / probed
        many = _peak(module, some, options.precision, device)
        step = int(many + (times - 1) * max(0, many - few) / (1 - share))
        step = step * 2 + trained if options.cuda_graph else step
        uploaded = [x.nbytes for x in tensors(some) if x.device.type != device.type]
        step += int(2 * options.accumulate * times * sum(uploaded))
    else:
        with autocast(device, options.precision), saved_bytes(module) as counter:
            module(some.to(device))
        step = int(times * counter[0])
    with torch.no_grad():  # batch norm has counted these rows
        for name, value in module.named_buffers():
            value.copy_(buffers[name])
    weights = sum(p.nbytes for p in module.parameters())
    weights += weights * bool(options.ema)
    # A gradient and two moments of Adam for each; gradients again in the buckets of processes.
    return step, weights + trained * (4 if world_size() > 1 else 3)


def _peak(module: nn.Module, batch: Any, precision: str, device: torch.device) -> int:
    """Most bytes of a forward and a backward pass on a GPU, beyond weights, gradients and batch."""
    batch = batch.to(device)
    for p in module.parameters():
        p.grad = torch.zeros_like(p) if p.requires_grad else None
    torch.cuda.empty_cache()
    torch.cuda.reset_peak_memory_stats(device)
    before = torch.cuda.memory_allocated(device)
    with autocast(device, precision):
        losses, _ = module(batch)
    losses["loss"].backward()
    peak = torch.cuda.max_memory_allocated(device) - before
    module.zero_grad()
    return peak


@contextlib.contextmanager
def saved_bytes(module: nn.Module) -> Iterator[list[int]]:
    """Counts, in a list of one, the bytes that the backward pass of what runs inside will need."""
    storages = [p.untyped_storage() for p in module.parameters()]
    # By address; held, so that no address comes back for another storage.
    seen = {storage.data_ptr(): storage for storage in storages}
    total = [0]

    def pack(tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in seen:
            seen[storage.data_ptr()] = storage
            total[0] += storage.nbytes()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        yield total


@contextlib.contextmanager
def out_of_memory() -> Iterator[None]:
    """A step that runs out of memory all the same ends in one line."""
    try:
        yield
    except RuntimeError as error:
        if isinstance(error, torch.OutOfMemoryError) or "can't allocate memory" in str(error):
            raise UserError(f"out of memory in a training step: {LOWER}") from error
        raise


def _videos(batch: Any) -> int:
    return len(_visual(batch).clip_mask)


def _visual(batch: Any) -> Any:
    return batch if isinstance(batch, Frames) else batch.visual
