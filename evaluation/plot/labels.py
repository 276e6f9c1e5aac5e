"""Pictures of a classifier on a split, and of a model that tells values over time."""

import numpy as np
from matplotlib.figure import Figure

from evaluation.label.score import ClassScore
from evaluation.label.shown import label
from evaluation.label.told import Seeds
from evaluation.label.values import ValueScore
from evaluation.plot.accuracy import reliability_diagram, type_bars
from evaluation.plot.confusion import draw_confusion
from evaluation.plot.panels import INK, RIGHT, WRONG
from util.grouped import Grouped
from util.text import clipped

MATRIX = 30  # classes of the confusion matrix, those with the most rows
SERIES = 6  # videos whose values are drawn, those told worst
ORDER_ONLY = "order-only classes"


def class_plots(score: ClassScore) -> dict[str, Figure]:
    """Every figure of a classifier, by name."""
    return {
        "rows": truth_rows(score),
        "confusion": confusion_matrix(score),
        "calibration": calibration(score),
    }


def truth_rows(score: ClassScore) -> Figure:
    """Accuracy beside the rows that it must be judged by, all classes and order-only ones."""
    hidden = score.order_only
    bars = {}
    for name, row in score.rows.items():
        some = {} if hidden is None else {ORDER_ONLY: hidden.rows[name].accuracy}
        ends = {} if hidden is None else {ORDER_ONLY: hidden.intervals[name]}
        bars[clipped(label(score, name), 40)] = (
            Grouped(row.accuracy, some),
            Grouped(score.intervals[name], ends),
        )
    counts = {} if hidden is None else {ORDER_ONLY: hidden.count}
    title = title_of(score.model, "accuracy")
    return type_bars(
        bars, Grouped(len(score.model.first), counts), title=title, axis="classes and videos"
    )


def confusion_matrix(score: ClassScore) -> Figure:
    """Which class is told for which, of all seeds; each row in per cent."""
    table, classes = score.table, score.model.first.classes
    count = table.sum(1)
    rows = np.argsort(-count, kind="stable")[:MATRIX]
    rows = rows[count[rows] > 0]
    inside = table[np.ix_(rows, rows)]
    share = np.concatenate([inside, (count[rows] - inside.sum(1))[:, None]], 1)
    seeds = len(score.model.each)
    which = "the classes" if len(rows) == len(classes) else f"{len(rows)} classes with most videos"
    return draw_confusion(
        share / np.maximum(1, count[rows])[:, None],
        [(classes[i], int(count[i]) // seeds) for i in rows.tolist()],
        title=title_of(score.model, f"confusion of {which}"),
        given="class told",
        true="true class and number of videos",
    )


def calibration(score: ClassScore) -> Figure:
    """How often classes told with some confidence are right, of all seeds."""
    every = score.model.each
    how = "at the fitted temperature" if score.model.first.calibrated else "no temperature fitted"
    return reliability_diagram(
        np.concatenate([one.probability.max(1) for one in every]),
        np.concatenate([one.hits for one in every]),
        title=title_of(score.model, f"calibration, {how}"),
        rows="videos",
    )


def worst_series(score: ValueScore) -> Figure:
    """True and told values over time, of the videos told worst by the first seed."""
    said = score.model.first
    error = [float(np.abs(e).mean()) if len(e) else -1.0 for e in said.errors]
    rows = np.argsort(error, kind="stable")[::-1][:SERIES].tolist()
    high = 1.5 * -(-len(rows) // 2) + 1.2
    figure = Figure(figsize=(10, high), layout="constrained")
    figure.suptitle(title_of(score.model, "values over time, worst videos"), color=INK)
    panels = figure.subplots(-(-len(rows) // 2), 2, squeeze=False).flatten()
    for axes in panels[len(rows) :]:
        axes.set_axis_off()
    for axes, row in zip(panels, rows, strict=False):
        axes.plot(said.times[row], said.true[row], color=INK, linewidth=1.2, label="true")
        axes.plot(said.times[row], said.predicted[row], color=WRONG, linewidth=1.2, label="told")
        axes.axhline(said.constant[row], color=RIGHT, linewidth=0.8, linestyle="--", label="mean")
        axes.set_title(
            f"{clipped(said.videos[row], 40)}  MAE {error[row]:.3g}", fontsize=9, loc="left"
        )
        axes.spines[["top", "right"]].set_visible(False)
        axes.tick_params(labelsize=8)
    panels[0].legend(fontsize=8, frameon=False, ncols=3)
    panels[max(0, len(rows) - 1)].set_xlabel("seconds", fontsize=9)
    return figure


def title_of(model: Seeds, what: str) -> str:
    """What a figure shows, of which runs and which split."""
    return f"{what}\n{clipped(model.name, 60)}, split {clipped(model.first.split, 30)}"
