"""What can be told without video and without question: from the training split, or from chance."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np

from data_loader.tokens import tokenize

Row = tuple[Sequence[str], int]  # the candidates of a question and which of them is right


def first_choices(choices: Sequence[Sequence[str]]) -> np.ndarray:
    """The first candidate of each of Q questions -> (Q,) int64."""
    return np.zeros(len(choices), dtype=np.int64)


def longest_choices(choices: Sequence[Sequence[str]]) -> np.ndarray:
    """The candidate of most characters, of equally long ones the first -> (Q,) int64."""
    return np.array([_first_best([len(text) for text in of]) for of in choices], dtype=np.int64)


@dataclass(frozen=True, eq=False)
class Prior:
    """How often candidates were right where the training split offered them.

    Of a text that was offered n times and right k times (k + 1) / (n + c) (Laplace's rule), c the
    mean number of candidates; of one that was never offered the mean of the same over its words;
    of one without any known word 1 / c.
    """

    texts: "_Tally" = field(default_factory=lambda: _Tally())
    words: "_Tally" = field(default_factory=lambda: _Tally())
    choices: float = 2.0  # mean number of candidates

    @classmethod
    def of(cls, train: Sequence[Row]) -> "Prior":
        """Count the training split's rows."""
        found = cls(choices=float(np.mean([len(texts) for texts, _ in train])))
        for texts, right in train:
            for i, text in enumerate(texts):
                found.texts.add([_plain(text)], i == right)
                found.words.add(set(tokenize(text)), i == right)
        return found

    def share(self, text: str) -> float:
        """How likely a candidate is right, whatever is asked."""
        if _plain(text) in self.texts.offered:
            return self.texts.share(_plain(text), self.choices)
        known = [w for w in tokenize(text) if w in self.words.offered]
        shares = [self.words.share(word, self.choices) for word in known]
        return float(np.mean(shares)) if shares else 1 / self.choices

    def choose(self, choices: Sequence[Sequence[str]]) -> np.ndarray:
        """The likeliest candidate of each question, of equal ones the first -> (Q,) int64."""
        best = [_first_best([self.share(text) for text in texts]) for texts in choices]
        return np.array(best, dtype=np.int64)


@dataclass(frozen=True, eq=False)
class _Tally:
    offered: Counter[str] = field(default_factory=Counter)
    right: Counter[str] = field(default_factory=Counter)

    def add(self, names: Iterable[str], is_right: bool) -> None:
        for name in names:
            self.offered[name] += 1
            self.right[name] += is_right

    def share(self, name: str, choices: float) -> float:
        return (self.right[name] + 1) / (self.offered[name] + choices)


def constant_numbers(
    types: Sequence[str], train_types: Sequence[str], train: Sequence[int]
) -> dict[str, np.ndarray]:
    """The constant numbers of each question's type, as the training split has them -> (Q,) int64.

    constant_mean: the mean, rounded, which of all constants has the least squared error there;
    commonest: the number that is most often exact, of equally common ones the least.  A type that
    training lacks takes those of all.
    """
    by_type: defaultdict[str, list[int]] = defaultdict(list)
    for kind, number in zip(train_types, train, strict=True):
        by_type[kind].append(number)
    mean = {kind: round(float(np.mean(numbers))) for kind, numbers in by_type.items()}
    commonest = {kind: _commonest(numbers) for kind, numbers in by_type.items()}
    everywhere = round(float(np.mean(train))), _commonest(train)
    return {
        "constant_mean": np.array([mean.get(k, everywhere[0]) for k in types], dtype=np.int64),
        "commonest": np.array([commonest.get(k, everywhere[1]) for k in types], dtype=np.int64),
    }


def _commonest(numbers: Sequence[int]) -> int:
    return min(Counter(numbers).items(), key=lambda pair: (-pair[1], pair[0]))[0]


def _first_best(values: Sequence[float]) -> int:
    return int(np.argmax(values))


def _plain(text: str) -> str:
    """Case and blanks do not matter."""
    return " ".join(text.lower().split())
