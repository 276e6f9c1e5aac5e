"""Input batches: what a task takes at each step."""

from collections.abc import Callable
from dataclasses import dataclass, field, fields
from typing import Any, Self

import torch
from torch import Tensor


class Movable:
    """A group of tensors, or of such groups, that move to a device together."""

    def to(self, device: torch.device | str, *, non_blocking: bool = False) -> Self:
        """The same on another device; `non_blocking`: without waiting, from pinned memory."""
        return self._each(lambda value: value.to(device, non_blocking=non_blocking))

    def pinned(self) -> Self:
        """The same in memory from which a GPU copies without holding up the host."""
        return self._each(lambda v: v.pinned() if isinstance(v, Movable) else v.pin_memory())

    def _each(self, change: Callable[[Any], Any]) -> Self:
        values = {f.name: change(getattr(self, f.name)) for f in fields(self)}  # type: ignore[arg-type]
        return type(self)(**values)


def tensors(part: Any) -> list[Tensor]:
    """All tensors of a batch, in a fixed order."""
    found = []
    for column in fields(part):
        value = getattr(part, column.name)
        found += tensors(value) if isinstance(value, Movable) else [value]
    return found


@dataclass(frozen=True, kw_only=True)
class Features(Movable):
    """V videos as stored features of frozen backbones; a channel left out has width 0."""

    appearance: Tensor  # (V, N, F, Da) float
    motion: Tensor  # (V, N, Dm) float
    clip_mask: Tensor  # (V, N) bool, True on real clips


@dataclass(frozen=True, kw_only=True)
class Frames(Movable):
    """V videos as decoded clips, for encoders that are trained; both channels share one copy."""

    frames: Tensor  # (M, H, W, 3) uint8 RGB, the distinct frames of all V videos
    index: Tensor  # (V, N, F) int64, each clip's frames
    clip_mask: Tensor  # (V, N) bool, True on real clips
    row: Tensor  # (V,) int64, each video's row of its split


@dataclass(frozen=True, kw_only=True)
class CandidateBatch(Movable):
    """C candidates that B multiple-choice questions choose from; C = 0 for other questions."""

    words: Tensor  # (C, L) int64, zero padded, the question's words and then the candidate's
    length: Tensor  # (C,) int64, words of both
    question: Tensor  # (C,) int64, ascending, each candidate's question in the batch


def no_candidates(device: torch.device | str = "cpu") -> CandidateBatch:
    """Of questions that are not multiple choice."""
    none = torch.zeros(0, dtype=torch.int64, device=device)
    return CandidateBatch(words=none[:, None], length=none, question=none)


@dataclass(frozen=True, kw_only=True)
class QuestionBatch(Movable):
    """B questions about V videos (V <= B: a video is there once, however many ask about it)."""

    visual: Features | Frames
    video: Tensor  # (B,) int64, the index of each question's video in `visual`
    words: Tensor  # (B, L) int64, zero padded
    length: Tensor  # (B,) int64, words of each question
    row: Tensor  # (B,) int64, each question's row of its split
    candidates: CandidateBatch = field(default_factory=no_candidates)


@dataclass(frozen=True, kw_only=True)
class Batch(QuestionBatch):
    """Questions whose true answers are known: for training and evaluation."""

    answer: Tensor  # (B,) int64, class, or place among its candidates, or number: by their kind


@dataclass(frozen=True, kw_only=True)
class CaptionBatch(Movable):
    """B captions of V segments (V <= B: a segment is there once, however many captions it has)."""

    visual: Features | Frames
    video: Tensor  # (B,) int64, the index of each caption's segment in `visual`
    words: Tensor  # (B, L) int64, zero padded, without `<BOS>` and `<EOS>`
    length: Tensor  # (B,) int64, words of each caption
    row: Tensor  # (B,) int64, each caption's row of its split


@dataclass(frozen=True, kw_only=True)
class PairBatch(CaptionBatch):
    """Captions that are to be told from those of other segments."""

    segment: Tensor  # (B,) int64, each caption's segment of its split


@dataclass(frozen=True, kw_only=True)
class LabelBatch(Movable):
    """B labelled rows of V videos, a class or a series of values each."""

    visual: Features | Frames
    video: Tensor  # (B,) int64, the index of each row's video in `visual`
    # (B,) int64, class; or (B, T) float32, the value at each of the T = N F steps of its video in
    # `visual`, NaN where there is none
    target: Tensor
    row: Tensor  # (B,) int64, each row of its split
