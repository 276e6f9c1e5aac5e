"""Classification as the training loop sees it: its data, its task, its validation."""

from collections.abc import Mapping
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from data_loader.batch import LabelBatch
from data_loader.label.dataset import LabelData, join_labels
from data_loader.label.labels import LabelSplit, load_labels
from data_loader.open import Stores, open_stores, origins_of
from data_loader.sampling import labelled_rows
from data_loader.video_table import ClipTable
from inference.classification.split import class_scores, step_values
from inference.samples import show_classes
from model.classifier.classifier import norms_of
from model.encoder.clip_encoder import ClipEncoder
from model.task.classification import Classification, squared_error
from model.task.encoder import build_encoder, encoder_specs
from model.task.frame_network import FrameNetwork
from options.classification import SEE_FRAMES
from options.task import ClassificationRunOptions
from training.run_folder import RunFolder
from training.task.base import TrainingTask, Validation
from training.task.frames import FrameSide
from training.task.initialise import (
    check_clips,
    fill_encoders,
    fit_norms,
    refuse_encoder_options,
    start_from,
)
from training.task.label_checks import refuse_needless
from training.task.projection import widths_after_projection
from util.device import pick_device
from util.errors import UserError


class ClassificationTask(TrainingTask):
    """Classification on stored features or on clips; or a value at each frame."""

    options: ClassificationRunOptions
    module: Classification
    name = "classification"
    goal = "validation accuracy (of values: negative root mean squared error)"
    next_command = "python evaluate.py classification --run"

    def __init__(
        self, options: ClassificationRunOptions, *, checkpoint: Mapping[str, Any] | None
    ) -> None:
        """Open the data and build the module; `checkpoint`: what the run goes on from."""
        self.options = options
        data, classification, vivit, encoders, train = options
        sees_frames = classification.network in SEE_FRAMES
        if data.clips is None:
            refuse_encoder_options(encoders)
        elif not sees_frames:
            encoder_specs(encoders)  # a wrong name is told before data are opened
        self.labels = load_labels(data.labels)
        refuse_needless(options, self.labels)
        stores = open_stores(appearance=data.appearance, motion=data.motion, clips=data.clips)
        device = pick_device(train.device)
        (self.data, self.val), self.placement = join_labels(
            self._splits(),
            stores,
            video=data.video,
            channels=data.channels,
            seed=train.seed,
            features_in=data.features_in,
            device=device,
            frames=data.frames,
        )
        self.videos = self.data.split.videos
        classes = self.labels.classes  # accuracy is logged by class; of values there is none
        targets = self.data.split.target.tolist()
        self.types = [classes[k] for k in targets] if classes else ()
        self.fingerprints = [store.fingerprint() for store in stores.present().values()]

        torch.manual_seed(train.seed)
        table, encoder = self.data.table, None
        if isinstance(table, ClipTable) and not sees_frames:
            check_clips(encoders, table.store)
            encoder = build_encoder(
                encoders,
                channels=data.channels,
                per_video=classification.clips_as == "sequence",
                projected=widths_after_projection(
                    encoders, train, checkpoint, channels=data.channels
                ),
            )
        self.on_features = not isinstance(table, ClipTable)
        self.topology = classification.topology
        self.unused_parameters = False
        self.lr_scales: dict[nn.Module, float] = {}
        if encoder is not None:
            self.lr_scales[encoder] = encoders.encoder_lr
        sizes = {
            **self._widths(stores, encoder),
            "steps": self._steps(),
            "known_steps": self._known_steps(),
        }
        self.frames = None
        if sees_frames:
            self.frames = FrameSide(
                options,
                table,
                classes=self.labels.classes,
                frames=sizes["steps"],
                checkpoint=checkpoint,
            )
        try:
            self.module = Classification(
                classification,
                classes=self.labels.classes,
                encoder=encoder,
                channels=data.channels,
                motion_from=data.motion_from,
                frames=self.frames and self.frames.network,
                teacher=self.frames and self.frames.teacher,
                distill=vivit.distill,
                **sizes,
            )
        except ValueError as error:  # sizes that the data decides
            raise UserError(f"--network {classification.network}: {error}") from error
        self.note = ""
        if checkpoint is None:
            encoder_weights = self._initialise(device)
        else:
            encoder_weights = checkpoint["encoder_weights"]
            self._check_same_data(checkpoint, stores)
        self.metadata = {
            "task": self.name,
            "classes": list(self.labels.classes),
            "dataset": self.labels.dataset,
            "sizes": sizes,
            "pixels": self.frames and self.frames.metadata,
            "stores": {"appearance": None, "motion": None, "clips": None, **stores.origins()},
            "encoder_weights": encoder_weights,
        }

    def _splits(self) -> list[LabelSplit]:
        """What is trained and validated on."""
        data, labels = self.options.data, self.labels
        if data.fold is None:
            train, val = (labels.split(name) for name in ("train", "val"))
        else:
            splits = labels.fold(data.fold)
            train, val = splits["train"], splits["val"]
        if data.label_share < 1:
            try:
                rows = labelled_rows(train.videos, data.label_share, seed=self.options.train.seed)
            except ValueError as error:
                raise UserError(f"--label_share {data.label_share}: {error}; give more") from error
            train = train.take(np.flatnonzero(rows))
        return [train, val]

    def _widths(self, stores: Stores, encoder: ClipEncoder | None) -> dict[str, int]:
        """Features of both channels, 0 of one that there is not; 1 of a run without any."""
        data = self.options.data
        if self.options.classification.network in SEE_FRAMES:
            return {"appearance_width": 0, "motion_width": 0}
        if data.video == "none":
            both = self.options.classification.network == "relation"
            return {"appearance_width": 1, "motion_width": int(both)}
        widths = {"appearance": 0, "motion": 0}
        for channel in widths:
            if data.channels in ("both", channel):
                if encoder is not None:
                    widths[channel] = encoder.width(channel)
                elif channel in stores.present():
                    widths[channel] = getattr(stores, channel).width
                elif data.motion_from != "store":
                    assert stores.appearance is not None
                    widths[channel] = stores.appearance.width
        return {f"{channel}_width": width for channel, width in widths.items()}

    def _steps(self) -> int:
        """T, the frames of the longest video; of a view, where each clip is one."""
        found = 1
        for data in (self.data, self.val):
            visual = data.batch(np.array([_longest(data)])).visual
            found = max(found, _steps_of(visual, self.options.classification.clips_as))
        return found

    def _known_steps(self) -> float:
        """Of how many steps of a training video the value is known, in the mean; of classes, 1."""
        values = self.data.values
        if values is None:
            return 1.0
        known = float((~values.isnan()).sum(1).double().mean())
        if not known:
            raise UserError(
                f"{self.options.data.labels}: no frame of the training videos lies within the "
                "times of its values"
            )
        return known

    def _initialise(self, device: torch.device) -> dict[str, Any]:
        """Fill in what does not start at random; -> where the encoders' weights are from."""
        options, module, table, origin = self.options, self.module, self.data.table, {}
        init_from = options.train.init_from
        if isinstance(table, ClipTable) and module.encoder is not None:
            origin = fill_encoders(module.encoder, options.encoders, table, init_from, device)
        if init_from is not None:
            self.note = start_from(init_from, module, self.name, options.train.init_part)
        if self.frames is not None:
            self.note = self.frames.start() or self.note
            return self.frames.source()
        kind = options.classification.feature_norm
        if kind != "none" and options.data.video != "none":
            motion_from = options.data.motion_from
            assert not isinstance(module.model, FrameNetwork)
            fit_norms(norms_of(module.model), kind, table, module.encoder, motion_from, device)
        return origin

    def _check_same_data(self, checkpoint: Mapping[str, Any], stores: Stores) -> None:
        """Raise UserError if the checkpoint was trained with other classes or another store."""
        run = RunFolder(self.options.train.run).path
        if checkpoint["classes"] != list(self.labels.classes):
            raise UserError(
                f"{self.options.data.labels} is not the file that {run} was trained with (other "
                "classes): give that one to resume, or take another name for --run"
            )
        stores.check_alike(origins_of(checkpoint["stores"]), run)

    def batch(self, rows: np.ndarray) -> LabelBatch:
        """Gather training rows (B,) and their videos."""
        return self.data.batch(rows)

    def validate(self, model: nn.Module, device: torch.device) -> Validation:
        """Score the validation split."""
        assert isinstance(model, Classification)
        size = self.options.train.batch_size
        if not self.labels.classes:
            return self._validate_values(model, size, device)
        scores = class_scores(model, self.val, batch_size=size, device=device)
        target = self.val.split.target.cpu()
        right = scores.argmax(1) == target
        accuracy, ce = right.double().mean().item(), _cross_entropy(scores, target)
        of_classes = [right[target == k].double().mean() for k in target.unique().tolist()]
        per_class = torch.stack(of_classes).mean().item()
        return Validation(
            score=accuracy,
            scalars={"val/accuracy": accuracy, "val/class_accuracy": per_class, "val/ce": ce},
            line=f"val accuracy {accuracy:.4f}  mean of classes {per_class:.4f}  ce {ce:.4f}",
            show=partial(show_classes, data=self.val, classes=self.labels.classes, scores=scores),
        )

    def _validate_values(
        self, model: Classification, size: int, device: torch.device
    ) -> Validation:
        found = step_values(model, self.val, batch_size=size, device=device)
        told, true = (torch.cat(part)[None] for part in zip(*found, strict=True))
        known = ~true.isnan()
        if not known.any():
            raise UserError(
                f"{self.options.data.labels}: no frame of the validation videos lies within the "
                "times of its values"
            )
        error = (squared_error(told.double(), true.double()).sum() / known.sum()).sqrt().item()
        spread = true[known].double().std(correction=0).item()
        return Validation(
            score=-error,
            scalars={"val/rmse": error, "val/deviation": spread},
            line=f"val root mean squared error {error:.4f} (their deviation: {spread:.4f})",
            show=lambda log, step: None,
        )

    def describe(self) -> str:
        """The data in a few words."""
        of = f"{len(self.labels.classes)} classes" if self.labels.classes else "values over time"
        return (
            f"{len(self.data):,} training videos and {len(self.val):,} for validation, {of}"
            f"{f', {self.placement}' if self.placement else ''}"
        )

    def fingerprint(self) -> str:
        """Tells other data apart."""
        return "; ".join([self.data.fingerprint(), self.val.fingerprint(), *self.fingerprints])


def _longest(data: LabelData) -> int:
    """A row whose video is the longest of the split."""
    table = data.table
    if isinstance(table, ClipTable) or table.own_clips is None:
        return 0
    return int(table.own_clips[data.video].argmax())


def _steps_of(visual: Any, clips_as: str) -> int:
    shape = visual.index.shape if hasattr(visual, "index") else visual.appearance.shape
    return max(1, (1 if clips_as == "views" else shape[1]) * shape[2])


def _cross_entropy(scores: Tensor, target: Tensor) -> float:
    return nn.functional.cross_entropy(scores.double(), target).item()
