"""Pictures of what a model looked at."""

import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path

import matplotlib
import numpy as np
from matplotlib import font_manager
from matplotlib.figure import Figure

from util.files import whole_file
from util.text import cells_of, clipped

matplotlib.use("Agg")
matplotlib.rcParams["text.parse_math"] = False  # `$5 or $10` is no formula: texts are users'
# Fonts of more scripts than matplotlib's own, where they are installed; what none of them has is
# drawn as a box, without a warning for each letter.
FONTS = ("Noto Sans", "Noto Sans CJK JP", "Noto Sans Arabic", "Noto Sans Devanagari", "Unifont")
_installed = set(font_manager.get_font_names())
matplotlib.rcParams["font.family"] = ["DejaVu Sans", *(f for f in FONTS if f in _installed)]
warnings.filterwarnings("ignore", message=r"Glyph \d+ .*missing from")

APPEARANCE, MOTION, READOUT = "#3b6ea8", "#c8643c", "#4f9d69"


def clip_weights(questions: Sequence[str], punishment: np.ndarray, readout: np.ndarray) -> Figure:
    """Heat maps of a few questions.  punishment (Q, 2, N) and readout (Q, N), all 0 to 1.

    Laid out by hand: it is drawn at every better validation, and matplotlib's own layout and
    colour bars took 1.1 of its 1.5 seconds.
    """
    panels = [
        ("query punishment, appearance", punishment[:, 0], "Blues"),
        ("query punishment, motion", punishment[:, 1], "Oranges"),
        ("read-out weight", readout, "Greens"),
    ]
    labels = [clipped(question, 44) for question in questions]
    wide, high = 3.2, 0.34 * len(questions)  # inches a panel
    left, below, gap = 0.3 + 0.075 * max(map(cells_of, labels), default=0), 0.6, 0.3
    width, height = left + 3 * (wide + gap), below + high + 0.4
    figure = Figure(figsize=(width, height))
    for i, (title, values, colours) in enumerate(panels):
        place = (left + i * (wide + gap)) / width, below / height, wide / width, high / height
        axes = figure.add_axes(place)
        top = 1 if title.startswith("query") else max(float(values.max()), 1e-6)
        axes.imshow(values, cmap=colours, vmin=0, vmax=top, aspect="auto")
        axes.set_title(f"{title} (0 to {top:.2g})", fontsize=10)
        axes.set_xlabel("clip")
        axes.set_xticks(range(values.shape[1]), [str(i + 1) for i in range(values.shape[1])])
        axes.set_yticks(range(len(labels)) if not i else [], labels if not i else [], fontsize=8)
    return figure


def clip_timeline(
    *,
    question: str,
    answers: Sequence[tuple[str, float]],
    number: str = "",
    frames: Sequence[np.ndarray],
    times: Sequence[str],
    punishment: np.ndarray,
    readout: np.ndarray,
) -> Figure:
    """One frame a clip with its scores below, and the best answers beside, or a `number` told.

    frames: N of (H, W, 3) uint8; times: a label for each; punishment (2, N), readout (N,).
    """
    clips = len(frames)
    cell = 1.35  # inches a clip; the frames' row is as high as keeps their shape
    high = min(0.94 * cell * frames[0].shape[0] / frames[0].shape[1], 2.6)
    size = (max(9.0, cell * clips + 4.1), high + 3.3)
    figure = Figure(figsize=size, layout="constrained")
    figure.suptitle(clipped(question, 110), fontsize=14, fontweight="bold")
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
    beside = right.subplots()
    if number:
        beside.text(0.5, 0.5, clipped(number, 18), ha="center", va="center", fontsize=40)
        beside.set_axis_off()
    else:
        answer_bars(beside, answers)
    for axes in (score, weight):
        axes.spines[["top", "right"]].set_visible(False)
        axes.tick_params(labelsize=9)
    return figure


def answer_bars(axes, answers: Sequence[tuple[str, float]], *, title: str = "answers") -> None:
    """The best answers as bars of probability, best on top."""
    names = [clipped(name, 18) for name, _ in answers]
    values = [value for _, value in answers]
    colours = [READOUT] + ["#b9c4bd"] * (len(answers) - 1)
    axes.barh(range(len(answers)), values, color=colours)
    axes.set_yticks(range(len(answers)), names, fontsize=11)
    axes.invert_yaxis()
    axes.set_xlim(0, 1.18)
    axes.set_xticks([])
    axes.set_title(title, fontsize=10)
    axes.spines[["top", "right", "bottom"]].set_visible(False)
    for i, value in enumerate(values):
        axes.text(value + 0.02, i, f"{value:.0%}", va="center", fontsize=10)


def reconstructions(
    rows: Sequence[tuple[str, Mapping[str, np.ndarray]]], *, errors: bool = True
) -> Figure:
    """Frames of a few clips, over time, and below them what was made of them.

    rows: for each clip its title and its films by name, the original first, each (F, H, W, 3),
    uint8 or float 0 to 1; all of one shape.  `errors`: those made of it are labelled with their
    PSNR (dB).
    """
    frames, high, wide = next(iter(rows[0][1].values())).shape[:3]
    films = len(rows[0][1])
    gap = max(1, round(0.06 * wide))  # pixels between frames
    sheet_high, sheet_wide = films * (high + gap) - gap, frames * (wide + gap) - gap
    inch = min(0.85, 11 / frames) / wide  # a pixel's side
    left, head = 0.9, 0.36  # inches for the names of the films, and for a title
    size = (left + 0.1 + inch * sheet_wide, (head + inch * sheet_high) * len(rows) + 0.1)
    figure = Figure(figsize=size)
    for k, (title, by_name) in enumerate(rows):
        pictures = {name: _unit(film) for name, film in by_name.items()}
        original = next(iter(pictures.values()))
        sheet = np.ones((sheet_high, sheet_wide, 3))
        labels = []
        for i, (name, film) in enumerate(pictures.items()):
            for j, frame in enumerate(film):
                y, x = i * (high + gap), j * (wide + gap)
                sheet[y : y + high, x : x + wide] = frame
            error = float(np.square(film - original).mean())
            labels.append(
                f"{name}\n{-10 * np.log10(error):.1f} dB" if i and error and errors else name
            )
        top = size[1] - k * (head + inch * sheet_high) - head
        box = (left, top - inch * sheet_high, inch * sheet_wide, inch * sheet_high)
        axes = figure.add_axes(
            (box[0] / size[0], box[1] / size[1], box[2] / size[0], box[3] / size[1])
        )
        axes.imshow(sheet, interpolation="nearest", aspect="auto")
        axes.set_title(clipped(title, 12 * frames), fontsize=9, loc="left", pad=4)
        axes.set_yticks([i * (high + gap) + (high - 1) / 2 for i in range(films)], labels)
        axes.set_xticks([])
        axes.tick_params(length=0, labelsize=8)
        axes.spines[:].set_visible(False)
    return figure


def _unit(film: np.ndarray) -> np.ndarray:
    """A film on the 0..1 scale, whichever it is stored on."""
    if film.dtype == np.uint8:
        return film / np.float32(255)
    return np.clip(film.astype(np.float32), 0, 1)


def save_figure(figure: Figure, path: str | Path) -> None:
    """Write a figure as PNG, whole or not at all; the same figure gives the same bytes."""
    with whole_file(path) as partial:
        figure.savefig(partial, format="png", dpi=110, metadata={"Software": None})
