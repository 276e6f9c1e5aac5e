"""Questions about one video, answered by a trained run.

predictor = Predictor("results/shapes")
predictor.ask("talk.mp4", "what is the man doing?").answers  # [("cook", 0.81), ...]
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from data_loader.batch import Features, Frames, QuestionBatch
from data_loader.tokens import tokenize
from inference.run import open_run
from inference.video import VideoInput, open_video_input
from inference.words import Words
from model.task.qa import Predictions, QuestionAnswering
from util.errors import UserError

SHOWN = 64  # clips of one video


@dataclass(frozen=True, kw_only=True)
class Reply:
    """An answer and how it came about."""

    answers: list[tuple[str, float]]  # the five best, with probabilities
    unknown: str  # which words of the question training did not have; "" if it had all
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

    def ask(self, video: str | Path, question: str) -> Reply:
        """Answer one question about one video file.

        Raises UserError for a question without a word, and a file that cannot be read.
        """
        _tokens(question)  # first: decoding takes seconds
        return self.ask_again(self.read_video(video), question)

    def ask_again(self, seen: VideoInput, question: str) -> Reply:
        """Answer a question about a video that `read_video` has read, as `ask` does."""
        found = self._predict(seen.visual, _tokens(question))
        readout = found.readout[0].numpy()
        most = np.sort(np.argsort(-readout, kind="stable")[:SHOWN])
        return Reply(
            answers=self._answers(found),
            unknown=self.words.note(_tokens(question)),
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
        return self._answers(self._predict(visual, _tokens(question)))

    def _predict(self, visual: Features | Frames, tokens: list[str]) -> Predictions:
        """Answer one question about one video."""
        words = self.words.encode(tokens)
        padding = [0] * (self.run.padded - len(words))
        zero = torch.zeros(1, dtype=torch.int64)
        batch = QuestionBatch(
            visual=visual,
            video=zero,
            words=torch.tensor([words + padding]),
            length=torch.tensor([len(words)]),
            row=zero,
        )
        return self.run.task.predict(batch.to(self.run.device))

    def _answers(self, found: Predictions) -> list[tuple[str, float]]:
        """The five best answers of the first question, with probabilities."""
        pairs = zip(found.top[0].tolist(), found.probability[0].tolist(), strict=True)
        return [(self.vocabulary.answers[i], p) for i, p in pairs]


def _tokens(question: str) -> list[str]:
    """The words of a question; UserError if it has none."""
    tokens = tokenize(question)
    if not tokens:
        raise UserError("--question is empty: ask something")
    return tokens
