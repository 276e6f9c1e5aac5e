"""With what questions are encoded: words, answer classes, vectors, the range of numbers."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import chain

import numpy as np
import torch
from torch import Tensor

from data_loader.candidates import candidate_words
from data_loader.questions import Kind, load_questions
from data_loader.tokens import tokenize
from data_loader.vocabulary import Vocabulary, build_vocabulary
from options.preprocess.questions import SETTLED, QuestionOptions
from preprocess.annotation.question_vectors import question_vectors, with_known
from preprocess.annotation.sample import Sample
from util.errors import UserError

OF_CLASSES = ("top_answers", "answers_from")  # options that only answer classes know


@dataclass(frozen=True, kw_only=True)
class Texts:
    """The words of one split."""

    questions: list[list[str]]
    candidates: list[list[str]]  # of all questions, one after another; none if not of kind choice

    @property
    def all(self) -> list[list[str]]:
        """Those of the questions, and then those of the candidates."""
        return self.questions + self.candidates


def texts_of(rows: Sequence[Sample]) -> Texts:
    """The words of the questions and of their choices."""
    return Texts(
        questions=[tokenize(sample.question) for sample in rows],
        candidates=[candidate_words(text) for sample in rows for text in sample.choices or ()],
    )


@dataclass(frozen=True, kw_only=True, eq=False)
class Encoding:
    """The words W, answers A and vectors with which questions are encoded."""

    vocabulary: Vocabulary
    word_vectors: Tensor  # (W, D) float32
    known: np.ndarray  # (W,) bool, which words have a vector
    answer_vectors: Tensor | None  # (A, D) float32
    source: str  # where the vectors come from
    answers_from: str = "train"
    count_range: tuple[int, int] | None = None  # of kind count


def make_encoding(
    options: QuestionOptions,
    kind: Kind,
    samples: Mapping[str, Sequence[Sample]],
    texts: Mapping[str, Texts],
    numbers: Sequence[int],
) -> Encoding:
    """The encoding of training questions, as the options ask for it.

    `numbers`: the training answers of kind count.  Raises UserError for options that do not fit.
    """
    if kind != "open":
        for name in OF_CLASSES:
            if (value := getattr(options, name)) != SETTLED[name]:
                raise UserError(
                    f"--{name} {value}: these answers are of kind {kind}, not classes; leave it out"
                )
    answered = samples if options.answers_from == "union" else ("train",)
    answers = [s.answer for name in answered for s in samples[name]] if kind == "open" else []
    trained = texts["train"].all
    vocabulary = build_vocabulary(
        trained, answers, options.top_answers, min_count=options.min_count
    )
    vectors = question_vectors(options, trained, vocabulary)
    if options.words_from == "union":
        every = chain.from_iterable(t for of in texts.values() for t in of.all)
        seen = set(chain.from_iterable(trained))  # of these the rare ones stay unknown
        others = [word for word in vocabulary.unknown(list(every)) if word not in seen]
        vocabulary, vectors = with_known(options, vocabulary, vectors, others)
    return Encoding(
        vocabulary=vocabulary,
        word_vectors=torch.from_numpy(vectors.words),
        known=vectors.known,
        answer_vectors=torch.from_numpy(vectors.answers),
        source=vectors.source,
        answers_from=options.answers_from,
        count_range=(min(numbers), max(numbers)) if kind == "count" else None,
    )


def encoding_like(path: str, kind: Kind, samples: Mapping[str, Sequence[Sample]]) -> Encoding:
    """The encoding of another question file.

    Prints how many videos it has in training or validation that are among these.  Raises UserError
    for a file that is none, or whose answers are of another kind.
    """
    like = load_questions(path)
    if like.kind != kind:
        raise UserError(
            f"--like {path}: its answers are of kind {like.kind}, these of kind {kind}; give a "
            "file of the same kind"
        )
    learnt = {
        v for name in ("train", "val") if name in like.splits for v in like.splits[name].videos
    }
    for name, rows in samples.items():
        videos = {sample.video for sample in rows}
        if name not in ("train", "val") and (both := videos & learnt):
            print(
                f"NOTE: {len(both):,} of {len(videos):,} videos of {name} are videos of training "
                f"or validation in {path}, such as {min(both)!r}"
            )
    return Encoding(
        vocabulary=like.vocabulary,
        word_vectors=like.word_vectors,
        known=like.word_vectors.any(1).numpy(),
        answer_vectors=like.answer_vectors,
        source=like.word_vectors_source,
        answers_from=like.answers_from,
        count_range=like.count_range,
    )
