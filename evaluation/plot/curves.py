"""Curves of training: what runs logged, over their steps, as one picture."""

import json
from itertools import cycle
from pathlib import Path

import numpy as np
import yaml
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter

from evaluation.plot.panels import COUNT, INK, one_panel
from options.evaluate import CurveOptions
from util.clip_plots import APPEARANCE, MOTION, READOUT, save_figure
from util.errors import UserError
from util.files import check_output
from util.text import clipped

EPOCH = "train/epoch"
COLOURS = (READOUT, APPEARANCE, MOTION, COUNT, INK)


def run(options: CurveOptions) -> int:
    """Write the picture.  Raises UserError for a run without a log, or one without the scalar."""
    folders = [folder for line in options.run for folder in line.split(",")]
    reads = {f"--run {name}": Path(name) / "metrics.jsonl" for name in folders}
    check_output(options.output, inputs=reads)
    save_figure(draw(options), options.output)
    print(f"picture: {options.output}")
    return 0


def draw(options: CurveOptions) -> Figure:
    """The picture: a line a run, over its steps."""
    labels = options.label or [Path(line.split(",")[0]).name for line in options.run]
    figure, axes = one_panel(clipped(options.title or options.scalar, 100), (9, 4.6))
    for line, label, colour in zip(options.run, labels, cycle(COLOURS), strict=False):
        seeds = [_read(Path(folder), options.scalar) for folder in line.split(",")]
        steps = seeds[0][0]
        if any(not np.array_equal(steps, other) for other, _ in seeds):
            raise UserError(f"--run {line}: logged at other steps; join only seeds of one preset")
        values = np.stack([value for _, value in seeds])
        mean = values.mean(0)
        axes.plot(steps, mean, color=colour, label=clipped(label, 60), lw=2)
        if len(values) > 1:
            axes.fill_between(steps, values.min(0), values.max(0), color=colour, alpha=0.2, lw=0)
        if options.epochs:
            begins = _epochs(Path(line.split(",")[0]))
            for begin in begins:
                axes.axvline(begin, color="#98a49e", lw=0.8, ls=":")
            axes.plot(
                steps, since_epoch(steps, mean, begins), color=colour, ls="--", lw=1.4,
                label=f"{clipped(label, 40)}: running mean since the epoch began",
            )  # fmt: skip
    axes.set_xlabel("step")
    axes.set_ylabel(options.scalar)
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))
    axes.legend(frameon=False, fontsize=9)
    return figure


def since_epoch(steps: np.ndarray, values: np.ndarray, begins: np.ndarray) -> np.ndarray:
    """The mean of all values since the epoch of each began, as a log that starts anew shows it.

    steps, values (S,); begins (E,) last step of each epoch -> (S,)
    """
    epoch = np.searchsorted(begins, steps, side="left")
    out = np.empty(len(values))
    for e in np.unique(epoch):
        here = epoch == e
        out[here] = np.cumsum(values[here]) / np.arange(1, here.sum() + 1)
    return out


def _read(folder: Path, scalar: str) -> tuple[np.ndarray, np.ndarray]:
    """Steps (S,) and values (S,) of a scalar, after those of the autoencoder it started from."""
    rows = _lines(folder)
    before = f"{scalar}/all"  # the total's name in logs of earlier versions
    values = [(row["step"], row.get(scalar, row.get(before))) for row in rows]
    found = [(step, value) for step, value in values if value is not None]
    if not found:
        names = sorted({name for row in rows for name in row} - {"step"})
        raise UserError(f"{folder}: logged no {scalar}; there are {', '.join(names)}")
    steps, values = zip(*found, strict=True)
    return np.array(steps) + _before(folder), np.array(values)


def _epochs(folder: Path) -> np.ndarray:
    """The step with which each epoch ends, between logged steps by interpolation."""
    rows = [(row["step"], row[EPOCH]) for row in _lines(folder) if EPOCH in row]
    steps, epochs = map(np.array, zip(*rows, strict=True))
    return np.interp(np.arange(1, int(epochs[-1]) + 1), epochs, steps) + _before(folder)


def _before(folder: Path) -> int:
    """Steps of the first stage that a run started from; 0 without one."""
    options = yaml.safe_load((folder / "options.yaml").read_text())
    first = options.get("init_from")
    if first is None or not (Path(first) / "metrics.jsonl").is_file():
        return 0
    return _lines(Path(first))[-1]["step"]


def _lines(folder: Path) -> list[dict]:
    path = folder / "metrics.jsonl"
    if not path.is_file():
        raise UserError(f"{path}: no such log; name folders of runs, such as results/shapes")
    return [json.loads(line) for line in path.read_text().splitlines()]
