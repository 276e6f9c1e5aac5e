"""A value as somebody typed it, or as YAML reads it from a preset, as the type of its option."""

import difflib
import math
import types
from collections.abc import Sequence
from contextlib import suppress
from typing import Any, Literal, Union, get_args, get_origin

from util.errors import UserError
from util.text import printable


def is_list(kind: Any) -> bool:
    """Whether an option of this type takes any number of words."""
    return get_origin(kind) in (list, tuple)


def typed(kind: Any, given: object, name: str) -> Any:
    """`given`, the text of a flag or a value of a preset, as an option's type `kind`.

    Text is never read as YAML: for a str it is the value, for a number its digits.  Nothing is the
    empty text, or null in a preset, where the option may be None.  Raises UserError that begins
    with `name`, the option as it was given.
    """
    if get_origin(kind) in (types.UnionType, Union):
        if given in ("", None):
            return None
        (kind,) = (some for some in get_args(kind) if some is not types.NoneType)
    if is_list(kind):
        if not isinstance(given, list):
            raise UserError(f"{name}: expects a list, not {_shown(given)}")
        return get_origin(kind)(typed(get_args(kind)[0], one, name) for one in given)
    if get_origin(kind) is Literal:
        return _choice(get_args(kind), given, name)
    return {bool: _switch, int: _whole, float: _number, str: _text}[kind](given, name)


def nearest(name: str, known: Sequence[str]) -> str:
    """`; did you mean X?` for what is nearly one of the known names, else nothing."""
    found = difflib.get_close_matches(name, known, n=1)
    return f"; did you mean {found[0]}?" if found else ""


def _choice(choices: tuple[str, ...], given: object, name: str) -> str:
    if given not in choices:
        close = nearest(given, choices) if isinstance(given, str) else ""
        raise UserError(f"{name} {_shown(given)}: give {' or '.join(choices)}{close}")
    return str(given)


def _switch(given: object, name: str) -> bool:
    if isinstance(given, str) and given.lower() in ("true", "false"):
        return given.lower() == "true"
    if not isinstance(given, bool):
        raise UserError(f"{name} {_shown(given)}: give true or false")
    return given


def _whole(given: object, name: str) -> int:
    if isinstance(given, str):
        with suppress(ValueError):
            return int(given)
    number = _number(given, name)  # 1e3 is one thousand
    if number != int(number):
        raise UserError(f"{name} {_shown(given)}: give a whole number")
    return given if isinstance(given, int) else int(number)


def _number(given: object, name: str) -> float:
    try:
        number = math.nan if isinstance(given, bool) else float(given)  # type: ignore[arg-type]
    except (TypeError, ValueError, OverflowError):
        number = math.nan
    if not math.isfinite(number):
        raise UserError(f"{name} {_shown(given)}: give a number")
    return number


def _text(given: object, name: str) -> str:
    if not isinstance(given, str):
        raise UserError(f"{name}: {_shown(given)} is no text in YAML; put it in quotes")
    return given


def _shown(given: object) -> str:
    """The value in a message."""
    return printable(given) if isinstance(given, str) and given else repr(given)
