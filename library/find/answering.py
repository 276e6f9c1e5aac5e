"""Questions put to moments of videos, by a run that answers."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path

import numpy as np
import torch

from data_loader.batch import Features
from data_loader.open import StoreOrigin
from data_loader.tokens import tokenize
from inference.retrieval.evidence import AnswerEvidence
from inference.video import open_video_input
from library.find.middles import clips_within, middles_of
from util.errors import UserError

KEPT = 64  # videos whose features are remembered
LEAST = 1e-6  # a probability below this one counts as this one: its logarithm has an end


@dataclass(frozen=True)
class Stretch:
    """Which part of which video is asked."""

    path: str
    start: float  # s
    end: float  # s; inf: to its end


class Answering:
    """An open run, and what it has seen."""

    def __init__(
        self,
        run: str | Path | None,
        *,
        blind: str | Path | None = None,
        device: str,
    ) -> None:
        """`blind`: the same trained without video; None: the run before a video of mean features.

        Raises UserError for a run without video, and one that chooses or counts.
        """
        # Features of a stretch that are there already, so that it need not be decoded.
        self.stored: Callable[[Stretch], Features | None] = lambda part: None
        self.evidence = AnswerEvidence(run, blind=blind, device=device)
        self.path = self.evidence.run.path
        self.reader = open_video_input(
            self.evidence.run, weights={"appearance": None, "motion": None}, device=device
        )
        self._seen = lru_cache(KEPT)(self.read)

    def check(self, question: str, answer: str | None = None) -> None:
        """Raise UserError for a question without words, and an answer that the run has not."""
        if not tokenize(question):
            raise UserError("--question is empty: ask something")
        if answer is not None:
            self.evidence.number(answer)

    def tell(self, part: Stretch, question: str) -> dict[str, float]:
        """The probability of every answer about a stretch of a video, the likeliest first.

        Raises VideoError for a video that cannot be read.
        """
        return self._told(self.evidence.log_probability(self.visual(part), question)[0])

    def prior(self, question: str) -> dict[str, float]:
        """The probability of every answer without a video."""
        return self._told(self.evidence.without(question))

    def visual(self, part: Stretch) -> Features:
        """The features of the clips of a stretch.  Raises VideoError if it cannot be read."""
        if (stored := self.stored(part)) is not None:
            return stored
        visual, middles = self._seen(part.path)
        return clips_of(visual, clips_within(middles, part.start, part.end))

    def read(self, path: str) -> tuple[Features, np.ndarray]:
        """A video's features, and when its clips' middles are shown (N,).

        It is decoded here; whoever has it decoded elsewhere overrides this.  Raises VideoError.
        """
        seen = self.reader(path)
        if not isinstance(seen.visual, Features):
            raise UserError(f"--run {self.path}: has encoders of its own; name one on features")
        return seen.visual, middles_of(path, seen.numbers, steady_rate(self.evidence.run.stores))

    def _told(self, log_probability: np.ndarray) -> dict[str, float]:
        """log P of every class (A,) -> P of every answer, the likeliest first."""
        shares = np.exp(log_probability)
        order = np.argsort(-shares, kind="stable").tolist()
        names = {number: answer for answer, number in self.evidence.answers.items()}
        return {names[number]: float(shares[number]) for number in order if number in names}


def steady_rate(stores: Mapping[str, StoreOrigin]) -> float | None:
    """Clips a second, of features at a steady rate; None: clips are spread over each video."""
    sampling = stores["appearance"].provenance.sampling  # every run on features has it
    return None if sampling is None else sampling.fps


def clips_of(visual: Features, clips: np.ndarray) -> Features:
    """Some of the clips of a video (V = 1)."""
    rows = torch.from_numpy(np.asarray(clips, np.int64))
    return replace(
        visual,
        appearance=visual.appearance[:, rows],
        motion=visual.motion[:, rows],
        clip_mask=visual.clip_mask[:, rows],
    )


def gain(told: dict[str, float], prior: dict[str, float], answer: str) -> float:
    """log P(answer | question, clip) - log P(answer | question).

    Above 0 the clip speaks for the answer, below 0 against it.
    """
    return math.log(max(told[answer], LEAST)) - math.log(max(prior[answer], LEAST))


def tells(told: dict[str, float], prior: dict[str, float]) -> float:
    """How much a clip tells about a question, in nats: the Kullback-Leibler divergence of its
    answers from those of a video nobody has seen; 0 if it tells nothing."""
    return sum(p * gain(told, prior, answer) for answer, p in told.items() if p > 0)
