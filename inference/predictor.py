"""Questions about one video, answered by a trained run.

predictor = Predictor("results/shapes")
predictor.ask("talk.mp4", "what is the man doing?").answers  # [("cook", 0.81), ...]
predictor.ask("talk.mp4", "what is he doing?", Wanted(choices=("eat", "cook"))).answers
"""

import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from data_loader.batch import Batch, CandidateBatch, Features, Frames, no_candidates
from data_loader.candidates import candidate_words
from data_loader.tokens import tokenize
from data_loader.vocabulary import UNKNOWN_ANSWERS
from inference.answer.wanted import Wanted, check, ranked
from inference.run import open_run
from inference.video import VideoInput, open_video_input
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
        told, found = self._tell(seen.visual, question, wanted)
        readout = found.readout[0].numpy()
        most = np.sort(np.argsort(-readout, kind="stable")[:SHOWN])
        return Reply(
            **vars(told),
            frames=seen.middle_frames(most),
            times=seen.times(most),
            punishment=found.punishment[0].numpy()[:, most],
            readout=readout[most],
        )

    def ask_live(self, visual: Features, question: str) -> list[tuple[str, float]]:
        """The five best answers about a video that goes on, with probabilities.

        `visual`: its last clips, as `inference.live.LiveClips` keeps them, by the backbones that
        made the run's stores (`predictor.read_video.backbones`).
        """
        return self.tell(visual, question).answers

    def tell(self, visual: Features | Frames, question: str, wanted: Wanted = ANY) -> Told:
        """Answer a question about clips.  Raises UserError as `check` does."""
        return self._tell(visual, question, wanted)[0]

    def _tell(
        self, visual: Features | Frames, question: str, wanted: Wanted
    ) -> tuple[Told, ScoredPredictions]:
        check(wanted, self.run.path, self.run.task)
        task, tokens = self.run.task, _tokens(question)
        candidates = wanted.choices if task.kind == "choice" else ()
        among = ranked(wanted, self.run.path, task) if task.kind == "open" else None
        batch = self._batch(visual, tokens, candidates).to(self.run.device)
        every = among is not None or wanted.n_best > BEST
        found = task.score(batch, every_class=every)
        said = found.top[0].tolist(), found.probability[0].tolist()
        value = None
        if task.kind == "count":
            sure = said[1][0] if self.run.options["count_as"] == "ordinal" else math.nan
            value, answers = float(found.value[0]), [(str(said[0][0]), sure)]
        elif among is not None:
            answers = among.best(found.classes[0].tolist(), wanted.n_best)
        else:
            if every:
                share = found.classes[0].sort(descending=True, stable=True)
                said = share.indices.tolist(), share.values.tolist()
            texts, none = (
                (candidates, 0) if candidates else (self.vocabulary.answers, UNKNOWN_ANSWERS)
            )
            pairs = zip(*said, strict=True)
            answers = [(texts[i], p) for i, p in pairs if i >= none][: wanted.n_best]
        read = [*tokens, *(word for text in candidates for word in candidate_words(text))]
        told = Told(
            answers=answers,
            value=value,
            unknown=self.words.note(read),
            unknown_answers=among.unknown if among is not None else (),
        )
        return told, found

    def _batch(
        self, visual: Features | Frames, tokens: list[str], candidates: tuple[str, ...]
    ) -> Batch:
        """One question about one video; 0 stands for the true answer, which nobody knows."""
        zero = torch.zeros(1, dtype=torch.int64)
        words, length = self._padded([tokens])
        of = no_candidates()
        if candidates:
            texts = [tokens + candidate_words(candidate) for candidate in candidates]
            read, lengths = self._padded(texts)
            of = CandidateBatch(words=read, length=lengths, question=torch.zeros_like(lengths))
        return Batch(
            visual=visual,
            video=zero,
            words=words,
            length=length,
            row=zero,
            candidates=of,
            answer=zero,
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
