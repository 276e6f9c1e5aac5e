"""One split's questions joined with the features of their videos, held once in memory."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from data_loader.batch import Batch
from data_loader.questions import QuestionSplit
from data_loader.sampling import derangement
from data_loader.store import FeatureStore
from options.data import Channels, Video
from util.errors import UserError


@dataclass(frozen=True, kw_only=True)
class QaData:
    """Questions of a split and the features of their videos (as stored: float16 stays float16)."""

    split: QuestionSplit
    appearance: Tensor  # (V, N, F, Da)
    motion: Tensor  # (V, N, Dm)
    clips: Tensor  # (V,) int64, each video's own N
    video: np.ndarray  # (Q,) int64, each question's row of the videos

    def __len__(self) -> int:
        """Number of questions."""
        return len(self.video)

    def batch(self, rows: np.ndarray) -> Batch:
        """Gather questions and, once each, their videos.  rows (B,) -> Batch on the CPU."""
        videos, video = np.unique(self.video[rows], return_inverse=True)
        row, used = torch.from_numpy(rows), torch.from_numpy(videos)
        clips = self.clips[used]
        return Batch(
            appearance=self.appearance[used].float(),
            motion=self.motion[used].float(),
            clip_mask=torch.arange(self.appearance.shape[1]) < clips[:, None],
            video=torch.from_numpy(video.astype(np.int64)),
            words=self.split.words[row],
            length=self.split.length[row],
            answer=self.split.answer[row],
            row=row,
        )

    def batches(self, batch_size: int, *, every: int = 1, first: int = 0) -> Iterator[Batch]:
        """Every question once, all of a video in one batch: each video is encoded exactly once.

        A batch ends before the video with which it would exceed `batch_size` questions; only a
        video with more of them than that comes in several.  `every` and `first`: only these
        batches, such as one process's share.
        """
        order = np.argsort(self.video, kind="stable")
        ends = np.cumsum(np.unique(self.video, return_counts=True)[1])
        begin = number = 0
        while begin < len(order):
            fitting = ends[(ends > begin) & (ends <= begin + batch_size)]
            end = int(fitting[-1]) if len(fitting) else begin + batch_size
            if number % every == first:
                yield self.batch(order[begin:end])
            begin, number = end, number + 1

    def fingerprint(self) -> str:
        """Tells other questions or other features apart; a few videos stand for all."""
        some = self.appearance[:: max(1, len(self.appearance) // 16)]
        other = self.motion[:: max(1, len(self.motion) // 16)]
        sums = [float(x.double().sum()) for x in (some, other)]
        asked = hashlib.sha256(repr((self.split.ids, self.split.texts)).encode()).hexdigest()
        return f"{len(self)} questions {asked[:12]}, features {tuple(some.shape)} {sums}"

    def statistics(self) -> tuple[tuple[Tensor, Tensor], tuple[Tensor, Tensor]]:
        """Mean and deviation of each feature over the real clips of both channels."""
        mask = torch.arange(self.appearance.shape[1]) < self.clips[:, None]
        return _moments(self.appearance[mask].flatten(0, 1)), _moments(self.motion[mask])


def join(
    split: QuestionSplit,
    appearance: FeatureStore | None,
    motion: FeatureStore | None,
    *,
    video: Video,
    channels: Channels,
    seed: int,
) -> QaData:
    """Join a split with its features.

    `video` "none" replaces every feature by zeros (as wide as the stores', when they are given);
    "shuffled" gives each video the features of another one of the split; `channels` "appearance" or
    "motion" replaces the other channel's features by zeros.  Raises UserError for a
    split without questions, stores that do not match, or a question whose video has no features.
    """
    if not len(split.videos):
        raise UserError(f"split {split.name} has no questions: check the annotations")
    if appearance is None or motion is None:
        assert video == "none"
        blank = torch.zeros(1, 1, 1, 1)
        return _blind(split, blank, blank[:, :, 0])
    check_match(appearance, motion)
    videos = sorted(set(split.videos))
    missing = [v for v in videos if v not in appearance]
    if missing:
        asked = sum(v in set(missing) for v in split.videos)
        raise UserError(
            f"{appearance.path}: no features for {len(missing)} videos of split {split.name} "
            f"({asked} questions), first {', '.join(missing[:3])}; extract them, or encode the "
            "questions with --videos_in and this store"
        )
    if video == "none":
        frames = int(appearance.frames[0])
        zeros = torch.zeros(1, 1, frames, appearance.width)
        return _blind(split, zeros, torch.zeros(1, 1, motion.width))
    a, clips = appearance.load(videos)
    m, motion_clips = motion.load(videos)
    differ = np.flatnonzero(clips != motion_clips)
    if len(differ):
        i = differ[0]
        raise UserError(
            f"video {videos[i]} has {clips[i]} clips in {appearance.path} and {motion_clips[i]} in "
            f"{motion.path}: extract both with the same --clips"
        )
    if video == "shuffled":
        if len(videos) < 2:
            raise UserError(f"--video shuffled: split {split.name} has a single video")
        other = derangement(seed=seed, total=len(videos))
        a, m, clips = a[other], m[other], clips[other]
    if channels != "both":
        (a if channels == "motion" else m).fill(0)
    place = {v: i for i, v in enumerate(videos)}
    return QaData(
        split=split,
        appearance=torch.from_numpy(a),
        motion=torch.from_numpy(_per_clip(m)),
        clips=torch.from_numpy(clips),
        video=np.array([place[v] for v in split.videos], dtype=np.int64),
    )


def check_match(appearance: FeatureStore, motion: FeatureStore) -> None:
    """Both channels must hold the same videos; raises UserError that names some of the others."""
    a, m = set(appearance.ids), set(motion.ids)
    if a == m:
        return
    lacking, extra = (motion.path, sorted(a - m)) if a - m else (appearance.path, sorted(m - a))
    raise UserError(
        f"{appearance.path} and {motion.path} hold different videos: {lacking} lacks {len(extra)}, "
        f"first {', '.join(extra[:3])}; extract both channels from the same videos"
    )


def check_provenance(trained: dict, store: FeatureStore, trained_path: str | Path) -> None:
    """A run's features and a store must have been made alike; raises UserError naming the line."""
    for key in ("backbone", "kind", "width", "weights", "resize", "size", "normalisation"):
        was, now = trained.get(key), store.provenance.get(key)
        if key == "weights":  # where the file lay does not matter, what it held does
            was, now = (w.get("sha256") if isinstance(w, dict) else w for w in (was, now))
        if was != now:
            raise UserError(
                f"{store.path} has {key} {now}, but {trained_path} was trained on {was}: "
                "give the store that the run was trained with, or one extracted alike"
            )


def _blind(split: QuestionSplit, appearance: Tensor, motion: Tensor) -> QaData:
    """All questions ask about one video of zeros.

    It has one clip: clips of zeros are all alike, and relating or weighing them changes nothing.
    """
    return QaData(
        split=split,
        appearance=appearance,
        motion=motion,
        clips=torch.tensor([appearance.shape[1]]),
        video=np.zeros(len(split.videos), dtype=np.int64),
    )


def _per_clip(motion: np.ndarray) -> np.ndarray:
    """The motion channel has one vector a clip: per-frame features are averaged.  (V, N, Dm)."""
    if motion.shape[2] == 1:
        return motion[:, :, 0]
    return motion.mean(2, dtype=np.float32)


def _moments(features: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and deviation over rows.  features (R, D) -> two of (D,) float32."""
    features = features.float()
    return features.mean(0), features.std(0, correction=0)
