"""What can be said of a split before any model is trained."""

import json
from pathlib import Path
from typing import Any

from data_loader.questions import load_questions
from data_loader.vocabulary import UNKNOWN_ANSWERS, build_vocabulary
from evaluation.answers import Asked, asked, columns
from evaluation.format import columns_of, grid, largest_types, percent
from evaluation.protocol import TITLES, baseline_hits, check_protocol, counted
from options.evaluate import BaselineOptions
from preprocess.annotation.dataset import read_splits
from util.errors import UserError
from util.statistics import Bootstrap
from util.text import clipped

LABELS = {
    "constant_per_type": "constant answer of each type",
    "vocabulary_ceiling": "ceiling: answer is a class",
    "conflict_ceiling": "ceiling: and no conflict",
}


def run(options: BaselineOptions) -> int:
    """Print the constant answer and the ceilings by question type; the last line is JSON."""
    questions = _asked(options)
    kept = questions.only(counted(questions, options.protocol))
    bootstrap = Bootstrap(kept.video, kept.type)
    hits = baseline_hits(kept)
    by_type = {name: bootstrap.accuracy(values) for name, values in hits.items()}
    types = largest_types(bootstrap.counts)
    rows = {"questions": [f"{n:,}" for n in bootstrap.counts.of(types)]}
    rows |= {LABELS[n]: [percent(v, 2) for v in found.of(types)] for n, found in by_type.items()}
    constants = (kept.constant[kept.type == kind][0] for kind in types)
    rows["the constant"] = ["", *(clipped(constant, 20) for constant in constants)]
    print(f"split {options.split}; {TITLES[options.protocol]}")
    print(f"per cent of {len(kept):,} questions on {kept.videos:,} videos")
    print(grid(columns_of(bootstrap.counts), rows.items()))
    out: dict[str, Any] = {name: round(found.total, 4) for name, found in by_type.items()}
    out |= {
        "questions": len(kept),
        "videos": kept.videos,
        "split": options.split,
        "protocol": options.protocol,
        "by_type": {name: found.by_type for name, found in by_type.items()},
    }
    print(json.dumps(out))
    return 0


def _asked(options: BaselineOptions) -> Asked:
    """The split's questions, from a question file or from the annotations alone."""
    if options.questions is not None:
        file = load_questions(options.questions)
        check_protocol(file, options.protocol)
        return asked(file, options.split)
    assert options.dataset is not None and options.annotations is not None
    samples = read_splits(options.dataset, Path(options.annotations))
    if options.split not in samples:
        raise UserError(f"--split {options.split}: not known; choose from {', '.join(samples)}")
    here, train = samples[options.split], samples["train"]
    taken = train
    if options.protocol == "union-vocabulary":
        taken = [sample for rows in samples.values() for sample in rows]
    # tokens matter to the words only, of which nothing here depends
    vocabulary = build_vocabulary([], [s.answer for s in taken], options.top_answers)
    lengths = [len(sample.question.split()) for sample in here]
    return columns(options.split, here, train, lengths, vocabulary.answers[UNKNOWN_ANSWERS:])
