"""Options of training whose effect shows before the first step."""

from pathlib import Path

import numpy as np
import torch

from options.autoencoder import AutoencoderOptions
from options.data import ClipOptions, DataOptions
from options.encoder import EncoderOptions
from options.loss import LossOptions
from options.model import ModelOptions
from options.task import AutoencoderRunOptions, QaRunOptions
from options.train import TrainOptions
from tests import tiny_clips, tiny_run
from training.step import parameter_groups
from training.task.autoencoder import AutoencoderTask
from training.task.qa import QaTask


def autoencoder(folder: Path, **changed) -> AutoencoderTask:
    encoders = EncoderOptions(
        appearance_encoder="resnet_narrow",
        motion_encoder="resnext_narrow",
        appearance_weights="random",
        motion_weights="random",
    )
    options = AutoencoderRunOptions(
        ClipOptions(clips=str(folder / "clips.h5")),
        ModelOptions(width=16),
        encoders,
        AutoencoderOptions(adversarial=0.1, **changed),
        TrainOptions(run="r", device="cpu"),
    )
    return AutoencoderTask(options, checkpoint=None)


def test_discriminators_have_a_width_and_a_learning_rate(tmp_path) -> None:
    tiny_clips.make(tmp_path)
    task = autoencoder(tmp_path, discriminator_hidden=5, discriminator_lr=3.0)
    first = next(task.module.discriminators["motion"].parameters())
    assert len(first) == 5
    made = parameter_groups(task.module, 0.0, task.lr_scales)
    (scale,) = {g["scale"] for g in made if any(p is first for p in g["params"])}
    assert scale == 3.0


def test_label_smoothing_changes_the_loss(tmp_path) -> None:
    tiny_run.make(tmp_path)
    data = DataOptions(
        questions=str(tmp_path / "questions.pt"),
        appearance=str(tmp_path / "appearance.h5"),
        motion=str(tmp_path / "motion.h5"),
    )
    found = []
    for share in (0.0, 0.2):
        loss = LossOptions(label_smoothing=share)
        train = TrainOptions(run="r", device="cpu")
        options = QaRunOptions(data, ModelOptions(width=16), EncoderOptions(), loss, train)
        task = QaTask(options, checkpoint=None)
        with torch.no_grad():
            found.append(task.module.eval()(task.batch(np.arange(8)))[0]["ce"].item())
    assert abs(found[0] - found[1]) > 1e-3
