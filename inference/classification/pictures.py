"""Pictures of what a classifier looked at, and what it told."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from util.clip_plots import MOTION, answer_bars
from util.text import clipped

SHOWN = 12  # clips of one picture
COLUMN = 1.2  # inches of a clip


def shown_clips(count: int) -> np.ndarray:
    """Which of a video's clips are shown: all, or `SHOWN` spread evenly.  -> (K,) int64"""
    return np.unique(np.linspace(0, count - 1, min(count, SHOWN)).round().astype(np.int64))


def class_picture(
    title: str,
    best: Sequence[tuple[str, float]],
    frames: Sequence[np.ndarray],
    times: Sequence[str],
) -> Figure:
    """A video's frames, and its best classes beside.

    frames: K of (H, W, 3) uint8; times: a label for each.
    """
    wide, high = _film_size(frames)
    size = (wide + 4.2, max(high + 0.9, 2.4))
    figure = Figure(figsize=size, layout="constrained")
    figure.suptitle(clipped(title, 110), fontsize=13, fontweight="bold")
    film, bars = figure.subplots(1, 2, width_ratios=[wide, 3.6])
    _film(film, frames, times)
    film.set_box_aspect(high / wide)
    answer_bars(bars, best, title="classes")
    return figure


def value_picture(
    title: str,
    seconds: np.ndarray,
    values: np.ndarray,
    frames: Sequence[np.ndarray],
    times: Sequence[str],
) -> Figure:
    """A video's frames, and below them its values over time: seconds and values, (T,) each."""
    wide, high = _film_size(frames)
    figure = Figure(figsize=(max(wide, 6.0), high + 3.2), layout="constrained")
    figure.suptitle(clipped(title, 110), fontsize=13, fontweight="bold")
    film, lines = figure.subplots(2, 1, height_ratios=[high, 2.4])
    _film(film, frames, times)
    lines.plot(seconds, values, color=MOTION, marker="." if len(values) < 40 else "")
    lines.set_xlabel("seconds", fontsize=9)
    lines.set_ylabel("value", fontsize=9)
    lines.spines[["top", "right"]].set_visible(False)
    lines.tick_params(labelsize=9)
    return figure


def _film_size(frames: Sequence[np.ndarray]) -> tuple[float, float]:
    """Width and height in inches."""
    height, width = frames[0].shape[:2]
    wide = max(COLUMN * len(frames), 2.4)
    return wide, min(wide / len(frames) * height / width, 2.6)


def _film(axes: Axes, frames: Sequence[np.ndarray], times: Sequence[str]) -> None:
    for i, (frame, time) in enumerate(zip(frames, times, strict=True)):
        axes.imshow(frame, extent=(i - 0.47, i + 0.47, 0, 1), aspect="auto")
        axes.text(i, 1.04, time, ha="center", fontsize=8)
    axes.set_xlim(-0.5, len(frames) - 0.5)
    axes.set_ylim(0, 1)
    axes.set_axis_off()
