"""Several models on the same questions, each against the first."""

import json
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from data_loader.questions import load_questions
from data_loader.vocabulary import UNKNOWN_ANSWERS
from evaluation import normalise
from evaluation.comparison import Comparison, Model, compare_pair
from evaluation.normalise import Normaliser
from evaluation.predictions_file import (
    PredictionsFile,
    clip,
    match,
    nearly_right,
    read_file,
    shared_texts,
)
from evaluation.score import answers_file
from evaluation.truth import Truth, truth_of_questions, truth_of_records
from options.evaluate import CompareOptions
from util.errors import UserError
from util.files import check_output, whole_file
from util.statistics import Bootstrap
from util.text import clipped


def run(options: CompareOptions) -> int:
    """Compare and print, and write every difference; the last line printed is JSON.

    Raises UserError where the files do not answer the same questions, or the output would replace
    one of them.
    """
    models = [(name, _seeds(name)) for name in options.runs]
    names = [seed for _, seeds in models for seed in seeds]
    if options.output:
        reads = {"--questions": options.questions, **{f"--runs {n}": n for n in names}}
        check_output(options.output, inputs=reads)
    twice, times = Counter(names).most_common(1)[0]
    if times > 1:
        raise UserError(f"compare: the same run is named twice, {twice}; name different ones")
    files = {name: read_file(_file(name, options.split)) for name in names}
    _check_alike({name: file.header for name, file in files.items()}, options.split)
    truth = _truth(options, files)
    answers = {name: match(name, file, truth) for name, file in files.items()}
    for name, given in answers.items():
        if same := shared_texts(files[name], truth):
            print(
                f"NOTE {name}: {len(same):,} answers are texts that two choices of their question "
                "share and count as the right one of them, first question "
                f"{clip(truth.id[same[0]])}; give places, counted from 0, to tell them apart"
            )
        near = nearly_right(given, truth.answer) if truth.kind == "open" else []
        if near:
            print(
                f"NOTE {name}: {len(near):,} answers differ from the true one in case, blanks or a "
                f"full stop alone and count as wrong, first {clip(given[near[0]])!r} for "
                f"{clip(truth.answer[near[0]])!r}"
            )
    normaliser = None
    if options.normalise:
        assert options.questions is not None
        classes = load_questions(options.questions).vocabulary.answers[UNKNOWN_ANSWERS:]
        normaliser = Normaliser(classes)
        print(f"normaliser {normalise.VERSION}: {normalise.RULES}")
    bootstrap = Bootstrap(truth.video, truth.type)
    first, *others = (
        Model(name, np.stack([answers[seed] for seed in seeds])) for name, seeds in models
    )
    found = [compare_pair(first, other, truth, bootstrap, normaliser) for other in others]
    for one in found:
        print(one.table(options.split, bootstrap.counts))
        _print_examples(one, truth, options.show)
    summary = [one.summary(options.split) for one in found]
    if options.output:
        content = [{**s, "flipped": one.flipped} for s, one in zip(summary, found, strict=True)]
        for entry, one in zip(content, found, strict=True):
            if one.normalised:
                entry["right_by_normaliser_alone"] = one.mended(truth)
        with whole_file(Path(options.output)) as partial:
            partial.write_text(json.dumps(content, indent=1))
        print(f"every flipped question: {options.output}")
    print(json.dumps(summary))
    return 0


def _print_examples(one: Comparison, truth: Truth, show: int) -> None:
    """Some flipped questions, and what the normaliser alone makes right."""
    for flip in one.flipped[:show]:
        print(
            f"  {'B' if flip['right'] == 'b' else 'A'} right: {clipped(flip['question'], 200)} "
            f"[{clip(flip['video'])}]  true {clip(flip['answer'])}, A {clip(flip['a'])}, "
            f"B {clip(flip['b'])}"
        )
    for key, pairs in one.mended(truth).items() if one.normalised else ():
        if pairs:
            examples = ", ".join(f"{clip(p)!r} for {clip(t)!r}" for p, t, _ in pairs[:show])
            total = sum(count for *_, count in pairs)
            print(f"  {key.upper()}: right by the normaliser alone {total:,} times: {examples}")


def _seeds(name: str) -> list[str]:
    """The runs or files of one model: one, or several joined by commas."""
    if Path(name).exists():
        return [name]
    seeds = name.split(",")
    if "" in seeds:
        raise UserError(f"compare: {name}: a name between its commas is empty; name each seed")
    return seeds


def _file(name: str, split: str) -> Path:
    """A predictions file as named, or that of a run's folder."""
    path = Path(name)
    if not path.is_dir():
        return path
    options = path / "options.yaml"
    if options.is_file():
        video = yaml.safe_load(options.read_text()).get("video", "real")
        file = answers_file(path, split, video)
    else:  # the folder of an ensemble, which is shown what its runs were
        shown = [answers_file(path, split, video) for video in ("real", "none")]
        file = next((file for file in shown if file.is_file()), None)
        if file is None:
            raise UserError(
                f"{path}: a folder without options.yaml and without {shown[0].name}, so neither a "
                "run nor an ensemble; name a run or a file"
            )
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


def _check_kind(options: CompareOptions, files: dict[str, PredictionsFile], truth: Truth) -> None:
    """What all answer must be of one kind, and a choice among the same candidates."""
    for name, file in files.items():
        kind = file.header.get("kind", "open")
        if file.records and kind != truth.kind:
            raise UserError(
                f"{name}: holds answers of kind {kind}, {truth.source} of kind {truth.kind}; "
                "compare answers of one kind"
            )
        if not file.records or truth.choices is None:
            continue
        texts = dict(zip(truth.id, truth.choices, strict=True))
        for record in file.records:
            own = texts.get(str(record["id"]))
            if own is not None and tuple(record.get("choices", ())) != own:
                raise UserError(
                    f"{name}: question {clip(str(record['id']))} has other choices than in "
                    f"{truth.source}, or in another order; compare answers to the same questions"
                )
    if options.normalise and truth.kind != "open":
        raise UserError(
            f"--normalise: is for open answers, these are of kind {truth.kind}; leave it out"
        )


def _truth(options: CompareOptions, files: dict[str, PredictionsFile]) -> Truth:
    """The questions and true answers: of --questions, or of a file of this project."""
    own = {name: file.records for name, file in files.items() if file.records}
    if options.questions:
        truth = truth_of_questions(options.questions, options.split)
    elif own:
        name, records = next(iter(own.items()))
        truth = truth_of_records(name, records, files[name].header)
    else:
        raise UserError(
            f"{', '.join(options.runs)}: none says what the true answers are; add --questions with "
            "the question file of the split"
        )
    _check_kind(options, files, truth)
    right = dict(zip(truth.id, truth.answer, strict=True))
    for name, records in own.items():
        differ = [r["id"] for r in records if right.get(str(r["id"]), r["answer"]) != r["answer"]]
        if differ:
            raise UserError(
                f"{name}: {len(differ)} questions have another true answer than in {truth.source}, "
                f"first id {differ[0]}; these are not the same annotations"
            )
    return truth
