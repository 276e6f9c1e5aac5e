"""How well an autoencoder rebuilds clips, in numbers and to look at."""

import json
from pathlib import Path

from data_loader.open import origins_of, reopen_stores
from data_loader.questions import load_questions
from data_loader.video_table import ClipTable
from inference.samples import show_reconstructions
from inference.split import reconstruction_errors
from model.autoencoder.errors import psnr
from model.task.autoencoder import CHANNELS, Autoencoding
from options.evaluate import ReconstructionOptions
from util.checkpoint import load_checkpoint
from util.clip_plots import save_figure
from util.device import pick_device
from util.errors import UserError
from util.files import check_output, whole_file
from util.progress import warned


def run(options: ReconstructionOptions) -> int:
    """Measure an autoencoder run on the videos of a split; print, write JSON and a picture.

    Raises UserError for a run of another task, or videos that are not there.
    """
    folder = Path(options.run)
    check_output(folder / f"{options.split}-reconstruction.json", "--run")
    content = load_checkpoint(folder / f"{options.checkpoint}.pt")
    if content["task"] != "autoencoder":
        raise UserError(
            f"{folder} is a run of the task {content['task']}: python evaluate.py --run {folder}"
        )
    stores = reopen_stores(origins_of(content["stores"]), folder, {"clips": options.clips})
    assert stores.clips is not None
    questions = options.questions or content["options"]["questions"]
    ids, split = tuple(content["validation"]), "val"
    if questions is not None:
        split = options.split
        ids = tuple(sorted(set(load_questions(questions).split(split, "--split").videos)))
    table = ClipTable(store=stores.clips, ids=ids)
    device = pick_device(options.device)
    task = Autoencoding.from_checkpoint(content).to(device)
    found = reconstruction_errors(task, table, options.batch_size, device)
    title = f"{folder.name} at step {content['step']}, {split}: {len(ids):,} videos"
    if task.options.mask:
        title += f"; errors of the {100 * task.options.mask:.0f} % that are hidden"
    print(text(found, title))
    with whole_file(folder / f"{split}-reconstruction.json") as partial:
        partial.write_text(json.dumps(found, indent=1))
    picture = folder / "plots" / f"{split}-reconstructions.png"
    with warned(print, f"picture {picture}"):
        figure = show_reconstructions(task, table, options.samples, device)
        save_figure(figure, picture)
        print(f"picture: {picture}")
    print(json.dumps({k: round(v, 4) for k, v in found.items()}))
    return 0


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
