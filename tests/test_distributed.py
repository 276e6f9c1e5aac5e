"""Two processes train and evaluate as one does: `torchrun --nproc-per-node 2`."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

import train
from tests import (
    tiny_answers,
    tiny_captions,
    tiny_clips,
    tiny_contrastive,
    tiny_frames,
    tiny_labels,
    tiny_retrieval,
    tiny_run,
)
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


@pytest.mark.parametrize(
    ("kind", "how"),
    [
        ("choice", ["--gamma", "0"]),
        ("choice", [*THE_REST, "--choice_loss", "hinge"]),
        ("choice", ["--gamma", "0", "--candidate_encoder", "bi"]),
        pytest.param("count", THE_REST, marks=pytest.mark.long),
        pytest.param("count", ["--gamma", "0", "--count_as", "ordinal"], marks=pytest.mark.long),
    ],
    ids=["choice", "hinge", "bi", "count", "ordinal"],
)
def test_two_processes_answer_other_kinds_as_one(tmp_path, monkeypatch, kind, how) -> None:
    """Ragged choices: the processes have equally many questions, and not candidates.

    Without the consistency, whose value is rounding where the clips are alike (see above).
    """
    monkeypatch.chdir(tmp_path)
    flags = [*tiny_answers.make(tmp_path, kind), *SAME, *how, "--epochs", "1"]
    train.main([*flags, "--run", "one"])
    together(2, "train.py", [*flags, "--run", "two"])
    one, two = metrics("one"), metrics("two")
    assert [m.keys() for m in one] == [m.keys() for m in two]
    for key in one[0]:
        if "released" in how and key == "train/consistency":
            continue  # rounding, here of clips that are alike
        assert two[0][key] == pytest.approx(one[0][key], rel=1e-5, abs=1e-6), key


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


@pytest.mark.parametrize(
    "how",
    [[], pytest.param(["--mask_same_video", "true"], marks=pytest.mark.long)],
    ids=["plain", "masked"],
)
def test_two_processes_contrast_as_one(tmp_path, monkeypatch, how: list[str]) -> None:
    """Views of the other process are negatives, and batch norms count all of them.

    Compared at the first step, losses and gradient norm: Adam's first steps make other weights of
    rounding.
    """
    monkeypatch.chdir(tmp_path)
    flags = [*tiny_contrastive.make(tmp_path), *tiny_contrastive.WITHOUT_CHANCE, *how]
    flags = ["contrastive", *flags, "--log_every", "1", "--lr", "1e-3"]
    train.main([*flags, "--run", "one"])
    together(2, "train.py", [*flags, "--run", "two"])
    one, two = metrics("one"), metrics("two")
    assert [m.keys() for m in one] == [m.keys() for m in two]
    assert one[0]["train/grad_norm"] > 0
    for key, value in one[0].items():
        assert two[0][key] == pytest.approx(value, rel=1e-5), key


def test_two_processes_keep_projection_layers_as_one(tmp_path, monkeypatch) -> None:
    """Their batch norms count the clips of both.  Compared at the first step, as above."""
    monkeypatch.chdir(tmp_path)
    first = ["contrastive", *tiny_contrastive.make(tmp_path), "--epochs", "0.1", "--run", "first"]
    train.main(first)
    tiny_labels.make(tmp_path)
    tiny_clips.make(tmp_path)
    flags = [
        "classification", "--labels", "labels.pt", "--clips", "clips.h5", "--batch_size", "8",
        "--appearance_encoder", "resnet_narrow", "--motion_encoder", "resnext_narrow",
        "--width", "16", "--dropout", "0", "--batch_norm", "train", "--epochs", "0.2",
        "--log_every", "1", "--device", "cpu", "--init_from", "results/first",
        "--projection_layers", "1",
    ]  # fmt: skip
    train.main([*flags, "--run", "one"])
    together(2, "train.py", [*flags, "--run", "two"])
    one, two = metrics("one"), metrics("two")
    assert one[0]["train/grad_norm"] > 0
    for key, value in one[0].items():
        assert two[0][key] == pytest.approx(value, rel=1e-5), key


def test_two_processes_see_frames_as_one(tmp_path, monkeypatch) -> None:
    """With a teacher, compared at the first step, as above."""
    monkeypatch.chdir(tmp_path)
    flags = [*tiny_frames.make(tmp_path), "--log_every", "1"]
    train.main([*flags, "--run", "teacher"])
    flags += ["--teacher", "results/teacher", "--repeats", "2"]
    train.main([*flags, "--run", "one"])
    together(2, "train.py", [*flags, "--run", "two"])
    one, two = metrics("one"), metrics("two")
    assert [m.keys() for m in one] == [m.keys() for m in two] and one[0]["train/distill"] > 0
    for key, value in one[0].items():
        assert two[0][key] == pytest.approx(value, rel=1e-5), key


@pytest.mark.parametrize(
    "how",
    [
        ["--text_summary", "attention"],
        pytest.param(
            ["--text_summary", "lstm", "--hidden", "12", "--ema", "0.9"], marks=pytest.mark.long
        ),
    ],
    ids=["attention", "lstm"],
)
def test_two_processes_retrieve_as_one(tmp_path, monkeypatch, how: list[str]) -> None:
    """Videos and captions of the other process are negatives.  Compared at the first step, as
    above."""
    monkeypatch.chdir(tmp_path)
    flags = [*tiny_retrieval.make(tmp_path), *how, "--epochs", "1", "--log_every", "1"]
    train.main([*flags, "--run", "one"])
    together(2, "train.py", [*flags, "--run", "two"])
    one, two = metrics("one"), metrics("two")
    assert [m.keys() for m in one] == [m.keys() for m in two]
    assert one[0]["train/grad_norm"] > 0
    for key, value in one[0].items():
        assert two[0][key] == pytest.approx(value, rel=1e-5, abs=1e-6), key


CLASSIFIERS = {
    "features": (
        tiny_labels.make,
        ["--feature_norm", "standardize", "--label_smoothing", "0.1", "--ema", "0.9",
         "--accumulate", "2"],
    ),
    "values": (tiny_labels.make_values, ["--network", "rnn", "--accumulate", "2"]),
    "relation": (tiny_labels.make, ["--network", "relation", "--graph_dropout", "0"]),
}  # fmt: skip


@pytest.mark.parametrize(
    "name",
    ["features", *(pytest.param(name, marks=pytest.mark.long) for name in ("values", "relation"))],
)
def test_two_processes_classify_as_one(tmp_path, monkeypatch, name: str) -> None:
    """Evaluated alike, too: of 8 rows in batches of 3, one process has 5 and the other 3."""
    monkeypatch.chdir(tmp_path)
    make, how = CLASSIFIERS[name]
    flags = [*make(tmp_path), *how, "--epochs", "3", "--log_every", "1", "--lr", "1e-3"]
    train.main([*flags, "--run", "one"])
    together(2, "train.py", [*flags, "--run", "two"])
    one, two = metrics("one"), metrics("two")
    assert [m.keys() for m in one] == [m.keys() for m in two]
    for a, b in zip(one, two, strict=True):
        for key in a:
            assert b[key] == pytest.approx(a[key], rel=1e-3, abs=1e-5), (a["step"], key)
    for processes, output in ((1, "one.json"), (2, "two.json")):
        flags = ["classification", "--run", "results/two", "--batch_size", "3", "--count", "0"]
        started = start_processes(
            processes, "evaluate.py", [*flags, "--plots", "false", "--output", output]
        )
        assert [process.wait() for process in started] == [0] * processes
        tables = [process.stdout.count("every row: ") for process in started]
        assert tables == [1, 0][:processes]  # the first alone prints scores
    one, two = (json.loads(Path(f"{which}.json").read_text()) for which in ("one", "two"))
    assert len(one["predictions"]) == 8 and one == two


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
