"""A picture of some videos of the data set `shapes`: time across, questions beside."""

from collections.abc import Sequence
from pathlib import Path

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from preprocess.shapes.families import FAMILIES
from preprocess.shapes.questions import ANSWERS, Question
from preprocess.shapes.scene import FPS, FRAMES, Scene, draw
from util.clip_plots import save_figure

COLUMNS = 8  # frames shown of a video
LINES = 5  # questions shown of a video
INK, QUIET, ACCENT = "#1c2333", "#8a93a6", "#d9480f"


def save_sheet(path: Path, scenes: Sequence[Scene], questions: Sequence[Question]) -> None:
    """Save as PNG the best-asked video of each family; `questions` are those about `scenes`.

    Questions that no single frame answers carry a mark.
    """
    asked = [[q for q in questions if q.video == i] for i in range(len(scenes))]
    rows = []
    for family in FAMILIES:
        of_family = [i for i, scene in enumerate(scenes) if scene.family == family and asked[i]]
        if of_family:
            rows.append(max(of_family, key=lambda i: len(asked[i])))
    figure = Figure(figsize=(15.2, 0.75 + 1.28 * len(rows)), facecolor="white")
    FigureCanvasAgg(figure)
    grid = figure.add_gridspec(
        len(rows), COLUMNS + 1, width_ratios=[1] * COLUMNS + [3.5], wspace=0.06, hspace=0.14,
        left=0.012, right=0.995, top=1 - 0.42 / figure.get_figheight(),
        bottom=0.33 / figure.get_figheight(),
    )  # fmt: skip
    shown = [round(k * (FRAMES - 1) / (COLUMNS - 1)) for k in range(COLUMNS)]
    for row, video in enumerate(rows):
        frames = draw(scenes[video])
        for column, index in enumerate(shown):
            axes = figure.add_subplot(grid[row, column])
            axes.imshow(frames[index], interpolation="bicubic")
            axes.set_axis_off()
            if row == 0:
                axes.set_title(f"{index / FPS:.1f} s", fontsize=10, color=QUIET, pad=6)
        axes = figure.add_subplot(grid[row, COLUMNS])
        axes.set_axis_off()
        _write(axes, asked[video])
    figure.text(
        0.995, 0.1 / figure.get_figheight(), "●  no single frame answers it",
        color=ACCENT, fontsize=9, ha="right",
    )  # fmt: skip
    save_figure(figure, path)


def _write(axes, asked: Sequence[Question]) -> None:
    """The questions of one video, those of rarer types first, and their answers."""
    rare_first = {kind: i for i, kind in enumerate(("when", "how", "where", "who", "what"))}
    assert rare_first.keys() == ANSWERS.keys()
    chosen = sorted(asked, key=lambda q: (not q.template.temporal, rare_first[q.template.type]))
    chosen = chosen[:LINES]
    for line, question in enumerate(chosen):
        height = 0.5 + 0.19 * ((len(chosen) - 1) / 2 - line)
        if question.template.temporal:
            axes.text(0.02, height, "●", fontsize=6.5, color=ACCENT, va="center")
        axes.text(0.06, height, question.text, fontsize=9.5, color=INK, va="center")
        axes.text(
            0.99, height, question.answer, fontsize=9.5, color=INK, va="center", ha="right",
            weight="bold",
        )  # fmt: skip
