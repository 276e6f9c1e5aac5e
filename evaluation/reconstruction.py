"""How well an autoencoder rebuilds clips, in numbers and to look at."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import torch
from matplotlib.figure import Figure
from torch import Tensor, nn

from data_loader.questions import load_questions
from data_loader.store.clips import open_clip_store
from data_loader.store.provenance import check_provenance
from data_loader.video_table import ClipTable
from model.autoencoder.errors import baselines, psnr, squared_error, ssim
from model.task.autoencoder import CHANNELS, Autoencoding
from options.evaluate import ReconstructionOptions
from util.checkpoint import load_checkpoint
from util.clip_plots import reconstructions
from util.device import pick_device
from util.distributed import gather_objects, rank, world_size
from util.errors import UserError
from util.files import whole_file
from util.progress import warned

FRAMES_SHOWN = 8  # of each clip


def measure_run(options: ReconstructionOptions) -> dict[str, float]:
    """Measure an autoencoder run on the videos of a split; print, write JSON and a picture.

    Raises UserError for a run of another task, or videos that are not there.
    """
    folder = Path(options.run)
    content = load_checkpoint(folder / f"{options.checkpoint}.pt")
    if content["task"] != "autoencoder":
        raise UserError(
            f"{folder} is a run of the task {content['task']}: python evaluate.py --run {folder}"
        )
    store = open_clip_store(options.clips or content["options"]["clips"])
    check_provenance(content["stores"]["clips"]["provenance"], store, folder)
    questions = options.questions or content["options"]["questions"]
    ids, split = tuple(content["validation"]), "val"
    if questions is not None:
        splits = load_questions(questions).splits
        if options.split not in splits:
            raise UserError(f"--split {options.split}: {questions} has {', '.join(splits)}")
        ids, split = tuple(sorted(set(splits[options.split].videos))), options.split
    table = ClipTable(store=store, ids=ids)
    device = pick_device(options.device)
    task = Autoencoding.from_checkpoint(content).to(device)
    found = measure(task, table, options.batch_size, device)
    print(text(found, f"{folder.name} at step {content['step']}, {split}: {len(ids):,} videos"))
    with whole_file(folder / f"{split}-reconstruction.json") as partial:
        partial.write_text(json.dumps(found, indent=1))
    picture = folder / "plots" / f"{split}-reconstructions.png"
    with warned(print, f"picture {picture}"):
        figure = show_reconstructions(task, table, options.samples, device)
        with whole_file(picture) as partial:
            figure.savefig(partial, format="png", dpi=110)
        print(f"picture: {picture}")
    print(json.dumps({k: round(v, 4) for k, v in found.items()}))
    return found


def text(found: dict[str, float], title: str) -> str:
    """The numbers as a table."""
    lines = [title, f"{'':26}{'squared error':>14}{'PSNR, dB':>10}{'SSIM':>7}"]
    for channel in CHANNELS:
        lines.append(
            f"{f'from the {channel} channel':26}{found[f'mse_{channel}']:>14.1f}"
            f"{found[f'psnr_{channel}']:>10.2f}{found[f'ssim_{channel}']:>7.3f}"
        )
    for key, label in (("mean_frame", "mean frame of each clip"), ("mean_colour", "mean colour")):
        mse = found[f"mse_{key}"]
        lines.append(f"{label:26}{mse:>14.1f}{psnr(mse):>10.2f}")
    return "\n".join(lines)


@torch.inference_mode()
def measure(
    task: Autoencoding, table: ClipTable, videos: int, device: torch.device
) -> dict[str, float]:
    """Mean over all clips of a table, `videos` at a time; not in training mode.

    mse_*: squared error per pixel and colour on the 0..255 scale, of either channel and of two
    baselines that need no network: each clip's mean frame, each clip's mean colour.  ssim_*:
    structural similarity of the frames.
    """
    sums: dict[str, float] = {}
    clips = 0
    with _evaluating(task):
        for batch in table.batches(videos, every=world_size(), first=rank()):
            out = task.reconstruct(batch.to(device))
            clips += out.clips.shape[0] * out.clips.shape[1]
            values: dict[str, Tensor] = dict(
                zip(("mse_mean_frame", "mse_mean_colour"), baselines(out.clips), strict=True)
            )
            for channel in CHANNELS:
                rebuilt = getattr(out, channel)
                values[f"mse_{channel}"] = squared_error(out.clips, rebuilt)
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


@torch.inference_mode()
def show_reconstructions(
    task: Autoencoding, table: ClipTable, samples: int, device: torch.device
) -> Figure:
    """The middle clips of some videos, beside what either channel makes of them."""
    picked = np.unique(np.linspace(0, len(table.ids) - 1, samples).astype(np.int64))
    with _evaluating(task):
        out = task.reconstruct(table.gather(picked).to(device))
    clip = out.clips.shape[1] // 2
    every = max(1, out.clips.shape[3] // FRAMES_SHOWN)
    rows = []
    for i, video in enumerate(picked):
        frames = {
            "original": out.clips[i, clip] / 255,
            "appearance": out.appearance[i, clip],
            "motion": out.motion[i, clip],
        }
        images = {k: v[:, ::every].movedim(0, -1).cpu().numpy() for k, v in frames.items()}
        rows.append((table.ids[video], images))
    return reconstructions(rows)


@contextmanager
def _evaluating(task: nn.Module) -> Iterator[None]:
    """Not in training mode inside; as before after it."""
    was_training = task.training
    task.eval()
    try:
        yield
    finally:
        task.train(was_training)
