"""Question answering as the training loop sees it: its data, its task, its validation."""

from collections.abc import Sequence
from dataclasses import fields, replace
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import nn

from data_loader.batch import Batch
from data_loader.dataset import QaData, join, join_clips
from data_loader.placement import Place, choose_place
from data_loader.questions import Questions, QuestionSplit, load_questions
from data_loader.store.clips import ClipStore, open_clip_store
from data_loader.store.features import FeatureStore, open_store
from data_loader.store.provenance import check_provenance
from data_loader.video_table import ClipTable, FeatureTable
from evaluation.run import predict
from inference.samples import show_samples
from model.task.encoder import build_encoder
from model.task.qa import QuestionAnswering
from options.data import DataOptions
from options.encoder import EncoderOptions
from options.loss import LossOptions
from options.model import ModelOptions
from options.train import TrainOptions
from training.task.base import Validation, origin
from training.task.initialise import check_crop, feature_statistics, fill_encoders, start_from
from util.device import pick_device
from util.errors import UserError
from util.metrics import accuracy

VIDEOS_MULTIPLE = 8  # of a captured step: a graph is kept for each number of videos

Stores = dict[str, FeatureStore | ClipStore | None]


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
        stores = _open_stores(data)
        splits = [_split(self.questions, name) for name in ("train", "val")]
        device = pick_device(train.device)
        place = _place(stores, splits, data, device)
        self.held = place.line
        self.data, self.val = (
            _join(split, stores, data, seed=train.seed, place=place.name) for split in splits
        )
        if train.cuda_graph:
            self.data = replace(self.data, videos_multiple=VIDEOS_MULTIPLE)
        if train.cuda_graph or model.word_mask == "released":  # which depends on the padding
            self.data, self.val = (one.alike() for one in (self.data, self.val))
        torch.manual_seed(train.seed)
        table = self.data.table
        encoder = None
        if isinstance(table, ClipTable):
            check_crop(encoders, table.store)
            encoder = build_encoder(encoders)
        sizes = {
            "word_width": self.questions.word_vectors.shape[1],
            "appearance_width": _width(table, stores, encoder, "appearance"),
            "motion_width": _width(table, stores, encoder, "motion"),
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
            "stores": {channel: origin(store) for channel, store in stores.items()},
            "encoder_weights": weights,
            "longest_question": self.data.split.longest,
        }
        self.stored = [store.fingerprint() for store in stores.values() if store is not None]
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
        for channel, store in stores.items():
            if store is not None:
                check_provenance(kept["stores"][channel]["provenance"], store, run)

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
            f"{f', {self.held}' if self.held else ''}"
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


def _open_stores(data: DataOptions) -> Stores:
    """The stores that the run looks at."""
    return {
        "appearance": None if data.appearance is None else open_store(data.appearance),
        "motion": None if data.motion is None else open_store(data.motion),
        "clips": None if data.clips is None else open_clip_store(data.clips),
    }


def _split(questions: Questions, name: str) -> QuestionSplit:
    """A split's questions; UserError when there is no such split."""
    if name not in questions.splits:
        raise UserError(
            f"{questions.path} has no split {name}; it has {', '.join(questions.splits)}"
        )
    return questions.splits[name]


def _place(
    stores: Stores, splits: Sequence[QuestionSplit], data: DataOptions, device: torch.device
) -> Place:
    """Where the features are held; nothing to say where there are none."""
    held = [
        store
        for channel, store in stores.items()
        if isinstance(store, FeatureStore) and data.channels in ("both", channel)
    ]
    if not held or data.video == "none":
        return Place("memory", "")
    return choose_place(data.features_in, held, [split.videos for split in splits], device)


def _join(
    split: QuestionSplit, stores: Stores, data: DataOptions, *, seed: int, place: str
) -> QaData:
    """A split's questions with their videos."""
    clips = stores["clips"]
    if isinstance(clips, ClipStore):
        return join_clips(split, clips, video=data.video, seed=seed, widths=(1, 1))
    appearance, motion = stores["appearance"], stores["motion"]
    assert not isinstance(appearance, ClipStore) and not isinstance(motion, ClipStore)
    joined = join(
        split,
        appearance,
        motion,
        video=data.video,
        channels=data.channels,
        seed=seed,
        on_disk=place != "memory",
    )
    return joined.to(torch.device("cuda")) if place == "gpu" else joined


def _width(table: FeatureTable | ClipTable, stores: Stores, encoder: Any, channel: str) -> int:
    """Features of a channel: as stored, or as its encoder gives them."""
    store = stores[channel]
    if isinstance(store, FeatureStore):
        return store.width
    if isinstance(table, FeatureTable):
        return getattr(table, channel).shape[-1]
    return getattr(encoder, channel).width
