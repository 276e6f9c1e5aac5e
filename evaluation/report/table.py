"""The tables of results/README.md, written anew from the runs' JSON.

`results/tables.yaml` says which runs make up which rows:

    msvd_476:                                   # <!-- table msvd_476 --> ... <!-- end -->
      split: test
      columns: [all, what, who]                 # all questions, and types; a mapping joins several
                                              # types: {all of it: [all]} is the type called all
      question_only: msvd_476_question_only  # what the vision gain subtracts; may be left out
      against: with video                    # or: the row that is subtracted from the others; the
                                             # difference has intervals over videos and over seeds
      gain_of: with video                    # label of a row whose gain is also given by type
      rows:
        - {label: with video, runs: msvd_476, file: real, learned: one sentence}

`runs: NAME` is the runs NAME_s1, NAME_s2, ... of `train.py --seeds`, or else the one run NAME; a
cell is the mean over them with their standard deviation.  A table whose runs are not all on this
machine stays as it is, and is named.
"""

import json
import re
import statistics
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from evaluation.format import TOTAL, between, markdown, percent, signed
from evaluation.predictions_file import truth_of_records
from evaluation.score import answers_file
from options.evaluate import TableOptions
from util.errors import UserError
from util.files import check_output, whole_file
from util.statistics import Bootstrap, seeds_interval

ROW_KEYS = {"label", "runs", "file", "learned"}


def run(options: TableOptions) -> int:
    """Write the tables anew; 1 when one had to stay as it was."""
    check_output(options.readme, "--readme", inputs={"--tables": options.tables})
    return 1 if rebuild(options) else 0


def rebuild(options: TableOptions) -> list[str]:
    """Write every table anew; returns the names of those that had to stay as they are.

    Raises UserError for a damaged tables file, a README without a table's marks, runs of one row
    that answer different questions.
    """
    specs = _read_specs(Path(options.tables))
    readme = Path(options.readme)
    try:
        text = readme.read_text(encoding="utf-8")
    except OSError as error:
        raise UserError(f"{readme}: not readable ({error.strerror}); check --readme") from error
    kept = []
    for name, spec in specs.items():
        marks = re.compile(rf"(<!-- table {re.escape(name)} -->\n).*?(<!-- end -->)", re.DOTALL)
        if len(marks.findall(text)) != 1:
            raise UserError(
                f"{readme}: needs `<!-- table {name} -->` and `<!-- end -->` once each, around the "
                f"table {name} of {options.tables}"
            )
        missing = [r["runs"] for r in spec["rows"] if not _files(r, spec, Path(options.results))]
        if missing:
            kept.append(name)
            print(f"{name}: stays as it is, no run here for {', '.join(missing)}")
            continue
        table = build(spec, Path(options.results))
        text = marks.sub(lambda m, table=table: m[1] + table + "\n" + m[2], text)
        print(f"{name}: {len(spec['rows'])} rows")
    with whole_file(readme) as partial:
        partial.write_text(text, encoding="utf-8")
    return kept


def build(spec: dict[str, Any], results: Path) -> str:
    """One table in Markdown."""
    rows = [_Row(row, spec, results) for row in spec["rows"]]
    first = rows[0]
    for row in rows:
        if not np.array_equal(row.id, first.id):
            raise UserError(
                f"{row.runs}: answers {len(row.id)} questions, {first.runs} {len(first.id)}, or "
                "others: a table is of one question file"
            )
    bootstrap = Bootstrap(first.video, first.type)
    by_label = {row.label: row for row in rows}
    # Each column after the label: its heading, and what it says of a row.
    columns: list[tuple[str, Callable[[_Row], str]]] = []
    for name, kinds in _columns(spec):
        mask = np.array([kinds is None or kind in kinds for kind in first.type])
        columns.append((f"{name} ({mask.sum():,})", partial(_Row.accuracy, mask=mask)))
    reference = None  # (Q,) mean hits over seeds of what the rows are held against
    if spec.get("question_only"):
        row = {"label": "", "runs": spec["question_only"], "file": "none"}
        reference = _Row(row, spec, results).hits.mean(0)
        gain = partial(_over_videos, reference=reference, bootstrap=bootstrap)
        columns.append(("vision gain", gain))
    elif spec.get("against"):
        other = by_label[spec["against"]]
        reference = other.hits.mean(0)
        difference = partial(_over_videos, reference=reference, bootstrap=bootstrap)
        columns.append(("difference, over videos", difference))
        columns.append(("difference, over seeds", partial(_over_seeds, other=other)))
    if any("learned" in row for row in spec["rows"]):
        columns.append(("learned", lambda row: row.learned))
    lines = [markdown(["", *(heading for heading, _ in columns)]), "|-" * (1 + len(columns)) + "|"]
    lines += [markdown([row.label, *(cell(row) for _, cell in columns)]) for row in rows]
    if reference is not None and spec.get("gain_of"):
        row = by_label[spec["gain_of"]]
        cells = _gain_by_type(row.hits.mean(0) - reference, spec, bootstrap)
        cells += [""] * (len(columns) - len(cells))
        lines.append(markdown([f"vision gain, {row.label}", *cells]))
    return "\n".join(lines)


def _gain_by_type(gain: np.ndarray, spec: dict[str, Any], bootstrap: Bootstrap) -> list[str]:
    """The gain (Q,) in each of the spec's columns; several types joined have no interval."""
    mean, interval = bootstrap.accuracy(gain), bootstrap.interval(gain)
    cells = []
    for _, kinds in _columns(spec):
        cell = "–"
        if kinds is None:
            cell = signed(mean.total, interval.total)
        elif len(kinds) == 1 and kinds[0] in interval.by_type:
            cell = signed(mean.by_type[kinds[0]], interval.by_type[kinds[0]])
        cells.append(cell)
    return cells


def _columns(spec: dict[str, Any]) -> list[tuple[str, list[str] | None]]:
    """Head and question types of each column; None: all questions."""
    columns: list[tuple[str, list[str] | None]] = []
    for column in spec["columns"]:
        if isinstance(column, dict):
            columns += column.items()
        else:
            columns.append((column, None if column == TOTAL else [column]))
    return columns


class _Row:
    """The answers of several seeds of one model."""

    def __init__(self, row: dict[str, Any], spec: dict[str, Any], results: Path) -> None:
        self.label, self.runs = row["label"], row["runs"]
        self.learned = row.get("learned", "")
        files = _files(row, spec, results)
        if not files:
            raise UserError(f"{results}: no run {self.runs} with {row['file']} answers; train it")
        hits = []
        for file in files:
            records = json.loads(file.read_text())["predictions"]
            truth = truth_of_records(str(file), records)
            if not hits:
                self.id, self.type, self.video = truth.id, truth.type, truth.video
            elif not np.array_equal(self.id, truth.id):
                raise UserError(
                    f"{file} and {files[0]} answer different questions: score both runs anew"
                )
            hits.append([record["correct"] for record in records])
        self.hits = np.array(hits, dtype=float)  # (seeds, Q)

    def accuracy(self, mask: np.ndarray) -> str:
        """Mean and deviation over seeds of the accuracy where `mask` (Q,) bool."""
        if not mask.any():
            return "–"
        values = [100 * float(v) for v in self.hits[:, mask].mean(1)]
        spread = f" ± {statistics.stdev(values):.1f}" if len(values) > 1 else " (one seed)"
        return f"{statistics.mean(values):.1f}{spread}"


def _over_videos(row: _Row, reference: np.ndarray, bootstrap: Bootstrap) -> str:
    """Gain of the mean over seeds, with its interval over videos."""
    gain = row.hits.mean(0) - reference
    if not gain.any():
        return "–"
    middle = percent(bootstrap.accuracy(gain).total)
    sign = "" if middle.startswith("-") else "+"
    return f"{sign}{middle} [{between(bootstrap.interval(gain).total, sign=True)}]"


def _over_seeds(row: _Row, other: _Row) -> str:
    """Difference of two means over seeds, with its interval: other seeds, other means."""
    if row is other or min(len(row.hits), len(other.hits)) < 2:
        return "–"
    ours, theirs = (100 * one.hits.mean(1) for one in (row, other))
    low, high = seeds_interval(ours, theirs)
    return f"{ours.mean() - theirs.mean():+.1f} [{low:+.1f}..{high:+.1f}]"


def _files(row: dict[str, Any], spec: dict[str, Any], results: Path) -> list[Path]:
    """The answers of a row's runs that are on this machine, by name."""
    split = spec.get("split", "test")
    name = re.compile(re.escape(row["runs"]) + r"_s\d+")  # not RUN_short1, RUN_s1_longer2
    seeds = sorted(f for f in results.iterdir() if name.fullmatch(f.name))
    folders = seeds or [results / row["runs"]]
    files = [answers_file(folder, split, row["file"]) for folder in folders]
    return [file for file in files if file.is_file()]


def _read_specs(path: Path) -> dict[str, Any]:
    """The tables file; UserError, naming the table, where something is missing."""
    try:
        specs = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, yaml.YAMLError) as error:
        raise UserError(
            f"{path}: not readable as YAML ({' '.join(str(error).split())}); check --tables"
        ) from error
    if not isinstance(specs, dict) or not specs:
        raise UserError(f"{path}: no tables; it maps names of tables to columns and rows")
    for name, spec in specs.items():
        if not isinstance(spec, dict) or not spec.get("rows") or not spec.get("columns"):
            raise UserError(f"{path}: table {name} needs `columns` and `rows`")
        for row in spec["rows"]:
            if not row.keys() <= ROW_KEYS or not row.keys() >= {"label", "runs", "file"}:
                raise UserError(
                    f"{path}: table {name}, row {row}: needs label, runs and file (real, none or "
                    "shuffled), may have learned, and nothing else"
                )
        for column in spec["columns"]:
            joined = column.items() if isinstance(column, dict) else [(column, [column])]
            for head, kinds in joined:
                if not all(isinstance(text, str) for text in (head, *kinds)):
                    raise UserError(
                        f"{path}: table {name}: column {head!r} of {kinds!r}: names of question "
                        "types are text; put them in quotes (YAML reads yes, no and 1 otherwise)"
                    )
        labels = [row.get("label") for row in spec["rows"]]
        for key in ("gain_of", "against"):
            if spec.get(key, labels[0]) not in labels:
                raise UserError(f"{path}: table {name}: {key} {spec[key]!r} is no row's label")
    return specs
