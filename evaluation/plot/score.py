"""A run's score in TensorBoard, beside the run's own log, and its pictures there and as PNG."""

import shutil
from pathlib import Path

from matplotlib.figure import Figure
from torch.utils.tensorboard.writer import SummaryWriter

from evaluation.plot.accuracy import all_plots
from evaluation.score import Score, answers_file
from util.clip_plots import save_figure
from util.tensorboard import tag

LOGS = Path("tf-logs")
BARS = ("accuracy", "question_only", "shuffled_video", "constant_per_type")  # drawn by type


def draw_score(found: Score, folder: Path, *, plots: bool) -> None:
    """Log the score of the run in `folder`; with `plots`, draw its pictures."""
    split = found.answers.asked.split
    name = answers_file(Path(), split, found.answers.video, found.protocol).stem
    log = LOGS / folder.name / name
    shutil.rmtree(log, ignore_errors=True)  # an earlier evaluation's
    figures: dict[str, Figure] = {}
    if plots:
        bars = {
            found.label(row): (found.accuracy[row], found.interval[row])
            for row in BARS
            if row in found.accuracy
        }
        figures = all_plots(found.answers, bars)
    with SummaryWriter(str(log)) as writer:
        for row, accuracy in found.accuracy.items():
            for key, value in accuracy.named(f"{split}/{row}").items():
                writer.add_scalar(tag(key), value, found.step)
        if found.gain:
            writer.add_scalar(tag(f"{split}/vision_gain"), found.gain.total, found.step)
        writer.add_scalar(f"{split}/calibration_error", found.calibration_error, found.step)
        for key, figure in figures.items():
            save_figure(figure, folder / "plots" / f"{name}-{key}.png")
            writer.add_figure(f"{split}/{key}", figure, found.step)
    if figures:
        print(f"pictures: {folder / 'plots'} and TensorBoard, {log}")
