"""Labels of a split with their videos, cut into batches."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Self

import numpy as np
import torch
from torch import Tensor

from data_loader.batch import LabelBatch
from data_loader.join import place, videos_of
from data_loader.label.labels import LabelSplit
from data_loader.label.steps import (
    FramesShown,
    aligned,
    padded,
    reordered,
    step_order,
    step_times,
)
from data_loader.open import Stores
from data_loader.segment import of_other_videos, segments_of
from data_loader.store.checksum import digest
from data_loader.video_table import ClipTable, FeatureTable
from options.data import Channels, FeaturesIn, Video
from util.errors import UserError


@dataclass(frozen=True, kw_only=True)
class LabelData:
    """The rows of a split and their videos."""

    split: LabelSplit
    table: FeatureTable | ClipTable
    video: np.ndarray  # (R,) int64, the index of each row's video in the table
    shown: tuple[str, ...]  # V, the video that each of the table's is
    frames: FramesShown
    seed: int  # of the order of shuffled frames
    values: Tensor | None = None  # (R, T) float32, at each step, NaN: unknown; None: classes

    def __len__(self) -> int:
        """Number of rows."""
        return len(self.video)

    def batch(self, rows: np.ndarray) -> LabelBatch:
        """Gather rows and, once each, their videos.  rows (B,) -> LabelBatch."""
        videos, video = np.unique(self.video[rows], return_inverse=True)
        device = self.split.target.device
        row = torch.from_numpy(rows).to(device, non_blocking=True)
        of = torch.from_numpy(video.astype(np.int64)).to(device, non_blocking=True)
        visual = self.table.gather(videos)
        steps = visual.clip_mask.shape[1] * self._frames_per_clip
        target = self.split.target[row] if self.values is None else self.values[row, :steps]
        if self.frames != "real":
            order = torch.from_numpy(self._order(videos, steps)).to(device, non_blocking=True)
            visual = reordered(visual, order)
            if self.values is not None:
                target = target.gather(1, order[of])
        return LabelBatch(visual=visual, video=of, target=target, row=row)

    def batches(self, batch_size: int, *, every: int = 1, first: int = 0) -> Iterator[LabelBatch]:
        """Every row once, in order.

        `every` and `first`: only these batches, such as one process's share.
        """
        for begin in range(first * batch_size, len(self), every * batch_size):
            yield self.batch(np.arange(begin, min(begin + batch_size, len(self))))

    def to(self, device: torch.device) -> Self:
        """The same with labels and stored features on another device."""
        assert isinstance(self.table, FeatureTable)
        return replace(
            self,
            split=replace(self.split, target=self.split.target.to(device)),
            table=self.table.to(device),
            values=None if self.values is None else self.values.to(device),
        )

    def fingerprint(self) -> str:
        """Tells other labels, or labels of other videos, apart."""
        split = self.split
        series = [part.tolist() for part in (split.target, *split.times, *split.values)]
        return f"{len(self)} labels {digest(split.ids, split.videos, split.groups, *series)}"

    @property
    def _frames_per_clip(self) -> int:
        if isinstance(self.table, ClipTable):
            return self.table.store.frames_per_clip
        return self.table.appearance.shape[2]

    def _order(self, videos: np.ndarray, longest: int) -> np.ndarray:
        """`step_order` of videos of the table.  videos (V',) int64, `longest`: T of the batch."""
        steps = np.full(len(videos), longest)
        if isinstance(self.table, FeatureTable):
            assert self.table.own_clips is not None
            steps = self.table.own_clips[videos] * self._frames_per_clip
        names = [self.shown[i] for i in videos.tolist()]
        return step_order(self.frames, names, steps, longest, self.seed)


def join_labels(
    splits: Sequence[LabelSplit],
    stores: Stores,
    *,
    video: Video,
    channels: Channels,
    seed: int,
    features_in: FeaturesIn,
    device: torch.device,
    frames: FramesShown = "real",
) -> tuple[list[LabelData], str]:
    """Join splits with their videos, placed where `features_in` says.

    `frames`: all of a video in their order, the middle one alone, or all in an order drawn for each
    video by `seed`.  -> one LabelData a split; in words where the features are, or "".  Raises
    UserError for a split without rows, as `data_loader.join.videos_of` does, where the features
    have no room, for a motion channel whose features would tell what `frames` hides, and for values
    of videos whose frames have no known times.
    """
    placement = place(
        [split.videos for split in splits],
        stores,
        video=video,
        channels=channels,
        features_in=features_in,
        device=device,
    )
    if frames != "real" and video != "none" and stores.motion and channels != "appearance":
        raise UserError(
            f"--frames {frames}: each feature of {stores.motion.path} is of several frames in "
            "their order; give --channels appearance"
        )
    joined = []
    for split in splits:
        if not len(split):
            raise UserError(f"split {split.name} has no labels: check the annotations")
        table, index = videos_of(
            split.videos,
            stores,
            video=video,
            channels=channels,
            seed=seed,
            on_disk=placement.where != "memory",
            what=f"split {split.name}",
            rows="labels",
        )
        if isinstance(table, FeatureTable):  # at a steady rate lengths differ tenfold
            table = replace(table, own_clips=table.clips.numpy())
        shown = _shown(split, video, seed)
        joined.append(
            LabelData(
                split=split,
                table=table,
                video=index,
                shown=shown,
                frames=frames,
                seed=seed,
                values=_values(split, stores, [shown[i] for i in index.tolist()]),
            )
        )
    if placement.where == "gpu":
        joined = [data.to(device) for data in joined]
    return joined, placement.description


def _shown(split: LabelSplit, video: Video, seed: int) -> tuple[str, ...]:
    """The videos of the table that `videos_of` makes, in its order; "": one without features."""
    if video == "none":
        return ("",)
    segments = sorted(set(segments_of(split.videos, None)))
    if video == "shuffled":
        segments = of_other_videos(segments, seed)
    return tuple(segment.video for segment in segments)


def _values(split: LabelSplit, stores: Stores, shown: Sequence[str]) -> Tensor | None:
    """The values of each row at the steps of the video that it is shown: (R, T); None: classes."""
    if not split.times:
        return None
    store = stores.clips or stores.appearance
    if store is None or not shown[0]:
        raise UserError(
            "--video none: without a video its values have no steps to be told at; leave it out"
        )
    return padded(
        [
            aligned(step_times(store, name), times, values)
            for name, times, values in zip(shown, split.times, split.values, strict=True)
        ]
    )
