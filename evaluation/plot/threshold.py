"""Pictures of when a search says that nothing shows what was asked."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from evaluation.plot.panels import COUNT, INK, RIGHT, WRONG, per_cent
from inference.retrieval.threshold import Curve, error_place
from util.text import clipped


def threshold_curve(curve: Curve, threshold: float, title: str) -> Figure:
    """Both errors over the threshold, and misses over false alarms."""
    figure = Figure(figsize=(9.6, 4.4), layout="constrained")
    figure.suptitle(clipped(title, 120), color=INK, fontsize=11)
    left, right = figure.subplots(1, 2)
    for axes in (left, right):
        axes.spines[["top", "right"]].set_visible(False)
        axes.tick_params(labelsize=9)
    _over_threshold(left, curve, threshold)
    right.plot(curve.false_alarms, curve.misses, color=RIGHT, linewidth=2)
    at = error_place(curve, threshold)
    alarms, misses = float(curve.false_alarms[at]), float(curve.misses[at])
    told = f"at the threshold: {100 * alarms:.1f} % and {100 * misses:.1f} %"
    right.plot(alarms, misses, "o", color=INK, label=told)
    right.plot([0, 1], [1, 0], color=COUNT, linewidth=1, label="a coin")
    per_cent(right, "misses", top=1)
    right.set_xlim(0, 1)
    right.xaxis.set_major_formatter(right.yaxis.get_major_formatter())
    right.set_xlabel("false alarms")
    _legend(right)
    return figure


def _over_threshold(axes: Axes, curve: Curve, threshold: float) -> None:
    """Each error at each threshold, which is where the next score begins."""
    x = np.asarray(curve.threshold)
    axes.step(
        x, curve.false_alarms, where="post", color=WRONG, linewidth=2,
        label="false alarms: foreign queries above",
    )  # fmt: skip
    axes.step(
        x, curve.misses, where="post", color=RIGHT, linewidth=2,
        label="misses: others not above",
    )  # fmt: skip
    if np.isfinite(threshold):
        axes.axvline(threshold, color=INK, linestyle="--", linewidth=1, label="learned threshold")
    per_cent(axes, "queries", top=1)
    axes.set_xlabel("cosine of the best clip, less what unknown words cost")
    _legend(axes)


def _legend(axes: Axes) -> None:
    """Below the panel: the curves fill it from corner to corner."""
    place = {"loc": "upper left", "bbox_to_anchor": (0, -0.16), "borderaxespad": 0.0}
    axes.legend(frameon=False, fontsize=9, **place)
