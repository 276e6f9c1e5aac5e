"""One split's questions joined with its videos: stored features in memory, or clips on disk."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Self

import numpy as np
import torch
from torch import Tensor

from data_loader.batch import Batch
from data_loader.mapped import MappedFeatures
from data_loader.questions import PADDED, QuestionSplit
from data_loader.sampling import derangement
from data_loader.store.checksum import digest
from data_loader.store.clips import ClipStore
from data_loader.store.features import FeatureStore
from data_loader.store.match import check_match
from data_loader.video_table import ClipTable, FeatureTable
from options.data import Channels, Video
from util.errors import UserError


@dataclass(frozen=True, kw_only=True)
class QaData:
    """Questions of a split and their videos."""

    split: QuestionSplit
    table: FeatureTable | ClipTable
    video: np.ndarray  # (Q,) int64, each question's row of the videos
    videos_multiple: int = 1
    words_multiple: int = PADDED

    def __len__(self) -> int:
        """Number of questions."""
        return len(self.video)

    def batch(self, rows: np.ndarray) -> Batch:
        """Gather questions and, once each, their videos.  rows (B,) -> Batch, where the data is.

        The videos are filled up, with the first one again, to a multiple of `videos_multiple`, the
        questions to one of `words_multiple` words: so a captured step meets few shapes.
        """
        videos, video = np.unique(self.video[rows], return_inverse=True)
        missing = -len(videos) % self.videos_multiple
        videos = np.concatenate([videos, np.repeat(videos[:1], missing)])
        row = torch.from_numpy(rows).to(self.split.words.device, non_blocking=True)
        words, length = self.split.padded(rows, row, self.words_multiple)
        return Batch(
            visual=self.table.gather(videos),
            video=torch.from_numpy(video.astype(np.int64)).to(row.device, non_blocking=True),
            words=words,
            length=length,
            answer=self.split.answer[row],
            row=row,
        )

    def alike(self) -> Self:
        """The same with all batches padded to the file's longest question."""
        return replace(self, words_multiple=self.split.longest)

    def to(self, device: torch.device) -> Self:
        """The same with questions and stored features, those on disk too, on another device."""
        assert isinstance(self.table, FeatureTable)
        split = replace(
            self.split,
            words=self.split.words.to(device),
            length=self.split.length.to(device),
            answer=self.split.answer.to(device),
        )
        return replace(self, split=split, table=self.table.to(device))

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
        """Tells other questions, or questions about other videos, apart."""
        split = self.split
        asked = (split.ids, split.texts, split.answer_texts, split.videos)
        return f"{len(self)} questions {digest(*asked)}"


def join(
    split: QuestionSplit,
    appearance: FeatureStore | None,
    motion: FeatureStore | None,
    *,
    video: Video,
    channels: Channels,
    seed: int,
    on_disk: bool,
) -> QaData:
    """Join a split with its features, read into memory, or `on_disk` and read batch by batch.

    `video` "none" replaces every feature by zeros (as wide as the stores', when they are given);
    "shuffled" gives each video the features of another one of the split; with `channels`
    "appearance" or "motion" the other channel is not read: its features have width 0, and the task
    puts zeros in their place (`QuestionAnswering.features`).  Raises UserError for a split without
    questions, stores that do not match, or a question whose video has no features.
    """
    _check_questions(split)
    if appearance is None or motion is None:
        assert video == "none"
        blank = torch.zeros(1, 1, 1, 1)
        return _blind(split, blank, blank[:, :, 0])
    check_match(appearance, motion)
    videos = sorted(set(split.videos))
    _check_videos(split, appearance, videos)
    if video == "none":
        frames = int(appearance.frames[0])
        zeros = torch.zeros(1, 1, frames, appearance.width)
        return _blind(split, zeros, torch.zeros(1, 1, motion.width))
    ids = videos
    if video == "shuffled":
        ids = [videos[i] for i in _others(split, videos, seed)]
    a, clips = _features(
        appearance, ids, on_disk=on_disk, motion=False, left_out=channels == "motion"
    )
    m, motion_clips = _features(
        motion, ids, on_disk=on_disk, motion=True, left_out=channels == "appearance"
    )
    differ = np.flatnonzero(clips != motion_clips)
    if len(differ):
        i = differ[0]
        raise UserError(
            f"video {ids[i]} has {clips[i]} clips in {appearance.path} and {motion_clips[i]} in "
            f"{motion.path}: extract both with the same --clips"
        )
    table = FeatureTable(appearance=a, motion=m, clips=torch.from_numpy(clips))
    return QaData(split=split, table=table, video=_places(split, videos))


def join_clips(
    split: QuestionSplit, store: ClipStore, *, video: Video, seed: int, widths: tuple[int, int]
) -> QaData:
    """Join a split with its decoded clips.

    `video` as in `join`; "none" gives features of zeros, of the two `widths`, to a model whose
    encoders are then not asked.  Raises UserError for a split without questions, or a question
    whose video has no clips.
    """
    _check_questions(split)
    videos = sorted(set(split.videos))
    _check_videos(split, store, videos)
    if video == "none":
        frames, (appearance, motion) = store.frames_per_clip, widths
        return _blind(split, torch.zeros(1, 1, frames, appearance), torch.zeros(1, 1, motion))
    ids = videos
    if video == "shuffled":
        ids = [videos[i] for i in _others(split, videos, seed)]
    return QaData(
        split=split,
        table=ClipTable(store=store, ids=tuple(ids)),
        video=_places(split, videos),
    )


def _check_questions(split: QuestionSplit) -> None:
    if not len(split.videos):
        raise UserError(f"split {split.name} has no questions: check the annotations")


def _check_videos(
    split: QuestionSplit, store: FeatureStore | ClipStore, videos: Sequence[str]
) -> None:
    """Every question's video must be in the store."""
    missing = [v for v in videos if v not in store]
    if missing:
        what = "clips" if isinstance(store, ClipStore) else "features"
        asked = sum(v in set(missing) for v in split.videos)
        raise UserError(
            f"{store.path}: no {what} for {len(missing)} videos of split {split.name} "
            f"({asked} questions), first {', '.join(missing[:3])}; extract them, or encode the "
            "questions with --videos_in and this store"
        )


def _others(split: QuestionSplit, videos: Sequence[str], seed: int) -> np.ndarray:
    """For each video the row of another one, by a fixed permutation.  -> (V,) int64."""
    if len(videos) < 2:
        raise UserError(f"--video shuffled: split {split.name} has a single video")
    return derangement(seed=seed, total=len(videos))


def _places(split: QuestionSplit, videos: Sequence[str]) -> np.ndarray:
    """Each question's row of the videos.  -> (Q,) int64."""
    place = {v: i for i, v in enumerate(videos)}
    return np.array([place[v] for v in split.videos], dtype=np.int64)


def _blind(split: QuestionSplit, appearance: Tensor, motion: Tensor) -> QaData:
    """All questions ask about one video of zeros.

    It has one clip: clips of zeros are all alike, and relating or weighing them changes nothing.
    """
    clips = torch.tensor([appearance.shape[1]])
    return QaData(
        split=split,
        table=FeatureTable(appearance=appearance, motion=motion, clips=clips),
        video=np.zeros(len(split.videos), dtype=np.int64),
    )


def _features(
    store: FeatureStore, videos: Sequence[str], *, on_disk: bool, motion: bool, left_out: bool
) -> tuple[Tensor | MappedFeatures, np.ndarray]:
    """Features (V, N, F, W), of motion (V, N, W), and how many clips each video has (V,) int64.

    The motion channel has one vector a clip: per-frame features are averaged.  Of a channel
    `left_out` nothing is read, and W is 0.
    """
    mapped = MappedFeatures(store, videos, frame_mean=motion)
    clips = store.clips[mapped.rows]
    if left_out:
        return torch.empty(*mapped.shape[:-1], 0), clips
    return mapped if on_disk else mapped.to(torch.device("cpu")), clips
