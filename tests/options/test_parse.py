"""Defaults < preset < flags, in the forms people type; every mistake is one clear line."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import pytest
import yaml

from options.flat import flat_values
from options.parse import PRESETS, parse, presets
from options.task import option_classes
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
        note: a file, or none
        share: a number
        turn: which way, or none
    """

    name: str
    count: int = 1
    files: tuple[str, ...] = ()
    keep: bool = False
    kind: Literal["a", "b"] = "a"
    note: str | None = None
    share: float = 0.5
    turn: Literal["left", "right"] | None = None

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
        ("--files [x,y] --keep false", ("[x,y]",), False),
        ("--files=x --keep=true", ("x",), True),
        ("--files -x -1.mp4 --keep TRUE", ("-x", "-1.mp4"), True),
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


# Values that YAML, a shell or argparse would read as something else.
TYPED = [
    "#map.txt", "[Group] a.mkv", "-Awo.mp4", "null", "1e3", "yes", "~", "{a}", "{a: 1}", "@file",
    "a=b", "--flag=--value", "--name", "- a", "a: b", "&x", "*x", "!!int 3", "'q'", '"', "01", "%",
    "|", ">", " ", "a\nb", "\udce9", "None", "-", "--", "true", "2024-01-01", ".inf", "x" * 5000,
]  # fmt: skip


@pytest.mark.parametrize("text", TYPED, ids=lambda text: repr(text[:20]))
def test_what_is_typed_is_what_arrives(text: str) -> None:
    got = things(f"--name={text}", f"--note={text}", f"--files={text}")
    assert (got.name, got.note, got.files) == (text, text, (text,))
    if not text.startswith("--"):
        got = things("--name", text, "--note", text, "--files", text, text)
        assert (got.name, got.note, got.files) == (text, text, (text, text))


def test_nothing_is_an_empty_value() -> None:
    assert things("--name", "n", "--note=").note is None
    assert things("--name", "n", "--turn", "left", "--note", "", "--turn=").turn is None


def test_the_last_of_several_flags_counts() -> None:
    assert things("--name", "n", "--count", "1", "--keep", "--name=m", "--count=2").name == "m"


@pytest.mark.parametrize(
    ("text", "count"), [("1e3", 1000), ("2.0", 2), ("+7", 7), ("007", 7), (" 3 ", 3)]
)
def test_a_whole_number_in_any_form(text: str, count: int) -> None:
    got = things("--name", "n", "--count", text).count
    assert got == count and type(got) is int


def test_words_before_any_flag() -> None:
    (got,) = parse("prog", "", [Things], ["-Awo.mp4", "[a]", "--name", "n"], first="files")
    assert got.files == ("-Awo.mp4", "[a]")


def test_flags_win_over_the_preset_wherever_they_stand(tmp_path) -> None:
    preset = tmp_path / "p.yaml"
    kept = {"name": "5", "count": 3, "files": ["a b", "[c]"], "share": "1e-4", "note": None}
    preset.write_text(yaml.safe_dump(kept), encoding="utf-8-sig")  # as some editors save it
    got = things("--count", "4", "--preset", str(preset))
    assert got == Things(name="5", count=4, files=("a b", "[c]"), share=1e-4)
    assert flat_values(got)["files"] == ("a b", "[c]")


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
        (["--name", "n", "--count", "2.5"], "--count 2.5: give a whole number"),
        (["--name", "n", "--count", "9" * 5000], "give a"),
        (["--name", "n", "--share", "nan"], "--share nan: give a number"),
        (["--name", "n", "--share=-inf"], "--share -inf: give a number"),
        (["--name", "n", "--keep", "perhaps"], "--keep perhaps: give true or false"),
        (["--name", "n", "--kind", "A"], "--kind A: give a or b"),
        (["--name", "n", "--turn", "rihgt"], "give left or right; did you mean right?"),
        (["--name", "--count", "3"], r"--name: expects a value; .* write --name=--count"),
        (["--name", "--abc.mp4"], r"--name: expects a value; .* write --name=--abc.mp4"),
        (["--count", "3", "--name"], "--name: expects a value$"),
        (["--name", "n", "-AwoiGR.mp4"], "-AwoiGR.mp4 belongs to no option: .*=-AwoiGR.mp4"),
        (["--name", "n", ""], "an empty word belongs to no option"),
        (["--name", ""], "--name: names nothing"),
        (["--name", "n", "--files", "a", ""], "--files: names nothing"),
        (["--name", "n", "--files", "a", "--files", "b"], "--files is given twice"),
        (["--name", "n", "--cuont=3"], "--cuont is no option of it; did you mean --count?"),
        (["--preset", "a", "--preset", "b"], "--preset is given twice"),
        (["--preset", "x" * 5000], "no such preset or file"),
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
        ("cuont: 3", "did you mean count?"),
        ("preset: x", "preset is not an option"),
        ("name: 5", ": name: 5 is no text in YAML; put it in quotes"),
        ("name: 2024-01-01", "put it in quotes"),
        ("name: 2024-99-01", "not readable as YAML"),
        ("count: many", ": count many: give a number"),
        ("count: true", ": count True: give a number"),
        ("count: null", ": count None: give a number"),
        ("files: x", ": files: expects a list, not x"),
        ("files: [3]", ": files: 3 is no text"),
        ("keep: 1", ": keep 1: give true or false"),
        ("kind: no", ": kind False: give a or b"),
    ],
)
def test_a_wrong_preset_is_named(tmp_path, text: str, line: str) -> None:
    preset = tmp_path / "p.yaml"
    preset.write_text(text)
    with pytest.raises(UserError, match=line) as caught:
        things("--preset", str(preset))
    assert str(preset) in str(caught.value)


def test_a_preset_of_another_encoding_is_named(tmp_path) -> None:
    preset = tmp_path / "p.yaml"
    preset.write_text("name: é", encoding="latin-1")
    with pytest.raises(UserError, match=r"p\.yaml: not UTF-8 text \(byte"):
        things("--preset", str(preset))


@pytest.mark.parametrize("name", presets())
def test_every_preset_is_a_complete_run(name: str) -> None:
    of_task = {"autoencoder": "autoencoder", "captions": "captioning", "vivit": "classification"}
    of_task |= {
        "actions": "classification", "contrastive": "contrastive", "retrieval": "retrieval",
    }  # fmt: skip
    task = next((task for end, task in of_task.items() if name.endswith(end)), "qa")
    parse(f"python train.py {task}", "", option_classes(task), ["--preset", name])
    assert yaml.safe_load((PRESETS / f"{name}.yaml").read_text())["run"] == name


def test_help_says_what_each_option_is(capsys) -> None:
    with pytest.raises(SystemExit) as leaving:
        things("--help")
    assert leaving.value.code == 0
    assert "how many (type: int, default: 1)" in capsys.readouterr().out
