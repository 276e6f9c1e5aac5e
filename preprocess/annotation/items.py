"""Annotation files: text, and JSON lists of objects whose fields are checked one by one.

Every mistake is a UserError of one line that names file, line, item, field and cure.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from data_loader.tokens import bare
from util.errors import UserError
from util.text import clipped
from util.text_file import read_text

SHOWN = 60  # characters of a value in a message
Fields = Mapping[str, tuple[type, ...]]  # field -> the types that its values may have


@dataclass(frozen=True)
class ItemFile:
    """A JSON list of objects that all have their fields.  `id_field` names an item in messages."""

    path: Path
    text: str
    items: list[dict[str, Any]]
    id_field: str | None

    def where(self, index: int) -> str:
        """File, line and item, as the beginning of a message."""
        item, field, name = self.items[index], self.id_field, ""
        if field is not None and isinstance(item, dict) and field in item:
            name = f" ({field} {clipped(repr(item[field]), SHOWN)})"
        line = _line(self.text, index)
        return f"{self.path}, line {line}: item {index}{name}, counted from 0"

    def refuse(self, faulty: list[int], fault: str) -> None:
        """Raises UserError if there are `faulty` items: names the first and counts them."""
        if faulty:
            count = f"{len(faulty):,} of {len(self.items):,} items"
            raise UserError(f"{self.where(faulty[0])}: the first of {count} {fault}")


def read_items(
    path: Path, fields: Fields, *, id_field: str | None, hint: str, of: str = "questions"
) -> ItemFile:
    """A JSON list of objects with `fields`; `id_field` is one that no two items share.

    `of`: what the list is of, in messages.

    Raises UserError for a missing or empty file, JSON that does not parse, and an item that lacks
    a field, has one of the wrong type, an empty string, a question without a word, or the
    `id_field` of an earlier item (1 and "1" are the same id).
    """
    text = read_text(path, hint)
    items = _parse(path, text, fields, of)
    if not items:
        raise UserError(f"{path}: no {of}, the split is empty; every split needs some")
    file = ItemFile(path, text, items, id_field)
    seen: dict[str, int] = {}
    for index, item in enumerate(items):
        fault = item_fault(item, fields)
        if fault is None and id_field is not None:
            first = seen.setdefault(str(item[id_field]), index)
            if first != index:
                fault = f"field `{id_field}`: item {first} has the same id; give each its own"
        if fault is not None:
            raise UserError(f"{file.where(index)}: {fault}")
    return file


def item_fault(item: Any, fields: Fields) -> str | None:
    """What is wrong with one item, and the cure; None if nothing is."""
    if not isinstance(item, dict):
        return f"a JSON {_kind(item)}; it must be an object with the fields {', '.join(fields)}"
    for field, types in fields.items():
        if field not in item:
            return f"field `{field}` is missing; add it"
        value = item[field]
        # to Python, True is an integer; to whoever writes annotations it is not
        if not isinstance(value, types) or (isinstance(value, bool) and bool not in types):
            wanted = " or ".join(_WANTED[t] for t in types)
            return f"field `{field}` is a JSON {_kind(value)}; it must be {wanted}"
        if isinstance(value, str) and not value.strip():
            return f"field `{field}` is empty; fill it in or take the item out"
    if "question" in fields and not bare(item["question"]):
        shown = clipped(repr(item["question"]), SHOWN)
        return f"field `question` has no words ({shown}); fill it in or take it out"
    return None


_WANTED = {
    int: "an integer", float: "a number", str: "a string", bool: "a boolean", list: "a list",
}  # fmt: skip


def _parse(path: Path, text: str, fields: Fields, of: str) -> list[Any]:
    try:
        items = load_json(path, text)
    except UserError as error:
        cause = error.__cause__
        if not isinstance(cause, json.JSONDecodeError) or cause.msg != "Extra data":
            raise
        if not text.lstrip().startswith("{"):
            raise
        raise UserError(
            f"{path}, line {cause.lineno}: a second object: this is JSON Lines; put all of "
            "them into one list: [ ... , ... ]"
        ) from cause
    if not isinstance(items, list):
        raise UserError(
            f"{path}: holds a JSON {_kind(items)}, not a list of {of}; it must be a list of "
            f"objects with the fields {', '.join(fields)}"
        )
    return items


def load_json(path: Path, text: str) -> Any:
    """The JSON value that `text`, the content of `path`, is.

    Raises UserError, naming file, line, column and cure, for what `parse_json` refuses.
    """
    try:
        return parse_json(text)
    except json.JSONDecodeError as error:
        raise UserError(
            f"{path}, line {error.lineno}, column {error.colno}: not JSON ({error.msg}); correct "
            "it there, or fetch the file again if it is cut off"
        ) from error
    except ValueError as error:
        raise UserError(f"{path}: {error}") from error


def parse_json(text: str) -> Any:
    """A JSON value.

    Raises ValueError, which says what is wrong and the cure: what is no JSON, a field that comes
    twice in one object (Python would take the last), numbers and depths beyond Python's.
    """
    try:
        return json.loads(text, object_pairs_hook=_no_twins)
    except json.JSONDecodeError:
        raise
    except RecursionError as error:
        raise ValueError("not JSON of this kind (nested too deeply); correct it") from error
    except ValueError as error:
        if "integer string conversion" in str(error):
            raise ValueError(
                "a whole number of thousands of digits; write it as text, in quotes"
            ) from error
        raise


def _no_twins(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        begins = clipped(json.dumps(found, default=str), 60)
        raise ValueError(
            f"the object {begins} has the field `{clipped(twice, SHOWN)}` twice; delete one"
        )
    return found


def _kind(value: Any) -> str:
    """JSON's own name for the type of a value."""
    kinds = {dict: "object", list: "list", str: "string", bool: "boolean", type(None): "null"}
    return kinds.get(type(value), "number")


def _line(text: str, index: int) -> int:
    """The line, counted from 1, on which item `index` of a JSON list begins."""
    decode = json.JSONDecoder().raw_decode
    at = text.index("[") + 1
    for count in range(index + 1):
        while text[at] in " \t\r\n,":
            at += 1
        if count < index:
            at = decode(text, at)[1]
    return text.count("\n", 0, at) + 1
