"""Pictures of numbers told: against the true ones, and how far off they are."""

from collections import Counter
from collections.abc import Mapping

import numpy as np
from matplotlib.figure import Figure

from evaluation.answers import Answers
from evaluation.format import Interval
from evaluation.kind.count import MSE, errors
from evaluation.plot.accuracy import type_bars
from evaluation.plot.confusion import draw_confusion, shares
from evaluation.plot.panels import (
    COUNT,
    INK,
    RIGHT,
    error_axis,
    title_of,
    two_panels,
    values,
    whiskers,
)
from util.grouped import Grouped
from util.statistics import Bootstrap

Row = tuple[Grouped[float], Grouped[Interval]]  # mean squared error, interval
RESAMPLES = 2000  # enough for whiskers
MOST = 30  # true numbers, the commonest, that the matrix shows


def count_plots(answers: Answers, rows: Mapping[str, Row]) -> dict[str, Figure]:
    """Every figure of a split of counts by name.  `rows`: see `type_bars`."""
    counts = Grouped(len(answers.asked), Counter(str(kind) for kind in answers.asked.type))
    title = title_of(answers, f"{MSE.title} by question type (less is better)")
    return {
        "types": type_bars(rows, counts, title=title, error=f"mean {MSE.title}"),
        "told": told_against_true(answers),
        "numbers": by_number(answers),
    }


def told_against_true(answers: Answers) -> Figure:
    """Numbers told against true ones, both ascending: each row in per cent.

    The last column is every number outside of the rows.
    """
    right, chosen = _numbers(answers)
    common = sorted(Counter(right).most_common(MOST))
    names = [str(number) for number, _ in common]
    share = shares([str(n) for n in right], [str(n) for n in chosen], names)
    return draw_confusion(
        share,
        [(str(number), count) for number, count in common],
        title=title_of(answers, "numbers told for each true number"),
        given="number told",
        true="true number and number of questions",
    )


def by_number(answers: Answers) -> Figure:
    """Mean squared error, and number of questions, of each true number."""
    right, chosen = _numbers(answers)
    found = sorted(set(right))
    place = np.searchsorted(found, right)
    labels = [f"{number:,}" for number in found]
    bins = Bootstrap(answers.asked.video.tolist(), place.astype(str).tolist(), samples=RESAMPLES)
    error = errors(np.array(chosen), np.array(right))[MSE.key]
    mean, interval = bins.accuracy(error), bins.interval(error)
    shown = [i for i in range(len(found)) if str(i) in interval.by_type]
    height = np.array([mean.by_type[str(i)] for i in shown])
    ends = [interval.by_type[str(i)] for i in shown]
    title = title_of(answers, f"{MSE.title} by true number (less is better)")
    figure, axes, below = two_panels(title, (max(6.6, 2.0 + 0.5 * len(found)), 5.2))
    axes.bar(shown, height, 0.76, color=RIGHT)
    whiskers(axes, np.array(shown), height, ends)
    error_axis(axes, f"mean {MSE.title}, 95 % interval", top=max(0.05, axes.get_ylim()[1]))
    values(axes, np.array(shown), height, ends, RIGHT, share=False)
    axes.axhline(mean.total, color=INK, linewidth=1, linestyle="--")
    axes.text(
        1.01,
        mean.total,
        f"all\n{mean.total:.2f}",
        transform=axes.get_yaxis_transform(),
        va="center",
        fontsize=9,
        color=INK,
    )
    below.bar(range(len(found)), np.bincount(place, minlength=len(found)), 0.76, color=COUNT)
    below.set_xticks(range(len(found)), labels)
    below.set_xlim(-0.6, len(found) - 0.4)
    below.set_xlabel("true number")
    return figure


def _numbers(answers: Answers) -> tuple[list[int], list[int]]:
    """The true numbers and those told, Q each."""
    assert answers.asked.right is not None and answers.chosen is not None
    return answers.asked.right.tolist(), answers.chosen.tolist()
