"""Where a run holds its stored features: in memory, on the GPU, or on disk."""

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import torch

from data_loader.store.features import FeatureStore
from options.data import FeaturesIn
from util.device import free_memory
from util.errors import UserError

SHARE = {"memory": 0.75, "gpu": 0.5}  # of what is free; a training step needs the rest


@dataclass(frozen=True)
class Place:
    """name: memory, disk or gpu; line: what there is to say about it."""

    name: str
    line: str


def choose_place(
    asked: FeaturesIn,
    stores: Iterable[FeatureStore],
    splits: Iterable[Sequence[str]],
    device: torch.device,
) -> Place:
    """Where the features of some splits' videos go.

    `auto` takes the fastest place that they fit in: the GPU that computes, memory, disk.  Raises
    UserError if the place asked for has no room, or there is no GPU.
    """
    need = sum(_size(store, set(videos)) for store in stores for videos in splits)
    size = f"{need / 2**30:.2f} GiB of features"
    if asked == "gpu" and device.type != "cuda":
        raise UserError("--features_in gpu: this run computes on the CPU; use memory, or auto")
    tried = [asked] if asked != "auto" else ["gpu"] * (device.type == "cuda") + ["memory"]
    short = ""
    for name in tried:
        if name == "disk":
            break
        free = free_memory(device if name == "gpu" else torch.device("cpu"))
        if name == "memory":  # each process of torchrun holds its own copy
            free //= int(os.environ.get("LOCAL_WORLD_SIZE", 1))
        if need <= SHARE[name] * free:
            return Place(name, f"{size} in {'memory' if name == 'memory' else 'GPU memory'}")
        short = f"{size} do not fit into {SHARE[name]:.0%} of the {free / 2**30:.2f} GiB free"
        if asked == name:
            raise UserError(f"--features_in {name}: {short}; use disk, or auto")
    return Place("disk", f"{short + ': ' if short else size + ' '}read from disk, batch by batch")


def _size(store: FeatureStore, videos: set[str]) -> int:
    """Bytes of some videos' features as stored."""
    with store.features() as data:
        width = data.shape[1] * data.dtype.itemsize
    rows = zip(store.ids, store.clips * store.frames, strict=True)
    return width * sum(int(count) for video, count in rows if video in videos)
