"""Questions asked and answers given, as columns: what every part of an evaluation looks at."""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from typing import Any

import numpy as np
from torch import Tensor

from data_loader.questions import Kind, Questions, QuestionSplit
from data_loader.vocabulary import UNKNOWN_ANSWERS
from evaluation.kind.guess import Prior, constant_numbers, first_choices, longest_choices
from preprocess.annotation.sample import Sample


@dataclass(frozen=True, eq=False)
class Asked:
    """The Q questions of a split and what the training split says of each; all arrays (Q,).

    Where there is no training split (a question file that was made like another), `constant` and
    `seen` are None and `guesses` has only what needs no training.
    """

    split: str
    id: np.ndarray  # object: int or str, as in the annotations
    video: np.ndarray  # object: str
    type: np.ndarray  # object: str
    text: np.ndarray  # object: str
    answer: np.ndarray  # object: str, the true answer
    length: np.ndarray  # int64, words of the question
    known: np.ndarray  # bool, the true answer is a class; true of every choice and count
    constant: np.ndarray | None  # object: str, the commonest training answer of the type; open
    seen: np.ndarray | None  # int64, how often the true answer occurs in training
    kind: Kind = "open"
    choices: np.ndarray | None = None  # object: tuple of str, the candidates; of choice alone
    right: np.ndarray | None = None  # int64, choice: which candidate is right; count: the number
    # int64, what is told without video and question (`evaluation.kind.guess`), of choice and count
    guesses: Mapping[str, np.ndarray] = field(default_factory=dict)
    count_range: tuple[int, int] | None = None  # of count: all numbers told lie in it

    def __len__(self) -> int:
        """Number of questions Q."""
        return len(self.id)

    @property
    def videos(self) -> int:
        """Number of videos asked about."""
        return len(set(self.video))

    def only(self, keep: np.ndarray) -> "Asked":
        """The questions where `keep` (Q,) bool is true."""
        columns = {f.name: getattr(self, f.name) for f in fields(self)}
        kept = {k: v[keep] for k, v in columns.items() if isinstance(v, np.ndarray)}
        guesses = {name: told[keep] for name, told in self.guesses.items()}
        return replace(self, **kept, guesses=guesses)


@dataclass(frozen=True, eq=False)
class Answers:
    """One model's answers to the questions of a split."""

    name: str  # of the run or the file
    video: str  # what it was shown: real, none, shuffled
    asked: Asked
    predicted: np.ndarray  # (Q,) object: str
    top: list[list[tuple[str, float]]]  # Q lists of the best answers with probability, best first
    chosen: np.ndarray | None = None  # (Q,) int64, choice: which candidate; count: the number
    value: np.ndarray | None = None  # (Q,) float64, of count: before rounding and clipping

    @property
    def correct(self) -> np.ndarray:
        """(Q,) bool.  An answer that is no class is never predicted: its question is wrong.

        A choice is right by its place among the candidates, not by its text, which another may
        share.
        """
        if self.chosen is None:
            return self.predicted == self.asked.answer
        return self.chosen == self.asked.right

    @property
    def probability(self) -> np.ndarray:
        """(Q,) float64 of the predicted answer."""
        return np.array([top[0][1] for top in self.top])

    def only(self, keep: np.ndarray) -> "Answers":
        """The questions where `keep` (Q,) bool is true."""
        return replace(
            self,
            asked=self.asked.only(keep),
            predicted=self.predicted[keep],
            top=[self.top[i] for i in np.flatnonzero(keep)],
            chosen=None if self.chosen is None else self.chosen[keep],
            value=None if self.value is None else self.value[keep],
        )

    def records(self) -> list[dict[str, Any]]:
        """One plain dict a question, in the order of the annotations."""
        asked, correct = self.asked, self.correct
        return [
            {
                "id": asked.id[i],
                "video": asked.video[i],
                "type": asked.type[i],
                "question": asked.text[i],
                "answer": asked.answer[i],
                "predicted": self.predicted[i],
                "probability": round(self.top[i][0][1], 4),
                "correct": bool(correct[i]),
                **self._of_kind(i),
            }
            for i in range(len(asked))
        ]

    def _of_kind(self, i: int) -> dict[str, Any]:
        """What a record has beside those of open questions."""
        out: dict[str, Any] = {}
        if self.asked.choices is not None and self.asked.right is not None:
            assert self.chosen is not None
            out["choices"] = list(self.asked.choices[i])
            out |= {"right": int(self.asked.right[i]), "chosen": int(self.chosen[i])}
        if self.value is not None:
            out["value"] = round(float(self.value[i]), 4)
        return out


def answers_of(
    name: str,
    video: str,
    asked: Asked,
    words: tuple[str, ...],
    top: Tensor,
    probability: Tensor,
    value: Tensor | None = None,
) -> Answers:
    """A model's answers, as `model.task.qa.Predictions` has them; `words`: those of the classes.

    top (Q, 5) with probability (Q, 5), best first; value (Q,), of kind count.
    """
    pairs = zip(top.tolist(), probability.tolist(), strict=True)
    best: list[list[tuple[str, float]]] = []
    for i, (told, shares) in enumerate(pairs):
        both = zip(told, shares, strict=True)
        if asked.kind == "open":
            best.append([(words[k], p) for k, p in both])
        elif asked.kind == "choice":
            assert asked.choices is not None
            texts = asked.choices[i]
            # a question of fewer than five candidates is filled up with -1
            best.append([(texts[k], p) for k, p in both if 0 <= k < len(texts)])
        else:
            best.append([(str(told[0]), shares[0])])
    predicted = objects([first[0][0] for first in best])
    if asked.kind == "open":
        return Answers(name, video, asked, predicted, best)
    raw = None if asked.kind != "count" or value is None else value.double().numpy()
    return Answers(name, video, asked, predicted, best, top[:, 0].numpy(), raw)


def asked(questions: Questions, split: str) -> Asked:
    """A split of a question file.  Raises UserError if the file has no such split."""
    here, train = questions.split(split, "--split"), questions.splits.get("train")
    classes = questions.vocabulary.answers[UNKNOWN_ANSWERS:]
    found = columns(
        split, _samples(here), _samples(train) if train else (), here.length.tolist(), classes
    )
    if questions.kind == "choice":
        return with_choices(found, _choices(here), _choices(train) if train else ())
    if questions.kind == "count":
        numbers = (train.types, train.answer.tolist()) if train else None
        return with_numbers(found, here.answer.tolist(), numbers, questions.count_range)
    return found


def _choices(split: QuestionSplit) -> list[tuple[Sequence[str], int]]:
    assert split.candidates is not None
    return list(zip(split.candidates.texts, split.answer.tolist(), strict=True))


def with_choices(
    found: Asked,
    here: Sequence[tuple[Sequence[str], int]],
    train: Sequence[tuple[Sequence[str], int]],
) -> Asked:
    """Questions with the candidates of each and which is right; `train`: of the training split."""
    texts = [of for of, _ in here]
    guesses = {"first": first_choices(texts), "longest": longest_choices(texts)}
    if train:
        guesses["prior"] = Prior.of(train).choose(texts)
    return replace(
        found,
        known=np.ones(len(found), dtype=bool),
        constant=None,
        kind="choice",
        choices=objects([tuple(of) for of in texts]),
        right=np.array([right for _, right in here], dtype=np.int64),
        guesses=guesses,
    )


def with_numbers(
    found: Asked,
    here: Sequence[int],
    train: tuple[Sequence[str], Sequence[int]] | None,
    count_range: tuple[int, int] | None,
) -> Asked:
    """Questions with their numbers; `train`: types and numbers of the training split, if any."""
    types = [str(kind) for kind in found.type]
    return replace(
        found,
        known=np.ones(len(found), dtype=bool),
        constant=None,
        kind="count",
        right=np.array(here, dtype=np.int64),
        guesses=constant_numbers(types, *train) if train else {},
        count_range=count_range,
    )


def _samples(split: QuestionSplit) -> list[Sample]:
    of = (split.ids, split.videos, split.texts, split.answer_texts, split.types)
    return [Sample(*row) for row in zip(*of, strict=True)]


def columns(
    split: str,
    samples: Sequence[Sample],
    train: Sequence[Sample],
    lengths: Sequence[int],
    classes: Sequence[str],
) -> Asked:
    """The columns of a split; `classes` are the answers that a model can give.

    Of answers equally common in a type, the one that the training split has first is its constant;
    a type that training lacks takes the commonest of all.  `train` may be empty.
    """
    by_type: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for sample in train:
        by_type[sample.type][sample.answer] += 1
    seen = Counter(sample.answer for sample in train)
    commonest = {kind: count.most_common(1)[0][0] for kind, count in by_type.items()}
    overall = seen.most_common(1)[0][0] if seen else ""
    possible = set(classes)
    return Asked(
        split=split,
        id=objects([s.id for s in samples]),
        video=objects([s.video for s in samples]),
        type=objects([s.type for s in samples]),
        text=objects([s.question for s in samples]),
        answer=objects([s.answer for s in samples]),
        length=np.array(lengths, dtype=np.int64),
        known=np.array([s.answer in possible for s in samples], dtype=bool),
        constant=objects([commonest.get(s.type, overall) for s in samples]) if seen else None,
        seen=np.array([seen[s.answer] for s in samples], dtype=np.int64) if seen else None,
    )


def objects(values: Sequence[Any]) -> np.ndarray:
    """A column of Python objects: NumPy's own strings would lose integers and trailing zeros."""
    out = np.empty(len(values), dtype=object)
    out[:] = values
    return out
