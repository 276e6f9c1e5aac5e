"""Questions of the other kinds on the videos of tiny_run: multiple choice, and counts."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from data_loader.candidates import encode_candidates
from data_loader.questions import Kind, QuestionSplit, load_questions, save_questions
from data_loader.vocabulary import Vocabulary
from tests import tiny_run

COLOURS = tiny_run.ANSWERS[2:]
VOCABULARY = Vocabulary(
    words=(*tiny_run.WORDS, *COLOURS, "the", "colour"), answers=tiny_run.ANSWERS[:2]
)
RANGE = (1, 4)  # of counts: the place of a colour among the four


def make(folder: Path, kind: Kind, *, ragged: bool = True) -> list[str]:
    """Write stores and questions of a kind; returns the flags that name them."""
    flags = tiny_run.make(folder)
    ask(folder, kind, ragged=ragged)
    return flags


def ask(folder: Path, kind: Kind, *, ragged: bool = True) -> None:
    """Put questions of another kind in place of a folder's open ones.

    Choice: which of 2 to 4 colours (`ragged`; or of 4) is shown, or moves.  Count: its number.
    """
    opened = load_questions(folder / "questions.pt")
    rng = np.random.default_rng(1)
    save_questions(
        folder / "questions.pt",
        dataset="tiny",
        vocabulary=VOCABULARY,
        word_vectors=torch.randn(
            len(VOCABULARY.words), 8, generator=torch.Generator().manual_seed(0)
        ),
        word_vectors_source="random",
        splits={
            name: _choice(split, rng, ragged) if kind == "choice" else _count(split)
            for name, split in opened.splits.items()
        },
        kind=kind,
        count_range=RANGE if kind == "count" else None,
    )


def _choice(split: QuestionSplit, rng: np.random.Generator, ragged: bool) -> QuestionSplit:
    texts, answer = [], []
    for right in split.answer_texts:
        wrong = rng.permutation([c for c in COLOURS if c != right])
        some = [right, *wrong[: rng.integers(1, 4) if ragged else 3].tolist()]
        some = rng.permutation(some).tolist()
        answer.append(some.index(right))
        texts.append([c if i % 2 else f"the colour {c}" for i, c in enumerate(some)])
    return replace(
        split,
        answer=torch.tensor(answer),
        answer_texts=tuple(of[i] for of, i in zip(texts, answer, strict=True)),
        candidates=encode_candidates(texts, VOCABULARY, longest=6),
    )


def _count(split: QuestionSplit) -> QuestionSplit:
    number = [RANGE[0] + COLOURS.index(c) for c in split.answer_texts]
    return replace(split, answer=torch.tensor(number), answer_texts=tuple(map(str, number)))
