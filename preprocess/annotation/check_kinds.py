"""What `--check` says of choices and numbers: faults, twins, and what gives an answer away."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from math import sqrt

from data_loader.questions import Kind
from preprocess.annotation.check_texts import near
from preprocess.annotation.findings import Finding
from preprocess.annotation.question.kinds import (
    BROKEN,
    NEGATIVE,
    NO_NUMBER,
    NOT_AMONG,
    WORDED,
    count_fault,
)
from preprocess.annotation.sample import Sample
from util.text import clipped

Samples = Mapping[str, Sequence[Sample]]
# Right answers are said to be told by something where it is right so much more often than by
# chance: in share of the questions, and in deviations of the number of times, which chance reaches
# once in 30,000 sets.
MORE, DEVIATIONS = 0.05, 4


def check_kinds(kind: Kind, samples: Samples) -> Iterator[Finding]:
    """Findings on the answers of kind choice or count; none of kind open."""
    if kind == "choice":
        yield from _choices(samples)
    elif kind == "count":
        yield from _numbers(samples)


def _choices(samples: Samples) -> Iterator[Finding]:
    for split, rows in samples.items():
        few = [s.label for s in rows if len(s.choices or ()) < 2]
        yield Finding("questions with fewer than two choices", split, len(few), len(rows), "", few)
        out = [s for s in rows if s.answer not in (s.choices or ())]
        names = [f"{s.label}: {clipped(repr(s.answer), 30)}" for s in out]
        yield Finding(NOT_AMONG, split, len(out), len(rows), "", names)
        alike = [(s, twins) for s in rows if (twins := _twins(s.choices or ()))]
        names = [f"{s.label}: {' / '.join(repr(clipped(t, 20)) for t in of)}" for s, of in alike]
        right = sum(near(s.answer) in map(near, of) for s, of in alike)
        note = f"{right:,} of the right one;" if alike else ""
        yield Finding("choices that are alike", split, len(alike), len(rows), note, names)
        told = [s for s in rows if s.choices and s.answer in s.choices]
        for what, of in (("longest", _longest), ("shortest", _shortest)):
            yield _given_away(f"the {what} choice is the answer", split, told, of)
        places = Counter(_right(s) for s in told)
        common = places.most_common(1)[0][0] if places else 0
        yield _given_away(
            "one place of choices has the answer",
            split,
            told,
            lambda _, common=common: common,
            f"place {common}:",
        )


def _given_away(
    what: str,
    split: str,
    rows: Sequence[Sample],
    place: Callable[[Sequence[str]], int | None],
    note: str = "",
) -> Finding:
    """Whether the choice at a `place`, that its question tells, is right more often than by chance.

    Of n questions that have such a choice, each of k_i: right in about sum 1 / k_i by chance.
    """
    counted = [(s, p) for s in rows if (p := place(s.choices or ())) is not None]
    shares = [1 / len(s.choices or ()) for s, p in counted if p < len(s.choices or ())]
    hits = sum(_right(s) == p for s, p in counted)
    expected, deviation = sum(shares), sqrt(sum(p * (1 - p) for p in shares))
    many = hits > expected + max(DEVIATIONS * deviation, MORE * len(rows))
    said = f"{note} {hits / max(len(rows), 1):.1%}, by chance {expected / max(len(rows), 1):.1%}"
    return Finding(what, split, hits * many, len(rows), said.strip())


def _right(sample: Sample) -> int:
    return (sample.choices or ()).index(sample.answer)


def _longest(choices: Sequence[str]) -> int | None:
    """The place of the choice with most characters, if there is one such."""
    return _only(choices, max(map(len, choices)))


def _shortest(choices: Sequence[str]) -> int | None:
    return _only(choices, min(map(len, choices)))


def _only(choices: Sequence[str], length: int) -> int | None:
    found = [place for place, text in enumerate(choices) if len(text) == length]
    return found[0] if len(found) == 1 else None


def _twins(choices: Sequence[str]) -> list[str]:
    """Those of the choices that are `near` another."""
    count = Counter(map(near, choices))
    return [text for text in choices if count[near(text)] > 1]


def _numbers(samples: Samples) -> Iterator[Finding]:
    for split, rows in samples.items():
        faults = [(s, count_fault(s.answer)) for s in rows]
        for what in (WORDED, NO_NUMBER, NEGATIVE, BROKEN):
            names = [f"{s.label}: {clipped(repr(s.answer), 30)}" for s, f in faults if f == what]
            yield Finding(what, split, len(names), len(rows), "", names)
    numbers = {
        split: [s for s in rows if count_fault(s.answer) is None] for split, rows in samples.items()
    }
    if not numbers.get("train"):
        return
    trained = [float(s.answer) for s in numbers["train"]]
    low, high = min(trained), max(trained)
    for split in ("val", "test"):
        rows = numbers.get(split, [])
        names = [f"{s.label}: {s.answer}" for s in rows if not low <= float(s.answer) <= high]
        note = f"{low:g} to {high:g} there;"
        yield Finding("numbers outside those of train", split, len(names), len(rows), note, names)
