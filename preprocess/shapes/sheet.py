"""A picture of some videos of the data sets `shapes`: time across, questions beside."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from preprocess.shapes.count_scenes import ACTS, CountScene
from preprocess.shapes.count_scenes import asked as asked_of
from preprocess.shapes.families import FAMILIES
from preprocess.shapes.questions import ANSWERS, Question
from preprocess.shapes.scene import FPS, Scene, draw
from util.clip_plots import save_figure

COLUMNS = 8  # frames shown of a video
COUNT_COLUMNS = 18  # of one in which things are counted: each second one of half the video
LINES = 5  # questions shown of a video
INK, QUIET, ACCENT = "#1c2333", "#8a93a6", "#d9480f"


class Line(NamedTuple):
    """A question as it is shown."""

    text: str
    answer: str
    temporal: bool  # no single frame answers it


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
    shown = [(draw(scenes[video]), _chosen(asked[video])) for video in rows]
    numbers = [round(k * (len(shown[0][0]) - 1) / (COLUMNS - 1)) for k in range(COLUMNS)]
    save_figure(_sheet(shown, numbers, width=1.28), path)


def save_count_sheet(path: Path, scenes: Sequence[CountScene]) -> None:
    """Save as PNG two videos for each act, every second frame of their first half."""
    rows = []
    for act in ACTS:
        rows += [scene for scene in scenes if scene.thing.act == act and scene.times > 3][:2]
    shown = [
        (scene.frames(), [Line(text, str(n), True) for text, n in asked_of(scene)])
        for scene in rows
    ]
    save_figure(_sheet(shown, range(0, 2 * COUNT_COLUMNS, 2), width=0.86), path)


def _sheet(
    shown: Sequence[tuple[np.ndarray, Sequence[Line]]], numbers: Sequence[int], *, width: float
) -> Figure:
    """Rows of frames (T, H, W, 3) with questions; `width` inches a frame, those of `numbers`."""
    figure = Figure(
        figsize=(width * len(numbers) + 4.96, 0.75 + width * len(shown)), facecolor="white"
    )
    FigureCanvasAgg(figure)
    grid = figure.add_gridspec(
        len(shown), len(numbers) + 1, width_ratios=[1] * len(numbers) + [4.48 / width],
        wspace=0.06, hspace=0.14, left=0.012, right=0.995, top=1 - 0.42 / figure.get_figheight(),
        bottom=0.33 / figure.get_figheight(),
    )  # fmt: skip
    for row, (frames, lines) in enumerate(shown):
        for column, index in enumerate(numbers):
            axes = figure.add_subplot(grid[row, column])
            axes.imshow(frames[index], interpolation="bicubic")
            axes.set_axis_off()
            if row == 0:
                axes.set_title(f"{index / FPS:.1f} s", fontsize=10, color=QUIET, pad=6)
        axes = figure.add_subplot(grid[row, len(numbers)])
        axes.set_axis_off()
        _write(axes, lines)
    figure.text(
        0.995, 0.1 / figure.get_figheight(), "●  no single frame answers it",
        color=ACCENT, fontsize=9, ha="right",
    )  # fmt: skip
    return figure


def _chosen(asked: Sequence[Question]) -> list[Line]:
    """The questions of one video, those of rarer types first."""
    rare_first = {kind: i for i, kind in enumerate(("when", "how", "where", "who", "what"))}
    assert rare_first.keys() == ANSWERS.keys()
    chosen = sorted(asked, key=lambda q: (not q.template.temporal, rare_first[q.template.type]))
    return [Line(q.text, q.answer, q.template.temporal) for q in chosen[:LINES]]


def _write(axes, lines: Sequence[Line]) -> None:
    """Questions and their answers."""
    for number, line in enumerate(lines):
        height = 0.5 + 0.19 * ((len(lines) - 1) / 2 - number)
        if line.temporal:
            axes.text(0.02, height, "●", fontsize=6.5, color=ACCENT, va="center")
        axes.text(0.06, height, line.text, fontsize=9.5, color=INK, va="center")
        axes.text(
            0.99, height, line.answer, fontsize=9.5, color=INK, va="center", ha="right",
            weight="bold",
        )  # fmt: skip
