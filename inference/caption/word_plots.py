"""Pictures of which clips a caption's words came from."""

from collections.abc import Sequence
from textwrap import wrap

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

import util.clip_plots  # noqa: F401  its fonts; texts are no formulas
from util.text import cells_of, clipped

SHOWN = 24  # clips of one picture
ROW, COLUMN = 0.26, 1.0  # inches of a word, of a clip with its frame


def word_timeline(
    *,
    captions: Sequence[tuple[str, float]],
    words: Sequence[str],
    frames: Sequence[np.ndarray],
    times: Sequence[str],
    attention: np.ndarray | None,
    drop: np.ndarray | None,
) -> Figure:
    """One frame a clip, and below it what the clip is to each word of the best caption.

    captions: best first, with scores; words (L); frames: N of (H, W, 3) uint8; times: a label for
    each; attention, drop (L, N).  Of more than `SHOWN` clips those that matter most are shown.
    """
    clips = most_important(attention, drop, len(frames))
    maps = _maps(attention, drop)
    labels = [clipped(word, 24) for word in words]
    left, side = 0.5 + 0.085 * max(map(cells_of, labels)), 3.4
    wide = max(COLUMN * len(clips), 2.5)
    shape = frames[0].shape
    film = min(wide / len(clips) * shape[0] / shape[1], 2.0)
    high = ROW * len(words)
    below = [0.55, 0.75]  # of the last map, of each map above it
    total = 0.75 + film + sum(0.4 + high for _ in maps) + below[0]
    figure = Figure(figsize=(left + wide + side, total))
    width, top = left + wide + side, total - 0.75

    def place(height: float) -> Axes:
        return figure.add_axes((left / width, (top - height) / total, wide / width, height / total))

    figure.text(
        0.15 / width, 1 - 0.3 / total, clipped(captions[0][0] or "(no words)", 110), fontsize=14,
        fontweight="bold", va="center",
    )  # fmt: skip
    axes = place(film)
    for column, clip in enumerate(clips.tolist()):
        axes.imshow(frames[clip], extent=(column - 0.47, column + 0.47, 0, 1), aspect="auto")
        axes.text(column, 1.06, str(times[clip]), ha="center", fontsize=8)
    axes.set_xlim(-0.5, len(clips) - 0.5)
    axes.set_ylim(0, 1)
    axes.set_axis_off()
    top -= film + 0.4
    for title, values, colours in maps:
        axes = place(high)
        heat_map(axes, title, values[:, clips], colours, labels)
        axes.set_xticks([])
        top -= high + 0.4
    axes.set_xticks(range(len(clips)), [f"clip {clip + 1}" for clip in clips], fontsize=8)
    beside = figure.add_axes(
        ((left + wide + 0.3) / width, 0, (side - 0.4) / width, 1 - 0.5 / total)
    )
    beside.set_axis_off()
    lines = [f"{score:8.3f}  {clipped(text, 200)}" for text, score in captions]
    beside.text(0, 0.97, "captions, with scores", fontsize=10, va="top")
    beside.text(0, 0.97 - 0.28 / total, _wrapped(lines, 40), fontsize=9, va="top")
    return figure


def word_maps(
    samples: Sequence[tuple[str, Sequence[str], np.ndarray | None, np.ndarray | None]],
) -> Figure:
    """The heat maps of a few captions: (video, words (L), attention (L, N), drop (L, N))."""
    drawn = [(name, words, _maps(*maps)) for name, words, *maps in samples]
    columns = max(len(maps) for _, _, maps in drawn)
    left, wide, gap, above = 1.6, 3.2, 0.3, 0.55
    highs = [above + ROW * len(words) for _, words, _ in drawn]
    width, total = left + columns * (wide + gap), sum(highs) + 0.3
    figure, top = Figure(figsize=(width, total)), total
    for (name, words, maps), high in zip(drawn, highs, strict=True):
        for i, (title, values, colours) in enumerate(maps):
            box = left + i * (wide + gap), top - high, wide, high - above
            axes = figure.add_axes((box[0] / width, box[1] / total, box[2] / width, box[3] / total))
            labels = [clipped(word, 18) for word in words]
            heat_map(axes, f"{clipped(name, 20)}: {title}", values, colours, [] if i else labels)
            axes.set_xticks([])
        top -= high
    return figure


def heat_map(
    axes: Axes, title: str, values: np.ndarray, colours: str, labels: Sequence[str]
) -> None:
    """Words down, clips across; what falls and what rises have colours of their own."""
    top = max(float(np.abs(values).max()), 1e-6)
    low = -top if colours == "RdBu_r" else 0
    axes.imshow(values, cmap=colours, vmin=low, vmax=top, aspect="auto")
    axes.set_title(f"{title} ({low:.2g} to {top:.2g})", fontsize=9, loc="left")
    axes.set_yticks(range(len(labels)), labels, fontsize=9)
    axes.tick_params(length=0)


def most_important(attention: np.ndarray | None, drop: np.ndarray | None, clips: int) -> np.ndarray:
    """The clips to show, in order: those without which words are least likely, `SHOWN` at most."""
    values = drop if drop is not None else attention
    if values is None or clips <= SHOWN:
        return np.arange(clips)
    return np.sort(np.argsort(-values.sum(0), kind="stable")[:SHOWN])


def _maps(
    attention: np.ndarray | None, drop: np.ndarray | None
) -> list[tuple[str, np.ndarray, str]]:
    maps = []
    if attention is not None:
        maps.append(("attention", attention, "Greens"))
    if drop is not None:
        maps.append(("log-probability lost without the clip", drop, "RdBu_r"))
    return maps


def _wrapped(lines: Sequence[str], width: int) -> str:
    """Lines of at most `width` characters, cut between words; what goes on is indented."""
    return "\n".join(
        part for line in lines for part in wrap(line, width, subsequent_indent=" " * 10)
    )
