"""Command line and presets -> typed, frozen option classes.

Defaults < preset (YAML) < flags.  Every option is one flat flag, `--units 2`, and one line of a
preset, `units: 2`; a command composes the option classes whose concerns it has.  What is typed is
what arrives: `--id_map '#map.txt'` names the file #map.txt.
"""

import dataclasses
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from options.command.needless import refuse_needless
from options.command.typed import is_list, nearest, typed
from options.flat import build
from util.errors import UserError
from util.text import printable
from util.text_file import read_text

PRESETS = Path(__file__).parent / "preset"


def parse(
    prog: str,
    about: str,
    classes: Sequence[type],
    argv: Sequence[str] | None = None,
    *,
    first: str = "",
) -> tuple[Any, ...]:
    """Parse `argv` (default: the command line) into one instance of each of `classes`.

    `--preset NAME` takes `options/preset/NAME.yaml`, or a path to a YAML file.  `first`: the option
    that words before any flag belong to.  Of a flag given twice the last one counts; a list and a
    preset are given once.  Raises UserError for a misspelt option, a value of the wrong type, or a
    value that a class's own check refuses.  `--help` prints the help and exits 0.
    """
    argv = list(sys.argv[1:] if argv is None else argv)
    # `as` is a word of Python's: a field is called `as_`, and what people type --as.
    fields = {f.name.rstrip("_"): f for cls in classes for f in dataclasses.fields(cls)}
    kinds = {"preset": str | None, **{name: f.type for name, f in fields.items()}}
    if {"-h", "--help"} & set(argv):
        # Here and not above: only the help needs argparse.
        from options.command.help import help_text

        print(help_text(prog, about, classes, ", ".join(presets())), end="")
        sys.exit(0)
    given = _flag_values(argv, kinds, prog, first)
    preset = _preset_values(given.pop("preset", None), kinds, prog)
    values = {**preset, **given}
    for name, field in fields.items():
        if name not in values:
            if field.default is field.default_factory is dataclasses.MISSING:
                raise UserError(f"{prog}: --{name} is missing; {_see_help(prog)}")
        elif (
            "" in (values[name] if is_list(field.type) else [values[name]]) and field.default != ""
        ):
            raise UserError(f"--{name}: names nothing; give more than an empty word")
    defaults = {name: field.default for name, field in fields.items()}
    # A preset is a complete run, which flags change: what they make needless of it is no mistake.
    refuse_needless(preset, {**defaults, **preset}, defaults, prog)
    refuse_needless(given, {**defaults, **values}, defaults, prog)
    own = {fields[name].name: value for name, value in values.items()}
    return tuple(build(cls, own) for cls in classes)


def presets() -> list[str]:
    """Names of the presets that come with the project."""
    return sorted(path.stem for path in PRESETS.glob("*.yaml"))


def _flag_values(
    argv: Sequence[str], kinds: Mapping[str, Any], prog: str, first: str
) -> dict[str, Any]:
    """The value of each flag, as its option's type."""
    words = list(argv)
    if first and words and _is_value(words[0], kinds):
        words.insert(0, f"--{first}")
    values: dict[str, Any] = {}
    while words:
        flag, equals, text = words.pop(0).partition("=")
        name = flag.removeprefix("--")
        if not flag.startswith("--") or name not in kinds:
            raise UserError(f"{prog}: {_unknown(flag + equals + text, kinds)}; {_see_help(prog)}")
        if name in values and (is_list(kinds[name]) or name == "preset"):
            raise UserError(f"{prog}: {flag} is given twice; give it once, with all that it names")
        found = [text] if equals else list(_values_of(words, kinds, flag))
        words = words if equals else words[len(found) :]
        if is_list(kinds[name]):
            if not found:
                raise UserError(f"{flag}: expects one or more values")
            values[name] = typed(kinds[name], found, flag)
        else:
            # The only option that may stand alone is a switch.
            values[name] = typed(kinds[name], found[0], flag) if found else True
    return values


def _values_of(words: Sequence[str], kinds: Mapping[str, Any], flag: str) -> Iterator[str]:
    """The words that belong to a flag before them."""
    kind = kinds[flag.removeprefix("--")]
    for word in words:
        if not _is_value(word, kinds):
            break
        yield word
        if not is_list(kind):
            return
    else:
        word = ""
    if not is_list(kind) and kind is not bool:
        as_value = f"; as a value, write {flag}={printable(word)}" if word else ""
        raise UserError(f"{flag}: expects a value{as_value}")


def _is_value(word: str, kinds: Mapping[str, Any]) -> bool:
    """Whether a word is no flag: `-AwoiGR.mp4` is none, some files begin with two dashes."""
    if word.partition("=")[0].removeprefix("--") in kinds and word.startswith("--"):
        return False
    return not word.startswith("--") or _is_there(word)


def _is_there(path: str | Path) -> bool:
    try:
        return Path(path).exists()
    except OSError:  # too long a name, or a folder that may not be looked into
        return False


def _unknown(word: str, kinds: Mapping[str, Any]) -> str:
    """What is wrong with a word that should be a flag."""
    if word.startswith("--"):
        flag = word.partition("=")[0]
        close = nearest(flag, [f"--{name}" for name in kinds])
        return f"{printable(flag)} is no option of it{close}"
    return f"{printable(word) or 'an empty word'} belongs to no option: write --OPTION={word}"


def _preset_values(name: str | None, kinds: Mapping[str, Any], prog: str) -> dict[str, Any]:
    """The values of a preset, as their options' types."""
    if name is None:
        return {}
    path = PRESETS / f"{name}.yaml" if name in presets() else Path(name)
    if not _is_there(path) or path.is_dir():
        raise UserError(
            f"--preset {printable(name)}: no such preset or file; there are {', '.join(presets())}"
        )
    try:
        values = yaml.safe_load(read_text(path)) or {}
    except (yaml.YAMLError, ValueError) as error:  # ValueError: a date that there is not
        raise UserError(f"{path}: not readable as YAML ({error})") from error
    if not isinstance(values, dict):
        raise UserError(f"{path}: a preset is a mapping of option names to values")
    for key in values:
        if key not in kinds or key == "preset":
            close = nearest(str(key), list(kinds))
            raise UserError(f"{path}: {key} is not an option of {prog}{close}; {_see_help(prog)}")
    return {key: typed(kinds[key], value, f"{path}: {key}") for key, value in values.items()}


def _see_help(prog: str) -> str:
    return f"`{prog} --help` lists the options"
