"""Whether a training step fits into memory, said before it is tried."""

import contextlib
from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor, nn

from data_loader.batch import Frames
from data_loader.sampling import Sampler
from options.train import TrainOptions
from training.work import Work
from util.device import autocast, free_memory
from util.distributed import world_size
from util.errors import UserError
from util.randomness import seed_step

PROBED = 16  # rows whose activations are counted
PROBED_CLIPS = 2  # the same where each brings frames and their encoders
BYTES_A_WEIGHT = 16  # float32 weight, gradient and two moments of Adam
LOWER = (
    "lower --batch_size, raise --accumulate, or use --checkpointing true, --precision bf16 or a "
    "smaller --crop"
)


def check_memory(work: Work, options: TrainOptions, device: torch.device) -> str:
    """What a training step needs, in one line; raises UserError if there is less.

    What the backward pass keeps is counted on a few rows and scaled to a batch.
    """
    step, weights = step_memory(work, options, device)
    there = free_memory(device)
    need = (
        f"a step needs about {step / 2**30:.2f} GiB, weights with gradients and moments "
        f"{weights / 2**30:.2f} GiB"
    )
    if step + weights > there:
        raise UserError(f"{need}; {there / 2**30:.2f} GiB are free on {device}: {LOWER}")
    return f"memory: {need}; {there / 2**30:.1f} GiB are free on {device}"


def step_memory(work: Work, options: TrainOptions, device: torch.device) -> tuple[int, int]:
    """Bytes that the activations of a training step need, about, and those of the weights."""
    rows = _rows(work, options)
    rows = rows[: len(rows) // options.accumulate // world_size()]
    some = work.batch(rows[:PROBED_CLIPS])
    if isinstance(_visual(some), Frames):  # nearly all of it is a video's, not a question's
        times = len(_visual(work.batch(rows)).index) / len(_visual(some).index)
    else:
        some = work.batch(rows[:PROBED])
        times = len(rows) / len(rows[:PROBED])
    task = work.task
    buffers = {name: value.clone() for name, value in task.named_buffers()}
    task.to(device).train()
    seed_step(options.seed, 0, 0)
    with autocast(device, options.precision), saved_bytes(task) as counter:
        task(some.to(device))
    with torch.no_grad():  # batch norm has counted these rows
        for name, value in task.named_buffers():
            value.copy_(buffers[name])
    weights = BYTES_A_WEIGHT * sum(p.numel() for p in task.parameters())
    return int(times * counter[0]), weights


@contextlib.contextmanager
def saved_bytes(module: nn.Module) -> Iterator[list[int]]:
    """Counts, in a list of one, the bytes that the backward pass of what runs inside will need."""
    own = {p.untyped_storage().data_ptr() for p in module.parameters()}
    seen: set[int] = set()
    total = [0]

    def pack(tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in seen | own:
            seen.add(storage.data_ptr())
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


def _rows(work: Work, options: TrainOptions) -> Any:
    """The first batch's rows."""
    return Sampler(
        work.videos,
        seed=options.seed,
        batch_size=options.batch_size,
        questions_per_video=options.questions_per_video,
    ).rows(0)


def _visual(batch: Any) -> Any:
    return batch if isinstance(batch, Frames) else batch.visual
