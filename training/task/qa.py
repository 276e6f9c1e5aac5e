"""Question answering as the training loop sees it: its data, its task, its validation."""

from collections.abc import Mapping
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
from model.task.encoder import build_encoder, encoder_specs
from model.task.qa import QuestionAnswering
from options.data import DataOptions
from options.encoder import EncoderOptions
from options.task import QaRunOptions
from training.cuda_graph import VIDEOS_MULTIPLE
from training.run_folder import RunFolder
from training.task.base import TrainingTask, Validation
from training.task.initialise import check_clips, feature_statistics, fill_encoders, start_from
from util.device import pick_device
from util.errors import UserError
from util.metrics import accuracy


class QaTask(TrainingTask):
    """Question answering on stored features or on clips."""

    options: QaRunOptions
    module: QuestionAnswering
    name = "qa"
    goal = "validation accuracy"
    next_command = "python evaluate.py --run"

    def __init__(self, options: QaRunOptions, *, checkpoint: Mapping[str, Any] | None) -> None:
        """Open the data and build the module; `checkpoint`: what the run goes on from."""
        self.options = options
        data, model, encoders, loss, train = options
        _refuse_encoder_options(data, encoders)
        if data.clips is not None:
            encoder_specs(encoders)  # a wrong name is told before data are opened
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
        self.videos, self.types = self.data.split.videos, self.data.split.types
        self.fingerprints = [store.fingerprint() for store in stores.present().values()]

        torch.manual_seed(train.seed)
        table, encoder = self.data.table, None
        if isinstance(table, ClipTable):
            check_clips(encoders, table.store)
            encoder = build_encoder(encoders)
        self.on_features = encoder is None
        self.unused_parameters = encoder is not None and data.channels != "both"
        self.lr_scales = {} if encoder is None else {encoder: encoders.encoder_lr}
        sizes = {
            "word_width": self.questions.word_vectors.shape[1],
            "appearance_width": _width("appearance", stores, encoder),
            "motion_width": _width("motion", stores, encoder),
        }
        self.module = QuestionAnswering(
            model,
            loss,
            vocabulary=self.questions.vocabulary,
            encoder=encoder,
            channels=data.channels,
            **sizes,
        )
        self.note = ""
        if checkpoint is None:
            encoder_weights = self._initialise(device)
        else:
            encoder_weights = checkpoint["encoder_weights"]
            self._check_same_data(checkpoint, stores)
        self.metadata = {
            "task": self.name,
            "vocabulary": self.questions.vocabulary.state(),
            "sizes": sizes,
            "stores": {"appearance": None, "motion": None, "clips": None, **stores.origins()},
            "encoder_weights": encoder_weights,
            "longest_question": self.data.split.longest,
        }

    def _initialise(self, device: torch.device) -> dict[str, Any]:
        """Fill in what does not start at random; -> where the encoders' weights are from."""
        options, module, table, origin = self.options, self.module, self.data.table, {}
        with torch.no_grad():
            module.model.question.embedding.weight.copy_(self.questions.word_vectors)
        init_from = options.train.init_from
        if isinstance(table, ClipTable) and module.encoder is not None:
            origin = fill_encoders(module.encoder, options.encoders, table, init_from, device)
        if init_from is not None:
            self.note = start_from(init_from, module, self.name)
        if options.model.feature_norm == "standardize":
            if isinstance(table, FeatureTable):
                appearance, motion = table.statistics()
            else:
                assert module.encoder is not None
                appearance, motion = feature_statistics(module.encoder, table, device)
            module.model.video.appearance_norm.fit(*appearance)
            module.model.video.motion_norm.fit(*motion)
        return origin

    def _check_same_data(self, checkpoint: Mapping[str, Any], stores: Stores) -> None:
        """Raise UserError if the checkpoint was trained with another vocabulary or store."""
        run = RunFolder(self.options.train.run).path
        if checkpoint["vocabulary"] != self.questions.vocabulary.state():
            raise UserError(
                f"{self.options.data.questions} is not the file that {run} was trained with "
                "(another vocabulary): give that one to resume, or take another name for --run"
            )
        stores.check_alike(origins_of(checkpoint["stores"]), run)

    def batch(self, rows: np.ndarray) -> Batch:
        """Gather training questions (B,) and their videos."""
        return self.data.batch(rows)

    def validate(self, model: nn.Module, device: torch.device) -> Validation:
        """Answer the validation split."""
        assert isinstance(model, QuestionAnswering)
        found = predict(model, self.val, self.options.train.batch_size, device)
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
        return "; ".join([self.data.fingerprint(), self.val.fingerprint(), *self.fingerprints])


def _refuse_encoder_options(data: DataOptions, encoders: EncoderOptions) -> None:
    """Raise UserError for an option of encoders where stored features need none."""
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
