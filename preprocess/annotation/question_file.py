"""Annotations -> one file: vocabulary, encoded questions, word vectors."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import chain
from pathlib import Path

import torch

from data_loader.candidates import encode_candidates
from data_loader.question_split import QuestionSplit
from data_loader.questions import Kind, save_questions
from data_loader.store.open import open_any_store
from data_loader.vocabulary import UNKNOWN_ANSWERS, Vocabulary
from options.preprocess.questions import QuestionOptions
from preprocess.annotation.check_texts import word_findings
from preprocess.annotation.dataset import read_splits
from preprocess.annotation.findings import notes
from preprocess.annotation.presence import with_clips
from preprocess.annotation.question.kinds import encoded_answers, kind_of
from preprocess.annotation.question.vocabulary import (
    Encoding,
    Texts,
    encoding_like,
    make_encoding,
    texts_of,
)
from preprocess.annotation.question_vectors import coverage
from preprocess.annotation.ready_vectors import glove_file
from preprocess.annotation.sample import Sample
from util.errors import UserError
from util.files import check_output
from util.text import clipped, printable

TEXTS = (".json", ".jsonl", ".csv", ".txt")  # of annotations


def make_question_file(options: QuestionOptions) -> None:
    """Read the annotations, write the question file, print a summary.

    Raises UserError for annotations, word vectors, stores or options that do not fit.
    """
    assert options.output is not None, "only --check does without"
    check_output(options.output, inputs=_inputs(options))
    samples = read_splits(
        options.dataset, Path(options.annotations), options.task, partly=options.like is not None
    )
    task = f", --task {options.task}" if options.task else ""
    print(f"{options.dataset}: annotations in {printable(options.annotations)}{task}")
    kind = kind_of(options.task, [sample for rows in samples.values() for sample in rows])
    if options.videos_in:
        samples = restrict(samples, options.videos_in)
    answers = {name: encoded_answers(kind, name, rows) for name, rows in samples.items()}
    texts = {name: texts_of(rows) for name, rows in samples.items()}
    encoding = (
        make_encoding(options, kind, samples, texts, answers["train"])
        if options.like is None
        else encoding_like(options.like, kind, samples)
    )
    splits = encode(kind, samples, texts, answers, encoding.vocabulary)
    save_questions(
        options.output,
        dataset=options.dataset,
        vocabulary=encoding.vocabulary,
        word_vectors=encoding.word_vectors,
        word_vectors_source=encoding.source,
        splits=splits,
        answers_from=encoding.answers_from,
        answer_vectors=encoding.answer_vectors,
        kind=kind,
        count_range=encoding.count_range,
    )
    print(summary(kind, splits, encoding))
    for name, rows in samples.items():
        labels = [s.label for s in rows]
        found = word_findings(name, labels, texts[name].questions, of="questions")
        print(notes(found), end="")
        labels = [s.label for s in rows for _ in s.choices or ()]
        found = word_findings(name, labels, texts[name].candidates, of="candidates")
        print(notes(found), end="")
    if options.answers_from == "union":
        print(
            "NOTE: --answers_from union took the answer classes from validation and test too; "
            "compare the accuracy only with papers that did the same"
        )
    print(f"word vectors: {encoding.source}")
    if "train" in splits:
        print(f"  {coverage(splits['train'], encoding.known)}")
    print(f"wrote {options.output}")


def _inputs(options: QuestionOptions) -> dict[str, object]:
    """What is read, by option: no output may be one of these."""
    return {
        "--like": options.like,
        "--glove": glove_file(options.glove),
        **{f"--videos_in ({path})": path for path in options.videos_in},
        **annotation_files(Path(options.annotations)),
    }


def annotation_files(annotations: Path) -> dict[str, object]:
    """The folder or file of annotations and what lies in it, by option."""
    entries = annotations.iterdir() if annotations.is_dir() else ()
    inside = [path for path in entries if path.suffix in TEXTS]
    return {
        "--annotations": annotations, **{f"--annotations ({path.name})": path for path in inside}
    }  # fmt: skip


def restrict(samples: Mapping[str, list[Sample]], stores: Sequence[str]) -> dict[str, list[Sample]]:
    """Only the questions whose video is in every one of the stores, and has clips in their time.

    Prints how many that leaves.  Raises UserError for a file that is no store, and when a split
    becomes empty.
    """
    opened = [open_any_store(path) for path in stores]
    stored = set.intersection(*(set(store.ids) for store in opened))
    names = ", ".join(stores)
    print(f"questions on the {len(stored):,} videos in {names}:")
    kept = {}
    for name in samples:
        present = [sample for sample in samples[name] if sample.video in stored]
        rows = kept[name] = with_clips(present, opened)
        if not rows:
            example = next(iter(sorted(stored)), "none")
            asked = clipped(repr(samples[name][0].video), 60)
            raise UserError(
                f"--videos_in {names}: hold no video of the {name} split (annotations have "
                f"{asked}, the stores {example!r}); extract its videos, under the ids "
                "of the annotations (preprocess.videos --id_map)"
            )
        empty = len(present) - len(rows)
        more = f"; {empty:,} more have no clip of their video in their time" if empty else ""
        print(f"  {name}: {len(rows):,} of {len(samples[name]):,}{more}")
    return kept


def encode(
    kind: Kind,
    samples: Mapping[str, Sequence[Sample]],
    texts: Mapping[str, Texts],
    answers: Mapping[str, Sequence[int]],
    vocabulary: Vocabulary,
) -> dict[str, QuestionSplit]:
    """The splits as tensors.  `answers`: those of kind choice and count, as `encoded_answers`."""
    longest = max(len(words) for of in texts.values() for words in of.questions)
    together = max(
        (n for name in samples for n in _together(samples[name], texts[name])), default=0
    )
    splits = {}
    for name, rows in samples.items():
        train, asked = name == "train", texts[name].questions
        told = answers[name] or [vocabulary.answer_class(s.answer, train=train) for s in rows]
        times = [sample.time for sample in rows if sample.time is not None]
        assert len(times) in (0, len(rows)), "a split is about videos, or about parts of them"
        splits[name] = QuestionSplit(
            name=name,
            words=torch.tensor(vocabulary.encode(list(chain.from_iterable(asked)))),
            length=torch.tensor([len(question) for question in asked]),
            longest=longest,
            answer=torch.tensor(told),
            videos=tuple(s.video for s in rows),
            ids=tuple(s.id for s in rows),
            types=tuple(s.type for s in rows),
            texts=tuple(s.question for s in rows),
            answer_texts=tuple(
                s.answer if kind != "count" else str(n) for s, n in zip(rows, told, strict=True)
            ),
            candidates=encode_candidates([s.choices or () for s in rows], vocabulary, together)
            if kind == "choice"
            else None,
            times=torch.tensor(times, dtype=torch.float64) if times else None,
        )
    return splits


def _together(rows: Sequence[Sample], texts: Texts) -> Iterator[int]:
    """The number of words of each candidate with its question."""
    lengths = map(len, texts.candidates)
    for sample, question in zip(rows, texts.questions, strict=True):
        yield from (len(question) + next(lengths) for _ in sample.choices or ())


def summary(kind: Kind, splits: Mapping[str, QuestionSplit], encoding: Encoding) -> str:
    """A table of the splits and the sizes of the vocabulary.

    `known answer` is the share of questions whose answer is a class: no model can score more.
    """
    vocabulary = encoding.vocabulary
    column = {"open": "known answer", "choice": "candidates", "count": "numbers"}[kind]
    lines = [
        f"{'split':5} {'questions':>9} {'videos':>6} {column:>12} {'median':>6} "
        f"{'longest':>7}  words"
    ]
    for name, split in splits.items():
        if kind == "open":
            told = f"{(split.answer >= UNKNOWN_ANSWERS).double().mean().item():.2%}"
        else:
            of = split.answer if split.candidates is None else split.candidates.number
            low, high = int(of.min()), int(of.max())
            told = str(low) if low == high else f"{low} to {high}"
        lines.append(
            f"{name:5} {len(split):9,} {len(set(split.videos)):6,} {told:>12} "
            f"{int(split.length.median()):6} {int(split.length.max()):7}"
        )
    if encoding.count_range is not None:
        low, high = encoding.count_range
        said = f"answers are numbers, in training from {low} to {high}"
    elif kind == "choice":
        said = "each question has candidates of its own"
    else:
        answers = len(vocabulary.answers)
        said = f"{answers:,} answer classes ({answers - UNKNOWN_ANSWERS:,} answers and "
        said += f"{UNKNOWN_ANSWERS} for unknown ones)"
    lines.append(f"vocabulary: {len(vocabulary.words):,} words; {said}")
    return "\n".join(lines)
