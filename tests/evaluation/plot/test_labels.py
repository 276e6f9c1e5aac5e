"""Pictures of classifiers: what is drawn are the numbers; odd names and splits are drawn too."""

from dataclasses import replace
from io import BytesIO

import numpy as np
import pytest
from matplotlib.figure import Figure

from evaluation.label.score import score_classes
from evaluation.label.told import together
from evaluation.label.values import score_values
from evaluation.plot.labels import class_plots, confusion_matrix, worst_series
from tests.evaluation.label.made import predictions
from tests.evaluation.label.test_values import told
from tests.hostile_text import texts


def drawn(figure: Figure) -> None:
    with BytesIO() as out:
        figure.savefig(out, format="png", dpi=40)


def test_the_confusion_matrix_has_the_table() -> None:
    first = predictions(rows=90, classes=3)
    score = score_classes(together([first]), {})
    figure = confusion_matrix(score)
    written = {
        (round(float(t.get_position()[1])), round(float(t.get_position()[0]))): t.get_text()
        for t in figure.axes[0].texts
    }
    order = np.argsort(-np.bincount(first.target), kind="stable")
    for i, true in enumerate(order):
        rows = first.target == true
        for j, given in enumerate(order):
            share = 100 * (first.predicted[rows] == given).mean()
            if share >= 2.5:
                assert written[i, j] == f"{share:.0f}"
    assert not any(j == 3 for _, j in written)  # nothing is told outside of the three


@pytest.mark.parametrize("kind", ["hostile", "many", "one row", "seeds"])
def test_odd_splits_are_drawn(kind: str) -> None:
    rows, classes = {"many": (70, 60), "one row": (1, 4)}.get(kind, (30, 4))
    each = [predictions(rows=rows, classes=classes, order_only=("class 1",))]
    if kind == "hostile":
        names = [t for t in texts() if t.strip()][20:24]
        each = [replace(each[0], classes=tuple(names), order_only=(), name=texts()[30])]
    if kind == "seeds":
        each.append(predictions(rows=rows, seed=1, target=each[0].target, order_only=("class 1",)))
    for figure in class_plots(score_classes(together(each), {})).values():
        drawn(figure)


@pytest.mark.parametrize("rows", [1, 5, 12])
def test_series_of_values_are_drawn(rows: int) -> None:
    figure = worst_series(score_values(together([told(rows=rows)])))
    drawn(figure)
    assert sum(bool(axes.lines) for axes in figure.axes) == min(rows, 6)
