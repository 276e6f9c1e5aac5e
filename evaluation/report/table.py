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
      metric: mse                            # of counts: mse, exact or mae
      rows:
        - {label: with video, runs: msvd_476, file: real, learned: one sentence}
        - {label: chance, runs: tgif, file: real, row: chance}  # of these files: prior, ...

`runs: NAME` is the runs NAME_s1, NAME_s2, ... of `train.py --seeds`, or else the one run NAME; a
cell is the mean over them with their standard deviation: an accuracy in per cent, or an error of
counts, of which a gain or difference above 0 is what is saved.  A table whose runs are not all on
this machine stays as it is, and is named.  Tables `of: searches`: `evaluation.report.search_table`.
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

from data_loader.questions import Kind
from evaluation.format import TOTAL, markdown
from evaluation.kind.count import errors
from evaluation.kind.metric import Metric
from evaluation.kind.table import MEASURES
from evaluation.report import search_table
from evaluation.score import answers_file
from evaluation.truth import Truth, truth_of_records
from options.evaluate import TableOptions
from util.errors import UserError
from util.files import check_output, whole_file
from util.statistics import Bootstrap, seeds_interval
from util.text_file import read_text

ROW_KEYS = {"label", "runs", "file", "learned", "row"}


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
    text, kept = read_text(readme, "check --readme"), []
    for name, spec in specs.items():
        marks = re.compile(rf"(<!-- table {re.escape(name)} -->\n).*?(<!-- end -->)", re.DOTALL)
        if len(marks.findall(text)) != 1:
            raise UserError(
                f"{readme}: needs `<!-- table {name} -->` and `<!-- end -->` once each, around the "
                f"table {name} of {options.tables}"
            )
        results, searches = Path(options.results), search_table.of_searches(spec)
        lacks = search_table.missing_files if searches else _runs_without_files
        if missing := lacks(spec, results):
            kept.append(name)
            print(f"{name}: stays as it is, no run here for {', '.join(missing)}")
            continue
        table = search_table.build(spec, results) if searches else build(spec, results)
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
        if not np.array_equal(row.id, first.id) or row.metric != first.metric:
            raise UserError(
                f"{row.runs}: answers {len(row.id)} questions, {first.runs} {len(first.id)}, or "
                "others: a table is of one question file"
            )
    metric = first.metric
    bootstrap = Bootstrap(first.video, first.type)
    by_label = {row.label: row for row in rows}
    # Each column after the label: its heading, and what it says of a row.
    columns: list[tuple[str, Callable[[_Row], str]]] = []
    for name, kinds in _columns(spec):
        mask = np.array([kinds is None or kind in kinds for kind in first.type])
        columns.append((f"{name} ({mask.sum():,})", partial(_Row.mean, mask=mask)))
    reference = None  # (Q,) mean over seeds of what the rows are held against
    if spec.get("question_only"):
        row = {"label": "", "runs": spec["question_only"], "file": "none"}
        reference = _Row(row, spec, results).numbers.mean(0)
        gain = partial(_over_videos, reference=reference, bootstrap=bootstrap)
        columns.append((metric.gain, gain))
    elif spec.get("against"):
        other = by_label[spec["against"]]
        reference = other.numbers.mean(0)
        difference = partial(_over_videos, reference=reference, bootstrap=bootstrap)
        what = "difference" if metric.share else f"{metric.title} saved"
        columns.append((f"{what}, over videos", difference))
        columns.append((f"{what}, over seeds", partial(_over_seeds, other=other)))
    if any("learned" in row for row in spec["rows"]):
        columns.append(("learned", lambda row: row.learned))
    lines = [markdown(["", *(heading for heading, _ in columns)]), "|-" * (1 + len(columns)) + "|"]
    lines += [markdown([row.label, *(cell(row) for _, cell in columns)]) for row in rows]
    if reference is not None and spec.get("gain_of"):
        row = by_label[spec["gain_of"]]
        gain = metric.gained(row.numbers.mean(0), reference)
        cells = _gain_by_type(gain, metric, spec, bootstrap)
        cells += [""] * (len(columns) - len(cells))
        lines.append(markdown([f"{metric.gain}, {row.label}", *cells]))
    return "\n".join(lines)


def _gain_by_type(
    gain: np.ndarray, metric: Metric, spec: dict[str, Any], bootstrap: Bootstrap
) -> list[str]:
    """The gain (Q,) in each of the spec's columns; several types joined have no interval."""
    mean, interval = bootstrap.accuracy(gain), bootstrap.interval(gain)
    cells = []
    for _, kinds in _columns(spec):
        cell = "–"
        if kinds is None:
            cell = metric.changed(mean.total, interval.total)
        elif len(kinds) == 1 and kinds[0] in interval.by_type:
            cell = metric.changed(mean.by_type[kinds[0]], interval.by_type[kinds[0]])
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
        self.beside = row.get("row")  # a row of the runs' tables, in place of the runs themselves
        files = _files(row, spec, results)
        if not files:
            raise UserError(f"{results}: no run {self.runs} with {row['file']} answers; train it")
        numbers = []
        for file in files:
            content = json.loads(file.read_text())
            truth = truth_of_records(str(file), content["predictions"], content)
            if not numbers:
                self.id, self.type, self.video = truth.id, truth.type, truth.video
                self.metric = _metric(spec.get("metric"), truth.kind, file)
            elif not np.array_equal(self.id, truth.id):
                raise UserError(
                    f"{file} and {files[0]} answer different questions: score both runs anew"
                )
            if self.beside is None:
                numbers.append(_numbers(content["predictions"], truth, self.metric))
            else:
                numbers.append(_beside(content, truth, self.metric, self.beside, file))
        self.numbers = np.array(numbers, dtype=float)  # (seeds, Q)

    def mean(self, mask: np.ndarray) -> str:
        """Mean and deviation over seeds of the metric where `mask` (Q,) bool."""
        if not mask.any():
            return "–"
        values = self.metric.spread(self.numbers[:, mask].mean(1).tolist())
        digits = 1 if self.metric.share else 2
        spread = f" ± {statistics.stdev(values):.{digits}f}" if len(values) > 1 else " (one seed)"
        return f"{statistics.mean(values):.{digits}f}{spread}"


def _metric(name: str | None, kind: Kind, file: Path) -> Metric:
    """The metric of a table; UserError for one that a kind of answers does not have."""
    metrics = {metric.key: metric for metric in MEASURES[kind].metrics}
    if name is None:
        return MEASURES[kind].main
    if name not in metrics:
        raise UserError(
            f"--tables: metric {name}: {file} holds answers of kind {kind}, which are measured by "
            f"{', '.join(metrics)}; name one, or leave it out"
        )
    return metrics[name]


def _numbers(records: list[dict[str, Any]], truth: Truth, metric: Metric) -> np.ndarray:
    """One run's numbers of a metric (Q,), whose means count."""
    if truth.kind != "count" or truth.right is None:
        return np.array([record["correct"] for record in records], dtype=float)
    told = np.array([int(record["predicted"]) for record in records])
    return errors(told, truth.right)[metric.key]


def _beside(
    content: dict[str, Any], truth: Truth, metric: Metric, row: str, file: Path
) -> np.ndarray:
    """A row of a run's table: of each question the mean of its type (Q,)."""
    key = f"{content['split']}/{MEASURES[truth.kind].named(metric, row)}"
    if key not in content:
        raise UserError(f"--tables: row {row}: {file} has no {key}; name one that it has")
    return np.array([content[key]["by_type"][kind] for kind in truth.type.tolist()])


def _over_videos(row: _Row, reference: np.ndarray, bootstrap: Bootstrap) -> str:
    """Gain of the mean over seeds, with its interval over videos; of an error what is saved."""
    metric = row.metric
    gain = metric.gained(row.numbers.mean(0), reference)
    if row.beside or not gain.any():
        return "–"
    middle = metric.cell(bootstrap.accuracy(gain).total)
    sign = "" if middle.startswith("-") else "+"
    return f"{sign}{middle} [{metric.change_between(bootstrap.interval(gain).total)}]"


def _over_seeds(row: _Row, other: _Row) -> str:
    """Difference of two means over seeds, with its interval: other seeds, other means."""
    if row is other or row.beside or min(len(row.numbers), len(other.numbers)) < 2:
        return "–"
    metric = row.metric
    ours, theirs = (np.array(metric.spread(one.numbers.mean(1).tolist())) for one in (row, other))
    if not metric.share:  # what is saved
        ours, theirs = theirs, ours
    low, high = seeds_interval(ours, theirs)
    digits = 1 if metric.share else 2
    middle = f"{ours.mean() - theirs.mean():+.{digits}f}"
    return f"{middle} [{low:+.{digits}f}..{high:+.{digits}f}]"


def _files(row: dict[str, Any], spec: dict[str, Any], results: Path) -> list[Path]:
    """The answers of a row's runs that are on this machine, by name."""
    split = spec.get("split", "test")
    name = re.compile(re.escape(row["runs"]) + r"_s\d+")  # not RUN_short1, RUN_s1_longer2
    seeds = sorted(f for f in results.iterdir() if name.fullmatch(f.name))
    folders = seeds or [results / row["runs"]]
    files = [answers_file(folder, split, row["file"]) for folder in folders]
    return [file for file in files if file.is_file()]


def _runs_without_files(spec: dict[str, Any], results: Path) -> list[str]:
    return [row["runs"] for row in spec["rows"] if not _files(row, spec, results)]


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
        if search_table.of_searches(spec):
            search_table.check(name, spec, path)
            continue
        for row in spec["rows"]:
            if not row.keys() <= ROW_KEYS or not row.keys() >= {"label", "runs", "file"}:
                raise UserError(
                    f"{path}: table {name}, row {row}: needs label, runs and file (real, none or "
                    "shuffled), may have learned and row, and nothing else"
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
