"""What can be said of a split before any model is trained."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from data_loader.questions import load_questions
from data_loader.vocabulary import UNKNOWN_ANSWERS, build_vocabulary
from evaluation.answers import Asked, asked, columns, with_choices, with_numbers
from evaluation.format import columns_of, grid, largest_types
from evaluation.kind.metric import Metric
from evaluation.kind.table import MEASURES
from evaluation.protocol import TITLES, check_protocol, counted
from options.evaluate import BaselineOptions
from preprocess.annotation.dataset import read_splits
from preprocess.annotation.question.kinds import KIND_OF_TASK, encoded_answers, kind_of
from preprocess.annotation.sample import Sample
from util.errors import UserError
from util.statistics import Bootstrap
from util.text import clipped

LABELS = {  # where they are not those of a run's table
    "constant_per_type": "constant answer of each type",
    "vocabulary_ceiling": "ceiling: answer is a class",
    "conflict_ceiling": "ceiling: and no conflict",
}


def run(options: BaselineOptions) -> int:
    """Print what needs no model by question type; the last line is JSON.

    Of open questions the constant answer and the ceilings, of choices and counts what
    `evaluation.kind` has.
    """
    questions = _asked(options)
    kept = questions.only(counted(questions, options.protocol))
    kind = MEASURES[kept.kind]
    bootstrap = Bootstrap(kept.video, kept.type)
    print(f"split {options.split}; {TITLES[options.protocol]}")
    out: dict[str, Any] = {}
    by_type: dict[str, Any] = {}
    for metric in kind.metrics:
        hits = kind.without_model(kept)[metric.key]
        of = f"{len(kept):,} questions on {kept.videos:,} videos"
        title = "per cent" if metric.share else f"mean {metric.title} ({metric.better})"
        several = f"{metric.title}, " if metric.share and len(kind.metrics) > 1 else ""
        print(f"{several}{title} of {of}")
        print(grid(columns_of(bootstrap.counts), _rows(kept, metric, hits, bootstrap)))
        for row, values in hits.items():
            found, name = bootstrap.accuracy(values), kind.named(metric, row)
            out[name] = round(found.total, 4)
            by_type[name] = found.by_type
            if kept.kind != "open":
                low, high = bootstrap.interval(values).total
                out[f"{name}_interval"] = [round(low, 4), round(high, 4)]
    if kind.left_out(kept):
        print(kind.left_out(kept))
    out |= {
        "questions": len(kept),
        "videos": kept.videos,
        "split": options.split,
        "protocol": options.protocol,
        "by_type": by_type,
    }
    if kept.kind != "open":
        out["kind"] = kept.kind
    print(json.dumps(out))
    return 0


def _rows(
    kept: Asked, metric: Metric, hits: dict[str, np.ndarray], bootstrap: Bootstrap
) -> list[tuple[str, list[str]]]:
    """The table of one metric; of choices and counts each row with its interval."""
    types = largest_types(bootstrap.counts)
    rows = [("questions", [f"{n:,}" for n in bootstrap.counts.of(types)])]
    for name, values in hits.items():
        label = LABELS.get(name, MEASURES[kept.kind].labels[name])
        rows.append((label, [metric.cell(v, 2) for v in bootstrap.accuracy(values).of(types)]))
        if kept.kind != "open":
            ends = bootstrap.interval(values).of(types)
            rows.append(("  95 % interval", [metric.between(i) for i in ends]))
    if kept.constant is not None:
        constants = (kept.constant[kept.type == kind][0] for kind in types)
        rows.append(("the constant", ["", *(clipped(constant, 20) for constant in constants)]))
    return rows


def _asked(options: BaselineOptions) -> Asked:
    """The split's questions, from a question file or from the annotations alone."""
    if options.questions is not None:
        file = load_questions(options.questions)
        check_protocol(file, options.protocol)
        return asked(file, options.split)
    assert options.dataset is not None and options.annotations is not None
    # choices and counts have rows that need no training split; what needs one is left out
    partly = KIND_OF_TASK.get(options.task or "open") != "open"
    folder = Path(options.annotations)
    samples = read_splits(options.dataset, folder, options.task, partly=partly)
    if options.split not in samples:
        raise UserError(f"--split {options.split}: not known; choose from {', '.join(samples)}")
    here, train = samples[options.split], samples.get("train", [])
    kind = kind_of(options.task, here)
    if kind != "open" and options.protocol != "full":
        raise UserError(
            f"--protocol {options.protocol}: is about the classes of open questions, these are of "
            f"kind {kind}; use --protocol full"
        )
    taken = train
    if options.protocol == "union-vocabulary":
        taken = [sample for rows in samples.values() for sample in rows]
    # tokens matter to the words only, of which nothing here depends
    vocabulary = build_vocabulary([], [s.answer for s in taken], options.top_answers)
    lengths = [len(sample.question.split()) for sample in here]
    classes = vocabulary.answers[UNKNOWN_ANSWERS:]
    found = columns(options.split, here, train, lengths, classes)
    right = encoded_answers(kind, options.split, here)
    known = encoded_answers(kind, "train", train)
    if kind == "choice":
        return with_choices(found, _choices(here, right), _choices(train, known))
    if kind == "count":
        trained = ([s.type for s in train], known) if train else None
        return with_numbers(found, right, trained, None)
    return found


def _choices(rows: Sequence[Sample], right: Sequence[int]) -> list[tuple[tuple[str, ...], int]]:
    return [(s.choices or (), i) for s, i in zip(rows, right, strict=True)]
