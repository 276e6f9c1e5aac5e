"""Accuracies after first stages: their table and their picture."""

import math
import statistics
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

# 97.5 % quantiles of Student's t at 1, 2, ... degrees of freedom; then the normal's.
STUDENT = (12.71, 4.30, 3.18, 2.78, 2.57, 2.45, 2.36, 2.31, 2.26)
NORMAL = 1.96
TASKS = {
    "classification": "actions",
    "order_only": "actions that order alone tells",
    "qa": "questions",
}
COLOURS = ("#888888", "#3b6ea8", "#7fa8d1", "#d9a441", "#c8643c", "#4f9d69")


class CellName(NamedTuple):
    """What was trained."""

    task: str
    share: float  # of the labels
    stage: str
    first_steps: int  # steps of the first stage; 0: none


Found = dict[CellName, dict[int, float]]  # accuracy of each seed


def half_width(values: Sequence[float]) -> float | None:
    """Of the 95 % interval of their mean; None: of a single value it is not known."""
    count = len(values)
    if count < 2:
        return None
    quantile = STUDENT[count - 2] if count - 2 < len(STUDENT) else NORMAL
    return quantile * statistics.stdev(values) / math.sqrt(count)


def gains(found: Found, name: CellName) -> list[float]:
    """What each seed gained over the same seed without a first stage."""
    base = found.get(name._replace(stage="none", first_steps=0), {})
    return [value - base[seed] for seed, value in found[name].items() if seed in base]


def summary(found: Found) -> list[dict[str, Any]]:
    """Every cell as plain types; accuracies are fractions."""
    rows = []
    for name, of in found.items():
        values, gained = list(of.values()), gains(found, name)
        rows.append(
            {
                **name._asdict(),
                "accuracy": {str(seed): value for seed, value in of.items()},
                "mean": statistics.mean(values),
                "deviation": statistics.stdev(values) if len(values) > 1 else None,
                "gain": statistics.mean(gained) if gained else None,
                "gain_half_width": half_width(gained),
            }
        )
    return rows


def table(found: Found) -> str:
    """Markdown: a row a first stage and length, two columns a task and share; per cent."""
    columns = list(dict.fromkeys((name.task, name.share) for name in found))
    heads = [f"{TASKS[task]}, {100 * share:g} % of the labels" for task, share in columns]
    lines = [
        f"| first stage | its steps | {' | '.join(f'{head} | to none' for head in heads)} |",
        f"|-|-|{'-|-|' * len(heads)}",
    ]
    for stage, steps in dict.fromkeys((name.stage, name.first_steps) for name in found):
        cells = [shown(stage), str(steps)]
        for task, share in columns:
            name = CellName(task, share, stage, steps)
            cells += [_accuracy(found, name), _gain(found, name)]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def shown(stage: str) -> str:
    """A first stage in words."""
    return "contrastive, reversed" if stage == "reversed" else stage.replace("_", " ")


def _accuracy(found: Found, name: CellName) -> str:
    values = [100 * value for value in found.get(name, {}).values()]
    if not values:
        return "–"
    spread = f" ± {statistics.stdev(values):.1f}" if len(values) > 1 else ""
    return f"{statistics.mean(values):.1f}{spread}"


def _gain(found: Found, name: CellName) -> str:
    """Mean over seeds with its 95 % interval."""
    gained = [100 * value for value in gains(found, name)] if name in found else []
    if not gained or name.stage == "none":
        return "–"
    mean, half = statistics.mean(gained), half_width(gained)
    between = "" if half is None else f" ({mean - half:+.1f} to {mean + half:+.1f})"
    return f"{mean:+.1f}{between}"


def figure(found: Found, path: Path) -> None:
    """Bars for each task and share, or, of first stages of several lengths, curves over them."""
    from matplotlib.figure import Figure  # here: help shall not wait for it

    from util.clip_plots import save_figure

    groups = list(dict.fromkeys((name.task, name.share) for name in found))
    names = [f"{TASKS[task]},\n{100 * share:g} % of the labels" for task, share in groups]
    lengths = {name.first_steps for name in found} - {0}
    if len(lengths) > 1:
        picture = Figure(figsize=(1 + 3.4 * len(groups), 3.6), layout="constrained")
        for axes, group, title in zip(picture.subplots(1, len(groups), squeeze=False)[0], groups,
                                      names, strict=True):  # fmt: skip
            _curves(axes, found, group)
            axes.set_title(title, fontsize=9)
    else:
        picture = Figure(figsize=(2 + 2.2 * len(groups), 3.8), layout="constrained")
        axes = picture.subplots()
        _bars(axes, found, groups)
        axes.set_xticks(range(len(groups)), names, fontsize=8)
    picture.axes[0].set_ylabel("test accuracy in %")
    picture.axes[0].legend(fontsize=7, ncols=2)
    save_figure(picture, path)


def _bars(axes: Any, found: Found, groups: list[tuple[str, float]]) -> None:
    """The means, and each seed as a dot."""
    stages = list(dict.fromkeys((name.stage, name.first_steps) for name in found))
    wide = 0.8 / len(stages)
    for i, (stage, steps) in enumerate(stages):
        colour = COLOURS[i % len(COLOURS)]
        axes.bar(0, 0, color=colour, label=shown(stage))
        for g, (task, share) in enumerate(groups):
            of = found.get(CellName(task, share, stage, steps), {})
            values = [100 * v for v in of.values()]
            if values:
                place = g - 0.4 + (i + 0.5) * wide
                axes.bar(place, statistics.mean(values), 0.9 * wide, color=colour)
                axes.plot([place] * len(values), values, "k.", markersize=4)
    axes.set_ylim(0, 1.3 * axes.get_ylim()[1])  # room for the legend


def _curves(axes: Any, found: Found, group: tuple[str, float]) -> None:
    """Mean accuracy over the first stage's steps, from none; each seed as a dot."""
    base = found.get(CellName(*group, "none", 0), {})
    stages = [s for s in dict.fromkeys(name.stage for name in found) if s != "none"]
    for i, stage in enumerate(stages):
        of = {name.first_steps: seeds for name, seeds in found.items()
              if (name.task, name.share) == group and name.stage == stage}  # fmt: skip
        of = ({0: base} if base else {}) | dict(sorted(of.items()))
        values = {steps: [100 * v for v in seeds.values()] for steps, seeds in of.items()}
        means = [statistics.mean(v) for v in values.values()]
        colour = COLOURS[(i + 1) % len(COLOURS)]
        axes.plot(list(values), means, "-o", color=colour, label=shown(stage), markersize=3)
        for steps, some in values.items():
            axes.plot([steps] * len(some), some, ".", color=colour, markersize=4, alpha=0.6)
    axes.set_xlabel("steps of the first stage")
