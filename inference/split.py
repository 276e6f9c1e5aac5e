"""A trained task over a whole split; several processes share the work."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from data_loader.dataset import QaData
from data_loader.video_table import ClipTable
from model.autoencoder.errors import baselines, psnr, squared_error, ssim
from model.task.autoencoder import CHANNELS, Autoencoding
from model.task.qa import QuestionAnswering, ScoredPredictions
from util.distributed import gather_objects, rank, world_size


def predict(
    task: QuestionAnswering,
    data: QaData,
    batch_size: int,
    device: torch.device,
    *,
    every_class: bool = False,
) -> ScoredPredictions:
    """Answer a split; each process answers a share of the batches and gets all predictions.

    `every_class`: with the probabilities of all classes (of MSVD-QA's test split 98 MB).
    """
    batches = data.batches(batch_size, every=world_size(), first=rank())
    with evaluating(task):
        own = [task.score(batch.to(device), every_class=every_class) for batch in batches]
    # One message a process; there may be fewer batches than processes.
    parts = gather_objects(ScoredPredictions.joined(own) if own else None)
    return ScoredPredictions.joined(part for part in parts if part is not None)


@torch.inference_mode()
def reconstruction_errors(
    task: Autoencoding, table: ClipTable, videos: int, device: torch.device
) -> dict[str, float]:
    """Mean errors over all clips of a table, `videos` at a time, in evaluation mode.

    mse_*: squared error per pixel and colour on the 0..255 scale, of either channel and of two
    baselines that need no network: each clip's mean frame, each clip's mean colour.  psnr_*: the
    same in dB; ssim_*: structural similarity of the frames.  mse, psnr: of both channels.  Of a
    task that hides some of each clip errors are over the hidden pixels, in frames whose others are
    given.
    """
    sums: dict[str, float] = {}
    clips = 0
    with evaluating(task):
        for batch in table.batches(videos, every=world_size(), first=rank()):
            out = task.reconstruct(batch.to(device))
            clips += out.clips.shape[0] * out.clips.shape[1]
            values: dict[str, Tensor] = dict(
                zip(
                    ("mse_mean_frame", "mse_mean_colour"),
                    baselines(out.clips, out.hidden),
                    strict=True,
                )
            )
            for channel in CHANNELS:
                rebuilt = getattr(out, channel)
                values[f"mse_{channel}"] = squared_error(out.clips, rebuilt, out.hidden)
                values[f"ssim_{channel}"] = ssim(out.clips, rebuilt)
            for name, value in values.items():  # each (V, N)
                sums[name] = sums.get(name, 0.0) + value.double().sum().item()
    parts = gather_objects((sums, clips))
    total = sum(count for _, count in parts)
    names = next(part for part, _ in parts if part)  # fewer batches than processes: empty parts
    found = {name: sum(part.get(name, 0.0) for part, _ in parts) / total for name in names}
    mse = sum(found[f"mse_{channel}"] for channel in CHANNELS) / len(CHANNELS)
    found |= {f"psnr_{channel}": psnr(found[f"mse_{channel}"]) for channel in CHANNELS}
    return {**found, "mse": mse, "psnr": psnr(mse)}


@contextmanager
def evaluating(task: nn.Module) -> Iterator[None]:
    """Evaluation mode inside the block; the mode before it afterwards."""
    was_training = task.training
    task.eval()
    try:
        yield
    finally:
        task.train(was_training)
