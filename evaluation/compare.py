"""Several models on the same questions, each against the first."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from evaluation.format import Interval, between, columns_of, grid, largest_types, percent
from evaluation.predictions_file import (
    PredictionsFile,
    Truth,
    clip,
    match,
    nearly_right,
    read_file,
    truth_of_questions,
    truth_of_records,
)
from evaluation.score import answers_file
from options.evaluate import CompareOptions
from util.errors import UserError
from util.files import check_output, whole_file
from util.grouped import Grouped
from util.statistics import Bootstrap, mcnemar
from util.text import clipped


@dataclass(frozen=True, eq=False)
class Comparison:
    """A model against another: differences are B minus A, fractions."""

    a: str
    b: str
    accuracy: tuple[Grouped[float], Grouped[float]]
    difference: Grouped[float]
    interval: Grouped[Interval]
    p: float
    flipped: list[dict[str, Any]]  # questions that one has right and the other wrong

    @property
    def gained(self) -> int:
        """Questions that only B has right."""
        return sum(f["right"] == "b" for f in self.flipped)

    def table(self, split: str, counts: Grouped[int]) -> str:
        """The table for the terminal."""
        types = largest_types(counts)
        rows = [  # a list: a run may be called "- A"
            ("questions", [f"{n:,}" for n in counts.of(types)]),
            (f"A {self.a}", [percent(v) for v in self.accuracy[0].of(types)]),
            (f"B {self.b}", [percent(v) for v in self.accuracy[1].of(types)]),
            ("B - A", [f"{100 * v:+.1f}" for v in self.difference.of(types)]),
            ("  95 % interval", [between(i, sign=True) for i in self.interval.of(types)]),
        ]
        lost = len(self.flipped) - self.gained
        return (
            f"split {split}, per cent\n{grid(columns_of(counts), rows)}\n"
            f"McNemar p = {self.p:.2g}; only A right on {lost:,} questions, only B on "
            f"{self.gained:,} (the interval resamples videos; McNemar takes questions as "
            "independent)"
        )


def run(options: CompareOptions) -> int:
    """Compare and print, and write every difference; the last line printed is JSON.

    Raises UserError where the files do not answer the same questions, or the output would replace
    one of them.
    """
    if options.output:
        reads = {"--questions": options.questions, **{f"--runs {n}": n for n in options.runs}}
        check_output(options.output, inputs=reads)
    files = {name: read_file(_file(name, options.split)) for name in options.runs}
    if len(files) < len(options.runs):
        raise UserError("compare: the same run is named twice; name different ones")
    _check_alike({name: file.header for name, file in files.items()}, options.split)
    truth = _truth(options, files)
    answers = {name: match(name, file, truth) for name, file in files.items()}
    for name, given in answers.items():
        if near := nearly_right(given, truth.answer):
            print(
                f"NOTE {name}: {len(near):,} answers differ from the true one in case, blanks or a "
                f"full stop alone and count as wrong, first {clip(given[near[0]])!r} for "
                f"{clip(truth.answer[near[0]])!r}"
            )
    bootstrap = Bootstrap(truth.video, truth.type)
    first, *others = options.runs
    found = [_compare_pair(first, other, answers, truth, bootstrap) for other in others]
    for one in found:
        print(one.table(options.split, bootstrap.counts))
        for flip in one.flipped[: options.show]:
            print(
                f"  {'B' if flip['right'] == 'b' else 'A'} right: {clipped(flip['question'], 200)} "
                f"[{clip(flip['video'])}]  true {clip(flip['answer'])}, A {clip(flip['a'])}, "
                f"B {clip(flip['b'])}"
            )
    summary = [_summary(one, options.split) for one in found]
    if options.output:
        content = [{**s, "flipped": one.flipped} for s, one in zip(summary, found, strict=True)]
        with whole_file(Path(options.output)) as partial:
            partial.write_text(json.dumps(content, indent=1))
        print(f"every flipped question: {options.output}")
    print(json.dumps(summary))
    return 0


def _compare_pair(
    a: str, b: str, given: dict[str, np.ndarray], truth: Truth, bootstrap: Bootstrap
) -> Comparison:
    """What B answers otherwise than A, over all questions and by type."""
    right_a, right_b = given[a] == truth.answer, given[b] == truth.answer
    difference = right_b.astype(float) - right_a
    flipped = [
        {
            "id": truth.id[i],
            "video": truth.video[i],
            "type": truth.type[i],
            "question": truth.text[i],
            "answer": truth.answer[i],
            "a": given[a][i],
            "b": given[b][i],
            "right": "b" if right_b[i] else "a",
        }
        for i in np.flatnonzero(difference)
    ]
    return Comparison(
        a,
        b,
        (bootstrap.accuracy(right_a), bootstrap.accuracy(right_b)),
        bootstrap.accuracy(difference),
        bootstrap.interval(difference),
        mcnemar(right_a, right_b),
        flipped,
    )


def _summary(one: Comparison, split: str) -> dict[str, Any]:
    return {
        "a": one.a,
        "b": one.b,
        f"{split}/accuracy_a": one.accuracy[0].total,
        f"{split}/accuracy_b": one.accuracy[1].total,
        f"{split}/difference": one.difference.total,
        f"{split}/difference_interval": one.interval.total,
        "mcnemar_p": one.p,
        "only_a_right": len(one.flipped) - one.gained,
        "only_b_right": one.gained,
    }


def _file(name: str, split: str) -> Path:
    """A predictions file as named, or that of a run's folder."""
    path = Path(name)
    if not path.is_dir():
        return path
    options = path / "options.yaml"
    if not options.is_file():
        raise UserError(f"{path}: a folder without options.yaml, so no run; name a run or a file")
    file = answers_file(path, split, yaml.safe_load(options.read_text()).get("video", "real"))
    if not file.is_file():
        raise UserError(
            f"{file}: not there; make it with `python evaluate.py --run {path} --split {split}`"
        )
    return file


def _check_alike(headers: dict[str, dict[str, Any]], split: str) -> None:
    """Files of this project say which split and protocol they are of."""
    for name, header in headers.items():
        for key, wanted in (("split", split), ("protocol", "full")):
            if header.get(key, wanted) != wanted:
                cure = "--split" if key == "split" else "files of one protocol"
                raise UserError(
                    f"{name}: holds {key} {header[key]}, the comparison is of {wanted}; give {cure}"
                )


def _truth(options: CompareOptions, files: dict[str, PredictionsFile]) -> Truth:
    """The questions and true answers: of --questions, or of a file of this project."""
    own = {name: file.records for name, file in files.items() if file.records}
    if options.questions:
        truth = truth_of_questions(options.questions, options.split)
    elif own:
        truth = truth_of_records(*next(iter(own.items())))
    else:
        raise UserError(
            f"{', '.join(options.runs)}: none says what the true answers are; add --questions with "
            "the question file of the split"
        )
    right = dict(zip(truth.id, truth.answer, strict=True))
    for name, records in own.items():
        differ = [r["id"] for r in records if right.get(str(r["id"]), r["answer"]) != r["answer"]]
        if differ:
            raise UserError(
                f"{name}: {len(differ)} questions have another true answer than in {truth.source}, "
                f"first id {differ[0]}; these are not the same annotations"
            )
    return truth
