"""Contrastive pretraining as the training loop sees it: its videos, its task, its validation."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import nn

from data_loader.batch import Frames
from data_loader.open import clip_tables, open_stores, origins_of
from data_loader.store.checksum import digest
from data_loader.store.clips import ClipStore
from inference.embeddings import embedding_statistics, show_views
from model.task.contrastive import Contrastive
from model.task.encoder import build_encoder, encoder_specs
from options.contrastive import ContrastiveOptions
from options.encoder import EncoderOptions
from options.task import ContrastiveRunOptions
from options.train import TrainOptions
from training.run_folder import RunFolder
from training.task.base import TrainingTask, Validation
from training.task.initialise import check_clips, fill_encoders, start_from
from training.task.projection import refuse_projection_layers
from util.device import pick_device
from util.errors import UserError

SHOWN = 4  # videos whose views TensorBoard shows
COLLAPSED = 3  # validations below --least_rank, one after another, that stop a run


class ContrastiveTask(TrainingTask):
    """A first stage without labels: the encoders alone."""

    options: ContrastiveRunOptions
    module: Contrastive
    name = "contrastive"
    goal = "negative NT-Xent of the validation clips"
    next_command = "python train.py classification --init_from"
    types = ()
    on_features = False
    topology = "complete"  # there are no graphs
    unused_parameters = False

    def __init__(
        self, options: ContrastiveRunOptions, *, checkpoint: Mapping[str, Any] | None
    ) -> None:
        """Open the clips and build the module; `checkpoint`: what the run goes on from."""
        self.options = options
        data, encoders, contrastive, train = options
        _refuse_needless(encoders, train)
        encoder_specs(encoders)  # a wrong name is told before data are opened
        stores = open_stores(clips=data.clips)
        store = stores.clips
        assert store is not None
        check_clips(encoders, store)
        _check_neighbours(store, contrastive)
        self.data, self.val = clip_tables(store, data, seed=train.seed)
        self.videos = self.data.ids
        torch.manual_seed(train.seed)
        encoder = build_encoder(encoders, channels=contrastive.train_channels)
        self.module = Contrastive(contrastive, encoders, encoder=encoder)
        self.lr_scales = {encoder: encoders.encoder_lr}
        self.note, self.collapsed = "", 0
        if checkpoint is None:
            device = pick_device(train.device)
            encoder_weights = fill_encoders(encoder, encoders, self.data, train.init_from, device)
            if train.init_from is not None:
                self.note = start_from(train.init_from, self.module, self.name, train.init_part)
        else:
            encoder_weights = checkpoint["encoder_weights"]
            stores.check_alike(origins_of(checkpoint["stores"]), RunFolder(train.run).path)
        self.metadata = {
            "task": self.name,
            "sizes": {},
            "stores": stores.origins(),
            "encoder_weights": encoder_weights,
            "validation": list(self.val.ids),
        }

    def batch(self, rows: np.ndarray) -> Frames:
        """Gather training videos (B,)."""
        return self.data.gather(rows)

    def validate(self, model: nn.Module, device: torch.device) -> Validation:
        """Compare views of the validation clips; of several processes each takes a share."""
        assert isinstance(model, Contrastive)
        found = embedding_statistics(model, self.val, self.options.train.batch_size, device)
        least = self.options.contrastive.least_rank
        self.collapsed = self.collapsed + 1 if found["rank"] < least else 0
        stop = ""
        if self.collapsed == COLLAPSED:
            stop = (
                f"the embeddings have collapsed: an effective rank of {found['rank']:.2f} at the "
                f"last {COLLAPSED} validations (--least_rank {least:g}); give a smaller --lr, more "
                "--warmup, a larger --batch_size or --temperature, or stronger augmentation"
            )
        return Validation(
            score=-found["nt_xent"],
            scalars={f"val/{name}": value for name, value in found.items()},
            line=(
                f"val nt_xent {found['nt_xent']:.4f}  retrieval {found['retrieval']:.4f}  "
                f"effective rank {found['rank']:.1f}  alignment {found['alignment']:.3f}  "
                f"uniformity {found['uniformity']:.3f}"
            ),
            show=lambda log, step: log.figure(
                step, "val/views", show_views(model, self.val, SHOWN, device)
            ),
            stop=stop,
        )

    def describe(self) -> str:
        """The data in a few words."""
        n, f = self.data.store.clips, self.data.store.frames_per_clip
        return (
            f"{len(self.data.ids):,} training and {len(self.val.ids):,} validation videos of "
            f"{n} clips of {f} frames"
        )

    def fingerprint(self) -> str:
        """Tells other data apart."""
        split = digest((self.videos, self.val.ids))
        return f"{len(self.videos)} videos {split}, {self.data.store.fingerprint()}"


def _refuse_needless(encoders: EncoderOptions, train: TrainOptions) -> None:
    """Raise UserError for an option that does nothing here, or spoils the contrast."""
    if train.questions_per_video != 1:
        raise UserError("--questions_per_video: contrastive pretraining asks none; leave it out")
    if train.accumulate != 1:
        raise UserError(
            f"--accumulate {train.accumulate}: every clip of a batch is a negative of every other, "
            "so a batch cannot be cut; give --batch_size less, or --checkpointing, or processes "
            "(torchrun)"
        )
    for name in ("affine_degrees", "affine_scale", "affine_translate"):
        if getattr(encoders, name):
            raise UserError(f"--{name}: views are cut by --least_area; leave it out")
    refuse_projection_layers(encoders)
    if encoders.encoders == "frozen":
        raise UserError("--encoders frozen: there would be nothing to pretrain; leave it out")
    if encoders.batch_norm != "train":
        raise UserError(
            f"--batch_norm {encoders.batch_norm}: contrastive pretraining learns with statistics "
            "of the batch; give --batch_norm train"
        )


def _check_neighbours(store: ClipStore, options: ContrastiveOptions) -> None:
    """Raise UserError where there is nothing beside a frame, or a clip."""
    if options.positives != "neighbour":
        return
    for channel, found, what in (
        ("appearance", store.frames_per_clip, "frame a clip"),
        ("motion", store.clips, "clip a video"),
    ):
        if options.train_channels in ("both", channel) and found < 2:
            raise UserError(
                f"--positives neighbour: {store.path} has one {what}: nothing is beside it; give "
                "--positives same_frame, or a store of more"
            )
