"""Who may import whom (one line a room), no circles, and habits that a reader relies on."""

import ast
from pathlib import Path

import pytest

from tests.conftest import ROOT

COMMANDS = ("evaluate", "predict", "train")
# What each room may import besides itself: modules, or whole folders.  The deepest room that a file
# lies in holds; nothing imports a command of the top folder but demo and benchmark.
MAY = {
    "util": set(),
    "options": {"util.errors", "util.text", "util.text_file"},
    "data_loader": {"options", "util"},
    "model": set(),
    "model/backbone": {"model", "util.errors", "util.files"},
    "model/streaming": {"model", "util.errors"},
    "model/task": {
        "model", "options", "data_loader.batch", "data_loader.vocabulary", "util.errors",
        "util.metrics",
    },
    "preprocess": {"data_loader", "options", "util", "model.backbone"},
    "inference": {"preprocess", "data_loader", "options", "util", "model"},
    "training": {"inference", "data_loader", "options", "util", "model"},
    "evaluation": {
        "inference", "preprocess.annotation", "preprocess.video", "data_loader", "options", "util",
        "model",
    },
    "library": {"inference", "preprocess", "data_loader", "options", "util", "model"},
    "web": {"library", "inference", "preprocess", "data_loader", "options", "util", "model"},
    "benchmark": {
        "training", "evaluation.format", "library", "inference", "preprocess", "data_loader",
        "options", "util", "model", "train", "evaluate",
    },
    "demo": {
        "evaluation", "library", "inference", "preprocess", "data_loader", "options", "util",
        "train", "predict",
    },
}  # fmt: skip
ROOMS = sorted({room.split("/")[0] for room in MAY})
FILES = [p.relative_to(ROOT) for room in ROOMS for p in (ROOT / room).rglob("*.py")]
OURS = {*ROOMS, *COMMANDS}


def room_of(path: Path) -> str:
    """The deepest room of `MAY` that a file lies in."""
    return max((r for r in MAY if path.as_posix().startswith(r + "/")), key=len)


def imported(path: Path) -> list[str]:
    """Modules of ours that a file imports, with the names that may be modules."""
    names = []
    for node in ast.walk(ast.parse((ROOT / path).read_text())):
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: imports are written in full"
            assert [a.name for a in node.names] != ["*"], f"{path}: star import"
            module = node.module or ""
            folder = (ROOT / module.replace(".", "/")).is_dir()
            names += [f"{module}.{a.name}" if folder else module for a in node.names]
    return [n for n in dict.fromkeys(names) if n.split(".")[0] in OURS]


def within(name: str, where: set[str]) -> bool:
    """Whether a module is one of those, or in a folder of them."""
    return any(name == may or name.startswith(may + ".") for may in where)


@pytest.mark.parametrize("path", FILES, ids=str)
def test_rooms_import_only_what_they_may(path: Path) -> None:
    room = room_of(path)
    allowed = MAY[room] | {room.replace("/", ".")}
    for name in imported(path):
        assert within(name, allowed), f"{path} imports {name}; {room} may import {sorted(allowed)}"
        if room in ("model", "model/backbone"):
            assert not name.startswith("model.task"), f"{path} imports {name}"


def test_no_room_may_import_everything() -> None:
    for room in MAY:
        others = {other for other in ROOMS if other != room.split("/")[0]}
        assert others - MAY[room], f"{room} may import all: its line cannot fail"


def test_no_circle() -> None:
    """No module imports itself by way of others, functions' own imports included."""
    arrows = {module(path): [*map(as_file, imported(path))] for path in FILES}
    done: set[str] = set()

    def walk(name: str, way: tuple[str, ...]) -> None:
        assert name not in way, f"circle: {' -> '.join([*way[way.index(name) :], name])}"
        if name not in done:
            for other in [o for o in arrows.get(name, []) if o != name]:  # __main__ under its name
                walk(other, (*way, name))
            done.add(name)

    for name in arrows:
        walk(name, ())


def module(path: Path) -> str:
    """Its name as imports spell it."""
    return ".".join(path.with_suffix("").parts).removesuffix(".__init__")


def as_file(name: str) -> str:
    """The module of an imported name, which may be a name in it."""
    path = ROOT / name.replace(".", "/")
    return name if path.is_dir() or path.with_suffix(".py").exists() else name.rpartition(".")[0]


def test_no_folder_holds_two_subjects() -> None:
    for folder in {path.parent for path in FILES}:
        modules = [p for p in FILES if p.parent == folder and p.name != "__init__.py"]
        assert len(modules) <= 15, f"{folder}: {len(modules)} modules; a room holds 15 at most"


@pytest.mark.parametrize("path", [*FILES, *(Path(f"{c}.py") for c in COMMANDS)], ids=str)
def test_no_module_holds_two_ideas(path: Path) -> None:
    lines = len((ROOT / path).read_text().splitlines())
    assert lines <= 300, f"{path}: {lines} lines; 300 at most"


def test_no_room_for_leftovers() -> None:
    banned = {"utils", "common", "misc", "helper", "helpers"}
    assert not [f for f in FILES if f.stem in banned or banned & set(f.parts)]


def test_every_checkpoint_is_read_as_plain_data() -> None:
    for path in [*FILES, *(Path(f"{command}.py") for command in COMMANDS)]:
        for node in ast.walk(ast.parse((ROOT / path).read_text())):
            if isinstance(node, ast.Call) and ast.unparse(node.func) == "torch.load":
                given = {k.arg: ast.unparse(k.value) for k in node.keywords}
                assert given.get("weights_only") == "True", path
