"""Pictures of what a model looked at."""

from collections.abc import Sequence

import matplotlib

matplotlib.use("Agg")

import numpy as np
from matplotlib.figure import Figure

APPEARANCE, MOTION, READOUT = "#3b6ea8", "#c8643c", "#4f9d69"


def clip_weights(questions: Sequence[str], punishment: np.ndarray, readout: np.ndarray) -> Figure:
    """Heat maps of a few questions.  punishment (Q, 2, N) and readout (Q, N), all 0 to 1."""
    panels = [
        ("query punishment, appearance", punishment[:, 0], "Blues"),
        ("query punishment, motion", punishment[:, 1], "Oranges"),
        ("read-out weight", readout, "Greens"),
    ]
    figure = Figure(figsize=(14, 1.4 + 0.34 * len(questions)), layout="constrained")
    for axes, (title, values, colours) in zip(
        figure.subplots(1, 3, sharey=True), panels, strict=True
    ):
        top = 1 if title.startswith("query") else max(float(values.max()), 1e-6)
        image = axes.imshow(values, cmap=colours, vmin=0, vmax=top, aspect="auto")
        axes.set_title(title, fontsize=10)
        axes.set_xlabel("clip")
        axes.set_xticks(range(values.shape[1]), [str(i + 1) for i in range(values.shape[1])])
        axes.set_yticks(range(len(questions)), [_short(q, 44) for q in questions], fontsize=8)
        figure.colorbar(image, ax=axes, shrink=0.9, pad=0.02)
    return figure


def clip_timeline(
    *,
    question: str,
    answers: Sequence[tuple[str, float]],
    frames: Sequence[np.ndarray],
    times: Sequence[str],
    punishment: np.ndarray,
    readout: np.ndarray,
) -> Figure:
    """One frame a clip with its scores below, and the best answers beside.

    frames: N of (H, W, 3) uint8; times: a label for each; punishment (2, N), readout (N,).
    """
    clips = len(frames)
    cell = 1.35  # inches a clip; the frames' row is as high as keeps their shape
    high = min(0.94 * cell * frames[0].shape[0] / frames[0].shape[1], 2.6)
    size = (max(9.0, cell * clips + 4.1), high + 3.3)
    figure = Figure(figsize=size, layout="constrained")
    figure.suptitle(_short(question, 110), fontsize=14, fontweight="bold")
    left, right = figure.subfigures(1, 2, width_ratios=[cell * clips + 0.8, 3.3], squeeze=False)[0]
    film, score, weight = left.subplots(3, 1, sharex=True, height_ratios=[high, 1, 1])
    place = np.arange(clips)
    for i, (frame, time) in enumerate(zip(frames, times, strict=True)):
        film.imshow(frame, extent=(i - 0.47, i + 0.47, 0, 1), aspect="auto")
        film.text(i, 1.05, time, ha="center", fontsize=9)
    film.set_ylim(0, 1)
    film.set_axis_off()
    score.bar(place - 0.2, punishment[0], 0.38, color=APPEARANCE, label="appearance")
    score.bar(place + 0.2, punishment[1], 0.38, color=MOTION, label="motion")
    score.set_ylim(0, 1)
    score.set_ylabel("query\npunishment", fontsize=9)
    score.legend(fontsize=8, ncols=2, loc="lower right", bbox_to_anchor=(1, 1), frameon=False)
    weight.bar(place, readout, 0.78, color=READOUT)
    weight.set_ylabel("read-out\nweight", fontsize=9)
    weight.set_xticks(place, [f"clip {i + 1}" for i in place], fontsize=9)
    weight.set_xlim(-0.5, clips - 0.5)
    _answer_bars(right.subplots(), answers)
    for axes in (score, weight):
        axes.spines[["top", "right"]].set_visible(False)
        axes.tick_params(labelsize=9)
    return figure


def _answer_bars(axes, answers: Sequence[tuple[str, float]]) -> None:
    """The best answers as bars of probability, best on top."""
    names = [_short(name, 18) for name, _ in answers]
    values = [value for _, value in answers]
    colours = [READOUT] + ["#b9c4bd"] * (len(answers) - 1)
    axes.barh(range(len(answers)), values, color=colours)
    axes.set_yticks(range(len(answers)), names, fontsize=11)
    axes.invert_yaxis()
    axes.set_xlim(0, 1.18)
    axes.set_xticks([])
    axes.set_title("answers", fontsize=10)
    axes.spines[["top", "right", "bottom"]].set_visible(False)
    for i, value in enumerate(values):
        axes.text(value + 0.02, i, f"{value:.0%}", va="center", fontsize=10)


def _short(text: str, width: int) -> str:
    return text if len(text) <= width else text[: width - 1] + "…"
