"""The autoencoder as the training loop sees it: its videos, its task, its validation."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import nn

from data_loader.batch import Frames
from data_loader.open import clip_tables, open_stores, origins_of
from data_loader.store.checksum import digest
from inference.samples import show_reconstructions
from inference.split import reconstruction_errors
from model.autoencoder.mask import hidden_patches
from model.task.autoencoder import Autoencoding
from model.task.encoder import build_encoder, encoder_specs
from options.autoencoder import AutoencoderOptions
from options.model import ModelOptions
from options.task import AutoencoderRunOptions
from options.train import TrainOptions
from training.run_folder import RunFolder
from training.task.base import TrainingTask, Validation
from training.task.initialise import check_clips, fill_encoders, start_from
from training.task.projection import refuse_projection_layers
from util.device import pick_device
from util.errors import UserError

# Options of a model that answers alone: fusion, words, clips hidden from a question, punishment by
# the question (here every one is 1), and statistics of features, which encoders that train change.
ANSWERING = (
    "fusion", "bilinear_width", "bilinear_factor", "word_mask", "clip_dropout", "feature_norm",
    "punish",
)  # fmt: skip


class AutoencoderTask(TrainingTask):
    """The first stage of two-stage training: videos alone."""

    options: AutoencoderRunOptions
    module: Autoencoding
    name = "autoencoder"
    goal = "PSNR of the validation clips in dB"
    next_command = "python train.py qa --init_from"
    types = ()
    on_features = False
    unused_parameters = False

    def __init__(
        self, options: AutoencoderRunOptions, *, checkpoint: Mapping[str, Any] | None
    ) -> None:
        """Open the clips and build the module; `checkpoint`: what the run goes on from."""
        self.options = options
        data, model, encoders, autoencoder, train = options
        self.topology = model.topology
        _refuse_answering_options(model, train)
        encoder_specs(encoders)  # a wrong name is told before data are opened
        refuse_projection_layers(encoders)
        stores = open_stores(clips=data.clips)
        store = stores.clips
        assert store is not None
        check_clips(encoders, store)
        if autoencoder.mask:
            _check_mask(
                autoencoder, (encoders.crop, encoders.crop) if encoders.crop else store.size
            )
        self.data, self.val = clip_tables(store, data, seed=train.seed)
        self.videos = self.data.ids
        torch.manual_seed(train.seed)
        encoder = build_encoder(encoders)
        sizes = {"frames": store.frames_per_clip, "size": encoders.crop or min(store.size)}
        self.module = Autoencoding(model, autoencoder, encoder=encoder, **sizes)
        self.lr_scales = {
            encoder: encoders.encoder_lr,
            self.module.discriminators: autoencoder.discriminator_lr,
        }
        self.note = ""
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
            "sizes": sizes,
            "stores": stores.origins(),
            "encoder_weights": encoder_weights,
            "validation": list(self.val.ids),
        }

    def batch(self, rows: np.ndarray) -> Frames:
        """Gather training videos (B,)."""
        return self.data.gather(rows)

    def validate(self, model: nn.Module, device: torch.device) -> Validation:
        """Rebuild the validation clips; of several processes each takes a share."""
        assert isinstance(model, Autoencoding)
        samples = self.options.autoencoder.samples
        found = reconstruction_errors(model, self.val, self.options.train.batch_size, device)
        of = "of what is hidden " if self.options.autoencoder.mask else ""
        return Validation(
            score=found["psnr"],
            scalars={f"val/{name}": value for name, value in found.items()},
            line=(
                f"val squared error {of}{found['mse']:.0f} ({found['psnr']:.2f} dB; mean frame "
                f"{found['mse_mean_frame']:.0f}, mean colour {found['mse_mean_colour']:.0f})"
            ),
            show=lambda log, step: log.figure(
                step, "val/reconstructions", show_reconstructions(model, self.val, samples, device)
            ),
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


def _check_mask(options: AutoencoderOptions, size: tuple[int, int]) -> None:
    """Raise UserError for a share that hides nothing, or all, of frames of (h, w) pixels."""
    try:
        hidden_patches(options.mask, patch=options.mask_patch, size=size)
    except ValueError as error:
        raise UserError(
            f"--mask {options.mask}: {error}; give another share or --mask_patch"
        ) from error


def _refuse_answering_options(model: ModelOptions, train: TrainOptions) -> None:
    """Raise UserError for an option of question answering, which would do nothing here."""
    for name in ANSWERING:
        if getattr(model, name) != getattr(ModelOptions(), name):
            raise UserError(
                f"--{name} {getattr(model, name)}: is for answering questions, and the autoencoder "
                "answers none; leave it out"
            )
    if train.questions_per_video != 1:
        raise UserError("--questions_per_video: the autoencoder asks none; leave it out")
