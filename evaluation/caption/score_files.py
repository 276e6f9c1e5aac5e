"""`evaluate.py captions`: captions of any model, printed beside what they must be judged by."""

import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from evaluation.caption.intervals import CaptionBootstrap
from evaluation.caption.material import Material, load_material
from evaluation.caption.meteor import Meteor, meteor_or_why
from evaluation.caption.scores import METRICS, CaptionScores
from evaluation.caption.truth_rows import best_constant, of_other_videos, variety
from evaluation.format import Interval, between, grid, percent
from options.evaluation.captions import CaptionFileOptions
from util.errors import UserError
from util.files import check_output, whole_file
from util.text import clipped


def run(options: CaptionFileOptions) -> int:
    """Score, print and write; the last line printed is JSON."""
    reads = {
        "--predictions": options.predictions,
        **{f"--references {path}": path for path in options.references},
        "--train": options.train,
        "--against": options.against,
    }
    if options.output:
        check_output(options.output, inputs=reads)
    with meteor_or_why() as (meteor, missing):
        found = _scored(options, meteor, missing)
    if options.output:
        with whole_file(Path(options.output)) as partial:
            partial.write_text(json.dumps(found, indent=1), encoding="utf-8")
        print(f"all numbers: {options.output}")
    del found["segments"]
    print(json.dumps(found))
    return 0


def _scored(options: CaptionFileOptions, meteor: Meteor | None, missing: str) -> dict[str, Any]:
    """Print the scores of --predictions, and beside those of --against.  -> all numbers"""
    mine, other = load_material(options, meteor)
    if other is not None and mine.name != other.name:
        raise UserError(
            f"--against {options.against}: scored on {other.name}, --predictions on {mine.name}; "
            "name files of the same segments"
        )
    scores = mine.score(mine.captions)
    found = report(mine, scores, options.predictions, seed=options.seed)
    if other is not None:
        found |= compare(mine, scores, other, options.against or "")
    if missing:
        print(f"METEOR is missing: {missing}")
        found["meteor_missing"] = missing
    return found


def report(mine: Material, scores: CaptionScores, source: str, *, seed: int) -> dict[str, Any]:
    """Print the scores of captions beside their truth rows.  -> all numbers, as plain types"""
    intervals = CaptionBootstrap(mine.units).interval(scores)
    rows = {"these captions": _cells(scores.corpus), "  95 % interval": _between(intervals)}
    found: dict[str, Any] = {
        "predictions": source,
        "scored_on": mine.name,
        "captions": len(mine.captions),
        "videos": len(set(mine.videos)),
        **_named(scores.corpus, mine.name),
        "intervals": _named(intervals, mine.name),
    }
    if len(set(mine.videos)) > 1:
        moved = mine.score(of_other_videos(mine.captions, mine.videos, seed))
        rows["captions of other videos"] = _cells(moved.corpus)
        found["other_videos"] = _named(moved.corpus, mine.name)
    lines = [f"NOTE {note}" for note in mine.notes]
    said = variety(list(mine.captions.values()), mine.training)
    copied = ""
    if mine.training is not None:
        constant = best_constant(mine.training)
        same = mine.score(dict.fromkeys(mine.captions, constant.caption))
        rows["best constant caption"] = _cells(same.corpus)
        found["constant"] = _named(same.corpus, mine.name)
        found["constant_caption"] = asdict(constant)
        lines.append(
            f"constant caption: {clipped(constant.caption, 80)!r}, the best by CIDEr-D "
            f"({percent(constant.cider)}) on training of all {constant.candidates:,} captions there"
        )
        copied = f"; {percent(said.copied or 0)} % are training captions word for word"
    else:
        lines.append("no constant caption and no share of copies: name training captions, --train")
    lines.append(
        f"{said.distinct:,} distinct captions of {len(mine.captions):,}{copied}; "
        f"{said.mean_words:.1f} words each"
    )
    print(
        f"{source}: {len(mine.captions):,} captions of {len(set(mine.videos)):,} videos\n"
        f"scores x 100 on {mine.name}"
    )
    print(grid(METRICS, rows.items()))
    print("\n".join(lines))
    each = {name: dict(zip(scores.ids, values.tolist(), strict=True))
            for name, values in scores.segments.items()}  # fmt: skip
    return {**found, "variety": asdict(said), "segments": each}


def compare(mine: Material, scores: CaptionScores, other: Material, source: str) -> dict[str, Any]:
    """Print how much captions score above others of the same segments, with paired intervals."""
    theirs = other.score(other.captions)
    found = CaptionBootstrap(mine.units).difference(theirs, scores)
    difference = {name: value for name, (value, _) in found.items()}
    intervals = {name: interval for name, (_, interval) in found.items()}
    shown = {name: f"{100 * value:+.1f}" for name, value in difference.items()}
    rows = {
        clipped(Path(source).name, 40): _cells(theirs.corpus),
        "these captions minus those": [shown.get(name, "–") for name in METRICS],
        "  95 % interval": _between(intervals, sign=True),
    }
    print(grid(METRICS, rows.items()))
    return {
        "against": source,
        "against_scores": _named(theirs.corpus, mine.name),
        "difference": _named(difference, mine.name),
        "difference_intervals": _named(intervals, mine.name),
    }


def _cells(corpus: Mapping[str, float]) -> list[str]:
    return [percent(corpus[name]) if name in corpus else "–" for name in METRICS]


def _between(intervals: Mapping[str, Interval], *, sign: bool = False) -> list[str]:
    return [between(intervals[n], sign=sign) if n in intervals else "–" for n in METRICS]


def _named(values: Mapping[str, Any], name: str) -> dict[str, Any]:
    """Each metric under its full name, which says what it was measured on."""
    return {f"{metric} {name}": values[metric] for metric in METRICS if metric in values}
