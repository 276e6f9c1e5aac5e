"""What is measured of a classifier as a table for the terminal, and as plain types."""

from typing import Any

import numpy as np

from evaluation.format import between, grid, percent, signed
from evaluation.label.score import ClassScore
from evaluation.label.truth_rows import ROWS, Difference
from util.text import clipped

SHOWN = 30  # classes of the table, those with the lowest F1
VIDEOS = {"real": "", "none": ", no video", "shuffled": ", shuffled videos"}
FRAMES = {"real": "", "middle": ", the middle frame alone", "shuffled": ", shuffled frames"}


def table(score: ClassScore) -> str:
    """The table for the terminal."""
    first, hidden = score.model.first, score.order_only
    heads = ["accuracy", "95 % interval", "deviation"]
    if hidden:
        heads += [f"order-only ({hidden.count:,})", "95 % interval"]
    lines = []
    for name, row in score.rows.items():
        deviation = f"± {percent(float(np.std(row.seeds, ddof=1)))}" if len(row.seeds) > 1 else ""
        cells = [percent(row.accuracy), between(score.intervals[name]), deviation]
        if hidden:
            cells += [percent(hidden.rows[name].accuracy), between(hidden.intervals[name])]
        lines.append((label(score, name), cells))
    chance = [percent(1 / len(first.classes)), "", ""]
    lines.append(("chance", chance + ([_share(hidden.chance), ""] if hidden else [])))
    out = [_title(score), grid(heads, lines)]
    per = f"{percent(score.mean_class)} [{between(score.mean_class_interval)}]"
    out.append(f"mean class accuracy {per}")
    if score.top is not None:
        out.append(f"top-5 accuracy {percent(score.top)}")
    if score.gain:
        out.append(f"motion gain {_said(score, score.gain)}")
    if hidden and hidden.gain:
        out.append(f"motion gain over order-only classes {_said(score, hidden.gain)}")
    out += [f"gain {_said(score, one)}" for one in score.above if one.above not in ("constant",)]
    return "\n".join([*out, *calibration_lines(score)])


def label(score: ClassScore, name: str) -> str:
    """What a row is called, with where it is from."""
    row = score.rows[name]
    if name == "accuracy":
        runs = len(score.model.each)
        return f"mean of {runs} seeds" if runs > 1 else ROWS[name]
    return f"{ROWS[name]} ({row.source})"


def _said(score: ClassScore, one: Difference) -> str:
    p = "" if one.p is None else f", McNemar p = {one.p:.2g}"
    return f"{signed(one.value, one.interval)} above {label(score, one.above)}{p}"


def _title(score: ClassScore) -> str:
    first = score.model.first
    shown = VIDEOS[first.video] + FRAMES[first.frames]
    crops = f", {first.crops} crops" if first.crops > 1 else ""
    runs = sum(len(one.sources) for one in score.model.each)
    several = f" ({runs} runs)" if runs > 1 else ""
    units = score.resampled if score.units < len(first) else "videos"
    return (
        f"{clipped(score.model.name, 200)}{several}, split {first.split}{shown}{crops}\n"
        f"per cent of {len(first):,} videos of {len(first.classes):,} classes; intervals resample "
        f"{score.units:,} {units}"
    )


def calibration_lines(score: ClassScore) -> list[str]:
    """What the temperature does."""
    found = score.calibration
    if not score.model.first.calibrated:
        return [
            f"calibration error {percent(found.error)} %, no temperature fitted; mean negative "
            f"log-likelihood {found.likelihood:.3f}"
        ]
    temperatures = ", ".join(f"{t:.2f}" for t in found.temperatures)
    return [
        f"calibration error {percent(found.error_before)} %, {percent(found.error)} % at the "
        f"temperature fitted on validation ({clipped(temperatures, 60)}); mean negative "
        f"log-likelihood {found.likelihood_before:.3f}, {found.likelihood:.3f}"
    ]


def class_table(score: ClassScore) -> str:
    """Each class, the worst first; of many the worst alone."""
    each, classes = score.per_class, score.model.first.classes
    order = np.argsort(np.where(np.isfinite(each.f1), each.f1, np.inf), kind="stable")
    seeds = len(score.model.each)
    rows = [
        (
            clipped(classes[i], 40),
            [
                f"{each.count[i] // seeds:,}",
                *(_share(float(values[i])) for values in (each.precision, each.recall, each.f1)),
            ],
        )
        for i in order[:SHOWN].tolist()
    ]
    more = len(classes) - SHOWN
    lines = [grid(["videos", "precision", "recall", "F1"], rows)]
    return "\n".join([*lines, *[f"and {more:,} better classes"] * (more > 0)])


def summary(score: ClassScore) -> dict[str, Any]:
    """All numbers as plain types; each metric's name begins with the split's."""
    first, split, hidden = score.model.first, score.model.first.split, score.order_only
    out: dict[str, Any] = {
        "task": "classification",
        "run": score.model.name,
        "runs": [path for one in score.model.each for path in one.sources],
        "split": split,
        "video": first.video,
        "frames": first.frames,
        "crops": first.crops,
        "videos": len(first),
        "classes": len(first.classes),
        "resampled": score.resampled,
        "resampled_units": score.units,
        "chance": 1 / len(first.classes),
    }
    for name, row in score.rows.items():
        out[f"{split}/{name}"] = row.accuracy
        out[f"{split}/{name}_interval"] = score.intervals[name]
        if len(row.seeds) > 1:
            out[f"{split}/{name}_seeds"] = list(row.seeds)
            out[f"{split}/{name}_deviation"] = float(np.std(row.seeds, ddof=1))
        if name != "accuracy":
            out[f"{name}_source"] = row.source
    out[f"{split}/mean_class_accuracy"] = score.mean_class
    out[f"{split}/mean_class_accuracy_interval"] = score.mean_class_interval
    if score.top is not None:
        out[f"{split}/top5_accuracy"] = score.top
    if score.gain:
        out |= _plain(f"{split}/motion_gain", score.gain)
    for one in score.above:
        out |= _plain(f"{split}/above_{one.above}", one)
    if hidden:
        out["order_only_classes"] = list(hidden.classes)
        out["order_only_videos"] = hidden.count
        out["order_only_chance"] = hidden.chance
        for name, row in hidden.rows.items():
            out[f"{split}/order_only/{name}"] = row.accuracy
            out[f"{split}/order_only/{name}_interval"] = hidden.intervals[name]
        if hidden.gain:
            out |= _plain(f"{split}/order_only/motion_gain", hidden.gain)
    found = score.calibration
    out |= {
        f"{split}/calibration_error": found.error_before,
        f"{split}/negative_log_likelihood": found.likelihood_before,
    }
    if first.calibrated:
        out |= {
            "temperatures": list(found.temperatures),
            f"{split}/calibration_error_calibrated": found.error,
            f"{split}/negative_log_likelihood_calibrated": found.likelihood,
        }
    return out


def per_class_records(score: ClassScore) -> list[dict[str, Any]]:
    """Each class by name, in the order of the label file; a share that there is not is None."""
    each, seeds = score.per_class, len(score.model.each)
    return [
        {
            "class": name,
            "videos": int(each.count[i]) // seeds,
            **{
                key: float(values[i]) if np.isfinite(values[i]) else None
                for key, values in (
                    ("precision", each.precision), ("recall", each.recall), ("f1", each.f1)
                )
            },
        }
        for i, name in enumerate(score.model.first.classes)
    ]  # fmt: skip


def _plain(name: str, one: Difference) -> dict[str, Any]:
    found: dict[str, Any] = {name: one.value, f"{name}_interval": one.interval}
    if one.p is not None:
        found[f"{name}_p"] = one.p
    if "motion_gain" in name:
        found[f"{name}_over"] = one.above
    return found


def _share(value: float | None) -> str:
    return "–" if value is None or not np.isfinite(value) else percent(value)
