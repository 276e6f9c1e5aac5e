"""What is looked for:  "2:horse - car", "cutting" before "frying", more like FILE@12.5.

A query is a sum of texts and moments, each with a weight, and becomes one vector; two queries with
`before` or `after` between them are looked for one after another in the same video.
"""

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from util.errors import UserError
from util.text import clipped

LONGEST = 1000  # characters of a query
_ORDER = re.compile(r'"([^"]+)"\s+(before|after)\s+"([^"]+)"')
# Signs stand between blanks: a hyphen within a word is part of it.
_SIGN = re.compile(r'(?:^|(?<=\s))([+-])(?=\s|$)(?=(?:[^"]*"[^"]*")*[^"]*$)')
_WEIGHT = re.compile(r"(\d+(?:\.\d+)?|\.\d+):\s*(.*)", re.DOTALL)
_TIME = re.compile(r"(?:(?:(\d+):)?(\d{1,2}):)?(\d+(?:\.\d+)?)")


@dataclass(frozen=True)
class Term:
    """One text of a sum."""

    text: str
    weight: float  # below 0: what is looked for shall not be like it


@dataclass(frozen=True)
class Like:
    """A moment of a video whose like is looked for."""

    file: str
    seconds: float | None  # None: the whole video
    weight: float


@dataclass(frozen=True)
class Query:
    """A sum of texts and of moments."""

    terms: tuple[Term, ...]
    likes: tuple[Like, ...] = ()

    @property
    def words(self) -> str:
        """The texts that shall be there, for full text and for people."""
        return " ".join(term.text for term in self.terms if term.weight > 0)

    @property
    def weights(self) -> list[float]:
        """Of the texts, then of the moments."""
        return [part.weight for part in (*self.terms, *self.likes)]


@dataclass(frozen=True)
class InOrder:
    """Two queries, each found in the same video, the first of them earlier."""

    first: Query
    second: Query
    asked: Literal[0, 1]  # which of them was named first: its moment is the hit


def read_query(text: str, like: Sequence[str] = (), minus: Sequence[str] = ()) -> Query | InOrder:
    """What the words before the flags, `--like` and `--minus` ask for.

    Raises UserError for a query that asks for nothing, and for a weight or time that is none.
    """
    if len(text) > LONGEST:
        raise UserError(f"--query has {len(text)} characters; {LONGEST} at most: say it shorter")
    order = _ORDER.fullmatch(text.strip())
    if order:
        if like or minus:
            raise UserError(
                f"--query with {order[2]} is two queries: leave out --like and --minus, or write "
                'their parts into it, as "horse - car" before "dog"'
            )
        sums = _sum(order[1]), _sum(order[3])
        queries = [Query(terms) for terms in sums]
        for query in queries:
            _check(query)
        first, second = queries if order[2] == "before" else queries[::-1]
        return InOrder(first, second, 0 if order[2] == "before" else 1)
    terms = _sum(text) if text.strip() else ()
    taken = (Term(t.text, -abs(t.weight)) for part in minus for t in _sum(part))
    query = Query((*terms, *taken), tuple(_like(moment) for moment in like))
    _check(query)
    return query


def vector_of(vectors: np.ndarray, weights: Sequence[float]) -> np.ndarray:
    """The weighted sum of unit vectors (T, D), of unit length again: (D,) float32.

    Raises UserError where the parts cancel each other.
    """
    total = np.asarray(weights, np.float64) @ np.asarray(vectors, np.float64)
    length = float(np.linalg.norm(total))
    if not length > 1e-6 * max(map(abs, weights)):
        raise UserError("--query: its parts cancel each other; change a weight, as 2:horse - car")
    return (total / length).astype(np.float32)


def _sum(text: str) -> tuple[Term, ...]:
    """Texts with signs and weights."""
    pieces = _SIGN.split(text.strip())
    signed = [("+", pieces[0]), *zip(pieces[1::2], pieces[2::2], strict=True)]
    if not pieces[0].strip():  # it begins with a sign
        signed = signed[1:]
    return tuple(_term(sign, piece.strip()) for sign, piece in signed)


def _term(sign: str, piece: str) -> Term:
    found = _WEIGHT.fullmatch(piece)
    weight, text = (float(found[1]), found[2]) if found else (1.0, piece)
    text = text.strip()
    if len(text) > 1 and text[0] == text[-1] == '"':
        text = text[1:-1].strip()
    if not text:
        raise UserError("--query has a part without words; write as in `2:horse - car`")
    if not 0 < weight <= 100:
        raise UserError(f"--query {clipped(piece, 60)}: a weight is above 0 and at most 100")
    return Term(text, weight if sign == "+" else -weight)


def _like(moment: str) -> Like:
    """FILE, FILE@12.5, FILE@1:02:03; with a weight before it, 0.5:FILE@3."""
    weighted = None if Path(moment).is_file() else _WEIGHT.fullmatch(moment)
    weight, rest = (float(weighted[1]), weighted[2]) if weighted else (1.0, moment)
    if not 0 < weight <= 100:
        raise UserError(f"--like {clipped(moment, 200)}: a weight is above 0 and at most 100")
    file, at, when = rest.rpartition("@")
    if not at or Path(rest).is_file():
        return Like(rest, None, weight)
    time = _TIME.fullmatch(when)
    if time is None or not file:
        raise UserError(
            f"--like {clipped(moment, 200)}: no such file; name FILE, or FILE@SECONDS, as "
            "a.mp4@12.5"
        )
    hours, minutes, seconds = (float(part or 0) for part in time.groups())
    return Like(file, 3600 * hours + 60 * minutes + seconds, weight)


def _check(query: Query) -> None:
    if not any(weight > 0 for weight in query.weights):
        raise UserError(
            "--query asks for nothing: say what is looked for, or give --like FILE@SECONDS"
        )
    assert all(map(math.isfinite, query.weights))
