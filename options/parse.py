"""Command line and presets -> typed, frozen option classes.

Defaults < preset (YAML) < flags.  Every option is one flat flag, `--units 2`, and one line of a
preset, `units: 2`; a command composes the option classes whose concerns it has.
"""

import contextlib
import dataclasses
import io
import itertools
import json
import sys
import typing
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml
from jsonargparse import ArgumentParser

from options.flat import build
from util.errors import UserError

PRESETS = Path(__file__).parent / "preset"


def parse(
    prog: str, about: str, classes: Sequence[type], argv: Sequence[str] | None = None
) -> tuple[Any, ...]:
    """Parse `argv` (default: the command line) into one instance of each of `classes`.

    `--preset NAME` takes `options/preset/NAME.yaml`, or a path to a YAML file.  Raises UserError
    for a misspelt option, a value of the wrong type, or a value that a class's own check refuses.
    `--help` prints the help and exits 0.
    """
    parser = ArgumentParser(
        prog=prog, description=about, allow_abbrev=False, exit_on_error=False, default_env=False
    )
    parser.add_argument(
        "--preset", type=str | None, default=None, help=f"a complete run: {', '.join(presets())}"
    )
    for cls in classes:
        parser.add_class_arguments(cls, nested_key=None)
    argv = list(sys.argv[1:] if argv is None else argv)
    try:
        with contextlib.redirect_stderr(io.StringIO()):
            preset = _preset_values(argv, prog, classes)
            flags = [f"--{name}={_flag_text(value)}" for name, value in preset.items()]
            values = parser.parse_args(flags + _as_typed(argv, classes))
    except UserError:
        raise
    except Exception as error:  # jsonargparse raises several kinds; each message names the option
        reason = " ".join(str(error).split())
        raise UserError(f"{prog}: {reason}; `{prog} --help` lists the options") from error
    return tuple(build(cls, vars(values)) for cls in classes)


def presets() -> list[str]:
    """Names of the presets that come with the project."""
    return sorted(path.stem for path in PRESETS.glob("*.yaml"))


def _preset_values(argv: Sequence[str], prog: str, classes: Sequence[type]) -> dict[str, Any]:
    """The values of the preset that `argv` names, if any."""
    name = None
    for i, word in enumerate(argv):
        if word == "--preset" and i + 1 < len(argv):
            name = argv[i + 1]
        elif word.startswith("--preset="):
            name = word.removeprefix("--preset=")
    if name is None:
        return {}
    path = PRESETS / f"{name}.yaml" if name in presets() else Path(name)
    if not path.is_file():
        raise UserError(
            f"--preset {name}: no such preset or file; there are {', '.join(presets())}"
        )
    try:
        values = yaml.safe_load(path.read_text()) or {}
    except yaml.YAMLError as error:
        raise UserError(f"{path}: not readable as YAML ({error})") from error
    if not isinstance(values, dict):
        raise UserError(f"{path}: a preset is a mapping of option names to values")
    known = {f.name for cls in classes for f in dataclasses.fields(cls)}
    unknown = sorted(set(values) - known)
    if unknown:
        raise UserError(
            f"{path}: {unknown[0]} is not an option of {prog}; `{prog} --help` lists them"
        )
    return values


def _as_typed(argv: Sequence[str], classes: Sequence[type]) -> list[str]:
    """What people type, in the parser's form: `--resume` alone, `--videos a b` for a list."""
    fields = [f for cls in classes for f in dataclasses.fields(cls)]
    switches = {f"--{f.name}" for f in fields if f.type is bool}
    lists = {f"--{f.name}" for f in fields if typing.get_origin(f.type) in (list, tuple)}
    words, out = list(argv), []
    while words:
        flag, equals, first = words.pop(0).partition("=")
        values = [first] if equals else list(itertools.takewhile(_is_value, words))
        if flag in switches and not values:
            out.append(f"{flag}=true")
        elif flag in lists and not (values and values[0].startswith("[")):
            if not values:
                raise UserError(f"{flag}: expects one or more values")
            out.append(f"{flag}={json.dumps(values)}")
            words = words if equals else words[len(values) :]
        else:
            out.append(flag + equals + first)
    return out


def _is_value(word: str) -> bool:
    """Whether a word belongs to the flag before it: some video files begin with two dashes."""
    return not word.startswith("--") or Path(word).exists()


def _flag_text(value: Any) -> str:
    """A preset's value as the text of a flag."""
    if isinstance(value, str):
        return value
    return yaml.safe_dump(value, default_flow_style=True).removesuffix("\n").removesuffix("\n...")
