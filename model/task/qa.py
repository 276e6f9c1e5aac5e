"""Video question answering: DualVGR, its losses and its predictions.

Answers are of one kind in a run (model/answer/): one of many classes, of a few candidates, or a
number.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from data_loader.batch import Batch, Features, Frames, QuestionBatch
from data_loader.vocabulary import Vocabulary
from model.answer.candidate import CandidateEncoder
from model.answer.kind import Kind, Rows
from model.autoencoder.errors import mean_over
from model.dualvgr.config import DualVGRConfig
from model.dualvgr.dualvgr import DualVGR, DualVGROutput
from model.dualvgr.losses import consistency, disparity
from model.dualvgr.rebuild import Channel, ChannelRebuild
from model.dualvgr.text import BagOfWords
from model.encoder.clip_encoder import ClipEncoder
from model.layer.precision import at_least_float32
from model.low_rank.low_rank import LowRank
from model.task.answers import Predictions, ScoredPredictions, answer_kind
from model.task.base import TaskModule
from model.task.encoder import encoder_of
from model.task.features import channel_features
from options.data import Channels, MotionFrom
from options.flat import build, flat_values
from options.loss import LossOptions
from options.model import ModelOptions
from util.errors import UserError

MODELS = {"dualvgr": DualVGR, "low_rank": LowRank}


class QuestionAnswering(TaskModule):
    """DualVGR with its losses and predictions."""

    def __init__(
        self,
        model: ModelOptions,
        loss: LossOptions,
        *,
        vocabulary: Vocabulary,
        word_width: int,
        appearance_width: int,
        motion_width: int,
        answer_width: int = 0,
        encoder: ClipEncoder | None = None,
        channels: Channels = "both",
        motion_from: MotionFrom = "store",
        kind: Kind = "open",
        count_range: tuple[int, int] | None = None,
    ) -> None:
        """Options of model and loss; sizes that the data decides.

        `encoder`: what turns decoded clips into features, in runs that have any; `channels`: which
        of both the model sees; `motion_from`: what the motion channel is made of; `kind`: of the
        answers; `count_range`: least and most number of training, of kind count.
        """
        super().__init__()
        self.loss = loss
        self.kind: Kind = kind
        self.count_range = count_range
        apart = kind == "choice" and model.candidate_encoder == "bi"
        self.answers = answer_kind(
            kind,
            loss,
            answers=len(vocabulary.answers),
            count_range=count_range,
            apart=model.width if apart else 0,
        )
        self.losses = ("loss", self.answers.loss, "consistency", "disparity")
        self.channels: Channels = channels
        self.motion_from: MotionFrom = motion_from
        self.widths = {"appearance": appearance_width, "motion": motion_width}
        self.encoder = encoder
        self.vocabulary = vocabulary
        sizes = {
            "vocabulary": len(vocabulary.words),
            "answers": self.answers.outputs,
            "word_width": word_width,
            "appearance_width": appearance_width,
            "motion_width": motion_width,
            "answer_width": answer_width,
        }
        self.model = MODELS[model.model](build(DualVGRConfig, {**flat_values(model), **sizes}))
        if model.freeze_words:
            self.model.question.embedding.requires_grad_(False)
        self.candidates = None
        if apart:
            self.candidates = CandidateEncoder(
                vocabulary=len(vocabulary.words), word_width=word_width, width=model.width
            )
        self.rebuild = None  # last: a seed's other weights are the same with it and without
        if loss.rebuild:
            self.rebuild = ChannelRebuild(width=model.width)
            self.losses = (*self.losses, "rebuild_appearance", "rebuild_motion")
        self.missing: Channel | None = None

    @classmethod
    def from_checkpoint(cls, content: dict[str, Any]) -> "QuestionAnswering":
        """The trained task of a checkpoint, in evaluation mode.

        Raises UserError if the checkpoint is of another task.
        """
        if content["task"] != "qa":
            cure = (
                "caption a video with it (python predict.py caption), or name one of the task qa"
                if content["task"] == "captioning"
                else "name one of the task qa, or train one that starts from it (train.py qa "
                "--init_from)"
            )
            raise UserError(f"a run of the task {content['task']} answers no questions: {cure}")
        options, sizes = content["options"], content["sizes"]
        task = cls(
            build(ModelOptions, options),
            build(LossOptions, options),
            vocabulary=Vocabulary.from_state(content["vocabulary"]),
            word_width=sizes["word_width"],
            appearance_width=sizes["appearance_width"],
            motion_width=sizes["motion_width"],
            answer_width=sizes.get("answer_width", 0),  # runs of earlier versions had none
            encoder=encoder_of(content),
            channels=options.get("channels", "both"),
            motion_from=options.get("motion_from", "store"),
            kind=content.get("kind", "open"),
            count_range=tuple(content["count_range"]) if content.get("count_range") else None,
        )
        task.load_state_dict(content["weights"])
        return task.eval()

    def forward(self, batch: Batch, parts: int = 1) -> tuple[dict[str, Tensor], Tensor]:
        """Named losses (scalars; "loss" is their weighted sum); which answers are right (B,).

        `parts`: of how many equal parts of a step's batch this is one.  A loss that is a sum over
        the batch is multiplied by it: the mean over the parts is then the loss of the whole.
        """
        out, rows = self.answer(batch), self.rows(batch)
        with torch.autocast(out.logits.device.type, enabled=False):  # sums of small differences
            losses = self.losses_of(out, batch.answer, rows, parts)
            if self.rebuild is not None:
                self._add_rebuilding(losses, out, batch.visual.clip_mask)
        return losses, self.answers.correct(out.logits, batch.answer, rows)

    def losses_of(
        self, out: DualVGROutput, answer: Tensor, rows: Rows, parts: int
    ) -> dict[str, Tensor]:
        """Named losses of what `answer` gave, as forward's.  answer (B,)."""
        main = self.answers.lose(out.logits, answer, rows)
        hsic, weight = self.loss.hsic, self.answers.weight(rows)
        agree = [
            consistency(u.appearance_common, u.motion_common, out.mask, weight) for u in out.units
        ]
        differ = [
            disparity(u.appearance_specific, u.appearance_common, out.mask, weight, hsic=hsic)
            + disparity(u.motion_specific, u.motion_common, out.mask, weight, hsic=hsic)
            for u in out.units
        ]
        losses = {
            self.answers.loss: main,
            "consistency": torch.stack(agree).mean() if agree else torch.zeros_like(main),
            "disparity": torch.stack(differ).mean() if differ else torch.zeros_like(main),
        }
        if hsic == "released":  # a sum over the batch
            losses["disparity"] = losses["disparity"] * parts
        losses["loss"] = (
            main + self.loss.gamma * losses["consistency"] + self.loss.beta * losses["disparity"]
        )
        return losses

    def _add_rebuilding(self, losses: dict[str, Tensor], out: DualVGROutput, mask: Tensor) -> None:
        """Add how well each channel's clips are rebuilt; no other part learns from it."""
        assert self.rebuild is not None and out.clips is not None
        a, m = (at_least_float32(clips.detach()) for clips in out.clips)
        for channel, error in zip(("appearance", "motion"), self.rebuild.errors(a, m), strict=True):
            loss = mean_over(error, mask)
            losses[f"rebuild_{channel}"] = loss
            losses["loss"] = losses["loss"] + loss

    @contextmanager
    def without(self, missing: Channel, *, rebuilt: bool) -> Iterator[None]:
        """Answers inside the block lack a channel: zeros are its features, or it is `rebuilt`.

        Raises ValueError for a task that cannot do without it.
        """
        if self.channels != "both":
            raise ValueError(f"sees the {self.channels} channel alone (--channels)")
        if self.motion_from != "store":
            raise ValueError("makes its motion channel of the other (--motion_from)")
        if rebuilt and self.rebuild is None:
            raise ValueError("has not learned to rebuild one; train it with --rebuild")
        self.channels = "motion" if missing == "appearance" else "appearance"
        self.missing = missing if rebuilt else None
        try:
            yield
        finally:
            self.channels, self.missing = "both", None

    def answer(self, batch: QuestionBatch) -> DualVGROutput:
        """Scores and how they came about: of all classes, the unknown ones included (B, A); of each
        candidate (C, 1), read after its question or by itself; or of a number (B, 1 or more).

        Each video is encoded once, however many questions and candidates ask about it.
        """
        appearance, motion = self.features(batch.visual)
        text = batch.video, batch.words, batch.length
        if self.kind == "choice" and self.candidates is None:
            of = batch.candidates
            text = batch.video[of.question], of.words, of.length
        given = appearance, motion, batch.visual.clip_mask, *text
        if self.missing is None:
            out = self.model(*given)
        else:
            assert self.rebuild is not None
            out = self.model(*given, fill=partial(self.rebuild.fill, self.missing))
        if self.candidates is None:
            return out
        of = batch.candidates
        vectors = self.model.question.embedding(of.words)
        begin = batch.length[of.question]
        scores = self.candidates(out.logits, of.words, vectors, begin, of.length, of.question)
        return out._replace(logits=scores)

    def rows(self, batch: QuestionBatch) -> Rows:
        """Whose each row of `answer` is."""
        if self.kind == "choice":
            return Rows(batch.candidates.question, len(batch.row))
        return Rows(torch.arange(len(batch.row), device=batch.row.device), len(batch.row))

    def features(self, visual: Features | Frames) -> tuple[Tensor, Tensor]:
        """Features of both channels: stored, or of the clips, by the encoders of this run.

        -> appearance (V, N, F, Da), motion (V, N, Dm); see `channel_features`.
        """
        return channel_features(
            visual, self.encoder, self.widths, channels=self.channels, motion_from=self.motion_from
        )

    @torch.no_grad()
    def add_words(self, vectors: Tensor) -> None:
        """Append words to the vocabulary's for prediction, by their vectors (n, word_width).

        Their numbers follow those of the words that are there, whose answers stay as they are.
        """
        question = self.model.question
        weight = question.embedding.weight
        grown = torch.cat([weight, vectors.to(weight)])
        question.embedding.weight = nn.Parameter(grown, requires_grad=False)
        if isinstance(question.summary, BagOfWords):
            question.summary.add_words(len(vectors))
        if self.candidates is not None:
            self.candidates.add_words(len(vectors))

    @torch.inference_mode()
    def predict(self, batch: QuestionBatch) -> Predictions:
        """Answer questions, in evaluation mode.  `batch`: on the task's device."""
        return Predictions(**self._answers(batch, self.answer(batch)))

    @torch.inference_mode()
    def score(self, batch: Batch, *, every_class: bool = False) -> ScoredPredictions:
        """`predict`, with the cross entropy of the true answers, or a count's squared error.

        `every_class`: also the probabilities of all classes, unknown ones 0, or candidates.
        """
        out, rows = self.answer(batch), self.rows(batch)
        classes = out.logits.new_empty(len(batch.row), 0)
        if every_class:
            classes = self.answers.probabilities(out.logits, rows)
        return ScoredPredictions(
            **self._answers(batch, out),
            answer=batch.answer.cpu(),
            ce=self.answers.error(out.logits, batch.answer, rows).float().cpu(),
            classes=classes.float().cpu(),
        )

    def _answers(self, batch: QuestionBatch, out: DualVGROutput) -> dict[str, Tensor]:
        """Columns of Predictions."""
        assert not self.training
        told = self.answers.told(out.logits, self.rows(batch))
        units = [torch.stack([u.appearance_punishment, u.motion_punishment], 1) for u in out.units]
        units = units or [torch.ones_like(out.readout)[:, None].expand(-1, 2, -1)]  # without graphs
        return {
            "row": batch.row.cpu(),
            "top": told.top.cpu(),
            "probability": told.probability.float().cpu(),
            "value": told.value.cpu(),
            "readout": out.readout[told.row].float().cpu(),
            "punishment": torch.stack(units).mean(0)[told.row].float().cpu(),
        }
