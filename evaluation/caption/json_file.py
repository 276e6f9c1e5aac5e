"""JSON files of captions: identifiers, sentences and times, checked one by one."""

import math
from pathlib import Path
from typing import Any

from preprocess.annotation.items import load_json
from util.errors import UserError
from util.text import clipped
from util.text_file import read_text


def read_json(path: Path, hint: str) -> Any:
    """A file's JSON value.

    Raises UserError, which names file, place and cure: not there, no JSON, a key twice.
    """
    return load_json(path, read_text(path, hint))


def identity(value: Any, where: str) -> str:
    """An identifier as text; 7 and "7" are the same.  UserError for what is none."""
    if isinstance(value, bool) or not isinstance(value, int | str) or value == "":
        raise UserError(f"{where}: {shown(value)} is no id; give a string or a whole number")
    return str(value)


def sentence(value: Any, where: str) -> str:
    """A caption; UserError for what is no text."""
    if not isinstance(value, str):
        raise UserError(f"{where}: the caption is {shown(value)}; it must be a string")
    return value


def times(value: Any, where: str) -> tuple[float, float]:
    """Start and end in seconds; UserError for anything but two numbers."""
    pair = value if isinstance(value, list) else []
    numbers = [x for x in pair if isinstance(x, int | float) and not isinstance(x, bool)]
    if len(pair) != 2 or len(numbers) != 2 or not all(map(math.isfinite, numbers)):
        raise UserError(
            f"{where}: the time stamp is {shown(value)}; it must be [start, end] in seconds"
        )
    return float(numbers[0]), float(numbers[1])


def shown(value: Any) -> str:
    """A value of a file in a message."""
    return clipped(repr(value), 60)
