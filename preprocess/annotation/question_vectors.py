"""Vectors of a question file: of the words of its questions, and of its answers."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from data_loader.questions import QuestionSplit
from data_loader.tokens import tokenize
from data_loader.vocabulary import NULL, UNK, UNKNOWN_ANSWERS, Vocabulary
from options.preprocess.questions import QuestionOptions
from preprocess.annotation.ready_vectors import ready_vectors

WIDTH = 300  # of trained and random vectors
WORD2VEC_EPOCHS, WORD2VEC_SEED = 10, 0
RANDOM_DEVIATION, RANDOM_SEED = 0.4, 0  # the entries of GloVe 840B's commoner words deviate by 0.38


@dataclass(frozen=True, kw_only=True, eq=False)
class QuestionVectors:
    """Vectors of a vocabulary of W words and A answers."""

    words: np.ndarray  # (W, D) float32, zeros where there is none
    known: np.ndarray  # (W,) bool
    answers: np.ndarray  # (A, D) float32, the mean over an answer's known words, or zeros
    source: str  # where they come from


def question_vectors(
    options: QuestionOptions, train: Sequence[Sequence[str]], vocabulary: Vocabulary
) -> QuestionVectors:
    """The vectors that the options ask for; `train`: the tokens of the training questions.

    An answer's words have vectors of the same source: GloVe's own, where there is one; trained and
    random ones have those of the questions' words.  Raises UserError as `read_glove` does, and
    where --word_width is not that of the vectors, or none of the words has one.
    """
    # The unknown classes are no answers, and have no words.
    answers = [[], [], *(tokenize(answer) for answer in vocabulary.answers[UNKNOWN_ANSWERS:])]
    row = {word: i for i, word in enumerate(vocabulary.words)}
    for word in (word for answer in answers for word in answer):
        row.setdefault(word, len(row))
    vectors, known, source = _vectors(options, train, vocabulary.words, list(row))
    own = len(vocabulary.words)
    return QuestionVectors(
        words=vectors[:own],
        known=known[:own],
        answers=_means(vectors, known, [[row[word] for word in words] for words in answers]),
        source=source,
    )


def with_known(
    options: QuestionOptions,
    vocabulary: Vocabulary,
    vectors: QuestionVectors,
    others: Sequence[str],
) -> tuple[Vocabulary, QuestionVectors]:
    """Add those of the `others`, words that training did not have, that --glove has a vector of."""
    assert options.glove is not None
    # All words at once: a file that has none of those asked for is refused.
    every = [*vocabulary.words, *others]
    found, known, _ = _ready_made(options.glove, every, options.word_width)
    found, known = (part[len(vocabulary.words) :] for part in (found, known))
    words = (*vocabulary.words, *(w for w, has in zip(others, known, strict=True) if has))
    return replace(vocabulary, words=words), replace(
        vectors,
        words=np.concatenate([vectors.words, found[known]]),
        known=np.concatenate([vectors.known, known[known]]),
    )


def _vectors(
    options: QuestionOptions,
    train: Sequence[Sequence[str]],
    own: Sequence[str],
    words: Sequence[str],
) -> tuple[np.ndarray, np.ndarray, str]:
    """Vectors (len(words), D) float32, known (len(words),) bool, and where they come from.

    `own`: the words of the questions, with which `words` begins.
    """
    if options.glove is not None:
        return _ready_made(options.glove, words, options.word_width)
    width = options.word_width or WIDTH
    if options.vectors == "random":
        vectors, known = random_vectors(own, width=width)
        more = len(words) - len(own)
        source = f"random, normal with deviation {RANDOM_DEVIATION}, seed {RANDOM_SEED}"
        return np.pad(vectors, ((0, more), (0, 0))), np.pad(known, (0, more)), source
    # Here and not above: gensim takes a second and a half to import, and only vectors need it.
    from preprocess.word_vectors import train_vectors

    vectors, known = train_vectors(
        train, words, width=width, epochs=WORD2VEC_EPOCHS, seed=WORD2VEC_SEED
    )
    return vectors, known, f"gensim Word2Vec, {WORD2VEC_EPOCHS} epochs on the training questions"


def _ready_made(
    glove: str, words: Sequence[str], width: int | None
) -> tuple[np.ndarray, np.ndarray, str]:
    """Vectors, known and source, of what `--glove` names; `words` begin with two that are none."""
    return ready_vectors(
        glove, words, width=width, count=len(words) - 2, texts="the training questions and answers"
    )


def _means(vectors: np.ndarray, known: np.ndarray, rows: Sequence[Sequence[int]]) -> np.ndarray:
    """The mean of the known vectors of each item's words: (len(rows), D) float32, or zeros."""
    means = np.zeros((len(rows), vectors.shape[1]), np.float32)
    for mean, item in zip(means, rows, strict=True):
        found = [row for row in item if known[row]]
        if found:
            mean[:] = vectors[found].mean(axis=0)
    return means


def random_vectors(words: Sequence[str], *, width: int) -> tuple[np.ndarray, np.ndarray]:
    """Vectors (W, width) float32, normal, zero for padding and unknown words; known (W,) bool."""
    rng = np.random.default_rng(RANDOM_SEED)
    vectors = rng.normal(0, RANDOM_DEVIATION, (len(words), width)).astype(np.float32)
    known = np.array([word not in (NULL, UNK) for word in words])
    vectors[~known] = 0
    return vectors, known


def coverage(train: QuestionSplit, known: np.ndarray) -> str:
    """How many words (types) and words of the training questions (tokens) have a vector."""
    count = np.bincount(train.words.numpy(), minlength=len(known))
    if train.candidates is not None:
        count += np.bincount(train.candidates.words.numpy(), minlength=len(known))
    types, tokens, found = (count > 0).sum(), count.sum(), (known & (count > 0)).sum()
    return (
        f"have a vector: {found:,} of {types:,} words ({found / types:.1%}), "
        f"{count[known].sum():,} of {tokens:,} training tokens ({count[known].sum() / tokens:.1%})"
    )
