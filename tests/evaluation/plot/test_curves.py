"""Curves show what was logged, a second stage after its first."""

import json
from pathlib import Path

import numpy as np
import pytest
import yaml
from matplotlib.figure import Figure
from matplotlib.image import imread

import evaluate
from evaluation.plot import curves
from util.errors import UserError


def log(name: str, values: list[float], init_from: str | None = None) -> str:
    folder = Path(name)
    folder.mkdir()
    rows = [
        {"step": 10 * (i + 1), "val/x": value, "train/epoch": (i + 1) / 2}
        for i, value in enumerate(values)
    ]
    (folder / "metrics.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    (folder / "options.yaml").write_text(yaml.safe_dump({"init_from": init_from}))
    return name


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_a_second_stage_begins_where_its_first_ended() -> None:
    log("one", [0, 1, 2])
    steps, values = curves._read(Path(log("two", [5, 6], init_from="one")), "val/x")
    assert steps.tolist() == [40, 50] and values.tolist() == [5, 6]


def test_a_running_mean_starts_anew_with_each_epoch() -> None:
    found = curves.since_epoch(
        np.array([10, 20, 30, 40]), np.array([0.0, 1.0, 4.0, 6.0]), np.array([20, 40])
    )
    assert found.tolist() == [0, 0.5, 4, 5]


def test_the_picture_has_its_lines(monkeypatch) -> None:
    figures = []
    save = Figure.savefig
    monkeypatch.setattr(Figure, "savefig", lambda f, *a, **k: figures.append(f) or save(f, *a, **k))
    runs = [f"{log('a', [0, 1, 2])},{log('b', [1, 2, 3])}", log("c", [3, 2, 1])]
    evaluate.main(["curves", "--run", *runs, "--scalar", "val/x", "--epochs", "--output", "x.png"])
    (axes,) = figures[0].axes
    drawn = {line.get_label(): list(line.get_ydata()) for line in axes.lines}
    assert {"a": [0.5, 1.5, 2.5], "c": [3, 2, 1]}.items() <= drawn.items(), drawn
    assert imread("x.png").shape[1] > 300


def test_logs_of_earlier_versions_call_the_total_all() -> None:
    """Since then `all` can only be a type, beside the total."""
    log("old", [0, 1])
    text = Path("old/metrics.jsonl").read_text()
    Path("old/metrics.jsonl").write_text(text.replace("val/x", "val/accuracy/all"))
    assert curves._read(Path("old"), "val/accuracy")[1].tolist() == [0, 1]
    row = {"step": 30, "val/accuracy": 2.0, "val/accuracy/all": 9.0}  # a resumed run
    with Path("old/metrics.jsonl").open("a") as file:
        file.write(json.dumps(row) + "\n")
    assert curves._read(Path("old"), "val/accuracy")[1].tolist() == [0, 1, 2]


@pytest.mark.parametrize(
    ("runs", "scalar", "line"),
    [
        (["none"], "val/x", r"none/metrics\.jsonl: no such log"),
        (["a"], "val/y", r"a: logged no val/y; there are train/epoch, val/x"),
        (["a,b"], "val/x", r"--run a,b: logged at other steps"),
    ],
)
def test_mistakes(runs: list[str], scalar: str, line: str) -> None:
    log("a", [0, 1])
    log("b", [0, 1, 2])
    with pytest.raises(UserError, match=line):
        evaluate.main(["curves", "--run", *runs, "--scalar", scalar])
