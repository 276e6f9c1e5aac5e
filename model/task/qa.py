"""Video question answering: DualVGR, its losses and its predictions."""

from collections.abc import Iterable
from dataclasses import dataclass, fields
from typing import Any, Self

import torch
from torch import Tensor, nn

from data_loader.batch import Batch, Features, Frames, QuestionBatch
from data_loader.vocabulary import UNKNOWN_ANSWERS, Vocabulary
from model.dualvgr.config import DualVGRConfig
from model.dualvgr.dualvgr import DualVGR, DualVGROutput
from model.dualvgr.losses import consistency, disparity
from model.dualvgr.text import BagOfWords
from model.encoder.clip_encoder import ClipEncoder
from model.layer.precision import at_least_float32
from model.low_rank.low_rank import LowRank
from model.task.base import TaskModule
from model.task.encoder import encoder_of
from model.task.features import channel_features
from options.data import Channels, MotionFrom
from options.flat import build, flat_values
from options.loss import LossOptions
from options.model import ModelOptions
from util.errors import UserError

MODELS = {"dualvgr": DualVGR, "low_rank": LowRank}


@dataclass(frozen=True, kw_only=True)
class Predictions:
    """Answers to Q questions, by ascending row; all on the CPU."""

    row: Tensor  # (Q,) int64, each question's row of its split
    top: Tensor  # (Q, 5) int64, the best answers, best first
    probability: Tensor  # (Q, 5) of each, unknown classes masked out
    readout: Tensor  # (Q, N) weight of each clip
    punishment: Tensor  # (Q, 2, N) appearance and motion, mean over units

    @classmethod
    def joined(cls, parts: Iterable[Self]) -> Self:
        """Predictions of several batches as one."""
        parts = list(parts)
        columns = {f.name: torch.cat([getattr(p, f.name) for p in parts]) for f in fields(cls)}
        order = columns["row"].argsort()
        return cls(**{name: column[order] for name, column in columns.items()})


@dataclass(frozen=True, kw_only=True)
class ScoredPredictions(Predictions):
    """Answers to questions whose true answers are known."""

    answer: Tensor  # (Q,) int64, the true class (an unknown class: counted wrong)
    ce: Tensor  # (Q,) cross entropy of the true class
    classes: Tensor  # (Q, A) probability of every class; (Q, 0) where it was not asked for

    @property
    def correct(self) -> Tensor:
        """(Q,) bool; unknown classes are never predicted, so their questions are wrong."""
        return self.top[:, 0] == self.answer


class QuestionAnswering(TaskModule):
    """DualVGR with its losses and predictions."""

    losses = ("loss", "ce", "consistency", "disparity")

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
    ) -> None:
        """Options of model and loss; sizes that the data decides.

        `encoder`: what turns decoded clips into features, in runs that have any; `channels`: which
        of both the model sees; `motion_from`: what the motion channel is made of.
        """
        super().__init__()
        self.loss = loss
        self.channels: Channels = channels
        self.motion_from: MotionFrom = motion_from
        self.widths = {"appearance": appearance_width, "motion": motion_width}
        self.encoder = encoder
        self.vocabulary = vocabulary
        sizes = {
            "vocabulary": len(vocabulary.words),
            "answers": len(vocabulary.answers),
            "word_width": word_width,
            "appearance_width": appearance_width,
            "motion_width": motion_width,
            "answer_width": answer_width,
        }
        self.model = MODELS[model.model](build(DualVGRConfig, {**flat_values(model), **sizes}))
        if model.freeze_words:
            self.model.question.embedding.requires_grad_(False)

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
        )
        task.load_state_dict(content["weights"])
        return task.eval()

    def forward(self, batch: Batch, parts: int = 1) -> tuple[dict[str, Tensor], Tensor]:
        """Named losses (scalars; "loss" is their weighted sum); which answers are right (B,).

        `parts`: of how many equal parts of a step's batch this is one.  A loss that is a sum over
        the batch is multiplied by it: the mean over the parts is then the loss of the whole.
        """
        out = self.answer(batch)
        with torch.autocast(out.logits.device.type, enabled=False):  # sums of small differences
            losses = self._losses(out, batch.answer, parts)
        return losses, self.mask_unknown(out.logits).argmax(1) == batch.answer

    def _losses(self, out: DualVGROutput, answer: Tensor, parts: int) -> dict[str, Tensor]:
        """See forward.  answer (B,)."""
        ce = nn.functional.cross_entropy(
            at_least_float32(out.logits), answer, label_smoothing=self.loss.label_smoothing
        )
        hsic = self.loss.hsic
        agree = [consistency(u.appearance_common, u.motion_common, out.mask) for u in out.units]
        differ = [
            disparity(u.appearance_specific, u.appearance_common, out.mask, hsic=hsic)
            + disparity(u.motion_specific, u.motion_common, out.mask, hsic=hsic)
            for u in out.units
        ]
        losses = {
            "ce": ce,
            "consistency": torch.stack(agree).mean() if agree else torch.zeros_like(ce),
            "disparity": torch.stack(differ).mean() if differ else torch.zeros_like(ce),
        }
        if hsic == "released":  # a sum over the batch
            losses["disparity"] = losses["disparity"] * parts
        losses["loss"] = (
            ce + self.loss.gamma * losses["consistency"] + self.loss.beta * losses["disparity"]
        )
        return losses

    def answer(self, batch: QuestionBatch) -> DualVGROutput:
        """Scores of all classes, the unknown ones included, and how they came about."""
        appearance, motion = self.features(batch.visual)
        return self.model(
            appearance, motion, batch.visual.clip_mask, batch.video, batch.words, batch.length
        )

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

    @staticmethod
    def mask_unknown(logits: Tensor) -> Tensor:
        """Set the logits of the unknown classes, which are no answers, to -inf.  (B, A) -> same."""
        masked = logits.clone()
        masked[:, :UNKNOWN_ANSWERS] = -torch.inf
        return masked

    @torch.inference_mode()
    def predict(self, batch: QuestionBatch) -> Predictions:
        """Answer questions, in evaluation mode.  `batch`: on the task's device."""
        return Predictions(**self._answers(batch, self.answer(batch)))

    @torch.inference_mode()
    def score(self, batch: Batch, *, every_class: bool = False) -> ScoredPredictions:
        """`predict`, with the cross entropy of the true answers.

        `every_class`: also the probabilities of all classes, unknown ones 0.
        """
        out = self.answer(batch)
        ce = nn.functional.cross_entropy(out.logits, batch.answer, reduction="none")
        classes = out.logits.new_empty(len(batch.row), 0)
        if every_class:
            classes = self.mask_unknown(out.logits.float()).softmax(1)
        return ScoredPredictions(
            **self._answers(batch, out),
            answer=batch.answer.cpu(),
            ce=ce.float().cpu(),
            classes=classes.float().cpu(),
        )

    def _answers(self, batch: QuestionBatch, out: DualVGROutput) -> dict[str, Tensor]:
        """Columns of Predictions."""
        assert not self.training
        number = min(5, out.logits.shape[1] - UNKNOWN_ANSWERS)
        best = self.mask_unknown(out.logits.float()).softmax(1).topk(number)
        units = [torch.stack([u.appearance_punishment, u.motion_punishment], 1) for u in out.units]
        units = units or [torch.ones_like(out.readout)[:, None].expand(-1, 2, -1)]  # without graphs
        return {
            "row": batch.row.cpu(),
            "top": best.indices.cpu(),
            "probability": best.values.cpu(),
            "readout": out.readout.float().cpu(),
            "punishment": torch.stack(units).mean(0).float().cpu(),
        }
