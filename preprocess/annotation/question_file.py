"""Annotations -> one file: vocabulary, encoded questions, word vectors."""

from collections.abc import Mapping, Sequence
from itertools import chain
from pathlib import Path

import torch

from data_loader.questions import QuestionSplit, save_questions
from data_loader.store.open import open_any_store
from data_loader.tokens import tokenize
from data_loader.vocabulary import UNKNOWN_ANSWERS, Vocabulary, build_vocabulary
from options.preprocess.questions import QuestionOptions
from preprocess.annotation.check_texts import word_findings
from preprocess.annotation.dataset import SPLITS, read_splits
from preprocess.annotation.findings import notes
from preprocess.annotation.question_vectors import coverage, question_vectors, with_known
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
    samples = read_splits(options.dataset, Path(options.annotations))
    print(f"{options.dataset}: annotations in {printable(options.annotations)}")
    if options.videos_in:
        samples = restrict(samples, options.videos_in)
    tokens = {name: [tokenize(s.question) for s in rows] for name, rows in samples.items()}
    answered = SPLITS if options.answers_from == "union" else ("train",)
    answers = [s.answer for name in answered for s in samples[name]]
    vocabulary = build_vocabulary(
        tokens["train"], answers, options.top_answers, min_count=options.min_count
    )
    vectors = question_vectors(options, tokens["train"], vocabulary)
    if options.words_from == "union":
        others = vocabulary.unknown([t for q in chain.from_iterable(tokens.values()) for t in q])
        trained = set(chain.from_iterable(tokens["train"]))  # of these the rare ones stay unknown
        others = [word for word in others if word not in trained]
        vocabulary, vectors = with_known(options, vocabulary, vectors, others)
    longest = max(len(question) for question in chain.from_iterable(tokens.values()))
    splits = {
        name: encode(name, rows, tokens[name], vocabulary, longest)
        for name, rows in samples.items()
    }
    save_questions(
        options.output,
        dataset=options.dataset,
        vocabulary=vocabulary,
        word_vectors=torch.from_numpy(vectors.words),
        word_vectors_source=vectors.source,
        splits=splits,
        answers_from=options.answers_from,
        answer_vectors=torch.from_numpy(vectors.answers),
    )
    print(summary(splits, vocabulary))
    for name, rows in samples.items():
        found = word_findings(name, [s.label for s in rows], tokens[name], of="questions")
        print(notes(found), end="")
    if options.answers_from == "union":
        print(
            "NOTE: --answers_from union took the answer classes from validation and test too; "
            "compare the accuracy only with papers that did the same"
        )
    print(f"word vectors: {vectors.source}\n  {coverage(splits['train'], vectors.known)}")
    print(f"wrote {options.output}")


def _inputs(options: QuestionOptions) -> dict[str, object]:
    """What is read, by option: no output may be one of these."""
    return {
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
    """Only the questions whose video is in every one of the stores.

    Prints how many that leaves.  Raises UserError for a file that is no store, and when a split
    becomes empty.
    """
    stored = set.intersection(*(set(open_any_store(path).ids) for path in stores))
    names = ", ".join(stores)
    print(f"questions on the {len(stored):,} videos in {names}:")
    kept = {name: [s for s in rows if s.video in stored] for name, rows in samples.items()}
    for name, rows in kept.items():
        if not rows:
            example = next(iter(sorted(stored)), "none")
            asked = clipped(repr(samples[name][0].video), 60)
            raise UserError(
                f"--videos_in {names}: hold no video of the {name} split (annotations have "
                f"{asked}, the stores {example!r}); extract its videos, under the ids "
                "of the annotations (preprocess.videos --id_map)"
            )
        print(f"  {name}: {len(rows):,} of {len(samples[name]):,}")
    return kept


def encode(
    name: str,
    samples: Sequence[Sample],
    tokens: Sequence[Sequence[str]],
    vocabulary: Vocabulary,
    longest: int,
) -> QuestionSplit:
    """One split as tensors; `longest`: the words of the longest question of all splits."""
    train = name == "train"
    return QuestionSplit(
        name=name,
        words=torch.tensor(vocabulary.encode(list(chain.from_iterable(tokens)))),
        length=torch.tensor([len(question) for question in tokens]),
        longest=longest,
        answer=torch.tensor([vocabulary.answer_class(s.answer, train=train) for s in samples]),
        videos=tuple(s.video for s in samples),
        ids=tuple(s.id for s in samples),
        types=tuple(s.type for s in samples),
        texts=tuple(s.question for s in samples),
        answer_texts=tuple(s.answer for s in samples),
    )


def summary(splits: Mapping[str, QuestionSplit], vocabulary: Vocabulary) -> str:
    """A table of the splits and the sizes of the vocabulary.

    `known answer` is the share of questions whose answer is a class: no model can score more.
    """
    lines = [
        f"{'split':5} {'questions':>9} {'videos':>6} {'known answer':>12} {'median':>6} "
        f"{'longest':>7}  words"
    ]
    for name, split in splits.items():
        share = (split.answer >= UNKNOWN_ANSWERS).double().mean().item()
        lines.append(
            f"{name:5} {len(split):9,} {len(set(split.videos)):6,} {share:11.2%} "
            f"{int(split.length.median()):6} {int(split.length.max()):7}"
        )
    answers = len(vocabulary.answers)
    lines.append(
        f"vocabulary: {len(vocabulary.words):,} words; {answers:,} answer classes "
        f"({answers - UNKNOWN_ANSWERS:,} answers and {UNKNOWN_ANSWERS} for unknown ones)"
    )
    return "\n".join(lines)
