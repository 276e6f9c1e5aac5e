"""Filters of a search:  duration<10 folder:holiday name:cat* after:2024-01-01 -tag:draft width>=99

Terms are separated by blanks and all must hold; `-` before a term turns it round, a value with
blanks is put in quotation marks (folder:"summer 2024").  Values go to SQL as parameters, never as
text; columns and operators come from the tables below.
"""

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from options.command.typed import nearest
from util.errors import UserError
from util.text import clipped, is_utf8

# Key -> column that is compared as a number.
NUMBERS = {
    "duration": "file.duration",  # s
    "width": "file.width",  # pixels
    "height": "file.height",
    "rate": "file.rate",  # frames a second
    "size": "file.size",  # bytes; 10M, 2G
}
# Key -> (expression, pattern that the value is put into).  `*` and `?` are what shells make them.
PATTERNS = {
    "folder": ("'/' || file.path", "%/{}/%"),
    "name": ("file.name", "{}"),
}
TEXTS = {  # Key -> (kind of a clip's text, pattern)
    "tag": ("tag", "{}"),
    "action": ("action", "{}"),
    "answer": ("answer", "{}"),
    "caption": ("caption", "%{}%"),
}
DATES = {"after": ">=", "before": "<"}  # of the file's last change
KEYS = (*NUMBERS, *PATTERNS, *TEXTS, *DATES)
COMPARED = {":": "=", "=": "=", "<": "<", ">": ">", "<=": "<=", ">=": ">="}
UNITS = {"": 1, "k": 10**3, "M": 10**6, "G": 10**9, "T": 10**12}

_TERM = re.compile(r'(-?)([^\s:<>="]+)(<=|>=|[:=<>])("[^"]*"|[^\s"]+)(?=\s|$)')
_NUMBER = re.compile(r"(\d+(?:\.\d+)?|\.\d+)([kMGT]?)s?")


@dataclass(frozen=True)
class Condition:
    """One term of a filter."""

    key: str  # of `KEYS`
    compared: str  # a value of `COMPARED`
    value: str | float  # a number of seconds, pixels, bytes, ns since 1970; or a pattern of LIKE
    negated: bool = False


def read_where(text: str) -> tuple[Condition, ...]:
    """The terms of `--where`.  Raises UserError, naming the term and the cure."""
    found, at = [], 0
    text = text.strip()
    while at < len(text):
        term = _TERM.match(text, at)
        if term is None:
            rest = clipped(text[at:], 60)
            raise _refused(rest, "write KEY:VALUE or KEY<VALUE, as duration<10 folder:holiday")
        found.append(_condition(*term.groups()))
        at = term.end()
        at += len(text[at:]) - len(text[at:].lstrip())
    return tuple(found)


def sql_of(conditions: Sequence[Condition], mark: str = "?") -> tuple[str, list[str | float]]:
    """Conditions over the tables `file` and `clip` as an SQL expression with its parameters.

    `mark`: what stands for a parameter, `?` or `%s`.  Without a condition the expression is true.
    """
    parts, values = ["1 = 1"], []
    for condition in conditions:
        part, own = _sql(condition, mark)
        # What is not known of a file (NULL) neither is nor is not: then neither term holds.
        parts.append(f"NOT ({part})" if condition.negated else f"({part})")
        values += own
    return " AND ".join(parts), values


def _sql(condition: Condition, mark: str) -> tuple[str, list[str | float]]:
    key, value = condition.key, condition.value
    if key in NUMBERS:
        return f"{NUMBERS[key]} {condition.compared} {mark}", [value]
    if key in DATES:
        return f"file.mtime_ns {DATES[key]} {mark}", [value]
    like = f"LIKE lower({mark}) ESCAPE '!'"
    if key in PATTERNS:
        return f"lower({PATTERNS[key][0]}) {like}", [value]
    kind = TEXTS[key][0]
    of = f"SELECT 1 FROM text WHERE text.clip = clip.id AND text.kind = {mark}"
    return f"EXISTS ({of} AND lower(text.text) {like})", [kind, value]


def _condition(negated: str, key: str, compared: str, written: str) -> Condition:
    term = clipped(f"{negated}{key}{compared}{written}", 60)
    value = written.strip('"')
    if key not in KEYS:
        close = nearest(key, list(KEYS)) or f"; there are {', '.join(KEYS)}"
        raise _refused(term, f"{clipped(key, 40)} is no filter{close}")
    if "\0" in value or not value:
        raise _refused(term, "give a value")
    if not is_utf8(value):
        raise _refused(term, "write it in UTF-8; a library has no other names")
    if key in NUMBERS:
        return Condition(key, COMPARED[compared], _number(term, key, value), bool(negated))
    if compared not in (":", "="):
        raise _refused(term, f"{key} is compared with `:`, as {key}:VALUE")
    if key in DATES:
        return Condition(key, DATES[key], _date(term, value), bool(negated))
    return Condition(key, "=", _pattern(key, value), bool(negated))


def _number(term: str, key: str, value: str) -> float:
    read = _NUMBER.fullmatch(value)
    if read is None or (key != "size" and read[2]):
        of = "a number of bytes, as 10M" if key == "size" else "a number"
        raise _refused(term, f"{key} is compared with {of}")
    number = float(read[1]) * UNITS[read[2]]
    if not math.isfinite(number) or number > 1e18:
        raise _refused(term, "give a smaller number")
    return number


def _date(term: str, value: str) -> int:
    """A day, or a day and time, of the clock in Greenwich where it names no other: ns."""
    try:
        when = datetime.fromisoformat(value)
        when = when if when.tzinfo else when.replace(tzinfo=UTC)
        seconds = int(when.timestamp())
        if abs(seconds) > 2**33:  # in ns it would be no whole number of a database
            raise ValueError
        return seconds * 10**9
    except (ValueError, OverflowError):
        raise _refused(term, "a date is written 2024-01-31 or 2024-01-31T18:00") from None


def _pattern(key: str, value: str) -> str:
    """A shell's pattern as one of LIKE, `!` its escape.  A folder is a name, or a path's end."""
    if key == "folder":
        value = value.rstrip("/") or "/"
    escaped = re.sub(r"[!%_]", lambda found: "!" + found[0], value)
    liked = escaped.replace("*", "%").replace("?", "_")
    if key == "folder" and value.startswith("/"):  # a whole path, from the root
        return f"/{liked}/%" if value != "/" else "//%"
    form = PATTERNS[key][1] if key in PATTERNS else TEXTS[key][1]
    return form.format(liked)


def _refused(term: str, cure: str) -> UserError:
    return UserError(f"--where {term}: {cure}")
