"""Questions asked and answers given, as columns: what every part of an evaluation looks at."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
from torch import Tensor

from data_loader.questions import Questions, QuestionSplit
from data_loader.vocabulary import UNKNOWN_ANSWERS
from preprocess.annotation.sample import Sample


@dataclass(frozen=True, eq=False)
class Asked:
    """The Q questions of a split and what the training split says of each; all arrays (Q,)."""

    split: str
    id: np.ndarray  # object: int or str, as in the annotations
    video: np.ndarray  # object: str
    type: np.ndarray  # object: str
    text: np.ndarray  # object: str
    answer: np.ndarray  # object: str, the true answer
    length: np.ndarray  # int64, words of the question
    known: np.ndarray  # bool, the true answer is a class
    constant: np.ndarray  # object: str, the commonest training answer of the question's type
    seen: np.ndarray  # int64, how often the true answer occurs in training

    def __len__(self) -> int:
        """Number of questions Q."""
        return len(self.id)

    @property
    def videos(self) -> int:
        """Number of videos asked about."""
        return len(set(self.video))

    def only(self, keep: np.ndarray) -> "Asked":
        """The questions where `keep` (Q,) bool is true."""
        columns = {f.name: getattr(self, f.name)[keep] for f in fields(self) if f.name != "split"}
        return replace(self, **columns)


@dataclass(frozen=True, eq=False)
class Answers:
    """One model's answers to the questions of a split."""

    name: str  # of the run or the file
    video: str  # what it was shown: real, none, shuffled
    asked: Asked
    predicted: np.ndarray  # (Q,) object: str
    top: list[list[tuple[str, float]]]  # Q lists of the best answers with probability, best first

    @property
    def correct(self) -> np.ndarray:
        """(Q,) bool.  An answer that is no class is never predicted: its question is wrong."""
        return self.predicted == self.asked.answer

    @property
    def probability(self) -> np.ndarray:
        """(Q,) float64 of the predicted answer."""
        return np.array([top[0][1] for top in self.top])

    def only(self, keep: np.ndarray) -> "Answers":
        """The questions where `keep` (Q,) bool is true."""
        top = [self.top[i] for i in np.flatnonzero(keep)]
        return replace(self, asked=self.asked.only(keep), predicted=self.predicted[keep], top=top)

    def records(self) -> list[dict[str, Any]]:
        """One plain dict a question, in the order of the annotations."""
        asked = self.asked
        return [
            {
                "id": asked.id[i],
                "video": asked.video[i],
                "type": asked.type[i],
                "question": asked.text[i],
                "answer": asked.answer[i],
                "predicted": self.predicted[i],
                "probability": round(self.top[i][0][1], 4),
                "correct": bool(self.predicted[i] == asked.answer[i]),
            }
            for i in range(len(asked))
        ]


def answers_of(
    name: str, video: str, asked: Asked, words: tuple[str, ...], top: Tensor, probability: Tensor
) -> Answers:
    """A model's best answers: classes and probabilities (Q, 5), best first, the classes' words."""
    best: list[list[tuple[str, float]]] = [
        [(words[i], p) for i, p in zip(classes, shares, strict=True)]
        for classes, shares in zip(top.tolist(), probability.tolist(), strict=True)
    ]
    return Answers(name, video, asked, _objects([first[0][0] for first in best]), best)


def asked(questions: Questions, split: str) -> Asked:
    """A split of a question file.  Raises UserError if the file has no such split."""
    here, train = questions.split(split, "--split"), questions.splits["train"]
    classes = questions.vocabulary.answers[UNKNOWN_ANSWERS:]
    return columns(split, _samples(here), _samples(train), here.length.tolist(), classes)


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
    a type that training lacks takes the commonest of all.
    """
    by_type: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for sample in train:
        by_type[sample.type][sample.answer] += 1
    seen = Counter(sample.answer for sample in train)
    commonest = {kind: count.most_common(1)[0][0] for kind, count in by_type.items()}
    overall = seen.most_common(1)[0][0]
    possible = set(classes)
    return Asked(
        split=split,
        id=_objects([s.id for s in samples]),
        video=_objects([s.video for s in samples]),
        type=_objects([s.type for s in samples]),
        text=_objects([s.question for s in samples]),
        answer=_objects([s.answer for s in samples]),
        length=np.array(lengths, dtype=np.int64),
        known=np.array([s.answer in possible for s in samples], dtype=bool),
        constant=_objects([commonest.get(s.type, overall) for s in samples]),
        seen=np.array([seen[s.answer] for s in samples], dtype=np.int64),
    )


def _objects(values: Sequence[Any]) -> np.ndarray:
    """A column of Python objects: NumPy's own strings would lose integers and trailing zeros."""
    out = np.empty(len(values), dtype=object)
    out[:] = values
    return out
