"""The autoencoder as the training loop sees it: its videos, its task, its validation."""

from functools import partial
from typing import Any

import numpy as np
import torch
from torch import nn

from data_loader.batch import Frames
from data_loader.open import clip_tables, open_stores, origins_of
from data_loader.store.checksum import digest
from inference.samples import show_reconstructions
from inference.split import reconstruction_errors
from model.task.autoencoder import Autoencoding
from model.task.encoder import build_encoder
from options.autoencoder import AutoencoderOptions
from options.data import ClipOptions
from options.encoder import EncoderOptions
from options.model import ModelOptions
from options.train import TrainOptions
from training.task.base import Validation
from training.task.initialise import check_crop, fill_encoders, start_from
from util.device import pick_device
from util.errors import UserError
from util.tensorboard import NoLog, RunLog

# What only a model that answers has: a fusion, words, clips left out of a question's sight, and a
# punishment by the question (here every one is 1).
# Statistics of features belong to encoders that stay as they are.
ANSWERING = (
    "fusion", "bilinear_width", "bilinear_factor", "word_mask", "clip_dropout", "feature_norm",
    "punish",
)  # fmt: skip


class AutoencoderWork:
    """See training.task.base.Work."""

    name = "autoencoder"
    options = (ClipOptions, ModelOptions, EncoderOptions, AutoencoderOptions, TrainOptions)
    about = "Pretrain the encoders and relation graphs: they must rebuild the clips they see."
    goal = "PSNR of the validation clips in dB"

    def __init__(
        self,
        data: ClipOptions,
        model: ModelOptions,
        encoders: EncoderOptions,
        autoencoder: AutoencoderOptions,
        train: TrainOptions,
        *,
        kept: dict[str, Any] | None,
    ) -> None:
        """Open the clips and build the task; `kept`: the checkpoint that the run goes on from."""
        self.train = train
        _refuse(model, train)
        stores = open_stores(clips=data.clips)
        store = stores.clips
        assert store is not None
        check_crop(encoders, store)
        self.data, self.val = clip_tables(store, data, seed=train.seed)
        self.samples = autoencoder.samples
        torch.manual_seed(train.seed)
        encoder = build_encoder(encoders)
        sizes = {"frames": store.frames_per_clip, "size": encoders.crop or min(store.size)}
        self.task = Autoencoding(model, autoencoder, encoder=encoder, **sizes)
        self.note = ""
        self.on_features = False
        if kept is None:
            device = pick_device(train.device)
            weights = fill_encoders(encoder, encoders, self.data, train.init_from, device)
            if train.init_from is not None:
                self.note = start_from(train.init_from, self.task, self.name)
        else:
            weights = kept["encoder_weights"]
            stores.check_alike(origins_of(kept["stores"]), f"results/{train.run}")
        self.facts = {
            "task": self.name,
            "sizes": sizes,
            "stores": {name: origin.to_dict() for name, origin in stores.origins().items()},
            "encoder_weights": weights,
            "validation": list(self.val.ids),
        }
        self.scales = {
            "encoder.": encoders.encoder_lr,
            "discriminators.": autoencoder.discriminator_lr,
        }
        self.videos = self.data.ids
        self.types = ()

    def batch(self, rows: np.ndarray) -> Frames:
        """Gather training videos (B,)."""
        return self.data.gather(rows)

    def validate(self, model: nn.Module, device: torch.device) -> Validation:
        """Rebuild the validation clips; of several processes each takes a share."""
        assert isinstance(model, Autoencoding)
        found = reconstruction_errors(model, self.val, self.train.batch_size, device)
        return Validation(
            score=found["psnr"],
            scalars={f"val/{name}": value for name, value in found.items()},
            line=(
                f"val squared error {found['mse']:.0f} ({found['psnr']:.2f} dB; mean frame "
                f"{found['mse_mean_frame']:.0f}, mean colour {found['mse_mean_colour']:.0f})"
            ),
            show=partial(self._show, model=model, device=device),
        )

    def _show(
        self, log: RunLog | NoLog, step: int, *, model: Autoencoding, device: torch.device
    ) -> None:
        """Some validation clips in TensorBoard, beside what either channel makes of them."""
        figure = show_reconstructions(model, self.val, self.samples, device)
        log.figure(step, "val/reconstructions", figure)

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


def _refuse(model: ModelOptions, train: TrainOptions) -> None:
    """Options of question answering that would do nothing here."""
    for name in ANSWERING:
        if getattr(model, name) != getattr(ModelOptions(), name):
            raise UserError(
                f"--{name} {getattr(model, name)}: is for answering questions, and the autoencoder "
                "answers none; leave it out"
            )
    if train.questions_per_video != 1:
        raise UserError("--questions_per_video: the autoencoder asks none; leave it out")
