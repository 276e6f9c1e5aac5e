"""`evaluate.py classification` on runs of seconds."""

import json
from pathlib import Path

import numpy as np
import pytest

import evaluate
import train
from evaluation.label.predictions_file import read_results
from tests import tiny_labels
from util.errors import UserError

APPEARANCE = ["--channels", "appearance"]


@pytest.fixture
def tiny(tmp_path, monkeypatch) -> list[str]:
    monkeypatch.chdir(tmp_path)
    return tiny_labels.make(tmp_path)


def trained(flags: list[str], run: str, *more: str) -> str:
    train.main([*flags, "--run", run, "--epochs", "30", "--eval_every", "30", *more])
    return f"results/{run}"


def evaluated(*flags: str, capsys) -> tuple[dict, str]:
    """The last line, and all of the output."""
    capsys.readouterr()
    assert evaluate.main(list(flags)) == 0
    out = capsys.readouterr().out
    return json.loads(out.splitlines()[-1]), out


def test_a_run_beside_its_truth_rows(tiny, capsys) -> None:
    run = trained(tiny, "r", *APPEARANCE)
    shuffled = trained(tiny, "shuffled", *APPEARANCE, "--frames", "shuffled")
    rows = ["--shuffled", shuffled, "--other", shuffled]
    found, out = evaluated("--run", run, *rows, capsys=capsys)
    assert found["other_source"] == "shuffled" and found["test/other"] == found["test/shuffled"]
    assert found["test/above_other"] == pytest.approx(1 - found["test/shuffled"])
    assert found["test/accuracy"] == 1 and found["test/constant"] == 0.25
    assert found["test/shuffled"] < 1 and found["shuffled_source"] == "shuffled"
    assert found["middle_source"] == "the same model"
    better = max(found["test/middle"], found["test/shuffled"])
    assert found["test/motion_gain"] == pytest.approx(1 - better)
    assert found["order_only_classes"] == list(tiny_labels.ORDER_ONLY)
    assert "motion gain" in out
    page = Path(run, "test-real.html").read_text()
    assert "constant class" in page
    assert {p.stem for p in Path(run, "plots").glob("*.png")} == {
        "test-real-rows", "test-real-confusion", "test-real-calibration"
    }  # fmt: skip
    rows = f"{run}/test-real.json"
    again, _ = evaluated("classification", "--run", rows, "--plots", "false", capsys=capsys)
    assert again["test/accuracy"] == found["test/accuracy"]
    told = read_results(f"{run}/test-real.json")
    log = [json.loads(line) for line in Path(run, "metrics.jsonl").read_text().splitlines()]
    assert all(len(set(numbers)) > 1 for numbers in told.numbers)
    middle, _ = evaluated("--run", run, "--frames", "middle", "--plots", "false", capsys=capsys)
    assert middle["test/accuracy"] == found["test/middle"]
    shown = read_results(f"{run}/test-real-middle_frame.json").numbers
    assert [(n[len(n) // 2],) for n in told.numbers] == [*shown]
    val, _ = evaluated("--run", run, "--split", "val", capsys=capsys)
    last = [line for line in log if "val/accuracy" in line][-1]
    assert val["val/accuracy"] == last["val/accuracy"] and len(told) == found["videos"]


def test_a_run_beside_runs_that_saw_no_video_or_another(tiny, capsys) -> None:
    real = trained(tiny, "real", *APPEARANCE, "--epochs", "1")
    shuffled = trained(tiny, "other", *APPEARANCE, "--video", "shuffled", "--epochs", "1")
    none = trained(tiny, "blind", "--video", "none", "--epochs", "1")
    rows = ["--shuffled_video", shuffled, "--no_video", none, "--same_model", "false"]
    found, out = evaluated("--run", real, *rows, "--plots", "false", capsys=capsys)
    for name, run in (("shuffled_video", shuffled), ("no_video", none)):
        own, _ = evaluated("--run", run, "--plots", "false", capsys=capsys)
        assert found[f"test/{name}"] == own["test/accuracy"]
        assert found[f"{name}_source"] == Path(run).name and f"({Path(run).name})" in out
    with pytest.raises(UserError, match="was trained with --video none, not shuffled; name runs"):
        evaluated("--run", real, "--shuffled_video", none, capsys=capsys)


def test_folds_and_seeds_are_one_model(tmp_path, monkeypatch, capsys) -> None:
    monkeypatch.chdir(tmp_path)
    flags = tiny_labels.make(tmp_path, folds=4)
    runs = []
    for fold in range(4):
        for seed in (1, 2):
            name = f"a_f{fold}_s{seed}"
            runs.append(
                trained(
                    flags,
                    name,
                    "--fold",
                    str(fold),
                    "--seed",
                    str(seed),
                    *APPEARANCE,
                    "--epochs",
                    "2",
                )
            )
    found, _ = evaluated("classification", "--run", *runs, "--same_model", "false", capsys=capsys)
    assert found["videos"] == len(tiny_labels.videos()) and found["run"] == "a"
    assert len(found["test/accuracy_seeds"]) == 2
    assert found["test/accuracy"] == pytest.approx(np.mean(found["test/accuracy_seeds"]))
    assert Path("results/a-pooled/test-real.json").is_file()
    with pytest.raises(UserError, match="name one run for each fold and seed"):
        evaluated("--run", runs[0], runs[0], capsys=capsys)


def test_values_beside_the_constant_mean(tmp_path, monkeypatch, capsys) -> None:
    monkeypatch.chdir(tmp_path)
    run = trained(tiny_labels.make_values(tmp_path), "r", "--network", "rnn")
    found, out = evaluated("--run", run, capsys=capsys)
    assert found["test/mae"] < found["test/constant_mae"] and "constant mean" in out
    rows = json.loads(Path(run, "test-real.json").read_text())["predictions"]
    errors = [abs(p - t) for r in rows for p, t in zip(r["predicted"], r["true"], strict=True)]
    assert np.mean(errors) == pytest.approx(found["test/mae"], rel=1e-5)


@pytest.mark.parametrize(
    ("flags", "line"),
    [
        (["--middle", "results/r"], r"--middle results/r: was trained with --frames real, not mid"),
        (["--split", "nothing"], "--split nothing: .* has no split nothing"),
        (["--output", "labels.pt"], "labels.pt"),
    ],
)
def test_what_does_not_fit_is_one_line(tiny, capsys, flags: list[str], line: str) -> None:
    trained(tiny, "r", *APPEARANCE, "--epochs", "1")
    with pytest.raises(UserError, match=line):
        evaluated("--run", "results/r", *flags, capsys=capsys)


def test_a_run_that_sees_motion_says_why_rows_are_missing(tiny, capsys) -> None:
    run = trained(tiny, "r", "--epochs", "1")
    found, out = evaluated("--run", run, capsys=capsys)
    assert "its motion features tell their order" in out and "test/middle" not in found
