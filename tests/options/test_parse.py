"""Defaults < preset < flags, in the forms people type; every mistake is one clear line."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import pytest
import yaml

from options.flat import flat_values
from options.parse import PRESETS, parse, presets
from train import WORKS
from util.errors import UserError


@dataclass(frozen=True, kw_only=True)
class Things:
    """Some options.

    Args:
        name: a name
        count: how many
        files: which files
        keep: keep them
        kind: of which kind
    """

    name: str
    count: int = 1
    files: tuple[str, ...] = ()
    keep: bool = False
    kind: Literal["a", "b"] = "a"

    def __post_init__(self) -> None:
        if self.count < 1:
            raise ValueError(f"--count {self.count}: at least 1")


def things(*argv: str) -> Things:
    return parse("prog", "about", [Things], argv)[0]


@pytest.mark.parametrize(
    ("typed", "files", "keep"),
    [
        ("--files x y --keep", ("x", "y"), True),
        ("--keep --files x", ("x",), True),
        ("--files [x,y] --keep false", ("x", "y"), False),
        ("--files=x --keep=true", ("x",), True),
        ('--files=["x"]', ("x",), False),
        ("", (), False),
    ],
)
def test_lists_and_switches_as_people_type_them(typed: str, files: tuple, keep: bool) -> None:
    got = things("--name", "n", *typed.split())
    assert (got.files, got.keep) == (files, keep)


def test_a_file_may_begin_with_two_dashes(tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("--abc.mp4").touch()
    assert things("--name", "n", "--files", "--abc.mp4", "x").files == ("--abc.mp4", "x")


def test_flags_win_over_the_preset_wherever_they_stand(tmp_path) -> None:
    preset = tmp_path / "p.yaml"
    preset.write_text(yaml.safe_dump({"name": "5", "count": 3, "files": ["a b", "c"]}))
    got = things("--count", "4", "--preset", str(preset))
    assert got == Things(name="5", count=4, files=("a b", "c"))
    assert flat_values(got)["files"] == ("a b", "c")


@pytest.mark.parametrize(
    ("argv", "line"),
    [
        (["--name", "n", "--cuont", "3"], "--cuont"),
        (["--name", "n", "--coun", "3"], "--coun"),  # no abbreviations
        (["--name", "n", "--count", "x"], "count"),
        (["--name", "n", "--count", "0"], "--count 0: at least 1"),
        (["--name", "n", "--kind", "c"], "kind"),
        (["--name", "n", "--files"], "--files: expects one or more values"),
        ([], "name"),
        (["--preset", "nowhere"], "--preset nowhere: no such preset or file; there are"),
    ],
)
def test_mistakes_name_the_option(argv: list[str], line: str) -> None:
    with pytest.raises(UserError, match=line):
        things(*argv)


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("cuont: 3", "cuont is not an option of prog"),
        ("- 3", "is a mapping"),
        ("a: [", "not readable as YAML"),
    ],
)
def test_a_wrong_preset_is_named(tmp_path, text: str, line: str) -> None:
    preset = tmp_path / "p.yaml"
    preset.write_text(text)
    with pytest.raises(UserError, match=line) as caught:
        things("--preset", str(preset))
    assert str(preset) in str(caught.value)


@pytest.mark.parametrize("name", presets())
def test_every_preset_is_a_complete_run(name: str) -> None:
    task = "autoencoder" if name.endswith("autoencoder") else "qa"
    parse(f"python train.py {task}", "", WORKS[task].options, ["--preset", name])
    assert yaml.safe_load((PRESETS / f"{name}.yaml").read_text())["run"] == name


def test_help_says_what_each_option_is(capsys) -> None:
    with pytest.raises(SystemExit) as leaving:
        things("--help")
    assert leaving.value.code == 0
    assert "how many (type: int, default: 1)" in capsys.readouterr().out
