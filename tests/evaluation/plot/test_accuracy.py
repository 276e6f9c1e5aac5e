"""Figures show the numbers that they were made of, whatever the split looks like."""

import io

import numpy as np
import pytest
from matplotlib.figure import Figure

from evaluation.answers import Answers, columns
from evaluation.plot.accuracy import (
    all_plots,
    by_frequency,
    by_length,
    calibration,
    merged,
    type_bars,
)
from evaluation.plot.confusion import confusion, shares
from preprocess.annotation.sample import Sample
from util.grouped import Grouped
from util.statistics import Bootstrap


def made(
    *,
    truth: list[str],
    given: list[str],
    sure: list[float] | None = None,
    types: list[str] | None = None,
    lengths: list[int] | None = None,
    seen: dict[str, int] | None = None,
    split: str = "val",
) -> Answers:
    """Answers to questions of two videos; `seen` tells how often answers come in training."""
    n = len(truth)
    train = [answer for answer, times in (seen or {"yes": 1}).items() for _ in range(times)]
    samples = [
        Sample(i, f"v{i % 2}", "what?", answer, kind)
        for i, (answer, kind) in enumerate(zip(truth, types or ["what"] * n, strict=True))
    ]
    known = [Sample(i, "v", "what?", answer, "what") for i, answer in enumerate(train)]
    asked = columns(split, samples, known, lengths or [5] * n, sorted(set(train)))
    predicted = np.array(given, dtype=object)
    top = [[(a, p)] for a, p in zip(given, sure or [0.5] * n, strict=True)]
    return Answers("some run", "real", asked, predicted, top)


def heights(figure: Figure, panel: int = 0) -> list[float]:
    return [float(bar.get_height()) for bar in figure.axes[panel].patches]  # type: ignore[attr-defined]


def ticks(figure: Figure, panel: int = 0) -> list[str]:
    return [label.get_text() for label in figure.axes[panel].get_xticklabels()]


def said(figure: Figure) -> str:
    """Title and texts in the panels."""
    inside = [text.get_text() for axes in figure.axes for text in axes.texts]
    titles = [axes.get_title() for axes in figure.axes]
    return "\n".join([figure.get_suptitle(), *titles, *inside])


def drawn(figure: Figure) -> None:
    figure.savefig(io.BytesIO(), format="png", dpi=100)


def test_types_by_size_with_a_bar_for_each_row() -> None:
    rows = {
        "this model": (
            Grouped(0.5, {"who": 0.25, "what": 0.75}),
            Grouped((0.4, 0.6), {}),
        ),
        "question only": (Grouped(0.3, {"who": 0.1}), Grouped((np.nan, np.nan), {})),
    }
    figure = type_bars(rows, Grouped(1100, {"who": 20, "what": 80}), title="run, split val")
    assert ticks(figure) == ["all\n1,100", "what\n80", "who\n20"]
    assert heights(figure) == [0.5, 0.75, 0.25, 0.3, 0.1]
    assert [text.get_text() for text in figure.legends[0].get_texts()] == list(rows)
    assert "split val" in said(figure)
    (whisker,) = [c for c in figure.axes[0].containers if type(c).__name__ == "ErrorbarContainer"]
    (segment,) = whisker[2][0].get_segments()
    assert sorted(segment[:, 1]) == pytest.approx([0.4, 0.6])
    drawn(figure)


def test_calibration_error_by_hand() -> None:
    answers = made(
        truth=["a", "a", "a", "a"],
        given=["a", "b", "a", "a"],
        sure=[0.81, 0.83, 0.21, 0.23],
    )
    # two bins: 0.82 sure and half right, 0.22 sure and all right: (0.32 + 0.78) / 2
    figure = calibration(answers)
    assert "error 0.550" in said(figure)
    assert "accuracy 75.0 %" in said(figure)
    high = heights(figure)
    assert high[:2] == pytest.approx([1.0, 0.5])  # accuracy of the filled bins
    assert high[2:] == pytest.approx([-0.78, 0.32])  # up or down to the confidence
    assert heights(figure, 1) == [2, 2]
    drawn(figure)


def test_sparse_lengths_share_a_bar() -> None:
    assert merged(np.array([2, 3, 3, 3, 5, 9, 9, 9, 20]), least=3) == [2, 5]
    assert merged(np.array([4]), least=50) == [4]
    assert merged(np.array([3, 3, 8, 8]), least=2) == [3, 8]
    right = [True] * 30 + [False] * 30 + [True] * 30 + [False] * 30
    answers = made(
        truth=["yes"] * 120,
        given=["yes" if r else "no" for r in right],
        lengths=[3] * 60 + [4] * 30 + [7] * 25 + [14] * 2 + [15] * 3,
    )
    figure = by_length(answers)  # 120 questions: at least three in a bar
    assert ticks(figure, 1) == ["3", "4", "7", "14–15"]
    assert heights(figure, 1) == [60, 30, 25, 5]
    assert heights(figure) == pytest.approx([0.5, 1, 0, 0])


def test_answer_frequencies_in_half_decades_and_never_apart() -> None:
    answers = made(
        truth=["new", "rare", "rare", "yes", "yes", "yes", "yes"],
        given=["yes", "rare", "yes", "yes", "yes", "yes", "no"],
        seen={"rare": 2, "yes": 40},
    )
    figure = by_frequency(answers)
    assert ticks(figure, 1) == ["never", "1–2", "3–9", "10–31", "32+"]
    assert heights(figure, 1) == [1, 2, 0, 0, 4]
    assert heights(figure) == pytest.approx([0, 0.5, 0.75])  # no bar where there is no question
    assert "57.1 %" in said(figure)


def test_confusion_rows_add_up_and_the_rest_is_other() -> None:
    truth = ["cat", "cat", "cat", "cat", "dog", "dog", "fox"]
    given = ["cat", "cat", "dog", "cow", "dog", "fox", "cat"]
    table = shares(truth, given, ["cat", "dog"])
    np.testing.assert_allclose(table, [[0.5, 0.25, 0.25], [0, 0.5, 0.5]])
    figure = confusion(made(truth=truth, given=given), top=2)
    assert ticks(figure) == ["cat", "dog", "other"]
    assert [t.get_text() for t in figure.axes[0].get_yticklabels()] == ["cat  4", "dog  2"]
    assert "2 commonest" in said(figure)
    assert sorted(text.get_text() for text in figure.axes[0].texts) == [
        "25",
        "25",
        "50",
        "50",
        "50",
    ]
    drawn(figure)


ODD = {
    "five questions": made(truth=list("aabbc"), given=list("ababc")),
    "one question": made(truth=["a"], given=["a"], sure=[1.0]),
    "all wrong": made(truth=["a"] * 9, given=["b"] * 9, types=["who"] * 4 + ["what"] * 5),
    "never seen": made(truth=["new"] * 3, given=["yes"] * 3),
    "foreign": made(truth=["$a_{", "x" * 60, "$"], given=["$b$", "$c$", "$"], types=["$\\x$"] * 3),
}


@pytest.mark.parametrize("name", ODD)
@pytest.mark.filterwarnings("error")
def test_odd_splits_are_drawn(name: str) -> None:
    answers = ODD[name]
    bootstrap = Bootstrap(answers.asked.video.tolist(), answers.asked.type.tolist(), samples=100)
    row = (bootstrap.accuracy(answers.correct), bootstrap.interval(answers.correct))
    figures = all_plots(answers, {"this model": row})
    assert list(figures) == ["types", "calibration", "length", "frequency", "confusion"]
    for figure in figures.values():
        assert "split val" in said(figure)
        assert "some run" in said(figure)
        drawn(figure)
