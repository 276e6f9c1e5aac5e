"""Where a run keeps its stored features: in memory, on the GPU, or on disk."""

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch

from data_loader.store.features import FeatureStore
from options.data import FeaturesIn
from util.device import free_memory
from util.errors import UserError

SHARE = {"memory": 0.75, "gpu": 0.5}  # of what is free; a training step needs the rest


@dataclass(frozen=True)
class Placement:
    """Where features are kept."""

    where: Literal["memory", "disk", "gpu"]
    description: str  # size and place, for the console; "" without features


def choose_placement(
    asked: FeaturesIn,
    stores: Iterable[FeatureStore],
    splits: Iterable[Sequence[str]],
    device: torch.device,
    spans: Iterable[np.ndarray | None] | None = None,
) -> Placement:
    """Where to keep the features of some splits' videos, given as ids.

    `spans`: of each split, what `MappedFeatures` takes, where only parts of videos are kept.

    `auto` takes the fastest that they fit in: the GPU that computes, memory, disk.  Raises
    UserError if the one asked for has no room, or there is no GPU.
    """
    splits = list(splits)
    parts = [None] * len(splits) if spans is None else list(spans)
    need = sum(
        _size(store, videos, part)
        for store in stores
        for videos, part in zip(splits, parts, strict=True)
    )
    size = f"{need / 2**30:.2f} GiB of features"
    if asked == "gpu" and device.type != "cuda":
        raise UserError("--features_in gpu: this run computes on the CPU; use memory, or auto")
    if asked == "disk":
        return Placement("disk", f"{size} read from disk, batch by batch")
    candidates: Sequence[Literal["gpu", "memory"]] = ["gpu", "memory"]
    if asked != "auto":
        candidates = [asked]
    elif device.type != "cuda":
        candidates = ["memory"]
    shortage = ""
    for where in candidates:
        free = free_memory(device if where == "gpu" else torch.device("cpu"))
        if where == "memory":  # each process of torchrun has its own copy
            free //= int(os.environ.get("LOCAL_WORLD_SIZE", 1))
        if need <= SHARE[where] * free:
            return Placement(where, f"{size} in {'memory' if where == 'memory' else 'GPU memory'}")
        shortage = f"{size} do not fit into {SHARE[where]:.0%} of the {free / 2**30:.2f} GiB free"
        if asked != "auto":
            raise UserError(f"--features_in {asked}: {shortage}; use disk, or auto")
    return Placement("disk", f"{shortage}: read from disk, batch by batch")


def _size(store: FeatureStore, videos: Sequence[str], spans: np.ndarray | None) -> int:
    """Bytes of some videos' features as they are kept: each padded to the longest."""
    with store.features() as data:
        width = data.shape[1] * data.dtype.itemsize
    wanted = set(videos)
    held = np.array([video in wanted for video in store.ids])
    clips = store.clips[held] if spans is None else spans[:, 1]
    frames = store.frames[held].max(initial=0)
    return width * int(len(clips) * clips.max(initial=0) * frames)
