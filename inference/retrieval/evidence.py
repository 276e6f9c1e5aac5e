"""How far a question's answer speaks for a video: the second look of a search.

evidence = AnswerEvidence()  # the answering model that comes with the project
gain = evidence(features, "what is the woman riding?", "horse")  # (V,)
order, scores = reranked(coarse, gain, weight=WEIGHT)
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch

from data_loader.batch import Batch, Features, Frames
from data_loader.tokens import tokenize
from data_loader.vocabulary import UNKNOWN_ANSWERS
from inference.run import Run, open_run
from inference.run_files import default_run
from inference.words import Words
from model.task.qa import QuestionAnswering
from util.errors import UserError
from util.text import clipped

WEIGHT = 0.06  # of evidence in nats beside a cosine: chosen on validation, results/README.md
ROWS = 4096  # questions times videos at a time; 16,384 leave the cache: a third of the rate
LEAST = 1e-9  # probability below which a word is not told from impossible


class AnswerEvidence:
    """log P(word | question, video) - log P(word | question, no video), by an answering run.

    "No video" is another run, trained without (`--video none`); or, without one, this run shown the
    mean features of its training videos, which is what its norms take for nothing particular.
    """

    def __init__(
        self,
        run: str | Path | None = None,
        *,
        blind: str | Path | None = None,
        device: str = "auto",
    ) -> None:
        """Load runs: folders or packed files; `run` None: the one that comes with the project.

        Raises UserError if one answers no questions in words of its own.
        """
        self.run = open_run(run or default_run("qa"), QuestionAnswering, device=device)
        self.blind = None if blind is None else open_run(blind, QuestionAnswering, device=device)
        for one in (self.run, self.blind):
            if one is not None and one.task.kind != "open":
                raise UserError(
                    f"{one.path}: its answers are of the kind {one.task.kind}; name a run that "
                    "answers in words of its own (its questions are of the kind open)"
                )
        if self.run.options["video"] == "none":
            raise UserError(f"{self.run.path} was trained without video: name a run that saw some")
        if self.blind is not None and self.blind.options["video"] != "none":
            raise UserError(f"{self.blind.path}: saw videos; name a run of --video none")
        if self.blind is not None and self.blind.task.vocabulary != self.run.task.vocabulary:
            raise UserError(
                f"{self.blind.path} has another vocabulary than {self.run.path}: name a run of the "
                "same question file"
            )
        self._words = Words(self.run.task, self.run.word_vectors)
        self._blind_words = self._words
        if self.blind is not None:
            self._blind_words = Words(self.blind.task, self.blind.word_vectors)
        self.answers = {
            answer: number
            for number, answer in enumerate(self.run.task.vocabulary.answers)
            if number >= UNKNOWN_ANSWERS
        }  # words that it can be asked about, and the class of each

    def __call__(self, visual: Features | Frames, question: str, word: str) -> np.ndarray:
        """The evidence of V videos for a word as the answer of a question: (V,) float64, in nats.

        Raises UserError for a question without a word, and a word that is none of the answers.
        """
        number = self.number(word)
        return self.log_probability(visual, question)[:, number] - self.without(question)[number]

    def number(self, word: str) -> int:
        """The class of a word.  Raises UserError where it is none of the answers."""
        if word not in self.answers:
            raise UserError(
                f"{clipped(word, 80)!r} is none of the {len(self.answers):,} answers of "
                f"{self.run.path}, such as {', '.join(list(self.answers)[:5])}; expect another word"
            )
        return self.answers[word]

    def log_probability(self, visual: Features | Frames, question: str) -> np.ndarray:
        """log P(answer | question, video) of V videos and all A classes: (V, A) float64."""
        return log_probability(self.run, self._words, visual, [question])[0]

    def without(self, question: str) -> np.ndarray:
        """log P(answer | question, no video): (A,) float64."""
        run = self.blind or self.run
        words = self._words if self.blind is None else self._blind_words
        return log_probability(run, words, nothing_particular(run.task), [question])[0, 0]

    def of_pairs(
        self, visual: Features | Frames, pairs: Sequence[tuple[str, str]], *, relative: bool = True
    ) -> np.ndarray:
        """Evidence of V videos for P pairs of a question and a word: (P, V) float64.

        Each question is asked once.  `relative` False: log P(word | question, video) alone, whose
        order of videos is the same.
        """
        questions = list(dict.fromkeys(question for question, _ in pairs))
        wanted: dict[str, list[int]] = {question: [] for question in questions}
        for place, (question, word) in enumerate(pairs):
            self.number(word)
            wanted[question].append(place)
        out = np.zeros((len(pairs), len(visual.clip_mask)))
        at_once = max(1, ROWS // len(visual.clip_mask))
        for begin in range(0, len(questions), at_once):
            some = questions[begin : begin + at_once]
            found = log_probability(self.run, self._words, visual, some)
            for question, shares in zip(some, found, strict=True):
                for place in wanted[question]:
                    out[place] = shares[:, self.number(pairs[place][1])]
        if relative:
            for question in questions:
                nothing = self.without(question)
                for place in wanted[question]:
                    out[place] -= nothing[self.number(pairs[place][1])]
        return out


def nothing_particular(task: QuestionAnswering) -> Features:
    """A video of a single clip that shows nothing particular: the mean features of training."""
    norms = task.model.video
    a, m = norms.appearance_norm.mean, norms.motion_norm.mean
    return Features(
        appearance=a[None, None, None], motion=m[None, None],
        clip_mask=torch.ones(1, 1, dtype=torch.bool),
    )  # fmt: skip


@torch.inference_mode()
def log_probability(
    run: Run[QuestionAnswering], words: Words, visual: Features | Frames, questions: Sequence[str]
) -> np.ndarray:
    """log P of all A classes, of Q questions about each of V videos: (Q, V, A) float64."""
    tokens = [tokenize(question) for question in questions]
    if not all(tokens):
        raise UserError("--question is empty: ask something")
    rows = [words.encode(some) for some in tokens]
    longest, videos = max(run.padded, *map(len, rows)), len(visual.clip_mask)
    padded = torch.tensor([row + [0] * (longest - len(row)) for row in rows])
    length = torch.tensor([len(row) for row in rows])
    row = torch.arange(len(rows) * videos)
    batch = Batch(
        visual=visual,
        video=row % videos,
        words=padded.repeat_interleave(videos, 0),
        length=length.repeat_interleave(videos),
        row=row,
        answer=torch.zeros_like(row),
    )
    shares = run.task.score(batch.to(run.device), every_class=True).classes
    logs = shares.clamp(min=LEAST).log().double()
    return logs.view(len(rows), videos, -1).numpy()


def reranked(
    coarse: Sequence[float] | np.ndarray, evidence: np.ndarray, *, weight: float = WEIGHT
) -> tuple[np.ndarray, np.ndarray]:
    """The order of C candidates, best first, and their scores: coarse + weight * evidence.

    coarse (C,), evidence (C,) -> order (C,) int64, scores (C,) float64 as the candidates stand.  Of
    equal scores the one that stood first stays first; weight 0 changes no order.
    """
    scores = np.asarray(coarse, np.float64) + weight * np.asarray(evidence, np.float64)
    return np.argsort(-scores, kind="stable"), scores
