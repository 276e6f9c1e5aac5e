"""Two processes train and evaluate as one does: `torchrun --nproc-per-node 2`."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

import train
from tests import tiny_captions, tiny_run
from tests.commands import start_processes
from tests.conftest import ROOT

SAME = [
    "--dropout",
    "0",
    "--state_dropout",
    "0",
    "--epochs",
    "4",
    "--log_every",
    "1",
    "--lr",
    "1e-3",
]


def together(processes: int, script: str, flags: list[str]) -> None:
    """Run a root command with so many processes; all must succeed."""
    started = start_processes(processes, script, flags)
    for process in started:
        assert process.wait() == 0, process.stderr
        assert "deprecated" not in process.stderr


def metrics(run: str) -> list[dict]:
    return [json.loads(line) for line in Path(f"results/{run}/metrics.jsonl").open()]


@pytest.fixture
def tiny(tmp_path, monkeypatch) -> list[str]:
    monkeypatch.chdir(tmp_path)
    return tiny_run.make(tmp_path)


THE_REST = [
    "--gamma",
    "0",
    "--hsic",
    "released",
    "--beta",
    "1",
    "--questions_per_video",
    "2",
    "--ema",
    "0.9",
    "--accumulate",
    "2",
]


WITHOUT_GRAPHS = [
    "--units", "0", "--head", "product", "--question_summary", "bag", "--readout_of", "features",
    "--feature_norm", "whiten:4", "--freeze_words",
]  # fmt: skip


ADADELTA = [
    *THE_REST, "--optimizer", "adadelta", "--l2", "1e-3", "--warmup", "5", "--lr", "1",
]  # fmt: skip


# At the start all clips of a video are nearly alike after the graphs, and the consistency, which
# compares them normalised, turns rounding into another gradient.  So a run with it is compared at
# its first step alone (where losses and gradient norm are equal), and one without it to the end.
@pytest.mark.parametrize(
    ("steps", "how"),
    [
        (1, ["--gamma", "1"]),
        pytest.param(None, THE_REST, marks=pytest.mark.long),  # its step 1 is bf16's, too
        (1, [*THE_REST, "--precision", "bf16"]),
        (1, WITHOUT_GRAPHS),
        pytest.param(None, ADADELTA, marks=pytest.mark.long),
    ],
    ids=["consistency", "the rest", "bf16", "without graphs", "adadelta"],
)
def test_two_processes_have_the_losses_of_one(tiny, steps: int | None, how: list[str]) -> None:
    train.main([*tiny, *SAME, *how, "--run", "one"])
    together(2, "train.py", [*tiny, *SAME, *how, "--run", "two"])
    one, two = metrics("one"), metrics("two")
    near = 3e-3 if steps is None or "bf16" in how else 1e-5
    assert [m.keys() for m in one] == [m.keys() for m in two]
    for a, b in list(zip(one, two, strict=True))[:steps]:
        for key in a:
            if steps is None and (key == "train/consistency" or "accuracy" in key):
                continue  # rounding again: near ties, of 16 questions
            assert b[key] == pytest.approx(a[key], rel=near, abs=1e-5), (a["step"], key)
    if steps is not None:
        return
    for processes, name in ((1, "one.json"), (2, "two.json")):
        flags = ["--run", "results/two", "--plots", "false", "--output", name]
        together(processes, "evaluate.py", flags)
    assert json.loads(Path("one.json").read_text()) == json.loads(Path("two.json").read_text())


CAPTIONS = [
    "--dropout", "0", "--epochs", "4", "--log_every", "1", "--lr", "1e-3", "--accumulate", "2",
]  # fmt: skip


@pytest.mark.parametrize(
    "how",
    [
        ["--decoder", "ets_yao2015", "--attention_penalty", "1"],
        pytest.param(["--decoder", "dualvgr_lstm", "--graph_dropout", "0"], marks=pytest.mark.long),
        pytest.param(["--decoder", "transformer"], marks=pytest.mark.long),
    ],
    ids=["Yao", "DualVGR", "transformer"],
)
def test_two_processes_caption_as_one(tmp_path, monkeypatch, how: list[str]) -> None:
    monkeypatch.chdir(tmp_path)
    flags = [*tiny_captions.make(tmp_path), *CAPTIONS, *how]
    train.main([*flags, "--run", "one"])
    together(2, "train.py", [*flags, "--run", "two"])
    one, two = metrics("one"), metrics("two")
    assert [m.keys() for m in one] == [m.keys() for m in two]
    for a, b in zip(one, two, strict=True):
        for key in a:
            assert b[key] == pytest.approx(a[key], rel=3e-3, abs=1e-4), (a["step"], key)
    for processes, name in ((1, "one.json"), (2, "two.json")):
        flags = ["--run", "results/two", "--meteor", "false", "--count", "0", "--output", name]
        started = start_processes(processes, "evaluate.py", flags)
        assert [process.wait() for process in started] == [0] * processes
        tables = [process.stdout.count("best constant caption") for process in started]
        assert tables == [1, 0][:processes]  # the first alone prints scores
    assert json.loads(Path("one.json").read_text()) == json.loads(Path("two.json").read_text())


def test_each_process_draws_its_own_dropout_and_a_resumed_run_is_the_same(tiny) -> None:
    flags = [*tiny, "--log_every", "1", "--dropout", "0.3"]
    together(2, "train.py", [*flags, "--run", "whole", "--epochs", "4"])
    for epochs in ("2", "4"):
        together(2, "train.py", [*flags, "--run", "cut", "--epochs", epochs, "--resume"])
    assert metrics("whole") == metrics("cut")
    train.main([*flags, "--run", "alone", "--epochs", "4"])
    assert metrics("alone") != metrics("whole")


def test_a_batch_that_cannot_be_shared_and_other_data_are_one_line(tiny) -> None:
    odd = ["--run", "odd", "--batch_size", "6", "--accumulate", "2"]
    launch = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2"]
    done = subprocess.run(
        [*launch, "--", str(ROOT / "train.py"), *tiny, *odd],
        env={**os.environ, "PYTHONPATH": str(ROOT)}, capture_output=True, text=True, timeout=240,
    )  # fmt: skip
    assert done.returncode != 0
    line = "--batch_size 6 in 2 parts (--accumulate): not a multiple of the 2 processes of torchrun"
    assert f"{line}; give one, such as 4" in done.stderr
    assert not Path("results/odd").exists()
