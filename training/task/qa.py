"""Question answering as the training loop sees it: its data, its task, its validation."""

from dataclasses import fields, replace
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import nn

from data_loader.batch import Batch
from data_loader.join import join_splits
from data_loader.open import Stores, open_stores, origins_of
from data_loader.questions import load_questions
from data_loader.video_table import ClipTable, FeatureTable
from inference.samples import show_samples
from inference.split import predict
from model.encoder.clip_encoder import ClipEncoder
from model.task.encoder import build_encoder
from model.task.qa import QuestionAnswering
from options.data import DataOptions
from options.encoder import EncoderOptions
from options.loss import LossOptions
from options.model import ModelOptions
from options.train import TrainOptions
from training.task.base import Validation
from training.task.initialise import check_crop, feature_statistics, fill_encoders, start_from
from util.device import pick_device
from util.errors import UserError
from util.metrics import accuracy

VIDEOS_MULTIPLE = 8  # of a captured step: a graph is kept for each number of videos


class QaWork:
    """See training.task.base.Work."""

    name = "qa"
    options = (DataOptions, ModelOptions, EncoderOptions, LossOptions, TrainOptions)
    about = "Train a model that answers questions about videos."
    kind = "questions"
    goal = "validation accuracy"

    def __init__(
        self,
        data: DataOptions,
        model: ModelOptions,
        encoders: EncoderOptions,
        loss: LossOptions,
        train: TrainOptions,
        *,
        kept: dict[str, Any] | None,
    ) -> None:
        """Open the data and build the task; `kept`: the checkpoint that the run goes on from."""
        self.train = train
        _refuse(data, encoders)
        self.questions = load_questions(data.questions)
        stores = open_stores(appearance=data.appearance, motion=data.motion, clips=data.clips)
        device = pick_device(train.device)
        (self.data, self.val), self.placement = join_splits(
            [self.questions.split(name) for name in ("train", "val")],
            stores,
            video=data.video,
            channels=data.channels,
            seed=train.seed,
            features_in=data.features_in,
            device=device,
        )
        if train.cuda_graph:
            self.data = replace(self.data, videos_multiple=VIDEOS_MULTIPLE)
        if train.cuda_graph or model.word_mask == "released":  # which depends on the padding
            self.data, self.val = (one.padded_to_longest() for one in (self.data, self.val))
        torch.manual_seed(train.seed)
        table = self.data.table
        encoder = None
        if isinstance(table, ClipTable):
            check_crop(encoders, table.store)
            encoder = build_encoder(encoders)
        sizes = {
            "word_width": self.questions.word_vectors.shape[1],
            "appearance_width": _width("appearance", stores, encoder),
            "motion_width": _width("motion", stores, encoder),
        }
        self.task = QuestionAnswering(
            model,
            loss,
            vocabulary=self.questions.vocabulary,
            encoder=encoder,
            channels=data.channels,
            **sizes,
        )
        self.note = ""
        self.on_features = not isinstance(table, ClipTable)
        if kept is None:
            weights = self._start(model, encoders, device)
        else:
            weights = kept["encoder_weights"]
            self._check_kept(kept, stores, data)
        self.facts = {
            "task": self.name,
            "vocabulary": self.questions.vocabulary.state(),
            "sizes": sizes,
            "stores": {"appearance": None, "motion": None, "clips": None}
            | {name: origin.to_dict() for name, origin in stores.origins().items()},
            "encoder_weights": weights,
            "longest_question": self.data.split.longest,
        }
        self.stored = [store.fingerprint() for store in stores.present().values()]
        self.scales = {"encoder.": encoders.encoder_lr}
        self.videos = self.data.split.videos
        self.types = self.data.split.types

    def _start(
        self, model: ModelOptions, encoders: EncoderOptions, device: torch.device
    ) -> dict[str, Any]:
        """Fill in what does not start at random; -> where the encoders' weights are from."""
        task, table, weights = self.task, self.data.table, {}
        with torch.no_grad():
            task.model.question.embedding.weight.copy_(self.questions.word_vectors)
        if isinstance(table, ClipTable) and task.encoder is not None:
            weights = fill_encoders(task.encoder, encoders, table, self.train.init_from, device)
        if self.train.init_from is not None:
            self.note = start_from(self.train.init_from, task, self.name)
        if model.feature_norm == "standardize":
            if isinstance(table, FeatureTable):
                appearance, motion = table.statistics()
            else:
                assert task.encoder is not None
                appearance, motion = feature_statistics(task.encoder, table, device)
            task.model.video.appearance_norm.fit(*appearance)
            task.model.video.motion_norm.fit(*motion)
        return weights

    def _check_kept(self, kept: dict[str, Any], stores: Stores, data: DataOptions) -> None:
        """The checkpoint must have been trained with the same vocabulary and the same stores."""
        run = f"results/{self.train.run}"
        if kept["vocabulary"] != self.questions.vocabulary.state():
            raise UserError(
                f"{data.questions} is not the file that {run} was trained with (another "
                "vocabulary): give that one to resume, or take another name for --run"
            )
        stores.check_alike(origins_of(kept["stores"]), run)

    def batch(self, rows: np.ndarray) -> Batch:
        """Gather training questions (B,) and their videos."""
        return self.data.batch(rows)

    def validate(self, model: nn.Module, device: torch.device) -> Validation:
        """Answer the validation split."""
        assert isinstance(model, QuestionAnswering)
        found = predict(model, self.val, self.train.batch_size, device)
        scores = accuracy(found.correct.tolist(), self.val.split.types)
        answers = self.questions.vocabulary.answers
        return Validation(
            score=scores.total,
            scalars={
                "val/ce": found.ce.mean().item(),
                **scores.named("val/accuracy"),
            },
            line=f"val {scores.total:.4f}",
            show=partial(show_samples, data=self.val, found=found, answers=answers),
        )

    def describe(self) -> str:
        """The data in a few words."""
        return (
            f"{len(self.data):,} training and {len(self.val):,} validation questions, "
            f"{len(self.questions.vocabulary.answers):,} answers"
            f"{f', {self.placement}' if self.placement else ''}"
        )

    def fingerprint(self) -> str:
        """Tells other data apart."""
        return "; ".join([self.data.fingerprint(), self.val.fingerprint(), *self.stored])


def _refuse(data: DataOptions, encoders: EncoderOptions) -> None:
    """Options of encoders that a run on stored features does not have."""
    for field in fields(EncoderOptions):
        if data.clips is None and getattr(encoders, field.name) != field.default:
            raise UserError(
                f"--{field.name}: a run on stored features has no encoders; give --clips, a store "
                "of decoded clips, or leave it out"
            )


def _width(channel: str, stores: Stores, encoder: ClipEncoder | None) -> int:
    """Features of a channel: as stored, or as its encoder gives them; 1 of a run without either."""
    if channel in stores.present():
        return getattr(stores, channel).width
    return 1 if encoder is None else getattr(encoder, channel).width
