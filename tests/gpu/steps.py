"""Tasks, steps and batches of seconds for the tests of this folder."""

import warnings
from collections.abc import Callable
from functools import partial

import pytest
import torch
from torch import nn

from benchmark.training.sizes import SIZES
from data_loader.batch import Frames
from data_loader.vocabulary import Vocabulary
from model.task.autoencoder import Autoencoding
from model.task.encoder import build_encoder
from model.task.qa import QuestionAnswering
from options.autoencoder import AutoencoderOptions
from options.encoder import EncoderOptions
from options.loss import LossOptions
from options.model import ModelOptions
from options.train import TrainOptions
from training.step import make_optimizer, take_step

# What needs no CUDA of its own also runs on a CPU (pytest -m gpu), so that the tests are known to
# work before a GPU is at hand.
DEVICE = torch.device("cuda" if torch.cuda.is_available() else "cpu")
needs_cuda = pytest.mark.skipif(DEVICE.type == "cpu", reason="needs a GPU")


def make_step(
    task: nn.Module,
    *,
    capturable: bool = False,
    clip_norm: float = 12.0,
    precision: str = "float32",
    adadelta: bool = False,
) -> tuple:
    """-> take(batches, rate=...) of a task, as train.py makes it, and its optimizer."""
    options = TrainOptions(
        run="r", optimizer="adadelta" if adadelta else "adamw", l2=1e-3 * adadelta,
        cuda_graph=capturable,
    )  # fmt: skip
    optimizer = make_optimizer(task, options, {})
    take = partial(take_step, task, optimizer=optimizer, clip_norm=clip_norm, precision=precision)
    return take, optimizer


def host_syncs(work: Callable[[], object]) -> list[str]:
    """Where a piece of work makes the CPU wait for the GPU, once it has been done before."""
    work()
    torch.cuda.synchronize()
    torch.cuda.set_sync_debug_mode("warn")  # warns of itself, once
    try:
        with warnings.catch_warnings(record=True) as seen:
            warnings.simplefilter("always")
            work()
    finally:
        torch.cuda.set_sync_debug_mode("default")
    return [f"{w.filename}:{w.lineno}" for w in seen if "called a synchronizing" in str(w.message)]


def sparse_task(topology: str) -> QuestionAnswering:
    """The tiny question answering task with another topology."""
    size = SIZES["tiny"]
    return QuestionAnswering(
        ModelOptions(width=size.width, units=2, topology=topology),
        LossOptions(),
        vocabulary=Vocabulary(
            words=tuple(map(str, range(size.vocabulary))),
            answers=tuple(map(str, range(size.answers))),
        ),
        word_width=8,
        appearance_width=size.feature_width,
        motion_width=size.feature_width,
    )


def autoencoder(frames: int = 4, side: int = 32) -> tuple[Autoencoding, Frames]:
    """An autoencoder with small convolutional encoders, augmentation on, and a batch for it."""
    torch.manual_seed(0)
    encoder = build_encoder(
        EncoderOptions(
            appearance_encoder="resnet_narrow", motion_encoder="resnext_narrow",
            batch_norm="train", jitter=0.2, flip=0.5,
        )
    )  # fmt: skip
    task = Autoencoding(
        ModelOptions(width=32), AutoencoderOptions(adversarial=0.01), encoder=encoder,
        frames=frames, size=side,
    )  # fmt: skip
    videos, clips = 4, 2
    images = videos * clips * frames
    batch = Frames(
        frames=torch.randint(256, (images, side, side, 3), dtype=torch.uint8),
        index=torch.arange(images).view(videos, clips, frames),
        clip_mask=torch.ones(videos, clips, dtype=torch.bool),
        row=torch.arange(videos),
    )
    return task.to(DEVICE).train(), batch.to(DEVICE)
