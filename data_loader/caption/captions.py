"""The caption file: encoded captions, vocabulary and word vectors of one data set.

Written by `python -m preprocess.captions`, read by everything after it.  It holds only tensors and
plain types, so that it is read back with `weights_only=True`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from data_loader.vocabulary import SPECIAL, CaptionVocabulary
from util.checkpoint import save_plain
from util.errors import UserError

FORMAT = 1
CURE = "make it with `python -m preprocess.captions`"


@dataclass(frozen=True, eq=False, kw_only=True)
class CaptionSplit:
    """The S segments of one split, each a whole video or a part of one, and their C captions.

    Captions of a segment are next to each other, in the order of the segments.
    """

    name: str
    ids: tuple[str, ...]  # S, each segment's own; of a whole video the video's
    videos: tuple[str, ...]  # S, as feature stores name them
    times: Tensor | None  # (S, 2) float64, start and end in seconds; None: whole videos
    segment: Tensor  # (C,) int64, ascending, each caption's segment
    texts: tuple[str, ...]  # C, as in the annotations
    words: Tensor  # (T,) int64, the words of all captions, one after another, T = length.sum()
    length: Tensor  # (C,) int64, each caption's number of words, at least 1

    def __len__(self) -> int:
        """Number of segments."""
        return len(self.ids)

    @cached_property
    def lengths(self) -> np.ndarray:
        """`length` on the host, wherever the split is: (C,) int64."""
        return self.length.cpu().numpy()

    @cached_property
    def start(self) -> Tensor:
        """The place in `words` of each caption's first word: (C,) int64."""
        return self.length.cumsum(0) - self.length

    @cached_property
    def _first(self) -> np.ndarray:
        """The first caption of each segment, and one past the last (S + 1,)."""
        return np.searchsorted(self.segment.numpy(), np.arange(len(self) + 1))

    def references(self, segment: int) -> tuple[str, ...]:
        """The captions of a segment, as in the annotations."""
        return self.texts[self._first[segment] : self._first[segment + 1]]

    def tokens(self, caption: int) -> list[int]:
        """The words of a caption."""
        begin = int(self.start[caption])
        return self.words[begin : begin + int(self.length[caption])].tolist()

    def take(self, segments: np.ndarray) -> "CaptionSplit":
        """Some of the segments, with their captions.  segments (R,) int64, ascending."""
        kept = np.zeros(len(self), bool)
        kept[segments] = True
        number = np.cumsum(kept) - 1  # the new one of each segment that stays
        rows = torch.from_numpy(np.flatnonzero(kept[self.segment.numpy()]))
        return replace(
            self,
            ids=tuple(self.ids[i] for i in segments),
            videos=tuple(self.videos[i] for i in segments),
            times=None if self.times is None else self.times[torch.from_numpy(segments)],
            segment=torch.from_numpy(number)[self.segment[rows]],
            **self._captions(rows),
        )

    def take_captions(self, rows: np.ndarray) -> "CaptionSplit":
        """All segments, with some of their captions.  rows (R,) int64, ascending."""
        kept = torch.from_numpy(rows)
        return replace(self, segment=self.segment[kept], **self._captions(kept))

    def _captions(self, rows: Tensor) -> dict[str, Any]:
        """Columns of some of the captions.  rows (R,) int64, ascending."""
        word = torch.repeat_interleave(torch.arange(len(self.texts)), self.length)
        kept = torch.zeros(len(self.texts), dtype=torch.bool)
        kept[rows] = True
        return {
            "texts": tuple(self.texts[i] for i in rows.tolist()),
            "words": self.words[kept[word]],
            "length": self.length[rows],
        }


@dataclass(frozen=True, eq=False, kw_only=True)
class Captions:
    """One caption file."""

    path: Path
    dataset: str
    split_ids: str  # how the data set is cut into splits, where there are several ways, or ""
    vocabulary: CaptionVocabulary
    word_vectors: Tensor | None  # (W, D) float32, a row for each word; None: none were asked for
    word_vectors_source: str
    splits: dict[str, CaptionSplit]

    def split(self, name: str, option: str = "") -> CaptionSplit:
        """A split by name; UserError, which names the `option` that asked, if there is none."""
        if name not in self.splits:
            asked = f"{option} {name}: " if option else ""
            raise UserError(
                f"{asked}{self.path} has no split {name}; it has {', '.join(self.splits)}"
            )
        return self.splits[name]


def without_long(split: CaptionSplit, longest: int) -> CaptionSplit:
    """A split without the captions of more words, by option `longest`; 0: with all."""
    if not longest:
        return split
    rows = np.flatnonzero(split.lengths <= longest)
    if not len(rows):
        raise UserError(f"--longest {longest}: every training caption is longer; give more")
    return split.take_captions(rows)


def save_captions(
    path: str | Path,
    *,
    dataset: str,
    split_ids: str,
    vocabulary: CaptionVocabulary,
    word_vectors: Tensor | None,
    word_vectors_source: str,
    splits: Mapping[str, CaptionSplit],
) -> None:
    """Write a caption file, whole or not at all; word_vectors (W, D) float32.

    Raises UserError if the path cannot be written.
    """
    save_plain(
        path,
        {
            "format": FORMAT,
            "kind": "captions",
            "dataset": dataset,
            "split_ids": split_ids,
            "words": list(vocabulary.words),
            "word_vectors": word_vectors,
            "word_vectors_source": word_vectors_source,
            "splits": {
                name: {
                    "id": list(split.ids),
                    "video": list(split.videos),
                    "times": split.times,
                    "segment": split.segment,
                    "text": list(split.texts),
                    "words": split.words,
                    "length": split.length,
                }
                for name, split in splits.items()
            },
        },
    )


def load_captions(path: str | Path) -> Captions:
    """Read a caption file.

    Raises UserError if it is not there, is no caption file, has another format, or contradicts
    itself (columns of different length, numbers outside the vocabulary).
    """
    path = Path(path)
    if not path.is_file():
        raise UserError(f"{path}: no such caption file; {CURE}")
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # torch raises a different kind for each sort of wrong file
        reason = str(error).partition("\n")[0][:120]
        raise UserError(
            f"{path}: not a caption file ({type(error).__name__}: {reason}); {CURE}"
        ) from error
    if not isinstance(state, dict) or state.get("kind") != "captions":
        raise UserError(f"{path}: a torch file, but not a caption file; {CURE}")
    if state.get("format") != FORMAT:
        raise UserError(
            f"{path}: caption file of format {state.get('format')}, this code reads format "
            f"{FORMAT}; {CURE} of this version"
        )
    try:
        return _from_state(path, state)
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        reason = f"{error.args[0]} is missing" if isinstance(error, KeyError) else str(error)
        raise UserError(f"{path}: damaged caption file: {reason}; {CURE} again") from error


def _from_state(path: Path, state: dict[str, Any]) -> Captions:
    words = tuple(state["words"])
    if words[: len(SPECIAL)] != SPECIAL:
        raise ValueError(f"its vocabulary begins with {words[: len(SPECIAL)]}")
    vectors: Tensor | None = state["word_vectors"]
    if vectors is not None and (vectors.ndim != 2 or len(vectors) != len(words)):
        raise ValueError(f"word_vectors {tuple(vectors.shape)} for {len(words)} words")
    return Captions(
        path=path,
        dataset=state["dataset"],
        split_ids=state["split_ids"],
        vocabulary=CaptionVocabulary(words=words),
        word_vectors=vectors,
        word_vectors_source=state["word_vectors_source"],
        splits={name: _split(name, s, len(words)) for name, s in state["splits"].items()},
    )


def _split(name: str, state: dict[str, Any], vocabulary: int) -> CaptionSplit:
    words, length, segment, times = (state[k] for k in ("words", "length", "segment", "times"))
    segments, captions = len(state["id"]), len(state["text"])
    fits = (
        ("video", len(state["video"]), segments),
        ("segment", len(segment), captions),
        ("length", len(length), captions),
        ("words", len(words), int(length.sum())),
        ("times", segments if times is None else len(times), segments),
    )
    for field, number, expected in fits:
        if number != expected:
            raise ValueError(f"split {name}: {field} has {number} rows, not {expected}")
    limits = (
        ("words", words, 0, vocabulary - 1),
        ("length", length, 1, len(words)),
        ("segment", segment, 0, segments - 1),
    )
    for field, value, low, high in limits:
        if value.dtype != torch.int64:
            raise ValueError(f"split {name}: {field} is {value.dtype}, not torch.int64")
        if value.numel() and (int(value.min()) < low or int(value.max()) > high):
            raise ValueError(f"split {name}: {field} has a value outside [{low}, {high}]")
    if captions and bool((segment.diff() < 0).any()):
        raise ValueError(f"split {name}: the captions are not in the order of the segments")
    return CaptionSplit(
        name=name,
        ids=tuple(state["id"]),
        videos=tuple(state["video"]),
        times=times,
        segment=segment,
        texts=tuple(state["text"]),
        words=words,
        length=length,
    )
