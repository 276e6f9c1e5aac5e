"""Captions of a split with their segments' videos, cut into batches."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Self

import numpy as np
import torch

from data_loader.batch import CaptionBatch, Features, Frames
from data_loader.caption.captions import CaptionSplit
from data_loader.join import place, videos_of
from data_loader.open import Stores
from data_loader.segment import segment_rows
from data_loader.store.checksum import digest
from data_loader.video_table import ClipTable, FeatureTable
from options.data import Channels, FeaturesIn, Video
from util.errors import UserError

PADDED = 16  # words to a multiple of which a batch's captions are padded


@dataclass(frozen=True, kw_only=True)
class CaptionData:
    """The captions of a split and their segments' videos."""

    split: CaptionSplit
    table: FeatureTable | ClipTable
    video: np.ndarray  # (S,) int64, the index of each segment's video in the table

    def __len__(self) -> int:
        """Number of captions."""
        return len(self.split.texts)

    def batch(self, rows: np.ndarray) -> CaptionBatch:
        """Gather captions and, once each, their videos.  rows (B,) -> CaptionBatch."""
        split = self.split
        row = torch.from_numpy(rows).to(split.words.device, non_blocking=True)
        shown = self.video[self.segment[rows]]
        videos, video = np.unique(shown, return_inverse=True)
        length = split.length[row]
        longest = -(-int(self.lengths[rows].max()) // PADDED) * PADDED
        step = torch.arange(longest, device=row.device)
        place = (split.start[row][:, None] + step).clamp(max=len(split.words) - 1)
        return CaptionBatch(
            visual=self.table.gather(videos),
            video=torch.from_numpy(video.astype(np.int64)).to(row.device, non_blocking=True),
            words=split.words[place] * (step < length[:, None]),
            length=length,
            row=row,
        )

    def batches(self, batch_size: int, *, every: int = 1, first: int = 0) -> Iterator[CaptionBatch]:
        """Every caption once, those of a segment together.

        `every` and `first`: only these batches, such as one process's share.
        """
        for begin in range(first * batch_size, len(self), every * batch_size):
            yield self.batch(np.arange(begin, min(begin + batch_size, len(self))))

    def segments(
        self, number: int, *, every: int = 1, first: int = 0
    ) -> Iterator[tuple[np.ndarray, Features | Frames]]:
        """All segments in order, `number` at a time, with their videos.

        `every` and `first`: only these batches, such as one process's share.
        """
        for begin in range(first * number, len(self.split), every * number):
            rows = np.arange(begin, min(begin + number, len(self.split)))
            yield rows, self.table.gather(self.video[rows])

    @property
    def segment(self) -> np.ndarray:
        """Each caption's segment, on the host: (C,) int64."""
        return self.split.segment.numpy()

    @property
    def lengths(self) -> np.ndarray:
        """Each caption's number of words, on the host: (C,) int64."""
        return self.split.lengths

    def to(self, device: torch.device) -> Self:
        """The same with captions and stored features on another device."""
        assert isinstance(self.table, FeatureTable)
        split = replace(
            self.split, words=self.split.words.to(device), length=self.split.length.to(device)
        )
        return replace(self, split=split, table=self.table.to(device))

    def fingerprint(self) -> str:
        """Tells other captions, or captions of other videos, apart."""
        split = self.split
        times = () if split.times is None else split.times.flatten().tolist()
        of = [split.ids[i] for i in self.segment.tolist()]
        return f"{len(self)} captions {digest(split.ids, split.videos, times, split.texts, of)}"


def join_captions(
    splits: Sequence[CaptionSplit],
    stores: Stores,
    *,
    video: Video,
    channels: Channels,
    seed: int,
    features_in: FeaturesIn,
    device: torch.device,
) -> tuple[list[CaptionData], str]:
    """Join splits with their segments' videos, placed where `features_in` says.

    Segments in which no clip of their video lies are left out, also where `video` is "none", so
    that all controls are about the same.  -> one CaptionData a split; in words where the features
    are and how many segments are left out, or "".  Raises UserError for a split without captions,
    as `data_loader.join.videos_of` does, and where the features have no room.
    """
    held = [_held(split, stores) for split in splits]
    splits = [split for split, _ in held]
    placement = place(
        [split.videos for split in splits],
        stores,
        video=video,
        channels=channels,
        features_in=features_in,
        device=device,
        times=[_times(split) for split in splits],
    )
    joined = []
    for split in splits:
        if not split.texts:
            raise UserError(f"split {split.name} has no captions: check the annotations")
        table, index = videos_of(
            split.videos,
            stores,
            video=video,
            channels=channels,
            seed=seed,
            on_disk=placement.where != "memory",
            what=f"split {split.name}",
            rows="captions",
            times=_times(split),
        )
        if isinstance(table, FeatureTable):  # at a steady rate lengths differ tenfold
            table = replace(table, own_clips=table.clips.numpy())
        joined.append(CaptionData(split=split, table=table, video=index))
    if placement.where == "gpu":
        joined = [data.to(device) for data in joined]
    return joined, "; ".join(filter(None, (placement.description, *(note for _, note in held))))


def _times(split: CaptionSplit) -> np.ndarray | None:
    return None if split.times is None else split.times.numpy()


def _held(split: CaptionSplit, stores: Stores) -> tuple[CaptionSplit, str]:
    """The segments of a split that the store has a clip of, and in words how many it has not."""
    times = _times(split)
    if times is None or stores.appearance is None:
        return split, ""
    clips = segment_rows(stores.appearance, split.videos, times)[:, 1]
    if clips.all():
        return split, ""
    note = f"{(clips == 0).sum()} of {len(split)} segments of split {split.name} left out"
    return split.take(np.flatnonzero(clips)), f"{note}: no clip of their video lies in them"
