"""Pictures of how right a model is, and where: each function makes one figure of a split."""

from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import pairwise

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter

from evaluation.answers import Answers
from evaluation.format import columns_of, largest_types
from evaluation.plot.confusion import confusion
from evaluation.plot.panels import (
    COUNT,
    FAINT,
    INK,
    RIGHT,
    ROWS,
    WRONG,
    error_axis,
    one_panel,
    per_cent,
    title_of,
    two_panels,
    values,
    whiskers,
)
from util.grouped import Grouped
from util.statistics import Bootstrap, reliability
from util.text import cells_of

Row = tuple[Grouped[float], Grouped[tuple[float, float]]]  # accuracy, interval

FREQUENCIES = (1, 3, 10, 32, 100, 316, 1000, 3162)  # lower edges, two a decade
RESAMPLES = 2000  # enough for whiskers; the numbers of a report have their own


def all_plots(answers: Answers, rows: Mapping[str, Row]) -> dict[str, Figure]:
    """Every figure of a split by name, of open questions and of choices.  `rows`: see `type_bars`.

    Without a training split there is none of answers' frequency there; candidates are compared
    where questions have different numbers of them.
    """
    asked = answers.asked
    counts = Grouped(len(asked), Counter(str(kind) for kind in asked.type))
    figures = {
        "types": type_bars(rows, counts, title=title_of(answers, "accuracy by question type")),
        "calibration": calibration(answers),
        "length": by_length(answers),
    }
    if asked.seen is not None:
        figures["frequency"] = by_frequency(answers)
    if asked.kind == "open":
        figures["confusion"] = confusion(answers)
    elif asked.choices is not None and len({len(of) for of in asked.choices}) > 1:
        figures["candidates"] = by_candidates(answers)
    return figures


def type_bars(
    rows: Mapping[str, Row],
    counts: Grouped[int],
    *,
    title: str,
    axis: str = "question type and number of questions",
    error: str = "",
) -> Figure:
    """Grouped bars of all questions and of the largest types, one bar a row, with whiskers.

    rows: label -> accuracy and 95 % interval, the model first; counts: questions, or what `axis`
    says.  A type that a row lacks has no bar there.  `error`: bars are means of this error, not
    accuracies.
    """
    kinds = largest_types(counts)
    width = 0.84 / max(1, len(rows))
    groups = 1 + len(kinds)
    size = (max(7.5, 1.8 + groups * max(0.9, 0.36 * len(rows))), 4.6)
    figure, axes = one_panel(title, size)
    bars = []
    for r, (label, (accuracy, interval)) in enumerate(rows.items()):
        bar = [accuracy.total, *(accuracy.by_type.get(kind, np.nan) for kind in kinds)]
        none = (np.nan, np.nan)
        both = [interval.total, *(interval.by_type.get(kind, none) for kind in kinds)]
        have = np.flatnonzero(np.isfinite(bar))
        place = have + (r - (len(rows) - 1) / 2) * width
        height, ends = np.array(bar)[have], [both[i] for i in have]
        colour = ROWS[r % len(ROWS)]
        axes.bar(place, height, width * 0.92, color=colour, label=label)
        whiskers(axes, place, height, ends)
        bars.append((place, height, ends, colour))
    top = max(0.05, axes.get_ylim()[1])
    if error:
        error_axis(axes, f"{error}, 95 % interval", top=top)
    else:
        per_cent(axes, "accuracy, 95 % interval", top=top)
    for bar in bars:  # when all of them have made the axis as high as it gets
        values(axes, *bar, share=not error)
    heads = zip(columns_of(counts), counts.of(kinds), strict=True)
    labels = [f"{name}\n{size:,}" for name, size in heads]
    axes.set_xticks(range(groups), labels)
    axes.set_xlim(-0.6, groups - 0.4)
    axes.set_xlabel(axis)
    if kinds:
        axes.axvline(0.5, color=FAINT, linewidth=1)
    _legend(figure, len(rows))
    return figure


def calibration(answers: Answers) -> Figure:
    """The reliability diagram of a split's answers."""
    title = title_of(answers, "calibration")
    return reliability_diagram(answers.probability, answers.correct, title=title)


def reliability_diagram(
    probability: np.ndarray, correct: np.ndarray, *, title: str, rows: str = "questions"
) -> Figure:
    """How often answers of some confidence are right, and how many there are.

    The gap between confidence and accuracy is hatched: below the diagonal the model is too sure.
    """
    bins = 15
    confidence, accuracy, count, error = reliability(probability, correct, bins)
    figure, axes, below = two_panels(title, (6.6, 6.8), rows)
    axes.set_title(
        f"expected calibration error {error:.3f}, "
        f"mean confidence {100 * probability.mean():.1f} %, accuracy {100 * correct.mean():.1f} %",
        fontsize=10,
        color=INK,
        pad=10,
    )
    filled = np.flatnonzero(count)
    middle, width = (filled + 0.5) / bins, 0.92 / bins
    axes.bar(middle, accuracy[filled], width, color=RIGHT, label="accuracy")
    axes.bar(
        middle,
        confidence[filled] - accuracy[filled],
        width,
        bottom=accuracy[filled],
        facecolor="none",
        edgecolor=WRONG,
        linewidth=0.8,
        hatch="////",
        label="gap to mean confidence",
    )
    axes.plot([0, 1], [0, 1], "--", color=INK, linewidth=1, label="as sure as right")
    axes.set_xlim(0, 1)
    per_cent(axes, "accuracy", top=1)
    below.bar(middle, count[filled], width, color=COUNT)
    below.set_xlabel("confidence: probability of the answer given")
    below.xaxis.set_major_formatter(PercentFormatter(1, symbol=" %"))
    _legend(figure, 3)
    return figure


def by_length(answers: Answers) -> Figure:
    """Accuracy against the number of words of the question; sparse lengths share a bar."""
    length = answers.asked.length
    edges = merged(length, least=int(np.clip(len(length) // 40, 1, 50)))
    place = np.searchsorted(edges, length, side="right") - 1
    labels = [_span(edge, int(length[place == i].max())) for i, edge in enumerate(edges)]
    return _binned(answers, place, labels, "question length", "words of the question")


def by_frequency(answers: Answers) -> Figure:
    """Accuracy against how often the true answer occurs in training; "never" is its own bar."""
    seen = answers.asked.seen
    assert seen is not None
    used = [edge for edge in FREQUENCIES if edge <= max(1, int(seen.max()))]
    labels = ["never", *(_span(a, b - 1) for a, b in pairwise(used))]
    labels.append(f"{used[-1]:,}+")
    place = np.searchsorted(used, seen, side="right")
    axis = "times that the true answer occurs in training"
    return _binned(answers, place, labels, "answer frequency", axis)


def by_candidates(answers: Answers) -> Figure:
    """Accuracy against the number of candidates to choose from; sparse numbers share a bar."""
    assert answers.asked.choices is not None
    number = np.array([len(of) for of in answers.asked.choices])
    edges = merged(number, least=int(np.clip(len(number) // 40, 1, 50)))
    place = np.searchsorted(edges, number, side="right") - 1
    labels = [_span(edge, int(number[place == i].max())) for i, edge in enumerate(edges)]
    return _binned(answers, place, labels, "number of candidates", "candidates of the question")


def merged(numbers: np.ndarray, *, least: int) -> list[int]:
    """Lower edges of bins of consecutive values with at least `least` of `numbers` (Q,) in each."""
    edges: list[int] = []
    inside = least
    found, count = np.unique(numbers, return_counts=True)
    for value, here in zip(found.tolist(), count.tolist(), strict=True):
        if inside >= least:
            edges.append(value)
            inside = 0
        inside += here
    if inside < least and len(edges) > 1:  # what is left at the end joins the bin before it
        edges.pop()
    return edges


def _binned(
    answers: Answers, place: np.ndarray, labels: Sequence[str], what: str, axis: str
) -> Figure:
    """Accuracy with interval, and number of questions, of each bin; place (Q,) into labels."""
    count = np.bincount(place, minlength=len(labels))
    filled = np.flatnonzero(count)
    bins = Bootstrap(answers.asked.video.tolist(), place.astype(str).tolist(), samples=RESAMPLES)
    hits = answers.correct.astype(float)
    accuracy, interval = bins.accuracy(hits), bins.interval(hits)
    height = np.array([accuracy.by_type[str(i)] for i in filled])
    each = max(0.62, 0.075 * max(len(label) for label in labels))  # inches
    size = (max(6.6, 2.0 + each * len(labels)), 5.2)
    figure, axes, below = two_panels(title_of(answers, f"accuracy by {what}"), size)
    axes.bar(filled, height, 0.76, color=RIGHT)
    ends = [interval.by_type[str(i)] for i in filled]
    whiskers(axes, filled, height, ends)
    per_cent(axes, "accuracy, 95 % interval", top=max(0.05, axes.get_ylim()[1]))
    values(axes, filled, height, ends, RIGHT)
    mean = accuracy.total
    axes.axhline(mean, color=INK, linewidth=1, linestyle="--")
    axes.text(
        1.01,
        mean,
        f"all\n{100 * mean:.1f} %",
        transform=axes.get_yaxis_transform(),
        va="center",
        fontsize=9,
        color=INK,
    )
    below.bar(range(len(labels)), count, 0.76, color=COUNT)
    for i, number in enumerate(count.tolist()):
        below.annotate(
            f"{number:,}",
            (i, number),
            (0, 2),
            textcoords="offset points",
            ha="center",
            fontsize=8,
            color=INK,
        )
    below.set_ylim(0, 1.3 * max(1, count.max()))
    below.set_xticks(range(len(labels)), labels)
    below.set_xlim(-0.6, len(labels) - 0.4)
    below.set_xlabel(axis)
    return figure


def _legend(figure: Figure, columns: int) -> None:
    """A legend below, of as many columns as its longest text leaves room for."""
    labels = [text for axes in figure.axes for text in axes.get_legend_handles_labels()[1]]
    inches = 0.5 + 0.085 * max(map(cells_of, labels), default=0)  # of an entry, at this size
    fitting = int(figure.get_figwidth() / inches)
    figure.legend(
        loc="outside lower center",
        ncols=max(1, min(4, columns, fitting)),
        frameon=False,
        fontsize=9,
        labelcolor=INK,
    )


def _span(low: int, high: int) -> str:
    return f"{low:,}" if low == high else f"{low:,}–{high:,}"
