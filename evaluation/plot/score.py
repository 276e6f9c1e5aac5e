"""A run's score in TensorBoard, beside the run's own log, and its pictures there and as PNG."""

import shutil
from pathlib import Path

from matplotlib.figure import Figure
from torch.utils.tensorboard.writer import SummaryWriter

from data_loader.questions import Kind
from evaluation.plot.accuracy import all_plots
from evaluation.plot.count import count_plots
from evaluation.score import Score, answers_file
from util.clip_plots import save_figure
from util.tensorboard import tag

LOGS = Path("tf-logs")
# Rows that are drawn by type, beside the run's own.
BARS: dict[Kind, tuple[str, ...]] = {
    "open": ("question_only", "shuffled_video", "constant_per_type"),
    "choice": ("question_only", "shuffled_video", "prior", "longest", "chance"),
    "count": ("question_only", "shuffled_video", "constant_mean"),
}


def draw_score(found: Score, folder: Path, *, plots: bool) -> None:
    """Log the score of the run in `folder`; with `plots`, draw its pictures."""
    split = found.answers.asked.split
    name = answers_file(Path(), split, found.answers.video, found.protocol).stem
    log = LOGS / folder.name / name
    shutil.rmtree(log, ignore_errors=True)  # an earlier evaluation's
    figures: dict[str, Figure] = {}
    kind, main = found.answers.asked.kind, found.main
    if plots:
        bars = {
            found.label(row): (main.value[row], main.interval[row])
            for row in (main.metric.key, *BARS[kind])
            if row in main.value
        }
        figures = (count_plots if kind == "count" else all_plots)(found.answers, bars)
    with SummaryWriter(str(log)) as writer:
        for of in found.measured:
            for row, mean in of.value.items():
                for key, value in mean.named(f"{split}/{found.kind.named(of.metric, row)}").items():
                    writer.add_scalar(tag(key), value, found.step)
        if main.gain:
            writer.add_scalar(tag(f"{split}/vision_gain"), main.gain.total, found.step)
        if found.calibration_error is not None:
            writer.add_scalar(f"{split}/calibration_error", found.calibration_error, found.step)
        for key, figure in figures.items():
            save_figure(figure, folder / "plots" / f"{name}-{key}.png")
            writer.add_figure(f"{split}/{key}", figure, found.step)
    if figures:
        print(f"pictures: {folder / 'plots'} and TensorBoard, {log}")
