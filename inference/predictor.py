"""Questions about one video, answered by a trained run.

predictor = Predictor("results/shapes")
predictor.ask("talk.mp4", "what is the man doing?").answers  # [("cook", 0.81), ...]
predictor.ask("talk.mp4", "what is he doing?", Wanted(choices=("eat", "cook"))).answers
"""

import math
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from data_loader.batch import Batch, CandidateBatch, Features, Frames, no_candidates
from data_loader.candidates import candidate_words
from data_loader.tokens import tokenize
from data_loader.vocabulary import UNKNOWN_ANSWERS
from inference.answer.wanted import Ranked, Wanted, check, ranked
from inference.run import open_run
from inference.video import VideoInput, open_video_input
from inference.visuals import joined, shape_of
from inference.words import Words
from model.answer.kind import BEST
from model.task.answers import ScoredPredictions
from model.task.qa import QuestionAnswering
from util.errors import UserError

SHOWN = 64  # clips of one video
ANY = Wanted()


@dataclass(frozen=True, kw_only=True)
class Told:
    """An answer."""

    # The best, with probabilities; of a run that counts its number alone, with NaN where it gives
    # numbers no probabilities (--count_as value).
    answers: list[tuple[str, float]]
    value: float | None  # of a run that counts: the number before it is rounded
    unknown: str  # which words of the question training did not have; "" if it had all
    unknown_answers: tuple[str, ...]  # given answers that an open run does not have


@dataclass(frozen=True, kw_only=True)
class Reply(Told):
    """An answer and how it came about."""

    # The middle frame of each clip, small, (H, W, 3) uint8; of more than `SHOWN` clips those with
    # the highest weights.
    frames: list[np.ndarray]
    times: list[str]  # its number in the video, from 1
    punishment: np.ndarray  # (2, N) appearance and motion, mean over units; of these clips
    readout: np.ndarray  # (N,) weight of each of them


class Asked(NamedTuple):
    """A question about a video that was read."""

    visual: Features | Frames  # V = 1
    question: str
    wanted: Wanted = ANY


class Explained(NamedTuple):
    """An answer, and what each of the N clips had to do with it."""

    told: Told
    punishment: np.ndarray  # (2, N) appearance and motion, mean over units
    readout: np.ndarray  # (N,) weight of each of them
    together: int  # how many questions were answered in one pass


@dataclass(frozen=True, kw_only=True)
class _Read:
    """A question as it goes into a batch."""

    asked: Asked
    tokens: list[str]
    candidates: tuple[str, ...]  # that it chooses from
    among: Ranked | None  # answers that alone count

    @property
    def every(self) -> bool:
        """Whether the probabilities of all classes are needed."""
        return self.among is not None or self.asked.wanted.n_best > BEST


class Predictor:
    """A trained run and its backbones: video file and question in, answer out."""

    def __init__(
        self,
        run: str | Path,
        *,
        appearance_weights: str | None = None,
        motion_weights: str | None = None,
        device: str = "auto",
    ) -> None:
        """Load a run: its folder, or a packed file.

        Raises UserError if it was trained without video, or has no backbone for a new video.
        """
        self.run = open_run(run, QuestionAnswering, device=device)
        self.vocabulary = self.run.task.vocabulary
        self.words = Words(self.run.task, self.run.word_vectors)
        weights = {"appearance": appearance_weights, "motion": motion_weights}
        self.read_video = open_video_input(self.run, weights=weights, device=device)

    def check(self, question: str, wanted: Wanted = ANY) -> None:
        """Raise UserError for a question without a word, and for what this run cannot tell."""
        _tokens(question)
        check(wanted, self.run.path, self.run.task)
        if self.run.task.kind == "open":
            ranked(wanted, self.run.path, self.run.task)

    def ask(self, video: str | Path, question: str, wanted: Wanted = ANY) -> Reply:
        """Answer one question about one video file.

        Raises UserError as `check` does, and for a file that cannot be read.
        """
        self.check(question, wanted)  # first: decoding takes seconds
        return self.ask_again(self.read_video(video), question, wanted)

    def ask_again(self, seen: VideoInput, question: str, wanted: Wanted = ANY) -> Reply:
        """Answer a question about a video that `read_video` has read, as `ask` does."""
        (found,) = self.tell_together([Asked(seen.visual, question, wanted)])
        most = np.sort(np.argsort(-found.readout, kind="stable")[:SHOWN])
        return Reply(
            **vars(found.told),
            frames=seen.middle_frames(most),
            times=seen.times(most),
            punishment=found.punishment[:, most],
            readout=found.readout[most],
        )

    def ask_live(self, visual: Features, question: str) -> list[tuple[str, float]]:
        """The five best answers about a video that goes on, with probabilities.

        `visual`: its last clips, as `inference.live.LiveClips` keeps them, by the backbones that
        made the run's stores (`predictor.read_video.backbones`).
        """
        return self.tell(visual, question).answers

    def tell(self, visual: Features | Frames, question: str, wanted: Wanted = ANY) -> Told:
        """Answer a question about clips.  Raises UserError as `check` does."""
        return self.tell_together([Asked(visual, question, wanted)])[0].told

    def tell_together(self, asked: Sequence[Asked]) -> list[Explained]:
        """Answer several questions, about one video or several, in as few passes as their shapes
        allow -> an answer to each, in their order.

        Raises UserError as `check` does, for any of them.
        """
        read = [self._read(one) for one in asked]
        groups: dict[tuple[object, ...], list[int]] = defaultdict(list)
        for place, one in enumerate(read):
            groups[(shape_of(one.asked.visual), self._pad(one))].append(place)
        found: dict[int, Explained] = {}
        for places in groups.values():
            some = [read[place] for place in places]
            batch = self._batch(some).to(self.run.device)
            scored = self.run.task.score(batch, every_class=any(one.every for one in some))
            for row, (place, one) in enumerate(zip(places, some, strict=True)):
                told = self._told(one, scored, row)
                punishment, readout = scored.punishment[row].numpy(), scored.readout[row].numpy()
                found[place] = Explained(told, punishment, readout, len(places))
        return [found[place] for place in range(len(asked))]

    def _read(self, asked: Asked) -> _Read:
        """A question's words and what is wanted of it."""
        task, wanted = self.run.task, asked.wanted
        check(wanted, self.run.path, task)
        return _Read(
            asked=asked,
            tokens=_tokens(asked.question),
            candidates=wanted.choices if task.kind == "choice" else (),
            among=ranked(wanted, self.run.path, task) if task.kind == "open" else None,
        )

    def _told(self, one: _Read, found: ScoredPredictions, row: int) -> Told:
        """The answer in a row of predictions."""
        wanted, among = one.asked.wanted, one.among
        said = found.top[row].tolist(), found.probability[row].tolist()
        value = None
        if self.run.task.kind == "count":
            sure = said[1][0] if self.run.options["count_as"] == "ordinal" else math.nan
            value, answers = float(found.value[row]), [(str(said[0][0]), sure)]
        elif among is not None:
            answers = among.best(found.classes[row].tolist(), wanted.n_best)
        else:
            if one.every:
                share = found.classes[row].sort(descending=True, stable=True)
                said = share.indices.tolist(), share.values.tolist()
            texts, none = (
                (one.candidates, 0)
                if one.candidates
                else (self.vocabulary.answers, UNKNOWN_ANSWERS)
            )
            pairs = zip(*said, strict=True)
            of = len(texts)  # a question beside it may have more candidates
            answers = [(texts[i], p) for i, p in pairs if none <= i < of][: wanted.n_best]
        read = [*one.tokens, *(word for text in one.candidates for word in candidate_words(text))]
        return Told(
            answers=answers,
            value=value,
            unknown=self.words.note(read),
            unknown_answers=among.unknown if among is not None else (),
        )

    def _pad(self, one: _Read) -> int:
        """Words that a question is padded to beside others, where that changes its answer; or 0."""
        return max(self.run.padded, len(one.tokens)) if self.run.padded else 0

    def _batch(self, read: Sequence[_Read]) -> Batch:
        """Questions about videos; 0 stands for the true answers, which nobody knows."""
        visuals = {id(one.asked.visual): one.asked.visual for one in read}
        number = {name: i for i, name in enumerate(visuals)}
        words, length = self._padded([one.tokens for one in read])
        of = no_candidates()
        texts = [one.tokens + candidate_words(c) for one in read for c in one.candidates]
        if texts:
            each = torch.tensor([len(one.candidates) for one in read])
            candidates, lengths = self._padded(texts)
            of = CandidateBatch(
                words=candidates,
                length=lengths,
                question=torch.arange(len(read)).repeat_interleave(each),
            )
        return Batch(
            visual=joined(list(visuals.values())),
            video=torch.tensor([number[id(one.asked.visual)] for one in read]),
            words=words,
            length=length,
            row=torch.arange(len(read)),
            candidates=of,
            answer=torch.zeros(len(read), dtype=torch.int64),
        )

    def _padded(self, texts: list[list[str]]) -> tuple[Tensor, Tensor]:
        """Words of R texts as the model reads them: (R, L), and how many each has (R,)."""
        rows = [self.words.encode(text) for text in texts]
        longest = max(self.run.padded, *map(len, rows))
        words = torch.tensor([row + [0] * (longest - len(row)) for row in rows])
        return words, torch.tensor([len(row) for row in rows])


def _tokens(question: str) -> list[str]:
    """The words of a question; UserError if it has none."""
    tokens = tokenize(question)
    if not tokens:
        raise UserError("--question is empty: ask something")
    return tokens
