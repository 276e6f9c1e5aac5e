"""What the picture of a threshold shows."""

import numpy as np
import pytest
from matplotlib.axes import Axes

from evaluation.plot.threshold import threshold_curve
from inference.retrieval.threshold import curve_of


def told(axes: Axes) -> list[str]:
    legend = axes.get_legend()
    assert legend is not None
    return [text.get_text() for text in legend.get_texts()]


def test_the_picture_tells_both_errors() -> None:
    foreign, present = np.linspace(0, 0.5, 41), np.linspace(0.3, 0.9, 61)
    figure = threshold_curve(curve_of(foreign, present), 0.45, "$\\frac{1")
    left, right = figure.axes
    assert told(right) == ["at the threshold: 9.8 % and 26.2 %", "a coin"]
    assert np.asarray(left.lines[2].get_xdata()) == pytest.approx(0.45)
    assert len(told(left)) == 3


def test_a_threshold_that_nothing_passes() -> None:
    """Too few foreign queries: it lies nowhere on the axis, and all is missed."""
    figure = threshold_curve(curve_of(np.zeros(3), np.ones(3)), np.inf, "few")
    left, right = figure.axes
    assert len(left.lines) == 2
    assert told(right)[0].endswith("0.0 % and 100.0 %")
