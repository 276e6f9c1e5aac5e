"""MSVD-QA (Xu et al. 2017): `{train,val,test}_qa.json`, each a list of objects.

An object has `answer`, `id`, `question` and `video_id`; further fields are ignored.  The type of a
question is its first word: what, who, how, when or where.
"""

import json
from pathlib import Path
from typing import Any

from preprocess.dataset.sample import Sample
from preprocess.language import first_word
from util.errors import UserError

FIELDS: dict[str, tuple[type, ...]] = {
    "id": (int, str),
    "video_id": (int, str),
    "question": (str,),
    "answer": (str,),
}


def read(annotations: Path, split: str) -> list[Sample]:
    """The questions of one split ("train", "val" or "test"), in the file's order.

    Raises UserError, naming file, line, item, field and cure, for a missing or empty file, JSON
    that does not parse, and an item that lacks a field, has one of the wrong type, an empty
    question or answer, or the id of an earlier item.
    """
    path = annotations / f"{split}_qa.json"
    try:
        text = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError as error:
        raise UserError(
            f"{path}: not there; --annotations is the folder with train_qa.json, val_qa.json and "
            "test_qa.json"
        ) from error
    except UnicodeDecodeError as error:
        raise UserError(
            f"{path}: not UTF-8 text (byte {error.start}); save it as UTF-8 JSON"
        ) from error
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror}); check the path") from error
    items = _parse(path, text)
    if not items:
        raise UserError(f"{path}: no questions, the split is empty; every split needs some")
    samples: list[Sample] = []
    seen: dict[int | str, int] = {}
    for index, item in enumerate(items):
        fault = _fault(item)
        if fault is None and item["id"] in seen:
            fault = f"field `id`: item {seen[item['id']]} has the same id; give each its own"
        if fault is not None:
            name = f" (id {item['id']!r})" if isinstance(item, dict) and "id" in item else ""
            line = _line(text, index)
            raise UserError(f"{path}, line {line}: item {index}{name}, counted from 0: {fault}")
        seen[item["id"]] = index
        samples.append(
            Sample(
                id=item["id"],
                video=str(item["video_id"]),
                question=item["question"],
                answer=item["answer"],
                type=first_word(item["question"]),
            )
        )
    return samples


def _parse(path: Path, text: str) -> list[Any]:
    try:
        items = json.loads(text)
    except json.JSONDecodeError as error:
        raise UserError(
            f"{path}, line {error.lineno}, column {error.colno}: not JSON ({error.msg}); correct "
            "it there, or fetch the file again if it is cut off"
        ) from error
    if not isinstance(items, list):
        raise UserError(
            f"{path}: holds a JSON {_kind(items)}, not a list of questions; it must be a list of "
            f"objects with the fields {', '.join(FIELDS)}"
        )
    return items


def _fault(item: Any) -> str | None:
    """What is wrong with one item, and the cure; None if nothing is."""
    if not isinstance(item, dict):
        return f"a JSON {_kind(item)}; it must be an object with the fields {', '.join(FIELDS)}"
    for field, types in FIELDS.items():
        if field not in item:
            return f"field `{field}` is missing; add it"
        value = item[field]
        if not isinstance(value, types) or isinstance(value, bool):
            wanted = " or ".join({int: "an integer", str: "a string"}[t] for t in types)
            return f"field `{field}` is a JSON {_kind(value)}; it must be {wanted}"
        if isinstance(value, str) and not value.strip():
            return f"field `{field}` is empty; fill it in or take the item out"
    if not item["question"].removesuffix("?").strip():
        return f"field `question` has no words ({item['question']!r}); fill it in or take it out"
    return None


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
