"""What is measured of a search as a table for the terminal, and as plain types."""

from typing import Any

import numpy as np

from evaluation.format import Interval, between, grid, percent, signed
from evaluation.retrieval.measures import METRICS, Change, Ranks
from evaluation.retrieval.score import OVER, ROWS, SearchScore
from inference.retrieval.threshold import RATE
from util.text import clipped


def table(score: SearchScore) -> str:
    """The table for the terminal."""
    of = score.of
    rows = [("chance", _plain_cells(score.chance))]
    for name, ranks in score.rows.items():
        rows.append((ROWS[name], [_cell(ranks, metric) for metric in METRICS]))
        if not name.startswith(("random", "other")):
            cells = [_ends(score.intervals[name][metric], metric) for metric in METRICS]
            rows.append(("  95 % interval", cells))
    lines = [_title(score), "videos found by captions", grid(METRICS, rows)]
    rows = [("chance", _plain_cells(score.text_chance))]
    rows.append(("embedding", [_cell(score.to_text, metric) for metric in METRICS]))
    cells = [_ends(score.text_intervals[metric], metric) for metric in METRICS]
    rows.append(("  95 % interval", cells))
    lines += [f"captions found by videos, the best of {len(of.every_text):,}", grid(METRICS, rows)]
    lines += _reranking(score)
    lines += [absent_line(score)]
    return "\n".join([*lines, *score.notes])


def absent_line(score: SearchScore) -> str:
    """How often something is found that is not there, and nothing that is."""
    alarms, misses, hidden = (
        float(np.mean([getattr(one, name) for one in score.absent]))
        for name in ("false_alarms", "misses", "hidden_alarms")
    )
    first = score.absent[0]
    line = (
        f'"nothing here shows this", at a threshold for {percent(RATE, 0)} % of false alarms: '
        f"{percent(alarms)} % [{between(score.alarm_interval)}] of {first.foreign:,} foreign "
        f"queries find something, "
        f"{percent(misses)} % [{between(score.missed_interval)}] of the captions nothing"
    )
    if first.hidden:
        line += (
            f"; of {first.hidden:,} captions whose object's videos are all left out "
            f"{percent(hidden)} % find something"
        )
    return line


def summary(score: SearchScore) -> dict[str, Any]:
    """All numbers as plain types; each metric's name begins with the split's."""
    of, split = score.of, score.of.split
    out: dict[str, Any] = {
        "task": "retrieval",
        "run": score.name,
        "runs": list(score.runs),
        "split": split,
        "among": score.among,
        "protocol": score.protocol,
        "queries": len(of.texts),
        "videos": len(of.ids),
        "captions": len(of.every_text),
        "resampled_videos": score.videos,
    }
    for direction, chance, rows, intervals in (
        ("text_to_video", score.chance, score.rows, score.intervals),
        ("video_to_text", score.text_chance, {"embedding": score.to_text},
         {"embedding": score.text_intervals}),
    ):  # fmt: skip
        for metric in METRICS:
            key = metric.replace("@", "").replace(" ", "_")
            out[f"{split}/{direction}/chance/{key}"] = chance[metric]
            for name, ranks in rows.items():
                place = f"{split}/{direction}/{name}/{key}"
                out[place] = ranks.mean(metric)
                out[f"{place}_interval"] = intervals[name][metric]
                if len(ranks.rank) > 1:
                    out[f"{place}_seeds"] = ranks.seeds(metric)
    out["weight"] = score.weights.get("embedding")  # None: nothing is re-ranked
    for name, changes in score.changes.items():
        out[f"{split}/change/{name}/weight"] = score.weights[OVER.get(name, "embedding")]
        for metric, change in changes.items():
            place = f"{split}/change/{name}/{metric.replace('@', '')}"
            out[place] = change.value
            out[f"{place}_interval"] = change.interval
            out[f"{place}_relative"] = change.relative
            out[f"{place}_relative_interval"] = change.relative_interval
    if score.look is not None:
        out["asked"] = int(score.look.queries.sum())
    for name in ("threshold", "false_alarms", "misses", "hidden_alarms"):
        out[f"{split}/{name}"] = float(np.mean([getattr(one, name) for one in score.absent]))
    out[f"{split}/misses_interval"] = score.missed_interval
    out[f"{split}/false_alarms_interval"] = score.alarm_interval
    out |= {"foreign": score.absent[0].foreign, "hidden": score.absent[0].hidden}
    return {key: _finite(value) for key, value in out.items()}


def records(score: SearchScore) -> list[dict[str, Any]]:
    """One plain dict a query: its caption and video, its rank by each seed, what is asked of it."""
    of, look = score.of, score.look
    out = []
    for i, text in enumerate(of.texts):
        one: dict[str, Any] = {"caption": text, "video": of.ids[of.segment[i]]}
        one |= {name: ranks.rank[:, i].tolist() for name, ranks in score.rows.items()}
        if look is not None:
            one["asked"] = [[asked.question, asked.word] for asked in look.asked[i]]
        out.append(one)
    return out


def _reranking(score: SearchScore) -> list[str]:
    if score.look is None or "reranked" not in score.changes:
        return []
    count = int(score.look.queries.sum())
    lines = [
        f"re-ranking, weight {score.weights['embedding']:g}: of {len(score.of.texts):,} queries "
        f"{count:,} make a question"
    ]
    for name, label in (("reranked", "all queries"), ("asked", "those with a question")):
        if name in score.changes:
            lines.append(f"  {label}: {_changed(score.changes[name]['R@1'])} R@1")
    for name in ("random_word", "other_question", "captions_reranked"):
        if name in score.changes:
            change = score.changes[name]["R@1"]
            lines.append(f"  {ROWS[name].strip()}: {_changed(change)} R@1")
    return lines


def _changed(change: Change) -> str:
    low, high = change.relative_interval
    return (
        f"{signed(change.value, change.interval)}, relative {100 * change.relative:+.1f} % "
        f"[{100 * low:+.1f}..{100 * high:+.1f}]"
    )


def _title(score: SearchScore) -> str:
    of = score.of
    seeds = len(score.runs)
    several = f" (mean ± deviation of {seeds} seeds)" if seeds > 1 else ""
    queries = "each caption a query" if score.protocol == "captions" else "one caption a video"
    where = "of the split" if score.among == "split" else "of all splits"
    return (
        f"{clipped(score.name, 200)}{several}, split {of.split}\n"
        f"protocol: {queries}, {len(of.texts):,} among {len(of.ids):,} videos {where}; intervals "
        f"resample {score.videos:,} videos"
    )


def _cell(ranks: Ranks, metric: str) -> str:
    each = ranks.seeds(metric)
    deviation = float(np.std(each, ddof=1)) if len(each) > 1 else None
    return _value(float(np.mean(each)), metric, deviation)


def _plain_cells(values: dict[str, float]) -> list[str]:
    return [_value(values[metric], metric) for metric in METRICS]


def _value(value: float, metric: str, deviation: float | None = None) -> str:
    if metric == "median rank":
        return f"{value:.3g}" + ("" if deviation is None else f" ± {deviation:.1f}")
    return percent(value) + ("" if deviation is None else f" ± {percent(deviation)}")


def _ends(interval: Interval, metric: str) -> str:
    low, high = interval
    return f"{low:.3g}-{high:.3g}" if metric == "median rank" else between(interval)


def _finite(value: Any) -> Any:
    """None in place of a number that is none."""
    if isinstance(value, tuple | list):
        return [_finite(one) for one in value]
    return None if isinstance(value, float) and not np.isfinite(value) else value
