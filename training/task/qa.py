"""Question answering as the training loop sees it: its data, its task, its validation."""

from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import nn

from data_loader.batch import Batch
from data_loader.join import join_splits
from data_loader.open import Stores, open_stores, origins_of
from data_loader.questions import Questions, QuestionSplit, load_questions
from data_loader.sampling import fold_of, labelled_rows
from data_loader.video_table import ClipTable
from inference.samples import show_samples
from inference.split import predict
from model.answer.count import Count
from model.dualvgr.dualvgr import DualVGR
from model.encoder.clip_encoder import ClipEncoder
from model.head.product import ProductHead
from model.task.encoder import build_encoder, encoder_specs
from model.task.qa import QuestionAnswering
from options.data import DataOptions
from options.model import ModelOptions
from options.task import QaRunOptions
from training.cuda_graph import VIDEOS_MULTIPLE
from training.run_folder import RunFolder
from training.task.base import TrainingTask, Validation
from training.task.initialise import (
    check_clips,
    fill_encoders,
    fit_norms,
    refuse_encoder_options,
    start_from,
)
from training.task.projection import widths_after_projection
from training.task.question_checks import check_same_kind, described, refuse_needless
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
        if data.clips is None:
            refuse_encoder_options(encoders)
        else:
            encoder_specs(encoders)  # a wrong name is told before data are opened
        self.questions = load_questions(data.questions)
        refuse_needless(options, self.questions)
        if self.questions.kind == "count":
            self.goal = "validation score (minus the mean squared error of the number told)"
        stores = open_stores(appearance=data.appearance, motion=data.motion, clips=data.clips)
        frames = 2 if stores.appearance is None else stores.appearance.frames.min()
        if data.motion_from == "difference" and frames < 2:
            raise UserError(
                f"--motion_from difference: clips of {data.appearance} have one frame; extract "
                "with --frames 2 or more, or give --motion_from mean"
            )
        device = pick_device(train.device)
        (self.data, self.val), self.placement = join_splits(
            _training_and_validation(self.questions, data, train.seed),
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
            projected = widths_after_projection(encoders, train, checkpoint)
            encoder = build_encoder(encoders, projected=projected)
        self.on_features, self.topology = encoder is None, model.topology
        without_graphs = model.model == "dualvgr" and model.units == 0  # nobody attends to words
        self.unused_parameters = without_graphs or (encoder is not None and data.channels != "both")
        self.lr_scales = {} if encoder is None else {encoder: encoders.encoder_lr}
        sizes = {
            "word_width": self.questions.word_vectors.shape[1],
            "appearance_width": _width("appearance", stores, encoder),
            "motion_width": _width(
                "appearance" if data.motion_from != "store" else "motion", stores, encoder
            ),
            "answer_width": _answer_width(self.questions, model),
        }
        self.module = QuestionAnswering(
            model,
            loss,
            vocabulary=self.questions.vocabulary,
            encoder=encoder,
            channels=data.channels,
            motion_from=data.motion_from,
            kind=self.questions.kind,
            count_range=self.questions.count_range,
            **sizes,
        )
        if isinstance(self.module.model, DualVGR):
            dualvgr = self.module.model
            for part in (dualvgr.video, dualvgr.units, dualvgr.fusion, dualvgr.readout):
                self.lr_scales[part] = train.relation_lr
        self.note = ""
        if checkpoint is None:
            encoder_weights = self._initialise(device)
        else:
            encoder_weights = checkpoint["encoder_weights"]
            self._check_same_data(checkpoint, stores)
        self.metadata = {
            "task": self.name,
            "kind": self.questions.kind,
            "count_range": self.questions.count_range,
            "vocabulary": self.questions.vocabulary.state(),
            "word_vectors_source": self.questions.word_vectors_source,
            "sizes": sizes,
            "stores": {"appearance": None, "motion": None, "clips": None, **stores.origins()},
            "encoder_weights": encoder_weights,
            "longest_question": self._longest_read(),
        }

    def _initialise(self, device: torch.device) -> dict[str, Any]:
        """Fill in what does not start at random; -> where the encoders' weights are from."""
        options, module, table, origin = self.options, self.module, self.data.table, {}
        with torch.no_grad():
            module.model.question.embedding.weight.copy_(self.questions.word_vectors)
            if isinstance(module.answers, Count):
                bias = module.answers.start(self.data.split.answer.tolist())
                module.model.head.bias.copy_(bias)
        init_from = options.train.init_from
        if isinstance(table, ClipTable) and module.encoder is not None:
            origin = fill_encoders(module.encoder, options.encoders, table, init_from, device)
        if init_from is not None:
            self.note = start_from(init_from, module, self.name, options.train.init_part)
        if isinstance(module.model.head, ProductHead) and module.model.head.semantic:
            assert self.questions.answer_vectors is not None
            module.model.head.fit(self.questions.answer_vectors)
        if options.model.feature_norm != "none" and options.data.video != "none":
            inputs = module.model.video
            fit_norms(
                (inputs.appearance_norm, inputs.motion_norm),
                options.model.feature_norm,
                table,
                module.encoder,
                options.data.motion_from,
                device,
            )
        return origin

    def _check_same_data(self, checkpoint: Mapping[str, Any], stores: Stores) -> None:
        """Raise UserError if the checkpoint was trained with another vocabulary or store."""
        run = RunFolder(self.options.train.run).path
        check_same_kind(checkpoint, self.questions, run)
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
        score, line = scores.total, f"val {scores.total:.4f}"
        scalars = {"val/ce": found.ce.mean().item()}
        if model.kind == "count":
            error = (found.top[:, 0] - found.answer).double().square().mean().item()
            score, line = -error, f"val {scores.total:.4f}, mean squared error {error:.4f}"
            scalars = {"val/mse": error, "val/mse_not_rounded": found.ce.mean().item()}
        return Validation(
            score=score,
            scalars={**scalars, **scores.named("val/accuracy")},
            line=line,
            show=partial(show_samples, data=self.val, found=found, answers=answers),
        )

    def _longest_read(self) -> int:
        """Words of the longest text that the model reads: a question, or one with a candidate."""
        of = self.data.split.candidates
        if of is None or self.module.candidates is not None:
            return self.data.split.longest
        return of.longest

    def describe(self) -> str:
        """The data in a few words."""
        answers = described(self.questions)
        if self.questions.kind == "open":
            answers = f"{len(self.questions.vocabulary.answers):,} answers"
        return (
            f"{len(self.data):,} training and {len(self.val):,} validation questions, "
            f"{answers}"
            f"{f', {self.placement}' if self.placement else ''}"
        )

    def fingerprint(self) -> str:
        """Tells other data apart."""
        return "; ".join([self.data.fingerprint(), self.val.fingerprint(), *self.fingerprints])


def _training_and_validation(
    questions: Questions, data: DataOptions, seed: int
) -> list[QuestionSplit]:
    """What is trained on, and what validated on, by options `validate_on` and `label_share`."""
    train, where = questions.split("train"), data.validate_on
    if where.startswith("fold:"):
        number, parts = map(int, where.removeprefix("fold:").split("/"))
        try:
            held_out = fold_of(train.videos, parts) == number - 1
        except ValueError as error:
            raise UserError(f"--validate_on {where}: {error}; give fewer parts") from error
        train, val = (train.take(np.flatnonzero(rows)) for rows in (~held_out, held_out))
    else:
        val = questions.split("val")
    if where == "seen":
        train = train.joined(val)
    if data.label_share < 1:
        try:
            rows = labelled_rows(train.videos, data.label_share, seed=seed)
        except ValueError as error:
            raise UserError(f"--label_share {data.label_share}: {error}; give more") from error
        train = train.take(np.flatnonzero(rows))
    return [train, val]


def _answer_width(questions: Questions, model: ModelOptions) -> int:
    """Width of the answers' vectors; 0 where they are not used."""
    if not model.semantic_head:
        return 0
    if questions.answer_vectors is None:
        raise UserError(
            f"--semantic_head: {questions.path} holds no vectors of answers; encode the questions "
            "anew with --glove (python -m preprocess.questions)"
        )
    return questions.answer_vectors.shape[1]


def _width(channel: str, stores: Stores, encoder: ClipEncoder | None) -> int:
    """Features of a channel: as stored, or as its encoder gives them; 1 of a run without either."""
    if channel in stores.present():
        return getattr(stores, channel).width
    return 1 if encoder is None else encoder.width(channel)
