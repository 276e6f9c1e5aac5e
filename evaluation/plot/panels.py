"""What the figures of an evaluation have in common: dressed axes, whiskers, written values."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator, PercentFormatter

from evaluation.answers import Answers
from util.clip_plots import APPEARANCE, MOTION, READOUT
from util.text import clipped

INK, FAINT = "#39423d", "#dfe4e1"
RIGHT, WRONG, COUNT = READOUT, MOTION, "#98a49e"
ROWS = (READOUT, "#5d6963", "#98a49e", "#cdd5d0", APPEARANCE, MOTION)  # the model, then baselines


def one_panel(title: str, size: tuple[float, float]) -> tuple[Figure, Axes]:
    """A figure of `size` inches with one panel."""
    figure = Figure(figsize=size, layout="constrained")
    axes = figure.subplots()
    _dress(figure, title, axes)
    return figure, axes


def two_panels(
    title: str, size: tuple[float, float], rows: str = "questions"
) -> tuple[Figure, Axes, Axes]:
    """A figure with a large panel above a small one for numbers of `rows`, on one x axis."""
    figure = Figure(figsize=size, layout="constrained")
    axes, below = figure.subplots(2, 1, sharex=True, height_ratios=[3.2, 1])
    _dress(figure, title, axes, below)
    below.set_ylabel(rows)
    below.yaxis.set_major_locator(MaxNLocator(3, integer=True))
    below.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))
    return figure, axes, below


def title_of(answers: Answers, what: str) -> str:
    """What a figure shows, of which run and which split, and of which video if not the real one."""
    shown = {"real": "", "none": ", shown no video", "shuffled": ", shown another video"}
    split = answers.asked.split
    return f"{what}\n{clipped(answers.name, 60)}, split {split}{shown.get(answers.video, '')}"


def per_cent(axes: Axes, label: str, *, top: float) -> None:
    """A y axis from 0 to `top` that says per cent."""
    axes.set_ylim(0, top)
    axes.yaxis.set_major_formatter(PercentFormatter(1, decimals=0, symbol=" %"))
    axes.set_ylabel(label)


def error_axis(axes: Axes, label: str, *, top: float) -> None:
    """A y axis from 0 to `top` for an error, which has a unit of its own."""
    axes.set_ylim(0, top)
    axes.set_ylabel(label)


def whiskers(
    axes: Axes, place: np.ndarray, height: np.ndarray, ends: Sequence[tuple[float, float]]
) -> None:
    """Intervals of bars; none where there is none, or where a handful of questions all agree."""
    low, high = np.array(ends, dtype=float).reshape(-1, 2).T
    keep = np.isfinite(low) & (high > low)
    if keep.any():
        x, y = place[keep], height[keep]
        reach = np.maximum(0, [y - low[keep], high[keep] - y])
        axes.errorbar(x, y, reach, fmt="none", ecolor=INK, elinewidth=1, capsize=2.5)


def values(
    axes: Axes,
    place: np.ndarray,
    height: np.ndarray,
    ends: Sequence[tuple[float, float]],
    colour: str,
    *,
    share: bool = True,
) -> None:
    """Per cent at the foot of each bar, where whiskers seldom reach; call it with the y axis set.

    A bar too low for its number has it above its whisker.  Of an error, no `share`, as it is.
    """
    enough = 0.06 * axes.get_ylim()[1]
    dark = sum(int(colour[i : i + 2], 16) for i in (1, 3, 5)) < 420
    for x, y, (_, high) in zip(place, height, ends, strict=True):
        fits = y > enough
        axes.annotate(
            f"{100 * y:.0f}" if share else f"{y:.1f}",
            (x, 0 if fits else np.nanmax([y, high])),
            (0, 3),
            textcoords="offset points",
            ha="center",
            fontsize=8,
            color="white" if dark and fits else INK,
            bbox={"facecolor": colour if fits else "white", "edgecolor": "none", "pad": 0.8},
        ).set_in_layout(False)


def _dress(figure: Figure, title: str, *panels: Axes) -> None:
    figure.suptitle(title, fontsize=12, color=INK, linespacing=1.4)
    for axes in panels:
        axes.spines[["top", "right", "left"]].set_visible(False)
        axes.spines["bottom"].set_color("#9aa49f")
        axes.grid(axis="y", color=FAINT, linewidth=0.8)
        axes.set_axisbelow(True)
        axes.tick_params(labelsize=9, length=0, colors=INK)
        for side in (axes.xaxis, axes.yaxis):
            side.label.set_color(INK)
