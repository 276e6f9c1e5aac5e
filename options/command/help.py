"""The help of a command, from the option classes that it composes."""

import argparse
import dataclasses
import inspect
import re
import types
from collections.abc import Sequence
from typing import Any, Literal, Union, get_args, get_origin

from options.command.typed import is_list


def help_text(prog: str, about: str, classes: Sequence[type], presets: str) -> str:
    """Usage, and one line an option: each class's docstring has an `Args:` entry for each field."""
    parser = argparse.ArgumentParser(
        prog=prog, description=about, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    if classes:
        parser.add_argument("--preset", help=f"a complete run: {presets}")
    for cls in classes:
        summary, _, entries = inspect.cleandoc(cls.__doc__ or "").partition("\nArgs:\n")
        group = parser.add_argument_group(summary.strip().rstrip("."))
        meanings = dict(re.findall(r"^ {4}(\w+): (.+(?:\n {5}.+)*)", entries, re.MULTILINE))
        for field in dataclasses.fields(cls):
            name = field.name.rstrip("_")  # as_: --as
            group.add_argument(f"--{name}", **_shown(field, meanings[field.name]))
    return parser.format_help()


def _shown(field: dataclasses.Field[Any], meaning: str) -> dict[str, Any]:
    """How argparse shows an option: the values that it takes, its meaning, its default."""
    kind: Any = field.type
    if get_origin(kind) in (types.UnionType, Union):  # X | None
        kind = get_args(kind)[0]
    shown: dict[str, Any] = {}
    notes = []
    if kind is bool:
        shown = {"nargs": "?", "metavar": "{true,false}"}
    elif get_origin(kind) is Literal:
        shown = {"metavar": f"{{{','.join(get_args(kind))}}}"}
    elif is_list(kind):
        shown = {"nargs": "+"}
    else:
        notes.append(f"type: {kind.__name__}")
    if field.default is field.default_factory is dataclasses.MISSING:
        notes.append("required")
    elif field.default not in (None, "", (), dataclasses.MISSING):
        notes.append(f"default: {field.default}")
    note = f" ({', '.join(notes)})" if notes else ""
    return {**shown, "help": f"{' '.join(meaning.split())}{note}".replace("%", "%%")}
