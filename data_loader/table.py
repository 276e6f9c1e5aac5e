"""The videos of a split: stored features in memory, or decoded clips on disk."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from data_loader.batch import Features, Frames
from data_loader.clip_store import ClipStore


@dataclass(frozen=True, kw_only=True)
class FeatureTable:
    """Features of V videos, held once in memory (as stored: float16 stays float16)."""

    appearance: Tensor  # (V, N, F, Da)
    motion: Tensor  # (V, N, Dm)
    clips: Tensor  # (V,) int64, each video's own N

    def gather(self, videos: np.ndarray) -> Features:
        """Some of the videos.  videos (V',) rows."""
        used = torch.from_numpy(videos)
        return Features(
            appearance=self.appearance[used].float(),
            motion=self.motion[used].float(),
            clip_mask=torch.arange(self.appearance.shape[1]) < self.clips[used][:, None],
        )

    def fingerprint(self) -> str:
        """Tells other features apart; a few videos stand for all."""
        some = self.appearance[:: max(1, len(self.appearance) // 16)]
        other = self.motion[:: max(1, len(self.motion) // 16)]
        sums = [float(x.double().sum()) for x in (some, other)]
        return f"features {tuple(some.shape)} {sums}"

    def statistics(self) -> tuple[tuple[Tensor, Tensor], tuple[Tensor, Tensor]]:
        """Mean and deviation of each feature over the real clips of both channels."""
        mask = torch.arange(self.appearance.shape[1]) < self.clips[:, None]
        return moments(self.appearance[mask].flatten(0, 1)), moments(self.motion[mask])


@dataclass(frozen=True, kw_only=True)
class ClipTable:
    """Decoded clips of V videos, read from their store when they are asked for."""

    store: ClipStore
    ids: tuple[str, ...]  # (V,) whose clips each row gets

    def gather(self, videos: np.ndarray) -> Frames:
        """Some of the videos.  videos (V',) rows."""
        frames, index = self.store.gather([self.ids[v] for v in videos])
        return Frames(
            frames=frames,
            index=index,
            clip_mask=torch.ones(index.shape[:2], dtype=torch.bool),
            row=torch.from_numpy(videos),
        )

    def batches(self, videos: int, *, every: int = 1, first: int = 0) -> Iterator[Frames]:
        """All rows in order, `videos` at a time.  `every` and `first`: one process's share."""
        for begin in range(first * videos, len(self.ids), every * videos):
            yield self.gather(np.arange(begin, min(begin + videos, len(self.ids))))

    def fingerprint(self) -> str:
        """Tells other clips apart; one video stands for all."""
        frames, index = self.store.gather(self.ids[:1])
        return f"{self.ids[:3]} clips {tuple(index.shape)} {int(frames.long().sum())}"


def moments(features: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and deviation over rows.  features (R, D) -> two of (D,) float32."""
    features = features.float()
    return features.mean(0), features.std(0, correction=0)
