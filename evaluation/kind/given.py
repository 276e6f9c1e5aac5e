"""What any predictions file says of a choice or of a count: a candidate's place, a number."""

import math
import re
from collections.abc import Sequence
from typing import Any

from util.text import clipped

NUMBER = re.compile(r"\s*[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?\s*")
MOST = 10**6  # no count is higher
CHOICE_CURE = "give the choice's text, or its place counted from 0"
NUMBER_CURE = "give a number, such as 3"


class NotTold(ValueError):
    """The line about a value that says no choice, or no number."""


def choice_told(value: Any, texts: Sequence[str], right: int) -> int:
    """A candidate's place among `texts`.

    A whole number is the place, counted from 0.  A text is a candidate's: to the letter, or else
    but for case, blanks and a full stop; digits that no candidate is are the place.  Of a text that
    several share, the right one is meant if it is one of them (`shared` counts these).  Raises
    NotTold.
    """
    number = _whole(value)
    if number is None and isinstance(value, str):
        if found := _named(value, texts):
            return right if right in found else found[0]
        number = int(value) if value.strip().isdecimal() and len(value) < 10 else None
    if number is None:
        said = repr(clipped(value, 40)) if isinstance(value, str) else type(value).__name__
        raise NotTold(f"{said} is none of its {len(texts)} choices; {CHOICE_CURE}")
    if not 0 <= number < len(texts):
        last = len(texts) - 1
        raise NotTold(f"choice {number} is not there, they are 0 to {last}; {CHOICE_CURE}")
    return number


def shared(value: Any, texts: Sequence[str]) -> bool:
    """Whether a value is a text that several candidates share."""
    return isinstance(value, str) and len(_named(value, texts)) > 1


def number_told(value: Any) -> float:
    """A number, or a text that is one.  Raises NotTold."""
    if isinstance(value, str) and NUMBER.fullmatch(value):
        value = float(value)
    if isinstance(value, bool) or not isinstance(value, int | float):
        said = repr(clipped(value, 40)) if isinstance(value, str) else type(value).__name__
        raise NotTold(f"{said} is no number; {NUMBER_CURE}")
    if not math.isfinite(value) or abs(value) > MOST:
        raise NotTold(f"{clipped(str(value), 40)} is no count; {NUMBER_CURE}")
    return float(value)


def _whole(value: Any) -> int | None:
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _named(value: str, texts: Sequence[str]) -> list[int]:
    """The candidates that a text is: to the letter, or else nearly."""
    found = [i for i, text in enumerate(texts) if text == value]
    return found or [i for i, text in enumerate(texts) if _plain(text) == _plain(value)]


def _plain(text: str) -> str:
    return " ".join(text.lower().split()).removesuffix(".").rstrip()
