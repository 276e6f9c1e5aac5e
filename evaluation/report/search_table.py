"""Tables of searches in results/README.md, from the JSON of `evaluate.py retrieval`.

    msvd_549_retrieval:
      of: searches
      columns: [R@1, MRR]              # of `COLUMNS`
      rows:
        - {label: chance, file: msvd_549_retrieval-pooled/test-retrieval.json,
           row: text_to_video/chance}  # what the names of its numbers begin with, after the split
        - {label: "re-ranked, less the embedding", file: ..., row: change/reranked}
        - {label: "test clips", file: ..., row: ""}  # false alarms and misses

A cell is the number, the deviation over the seeds where there are several, and the interval over
videos where the file has one.
"""

import json
import statistics
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from evaluation.format import Interval, between, markdown, percent
from util.errors import UserError

ROW_KEYS = {"label", "file", "row"}


@dataclass(frozen=True)
class Column:
    """A metric as it stands in the file, and how its numbers are written."""

    key: str
    value: Callable[[float], str]
    interval: Callable[[Interval], str]


def _share(key: str) -> Column:
    return Column(key, percent, between)


def _number(value: float) -> str:
    return f"{value:.3g}"


COLUMNS = {
    "R@1": _share("R1"),
    "R@5": _share("R5"),
    "R@10": _share("R10"),
    "MRR": _share("MRR"),
    "median rank": Column("median_rank", _number, lambda ends: "-".join(map(_number, ends))),
    "false alarms": _share("false_alarms"),
    "misses": _share("misses"),
    "alarms without the object's videos": _share("hidden_alarms"),
    "change of R@1": Column(
        "R1", lambda value: f"{100 * value:+.1f}", lambda ends: between(ends, sign=True)
    ),
    "relative": Column(
        "R1_relative",
        lambda value: f"{100 * value:+.1f} %",
        lambda ends: f"{100 * ends[0]:+.0f}..{100 * ends[1]:+.0f}",
    ),
    "weight": Column("weight", _number, str),
}


def of_searches(spec: dict[str, Any]) -> bool:
    """Whether a table is one of these."""
    return spec.get("of") == "searches"


def missing_files(spec: dict[str, Any], results: Path) -> list[str]:
    """Files of a table that are not on this machine."""
    named = dict.fromkeys(row["file"] for row in spec["rows"])
    return [name for name in named if not (results / name).is_file()]


def build(spec: dict[str, Any], results: Path) -> str:
    """One table in Markdown.  Raises UserError where a file lacks a number."""
    columns = spec["columns"]
    lines = [markdown(["", *columns]), "|-" * (1 + len(columns)) + "|"]
    for row in spec["rows"]:
        path = results / row["file"]
        content = json.loads(path.read_text(encoding="utf-8"))
        prefix = "/".join(part for part in (content["split"], row["row"]) if part)
        cells = [_cell(content, prefix, COLUMNS[column], path) for column in columns]
        lines.append(markdown([row["label"], *cells]))
    return "\n".join(lines)


def check(name: str, spec: dict[str, Any], path: str | Path) -> None:
    """Raise UserError, naming the table, for a row or column that is none."""
    for row in spec["rows"]:
        if not isinstance(row, dict) or row.keys() != ROW_KEYS:
            raise UserError(f"{path}: table {name}, row {row}: needs label, file and row alone")
    for column in spec["columns"]:
        if column not in COLUMNS:
            known = ", ".join(COLUMNS)
            raise UserError(f"{path}: table {name}: column {column!r} is none of {known}")


def _cell(content: dict[str, Any], prefix: str, column: Column, path: Path) -> str:
    key = f"{prefix}/{column.key}"
    if content.get(key) is None:
        raise UserError(f"{path}: has no {key}; name another row, or score the runs anew")
    cell = column.value(content[key])
    if len(seeds := content.get(f"{key}_seeds", [])) > 1:
        deviation = statistics.stdev(seeds)
        cell += f" ± {percent(deviation) if column.value is percent else f'{deviation:.1f}'}"
    interval = content.get(f"{key}_interval")
    return cell if interval is None else f"{cell} [{column.interval(interval)}]"
