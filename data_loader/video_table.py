"""The videos of a split: stored features in memory, or decoded clips on disk."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Self

import numpy as np
import torch
from torch import Tensor

from data_loader.batch import Features, Frames
from data_loader.mapped import MappedFeatures
from data_loader.store.clips import ClipStore

AT_ONCE = 64  # videos in memory at a time, when all are gone through


@dataclass(frozen=True, kw_only=True)
class FeatureTable:
    """Features of V videos, in memory (as stored: float16 stays float16) or mapped from disk.

    Those of a channel that is left out have width 0.
    """

    appearance: Tensor | MappedFeatures  # (V, N, F, Da)
    motion: Tensor | MappedFeatures  # (V, N, Dm)
    clips: Tensor  # (V,) int64, each video's own N
    # The same on the host: a batch is padded to the longest of its own videos; None: to the longest
    # of all.
    own_clips: np.ndarray | None = None

    def gather(self, videos: np.ndarray) -> Features:
        """Gather videos by index, on the device that holds them.  videos (V',) int64."""
        device = self.clips.device
        used = torch.from_numpy(videos).to(device, non_blocking=True)
        longest = self.appearance.shape[1]
        if self.own_clips is not None:
            longest = int(self.own_clips[videos].max())
        return Features(
            appearance=_select(self.appearance, videos, used, longest),
            motion=_select(self.motion, videos, used, longest),
            clip_mask=torch.arange(longest, device=device) < self.clips[used][:, None],
        )

    def to(self, device: torch.device) -> Self:
        """The same on another device, with features that are on disk read into its memory."""
        return replace(
            self,
            appearance=self.appearance.to(device),
            motion=self.motion.to(device),
            clips=self.clips.to(device),
        )

    def statistics(
        self, *, motion_of: Callable[[Tensor], Tensor] | None = None, covariance: bool = False
    ) -> tuple[tuple[Tensor, Tensor], tuple[Tensor, Tensor]]:
        """Mean and deviation of each feature over the real clips of both channels.

        `motion_of`: what makes the motion channel of appearance (V, N, F, Da), where it has no
        store; `covariance`: mean and covariance (D, D) of the videos' mean features instead.
        """
        a, m = (Covariance(), Covariance()) if covariance else (Moments(), Moments())
        for begin in range(0, len(self.clips), AT_ONCE):
            part = self.gather(np.arange(begin, min(begin + AT_ONCE, len(self.clips))))
            motion = part.motion if motion_of is None else motion_of(part.appearance)
            if covariance:
                a.add(video_means(part.appearance.mean(2), part.clip_mask))
                m.add(video_means(motion, part.clip_mask))
            else:
                a.add(part.appearance[part.clip_mask].flatten(0, 1))
                m.add(motion[part.clip_mask])
        return a.result(), m.result()


def _select(
    features: Tensor | MappedFeatures, videos: np.ndarray, used: Tensor, longest: int
) -> Tensor:
    """The first clips of some videos as float32; `used` is `videos` on the features' device."""
    if isinstance(features, MappedFeatures):
        return features.gather(videos, longest)
    if features.is_cuda:
        return features[:, :longest][used].float()
    out = torch.empty(len(videos), longest, *features.shape[2:])
    for target, video in zip(out, videos.tolist(), strict=True):  # copies and converts in one go
        target.copy_(features[video, :longest])
    return out


@dataclass(frozen=True, kw_only=True)
class ClipTable:
    """Decoded clips of V videos, read from their store when a batch needs them."""

    store: ClipStore
    ids: tuple[str, ...]  # V, the video in the store whose clips each of them gets

    def gather(self, videos: np.ndarray) -> Frames:
        """Gather videos by index.  videos (V',) int64."""
        frames, index = self.store.gather([self.ids[v] for v in videos])
        return Frames(
            frames=frames,
            index=index,
            clip_mask=torch.ones(index.shape[:2], dtype=torch.bool),
            row=torch.from_numpy(videos),
        )

    def batches(self, videos: int, *, every: int = 1, first: int = 0) -> Iterator[Frames]:
        """All videos in order, `videos` at a time; `every` and `first`: one process's share."""
        for begin in range(first * videos, len(self.ids), every * videos):
            yield self.gather(np.arange(begin, min(begin + videos, len(self.ids))))


class Moments:
    """Mean and deviation of features that come in parts, in float64."""

    def __init__(self) -> None:
        """Start with empty sums."""
        self.count, self.sum, self.squares = 0, torch.zeros(()), torch.zeros(())

    def add(self, features: Tensor) -> None:
        """Add features to the sums.  features (R, D)."""
        features = features.double()
        self.count += len(features)
        self.sum = self.sum.to(features) + features.sum(0)
        self.squares = self.squares.to(features) + features.square().sum(0)

    def result(self) -> tuple[Tensor, Tensor]:
        """Mean and deviation, each (D,) float32."""
        mean = self.sum / self.count
        deviation = (self.squares / self.count - mean.square()).clamp(min=0).sqrt()
        return mean.float(), deviation.float()


class Covariance:
    """Mean and covariance of features that come in parts.

    The products are float32, of features less the mean of the first part, and summed in float64.
    """

    def __init__(self) -> None:
        """Start with empty sums."""
        self.count = 0
        self.shift, self.sum, self.products = torch.zeros(()), torch.zeros(()), torch.zeros(())

    def add(self, features: Tensor) -> None:
        """Add features to the sums.  features (R, D)."""
        features = features.float()
        if not self.count:
            self.shift = features.mean(0)
        features = features - self.shift
        self.count += len(features)
        self.sum = self.sum.to(features.device) + features.double().sum(0)
        self.products = self.products.to(features.device) + (features.T @ features).double()

    def result(self) -> tuple[Tensor, Tensor]:
        """Mean (D,) and covariance (D, D), float32."""
        mean = self.sum / self.count
        covariance = self.products / self.count - mean[:, None] * mean
        return (mean + self.shift).float(), covariance.float()


def video_means(features: Tensor, mask: Tensor) -> Tensor:
    """Mean over a video's clips.  features (V, N, D), mask (V, N) real clips -> (V, D)."""
    return (features * mask[..., None]).sum(1) / mask.sum(1, keepdim=True)


def moments(features: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and deviation of each feature.  features (R, D) -> two of (D,) float32."""
    found = Moments()
    found.add(features)
    return found.result()
