"""Annotations -> one file: vocabulary, encoded questions, word vectors."""

from collections.abc import Mapping, Sequence
from itertools import chain
from pathlib import Path

import numpy as np
import torch

from data_loader.questions import QuestionSplit, save_questions
from data_loader.store.open import open_any_store
from data_loader.tokens import tokenize
from data_loader.vocabulary import NULL, UNK, UNKNOWN_ANSWERS, Vocabulary, build_vocabulary
from options.preprocess.questions import QuestionOptions
from preprocess.annotation.check_texts import word_findings
from preprocess.annotation.dataset import SPLITS, read_splits
from preprocess.annotation.findings import notes
from preprocess.annotation.sample import Sample
from util.errors import UserError
from util.files import check_output
from util.text import clipped, printable

TEXTS = (".json", ".jsonl", ".csv", ".txt")  # of annotations
WORD2VEC_EPOCHS, WORD2VEC_SEED = 10, 0
RANDOM_DEVIATION, RANDOM_SEED = 0.4, 0  # the entries of GloVe 840B's commoner words deviate by 0.38


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
    vocabulary = build_vocabulary(tokens["train"], answers, options.top_answers)
    longest = max(len(question) for question in chain.from_iterable(tokens.values()))
    splits = {
        name: encode(name, rows, tokens[name], vocabulary, longest)
        for name, rows in samples.items()
    }
    vectors, known, source = word_vectors(options, tokens, vocabulary)
    save_questions(
        options.output,
        dataset=options.dataset,
        vocabulary=vocabulary,
        word_vectors=torch.from_numpy(vectors),
        word_vectors_source=source,
        splits=splits,
        answers_from=options.answers_from,
    )
    print(summary(splits, vocabulary))
    for name, rows in samples.items():
        print(notes(word_findings(name, rows, tokens[name])), end="")
    if options.answers_from == "union":
        print(
            "NOTE: --answers_from union took the answer classes from validation and test too; "
            "compare the accuracy only with papers that did the same"
        )
    print(f"word vectors: {source}\n  {coverage(splits['train'], known)}")
    print(f"wrote {options.output}")


def _inputs(options: QuestionOptions) -> dict[str, object]:
    """What is read, by option: no output may be one of these."""
    folder = Path(options.annotations)
    inside = [p for p in folder.iterdir() if p.suffix in TEXTS] if folder.is_dir() else []
    return {
        "--annotations": folder,
        "--glove": options.glove,
        **{f"--videos_in ({path})": path for path in options.videos_in},
        **{f"--annotations ({path.name})": path for path in inside},
    }


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


def word_vectors(
    options: QuestionOptions,
    tokens: Mapping[str, Sequence[Sequence[str]]],
    vocabulary: Vocabulary,
) -> tuple[np.ndarray, np.ndarray, str]:
    """Vectors (W, width) float32, known (W,) bool, and where the vectors come from."""
    words, width = vocabulary.words, options.word_width
    if options.vectors == "random":
        vectors, known = random_vectors(words, width=width)
        source = f"random, normal with deviation {RANDOM_DEVIATION}, seed {RANDOM_SEED}"
        return vectors, known, source
    # Here and not above: gensim takes a second and a half to import, and only vectors need it.
    from preprocess.word_vectors import read_glove, train_vectors

    if options.glove is not None:
        vectors, known, digest = read_glove(options.glove, words, width=width)
        return vectors, known, f"GloVe text {Path(options.glove).name}, sha256 {digest}"
    vectors, known = train_vectors(
        tokens["train"], words, width=width, epochs=WORD2VEC_EPOCHS, seed=WORD2VEC_SEED
    )
    source = f"gensim Word2Vec, {WORD2VEC_EPOCHS} epochs on the training questions"
    return vectors, known, source


def random_vectors(words: Sequence[str], *, width: int) -> tuple[np.ndarray, np.ndarray]:
    """Vectors (W, width) float32, normal, zero for padding and unknown words; known (W,) bool."""
    rng = np.random.default_rng(RANDOM_SEED)
    vectors = rng.normal(0, RANDOM_DEVIATION, (len(words), width)).astype(np.float32)
    known = np.array([word not in (NULL, UNK) for word in words])
    vectors[~known] = 0
    return vectors, known


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


def coverage(train: QuestionSplit, known: np.ndarray) -> str:
    """How many words (types) and words of the training questions (tokens) have a vector."""
    count = np.bincount(train.words.numpy(), minlength=len(known))
    types, tokens = (count > 0).sum(), count.sum()
    return (
        f"have a vector: {known.sum():,} of {types:,} words ({known.sum() / types:.1%}), "
        f"{count[known].sum():,} of {tokens:,} training tokens ({count[known].sum() / tokens:.1%})"
    )
