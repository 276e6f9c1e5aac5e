"""Which answer is given for which: a matrix of the commonest answers."""

from collections import Counter
from collections.abc import Sequence

import numpy as np
from matplotlib.collections import LineCollection, PatchCollection
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from evaluation.answers import Answers
from evaluation.plot.panels import FAINT, INK, RIGHT, WRONG, one_panel, title_of
from util.text import clipped


def confusion(answers: Answers, top: int = 30) -> Figure:
    """Given against true answers: the `top` commonest true answers, each row in per cent.

    The last column is every answer outside of the rows.
    """
    truth = [str(answer) for answer in answers.asked.answer]
    common = sorted(Counter(truth).items(), key=lambda pair: (-pair[1], pair[0]))[:top]
    names = [name for name, _ in common]
    share = shares(truth, [str(answer) for answer in answers.predicted], names)
    return draw_confusion(
        share,
        common,
        title=title_of(answers, f"confusion of the {len(names)} commonest true answers"),
        given="answer given",
        true="true answer and number of questions",
    )


def draw_confusion(
    share: np.ndarray,
    common: Sequence[tuple[str, int]],
    *,
    title: str,
    given: str,
    true: str,
) -> Figure:
    """A matrix of shares (n, n + 1): a row for each true name with its count, a column for others.

    `given` and `true`: what the axes are.
    """
    n = len(common)
    figure, axes = one_panel(title, (max(6.6, 3.0 + 0.3 * n), max(4.4, 2.6 + 0.27 * n)))
    own = np.eye(n, n + 1, dtype=bool)[..., None]
    full = np.where(own, to_rgb(RIGHT), to_rgb(WRONG))
    # the power makes small shares visible
    axes.imshow(1 - share[..., None] ** 0.6 * (1 - full), aspect="auto", interpolation="nearest")
    across = [((-0.5, i - 0.5), (n + 0.5, i - 0.5)) for i in range(n + 1)]
    down = [((j - 0.5, -0.5), (j - 0.5, n - 0.5)) for j in range(n + 2)]
    axes.add_collection(LineCollection(across + down, colors=FAINT, linewidths=0.5))
    boxes = [Rectangle((i - 0.5, i - 0.5), 1, 1) for i in range(n)]
    axes.add_collection(PatchCollection(boxes, facecolor="none", edgecolor=RIGHT, linewidth=0.8))
    for i, j in np.argwhere(share >= 0.025):
        colour = "white" if share[i, j] > 0.45 else INK
        text = f"{100 * share[i, j]:.0f}"
        cell = axes.text(j, i, text, ha="center", va="center", fontsize=7.5, color=colour)
        cell.set_in_layout(False)
    axes.axvline(n - 0.5, color=INK, linewidth=1)
    names = [*(clipped(name, 16) for name, _ in common), "other"]
    axes.set_xticks(range(n + 1), names, rotation=90)
    axes.set_yticks(range(n), [f"{clipped(name, 16)}  {count:,}" for name, count in common])
    axes.grid(visible=False)
    axes.spines["bottom"].set_visible(False)
    axes.set_xlabel(f"{given}, per cent of the row (3 and more are written)")
    axes.set_ylabel(true)
    return figure


def shares(truth: Sequence[str], given: Sequence[str], names: Sequence[str]) -> np.ndarray:
    """Row-normalised confusion of the answers `names` -> (n, n + 1); the last column is others."""
    n = len(names)
    place = {name: i for i, name in enumerate(names)}
    table = np.zeros((n, n + 1))
    for true, answer in zip(truth, given, strict=True):
        if true in place:
            table[place[true], place.get(answer, n)] += 1
    return table / np.maximum(1, table.sum(1, keepdims=True))
