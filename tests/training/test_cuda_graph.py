"""Faster forms of a step: where they do not work they say so; where they do, the numbers stay."""

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

import train
from benchmark.training.sizes import SIZES, make_data, make_task
from options.task import parse_task
from tests import tiny_run
from tests.conftest import ROOT
from training.cuda_graph import require_capture
from training.task.qa import QaTask
from util.errors import UserError


@pytest.fixture
def tiny(tmp_path, monkeypatch):
    """Flags of a tiny data set, in an empty working folder."""
    monkeypatch.chdir(tmp_path)
    return tiny_run.make(tmp_path)


def metrics(run: str) -> list[dict]:
    return [json.loads(line) for line in Path(f"results/{run}/metrics.jsonl").open()]


def test_without_a_compiler_it_says_so_and_goes_on(tiny, tmp_path) -> None:
    no_compiler = {"CXX": "/no/such/compiler", "TORCHINDUCTOR_CACHE_DIR": str(tmp_path / "cache")}
    command = [sys.executable, str(ROOT / "train.py"), *tiny, "--run", "r", "--epochs", "1"]
    subprocess.run(  # not forked: torch's compiler has its own when it is imported
        [*command, "--compile", "true"],
        env={**os.environ, **no_compiler},
        check=True,
        capture_output=True,
    )
    said = Path("results/r/console.log").read_text()
    assert "--compile: nothing can be compiled here (" in said and "going on without" in said
    train.main([*tiny, "--run", "plain", "--epochs", "1"])
    assert metrics("r") == metrics("plain")


@pytest.mark.long
def test_compiled_steps_have_the_losses_of_plain_ones_and_resume_exactly(tiny) -> None:
    flags = [*tiny, "--log_every", "1", "--save_every", "3"]
    for compiled in ("false", "true"):  # tiny clips are so alike that consistency is rounding noise
        plain = ["--dropout", "0", "--state_dropout", "0", "--gamma", "0", "--beta", "0"]
        train.main(
            [*flags, "--run", f"c_{compiled}", "--epochs", "2", *plain, "--compile", compiled]
        )
    for one, other in zip(metrics("c_false"), metrics("c_true"), strict=True):
        # Adam divides by the size of gradients: where they are rounding noise, so is the step
        exact = {"rel": 1e-5} if one["step"] == 1 else {"rel": 2e-2}
        for name in {"train/ce", "val/ce", "val/accuracy"} & one.keys():
            assert one[name] == pytest.approx(other[name], **exact)
    for run, lengths in (("whole", ["4"]), ("cut", ["2", "4"])):
        for i, epochs in enumerate(lengths):
            resume = ["--resume"] if i else []
            train.main([*flags, "--run", run, "--epochs", epochs, "--compile", "true", *resume])
    assert metrics("whole") == metrics("cut")


def test_videos_that_fill_a_batch_up_change_nothing() -> None:
    data = make_data(SIZES["tiny"], videos=5, questions_per_video=3)
    task = make_task(SIZES["tiny"], dropout=False).train()
    rows = np.array([0, 1, 4, 5, 13, 2])
    plain, filled = data.batch(rows), replace(data, videos_multiple=8).batch(rows)
    assert len(plain.visual.appearance) == 3 and len(filled.visual.appearance) == 8
    found = []
    for batch in (plain, filled):
        task.zero_grad()
        losses, _ = task(batch)
        losses["loss"].backward()
        gradients = {n: p.grad.clone() for n, p in task.named_parameters() if p.grad is not None}
        found.append(({k: v.detach() for k, v in losses.items()}, gradients))
    torch.testing.assert_close(*found)


@pytest.mark.parametrize(
    ("flags", "line"),
    [
        (["--cuda_graph", "true", "--device", "cpu"], r"--cuda_graph true: needs a GPU; leave"),
        (["--profile", "-1"], r"--profile -1: must not be negative"),
    ],
)
def test_mistakes(tiny, flags, line) -> None:
    with pytest.raises(UserError, match=line):
        train.main([*tiny, "--run", "r", *flags])
    assert not Path("results").exists()


def test_captured_steps_meet_few_shapes(tiny) -> None:
    _, options = parse_task([*tiny, "--run", "r", "--cuda_graph", "true"])
    task = QaTask(options, checkpoint=None)
    data = replace(task.data, split=replace(task.data.split, longest=20)).padded_to_longest()
    assert task.data.words_multiple == task.val.words_multiple == task.data.split.longest
    shapes = set()
    for seed in range(8):  # each of 10 questions of 24 videos
        batch = data.batch(np.random.default_rng(seed).permutation(48)[:10])
        shapes.add((len(batch.visual.clip_mask), *batch.words.shape))
    assert shapes <= {(8, 10, 20), (16, 10, 20)}


@pytest.mark.parametrize(
    ("given", "line"),
    [
        ({"parts": 4}, "leave it out with --accumulate 4"),
        ({"processes": 2}, "leave it out with torchrun"),
        ({"features": False}, "leave it out with --clips"),
        ({"topology": "knn:2"}, "the edges of --topology knn:2 differ"),
    ],
)
def test_steps_that_cannot_be_captured(given, line) -> None:
    plain = {"processes": 1, "features": True, "topology": "complete", "parts": 1}
    require_capture(torch.device("cuda"), **plain)
    with pytest.raises(UserError, match=line):
        require_capture(torch.device("cuda"), **{**plain, **given})


def test_a_profile_is_a_table_and_a_trace(tiny) -> None:
    train.main([*tiny, "--run", "r", "--epochs", "3", "--profile", "2"])
    assert "aten::" in Path("results/r/profile.txt").read_text()
    trace = json.loads(Path("results/r/trace.json").read_text())
    steps = {e["name"] for e in trace["traceEvents"] if e.get("name", "").startswith("Profiler")}
    assert len(steps) == 2
    tags = EventAccumulator("tf-logs/r").Reload().Tags()["tensors"]
    assert "profile/text_summary" in tags
    train.main([*tiny, "--run", "plain", "--epochs", "3"])
    assert metrics("r") == metrics("plain")  # watching changes nothing
    train.main([*tiny, "--run", "short", "--epochs", "1", "--profile", "50"])
    said = Path("results/short/console.log").read_text()
    assert "--profile 50: nothing profiled, the run ends within the 4 steps that" in said
    assert not Path("results/short/profile.txt").exists()
    said = Path("results/r/console.log").read_text().splitlines()
    (line,) = [line for line in said if "profile of" in line]
    assert "aten::" in line and "ProfilerStep" not in line


def test_the_memory_budget_is_said_before_training(tiny, capsys) -> None:
    train.main([*tiny, "--run", "r", "--epochs", "1"])
    said = Path("results/r/console.log").read_text().splitlines()
    assert "GiB of features in memory" in said[0]
    assert said[1].startswith("memory: a step needs about ") and "GiB are free on cpu" in said[1]
