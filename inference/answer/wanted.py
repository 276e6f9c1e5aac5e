"""What a question wants to hear: the best answers of a run, the best of given ones, or a number."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from data_loader.candidates import LEAST
from data_loader.vocabulary import UNKNOWN_ANSWERS
from model.answer.kind import BEST
from model.task.qa import QuestionAnswering
from util.errors import UserError
from util.text import clipped

NUMBERS = (
    "zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven",
    "twelve", "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen",
    "twenty",
)  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """What is asked for beside the question."""

    choices: tuple[str, ...] = ()  # of a run that chooses its candidates; of others answers to rank
    count: bool = False  # the likeliest number; of a run that counts without being asked
    n_best: int = BEST


@dataclass(frozen=True)
class Ranked:
    """Answers of an open run that are ranked, and the classes of each."""

    texts: tuple[str, ...]
    classes: tuple[tuple[int, ...], ...]
    unknown: tuple[str, ...] = ()  # answers that the run does not have: they cannot win

    def best(self, probability: Sequence[float], n_best: int) -> list[tuple[str, float]]:
        """The likeliest of them, by the probability of each class; of equal ones the first."""
        shares = [sum(probability[i] for i in of) for of in self.classes]
        order = sorted(range(len(shares)), key=lambda i: -shares[i])
        return [(self.texts[i], shares[i]) for i in order[:n_best]]


def check(wanted: Wanted, run: Path, task: QuestionAnswering) -> None:
    """Raise UserError for what a run of this kind cannot tell."""
    choices = wanted.choices
    seen: set[str] = set()
    for choice in choices:
        if not choice.strip():
            raise UserError("--choices: one of them is empty; give words")
        if _plain(choice) in seen:
            raise UserError(f"--choices: {clipped(choice.strip(), 80)} is given twice")
        seen.add(_plain(choice))
    if choices and len(choices) < LEAST:
        raise UserError(f"--choices {clipped(choices[0], 80)}: give two or more")
    if choices and wanted.count:
        raise UserError("--count: --choices names the answers; give one of the two")
    if task.kind == "choice":
        if wanted.count:
            raise UserError(
                f"--count: {run} chooses among candidates; give the numbers with --choices 0 1 2"
            )
        if not choices:
            raise UserError(
                f"{run} chooses among candidates: give them, such as --choices 'a cat' 'a dog'"
            )
    if task.kind == "count" and choices:
        raise UserError(f"--choices: {run} tells a number; leave it out")
    if task.kind == "count" and wanted.n_best != BEST:
        raise UserError(f"--n_best {wanted.n_best}: {run} tells one number; leave it out")


def ranked(wanted: Wanted, run: Path, task: QuestionAnswering) -> Ranked | None:
    """The answers of an open run among which the best is wanted; None: among all of them.

    Raises UserError if the run has none of them.
    """
    answers = task.vocabulary.answers
    if wanted.count:
        of_number: dict[int, list[int]] = {}
        for i, answer in enumerate(answers[UNKNOWN_ANSWERS:], UNKNOWN_ANSWERS):
            if (number := number_of(answer)) is not None:
                of_number.setdefault(number, []).append(i)
        if not of_number:
            raise UserError(f"--count: none of the answers that {run} knows is a number")
        return Ranked(tuple(map(str, of_number)), tuple(map(tuple, of_number.values())))
    if not wanted.choices:
        return None
    of_text: dict[str, list[int]] = {}
    for i, answer in enumerate(answers[UNKNOWN_ANSWERS:], UNKNOWN_ANSWERS):
        of_text.setdefault(_plain(answer), []).append(i)
    known = [choice for choice in wanted.choices if _plain(choice) in of_text]
    if not known:
        raise UserError(
            f"--choices: {run} knows none of these answers; it knows {len(answers) - 2:,}, such as "
            + clipped(", ".join(answers[UNKNOWN_ANSWERS : UNKNOWN_ANSWERS + 5]), 120)
        )
    return Ranked(
        tuple(known),
        tuple(tuple(of_text[_plain(choice)]) for choice in known),
        tuple(choice for choice in wanted.choices if choice not in known),
    )


def number_of(answer: str) -> int | None:
    """The whole number that an answer says, in digits or in a word; None if it says none."""
    said = _plain(answer)
    if said in NUMBERS:
        return NUMBERS.index(said)
    return int(said) if said.isascii() and said.isdigit() and len(said) <= 9 else None


def _plain(text: str) -> str:
    """An answer without what is no part of it: blanks around it and between words, capitals."""
    return " ".join(text.split()).casefold()
