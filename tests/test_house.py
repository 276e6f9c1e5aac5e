"""Who may import whom (one line a room), and habits that a reader relies on."""

import ast
from pathlib import Path

import pytest

from tests.conftest import ROOT

OURS = (
    "util",
    "options",
    "data_loader",
    "model",
    "preprocess",
    "evaluation",
    "training",
    "benchmark",
    "demo",
    "train",
    "evaluate",
    "predict",
)
MAY = {
    "util": {"util"},
    "options": {"options", "util"},
    "data_loader": {"data_loader", "options", "util"},
    "model": {"model"},
    "model/task": {
        "model", "options", "data_loader.batch", "data_loader.vocabulary", "util.errors",
        "util.metrics",
    },
    "preprocess": {"preprocess", "data_loader", "options", "util", "model"},
    "evaluation": {
        "evaluation", "data_loader", "options", "util", "model", "preprocess.dataset",
        "preprocess.frames", "preprocess.inputs", "preprocess.video_error",
    },
    "training": {
        "training", "data_loader", "options", "util", "model", "preprocess.weights",
        "evaluation.reconstruction", "evaluation.run", "evaluation.samples",
    },
}  # fmt: skip
FILES = [p.relative_to(ROOT) for room in OURS for p in (ROOT / room).rglob("*.py")]
ROOM_FILES = [f for f in FILES if f.parts[0] in MAY]


def imported(path: Path) -> list[str]:
    """Modules of ours that a file imports."""
    names = []
    for node in ast.walk(ast.parse((ROOT / path).read_text())):
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: imports are written in full"
            assert [a.name for a in node.names] != ["*"], f"{path}: star import"
            names.append(node.module or "")
    return [name for name in names if name.split(".")[0] in OURS]


@pytest.mark.parametrize("path", ROOM_FILES, ids=str)
def test_rooms_import_only_what_they_may(path: Path) -> None:
    room = "model/task" if path.as_posix().startswith("model/task/") else path.parts[0]
    for name in imported(path):
        allowed = any(name == may or name.startswith(may + ".") for may in MAY[room])
        assert allowed, f"{path} imports {name}; {room} may import {sorted(MAY[room])}"
        if room == "model":
            assert not name.startswith("model.task"), f"{path} imports {name}"


def test_no_room_for_leftovers() -> None:
    banned = {"utils", "common", "misc", "helper", "helpers"}
    assert not [f for f in FILES if f.stem in banned or banned & set(f.parts)]


def test_every_checkpoint_is_read_as_plain_data() -> None:
    for path in [*FILES, Path("train.py"), Path("evaluate.py"), Path("predict.py")]:
        for node in ast.walk(ast.parse((ROOT / path).read_text())):
            if isinstance(node, ast.Call) and ast.unparse(node.func) == "torch.load":
                given = {k.arg: ast.unparse(k.value) for k in node.keywords}
                assert given.get("weights_only") == "True", path
