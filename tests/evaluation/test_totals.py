"""Question types are free text: the total is the total, whatever they are called."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

import evaluate
import train
from evaluation.report import table
from tests import tiny_run
from util.clip_plots import clip_weights
from util.grouped import Grouped
from util.metrics import Running, accuracy
from util.progress import warned
from util.statistics import INTERVALS, Bootstrap
from util.tensorboard import tag

NAMES = ["all", "total"]  # in place of the two types of the tiny questions


@pytest.fixture(scope="module")
def run(tmp_path_factory) -> Path:
    """A run whose question types are called like totals."""
    folder = tmp_path_factory.mktemp("totals")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        flags = tiny_run.make(folder)
        content = torch.load("questions.pt", weights_only=True)
        for split in content["splits"].values():
            split["type"] = [NAMES[kind == "who"] for kind in split["type"]]
        torch.save(content, "questions.pt")
        train.main([*flags, "--run", "r", "--epochs", "4", "--log_every", "1"])
        evaluate.main(["--run", "results/r"])
    return folder


@pytest.fixture(autouse=True)
def there(run, monkeypatch) -> None:
    monkeypatch.chdir(run)


def test_the_file_and_the_logs_have_the_total(run, capsys) -> None:
    evaluate.main(["--run", "results/r"])
    found = json.loads(Path("results/r/test-real.json").read_text())
    right = {
        kind: [p["correct"] for p in found["predictions"] if p["type"] == kind] for kind in NAMES
    }
    assert found["test/accuracy"] == {
        "total": np.mean(right["all"] + right["total"]),
        "by_type": {kind: np.mean(hits) for kind, hits in right.items()},
    }
    assert found["test/accuracy"]["total"] != found["test/accuracy"]["by_type"]["all"]
    printed = {
        line[:24].strip(): line[24:].split() for line in capsys.readouterr().out.splitlines()
    }
    assert printed["questions"] == ["16", "8", "8"] and printed[""][:2] == ["all", '"all"']
    events = EventAccumulator("tf-logs/r/test-real").Reload()
    assert events.Scalars("test/accuracy")[0].value == pytest.approx(
        found["test/accuracy"]["total"]
    )
    assert "test/accuracy/all" in events.Tags()["scalars"]


def test_the_best_checkpoint_is_that_of_the_total() -> None:
    rows = [json.loads(line) for line in Path("results/r/metrics.jsonl").read_text().splitlines()]
    logged = [row for row in rows if "val/accuracy" in row]
    best = max(logged, key=lambda row: (row["val/accuracy"], -row["step"]))
    content = torch.load("results/r/best.pt", weights_only=True)
    assert (content["best"]["score"], content["step"]) == (best["val/accuracy"], best["step"])
    mean = np.mean([best["val/accuracy/all"], best["val/accuracy/total"]])  # equally many of both
    assert best["val/accuracy"] == pytest.approx(mean)


def test_what_reads_them_has_the_total(capsys) -> None:
    found = json.loads(Path("results/r/test-real.json").read_text())["test/accuracy"]
    evaluate.main(["baselines", "--questions", "questions.pt"])
    last = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert set(last["by_type"]["constant_per_type"]) == set(NAMES)
    shown = ["results/r/test-real.json", "results/r/test-shuffled.json"]
    evaluate.main(["compare", *shown])
    (pair,) = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert pair["test/accuracy_a"] == found["total"]
    spec = {
        "columns": ["all", {"of all": ["all"]}],
        "rows": [{"label": "x", "runs": "r", "file": "real"}],
    }
    cells = table.build(spec, Path("results")).splitlines()[-1].split("|")
    assert cells[2].split()[0] == f"{100 * found['total']:.1f}"
    assert cells[3].split()[0] == f"{100 * found['by_type']['all']:.1f}"
    evaluate.main(["report", "--run", "results/r"])
    page = Path("results/r/test-failures.html").read_text()
    assert f"{100 * found['total']:.1f} % [" in page
    evaluate.main(["curves", "--run", "results/r", "--output", "c.png"])


def test_names_that_tensorboard_would_join_stay_apart() -> None:
    names = [
        "val/accuracy/a b",
        "val/accuracy/a?b",
        "val/accuracy/a_b",
        "val/accuracy/\ud83d",
        "val/accuracy/\ude00",
        "val/x/$",
    ]
    assert len({tag(name) for name in names}) == len(names)
    assert tag("val/accuracy/what") == "val/accuracy/what"
    assert tag("val/accuracy/wer-ist.es_日本") == "val/accuracy/wer-ist.es_日本"


def test_a_type_for_each_question_costs_no_memory() -> None:
    count = 5000
    bootstrap = Bootstrap(np.arange(count) % 500, [f"type {i}" for i in range(count)])
    hits = np.arange(count) % 2 == 0
    assert bootstrap.accuracy(hits).total == 0.5
    assert len(bootstrap.accuracy(hits).by_type) == count
    found = bootstrap.interval(hits)
    assert len(found.by_type) == INTERVALS and found.total[0] < 0.5 < found.total[1]
    assert bootstrap.sizes.nbytes < 10_000 * 4 * (INTERVALS + 2)


def test_accuracies_by_type_keep_their_names() -> None:
    found = accuracy([True, False, True], ["all", "loss", "loss"])
    assert found == Grouped(2 / 3, {"loss": 0.5, "all": 1.0})
    assert found.named("val/accuracy") == {
        "val/accuracy": 2 / 3, "val/accuracy/loss": 0.5, "val/accuracy/all": 1.0,
    }  # fmt: skip
    running = Running(("loss",), ["all", "loss"], torch.device("cpu"))
    running.add(1, {"loss": torch.tensor(1.0)}, torch.tensor([True, False]), torch.tensor([0, 1]))
    assert running.read_accuracy() == Grouped(0.5, {"all": 1.0, "loss": 0.0})


def test_a_picture_that_fails_costs_no_checkpoint(tmp_path, monkeypatch, capsys) -> None:
    def fail(*args, **kwargs):
        raise ValueError("\n\nParseException: $ without end\nmore")

    monkeypatch.setattr("inference.samples.clip_weights", fail)
    monkeypatch.chdir(tmp_path)
    train.main([*tiny_run.make(tmp_path), "--run", "r", "--epochs", "2"])
    assert Path("results/r/best.pt").exists() and Path("results/r/last.pt").exists()
    line = "in TensorBoard left out (ValueError: ParseException: $ without end)"
    assert line in Path("results/r/console.log").read_text()
    monkeypatch.setattr("evaluation.plot.score.all_plots", fail)
    evaluate.main(["--run", "results/r"])
    assert "warning: pictures and TensorBoard of results/r left out" in capsys.readouterr().out
    assert json.loads(Path("results/r/test-real.json").read_text())["predictions"]


def test_a_log_that_fails_costs_no_checkpoint(tmp_path, monkeypatch) -> None:
    def full(*args, **kwargs):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("util.tensorboard.SummaryWriter.add_scalar", full)
    monkeypatch.setattr("util.tensorboard.SummaryWriter.flush", full)
    monkeypatch.chdir(tmp_path)
    train.main([*tiny_run.make(tmp_path), "--run", "r", "--epochs", "1"])
    assert Path("results/r/last.pt").exists()
    assert "No space left on device" in Path("results/r/console.log").read_text()


def test_what_is_warned_of_is_no_mistake_of_the_user() -> None:
    said: list[str] = []
    with warned(said.append, "the picture"):
        clip_weights(["what?"], np.zeros((2, 2)), np.zeros(1))  # too few dimensions
    assert said and said[0].startswith("warning: the picture left out (TypeError: ")
