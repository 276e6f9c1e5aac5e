"""Questions of a split with their videos, cut into batches."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import chain
from typing import Self

import numpy as np
import torch

from data_loader.batch import Batch, no_candidates
from data_loader.question_split import PADDED, QuestionSplit
from data_loader.store.checksum import digest
from data_loader.video_table import ClipTable, FeatureTable


@dataclass(frozen=True, kw_only=True)
class QaData:
    """Questions of a split and their videos."""

    split: QuestionSplit
    table: FeatureTable | ClipTable
    video: np.ndarray  # (Q,) int64, the index of each question's video in the table
    videos_multiple: int = 1  # of the videos of a batch
    words_multiple: int = PADDED  # of the words of its questions

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
        choices = self.split.candidates
        return Batch(
            visual=self.table.gather(videos),
            video=torch.from_numpy(video.astype(np.int64)).to(row.device, non_blocking=True),
            words=words,
            length=length,
            answer=self.split.answer[row],
            row=row,
            candidates=no_candidates(row.device)
            if choices is None
            else choices.padded(rows, words, self.split.lengths[rows], self.words_multiple),
        )

    def padded_to_longest(self) -> Self:
        """The same with all batches padded to the file's longest question, and candidate."""
        choices = self.split.candidates
        longest = self.split.longest if choices is None else choices.longest
        return replace(self, words_multiple=max(longest, self.split.longest))

    def to(self, device: torch.device) -> Self:
        """The same with questions and stored features, those on disk too, on another device."""
        assert isinstance(self.table, FeatureTable)
        choices = self.split.candidates
        split = replace(
            self.split,
            words=self.split.words.to(device),
            length=self.split.length.to(device),
            answer=self.split.answer.to(device),
            candidates=None if choices is None else choices.to(device),
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
        asked = [split.ids, split.texts, split.answer_texts, split.videos]
        if split.candidates is not None:
            asked.append(tuple(chain.from_iterable((*of, "") for of in split.candidates.texts)))
        return f"{len(self)} questions {digest(*asked)}"
