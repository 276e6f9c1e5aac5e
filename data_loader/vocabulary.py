"""Words and answers as class numbers; words of captions."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import chain

NULL, UNK = "<NULL>", "<UNK>"
UNK0, UNK1 = "<UNK0>", "<UNK1>"
PAD, BOS, EOS, UNK_WORD = range(4)  # numbers of a caption's special tokens
SPECIAL = ("<PAD>", "<BOS>", "<EOS>", "<UNK>")
UNKNOWN_ANSWERS = 2  # classes 0 and 1 are no answers: they are masked out of predictions


@dataclass(frozen=True)
class Vocabulary:
    """The words and answers of one training split (spec, section 3).

    `words`: `<NULL>` (padding) = 0, `<UNK>` = 1, then the words in first-seen order.
    `answers`: `<UNK0>` = 0 (unknown in training), `<UNK1>` = 1 (unknown in validation or test:
    always counted wrong), then the answers by training frequency.
    """

    words: tuple[str, ...]
    answers: tuple[str, ...]

    @cached_property
    def _word_number(self) -> dict[str, int]:
        return {word: i for i, word in enumerate(self.words)}

    @cached_property
    def _answer_number(self) -> dict[str, int]:
        return {answer: i for i, answer in enumerate(self.answers) if i >= UNKNOWN_ANSWERS}

    def encode(self, tokens: Sequence[str]) -> list[int]:
        """The number of each token; `<UNK>` for one that the training split did not have."""
        unknown = self._word_number[UNK]
        return [self._word_number.get(token, unknown) for token in tokens]

    def unknown(self, tokens: Sequence[str]) -> list[str]:
        """The tokens that the training split did not have, each once."""
        return [token for token in dict.fromkeys(tokens) if token not in self._word_number]

    def answer_class(self, answer: str, *, train: bool) -> int:
        """The class of an answer; of an unknown one, 0 (`train`) or 1 (validation, test)."""
        return self._answer_number.get(answer, 0 if train else 1)

    def state(self) -> dict[str, list[str]]:
        """Plain lists, for a file or a checkpoint."""
        return {"words": list(self.words), "answers": list(self.answers)}

    @classmethod
    def from_state(cls, state: dict[str, list[str]]) -> "Vocabulary":
        """The vocabulary that `state` was taken from."""
        return cls(words=tuple(state["words"]), answers=tuple(state["answers"]))


def build_vocabulary(
    tokens: Iterable[Sequence[str]],
    answers: Iterable[str],
    top_answers: int = 4000,
    *,
    min_count: int = 1,
) -> Vocabulary:
    """The vocabulary of a training split, given its questions' tokens and its answers.

    Leaves out words that come fewer than `min_count` times, and keeps the `top_answers` commonest
    answers; answers that occur equally often stay in first-seen order (spec, section 3).  Only to
    compare with papers that took their answer classes from all three splits, `answers` are those of
    all, the training split's first.
    """
    seen = Counter(chain.from_iterable(tokens))  # in first-seen order
    words = dict.fromkeys((NULL, UNK, *(word for word, n in seen.items() if n >= min_count)))
    count = Counter(answer for answer in answers if answer not in (UNK0, UNK1))
    common = (answer for answer, _ in count.most_common(top_answers))  # ties: first seen first
    return Vocabulary(words=tuple(words), answers=(UNK0, UNK1, *common))


@dataclass(frozen=True, eq=False, kw_only=True)
class CaptionVocabulary:
    """The words of the training captions: `SPECIAL`, then by descending frequency."""

    words: tuple[str, ...]  # W

    @cached_property
    def _number(self) -> dict[str, int]:
        return {word: i for i, word in enumerate(self.words)}

    def encode(self, tokens: Sequence[str]) -> list[int]:
        """The number of each token; that of `<UNK>` for one that is no word of the vocabulary."""
        return [self._number.get(token, UNK_WORD) for token in tokens]

    def unknown(self, tokens: Sequence[str]) -> list[str]:
        """The tokens that are no words of the vocabulary, each once."""
        return [token for token in dict.fromkeys(tokens) if token not in self._number]

    def decode(self, words: Sequence[int]) -> str:
        """A caption as text."""
        return " ".join(self.words[i] for i in words)
