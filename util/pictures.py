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
    figure = Figure(figsize=(max(9.0, 1.45 * clips + 3.4), 4.6), layout="constrained")
    figure.suptitle(_short(question, 110), fontsize=14, fontweight="bold")
    left, right = figure.subfigures(1, 2, width_ratios=[1.45 * clips, 3.4], squeeze=False)[0]
    upper, lower = left.subfigures(2, 1, height_ratios=[1, 1.35], squeeze=False)[:, 0]
    for axes, frame, time in zip(
        upper.subplots(1, clips, squeeze=False)[0], frames, times, strict=True
    ):
        axes.imshow(frame)
        axes.set_title(time, fontsize=9)
        axes.set_axis_off()
    score, weight = lower.subplots(2, 1, sharex=True)
    place = np.arange(clips)
    score.bar(place - 0.2, punishment[0], 0.38, color=APPEARANCE, label="appearance")
    score.bar(place + 0.2, punishment[1], 0.38, color=MOTION, label="motion")
    score.set_ylim(0, 1)
    score.set_ylabel("query\npunishment", fontsize=9)
    score.legend(fontsize=8, ncols=2, loc="lower right", framealpha=0.85)
    weight.bar(place, readout, 0.78, color=READOUT)
    weight.set_ylabel("read-out\nweight", fontsize=9)
    weight.set_xticks(place, [f"clip {i + 1}" for i in place], fontsize=9)
    weight.set_xlim(-0.5, clips - 0.5)
    _answer_bars(right.subplots(), answers)
    for axes in (score, weight):
        axes.spines[["top", "right"]].set_visible(False)
        axes.tick_params(labelsize=8)
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
