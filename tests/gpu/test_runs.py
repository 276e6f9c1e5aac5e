"""Runs and extraction on a GPU: memory as estimated, resume, the same rows as a CPU's."""

import gc
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

import train
from benchmark.gpu.plan import PLANS
from benchmark.gpu.training import choose, make_files
from preprocess.feature.load import load_backbone
from tests.gpu.steps import DEVICE, needs_cuda
from training.memory import step_memory

pytestmark = pytest.mark.gpu
TINY = PLANS["tiny"]


@pytest.fixture
def files(tmp_path, monkeypatch) -> dict[str, str]:
    monkeypatch.chdir(tmp_path)
    return make_files(TINY, tmp_path)


def losses(run: str) -> dict[int, float]:
    text = Path(f"results/{run}/metrics.jsonl").read_text()
    lines = [json.loads(line) for line in text.splitlines()]
    return {line["step"]: line["train/loss"] for line in lines if "train/loss" in line}


@pytest.mark.parametrize("cuda_graph", [False, pytest.param(True, marks=needs_cuda)])
def test_a_resumed_run_has_the_losses_of_one_in_one_go(files, cuda_graph) -> None:
    chosen = {**files, "log_every": 1, "cuda_graph": cuda_graph}
    for run, lengths in (("whole", [4]), ("cut", [2, 4])):
        for i, epochs in enumerate(lengths):
            again = {"run": run, "epochs": epochs, "overwrite": i == 0, "resume": i > 0}
            options = choose(TINY, DEVICE, {**chosen, **again})
            train.run("qa", options)
    whole, cut = losses("whole"), losses("cut")
    assert whole.keys() == cut.keys() and len(whole) > 10
    assert list(whole.values()) == pytest.approx(list(cut.values()), rel=1e-3)


@needs_cuda
def test_the_memory_estimate_is_near_what_a_step_takes(tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    plan = replace(TINY, size="demo", batch_size=128, splits={
        "train": (256, 256), "val": (20, 10), "test": (4, 2),
    })  # fmt: skip
    options = choose(plan, DEVICE, {**make_files(plan, tmp_path), "run": "r", "epochs": 1})
    task = train.TASKS["qa"](options, checkpoint=None)
    features = torch.cuda.memory_allocated()
    step, weights = step_memory(task, options.train, DEVICE)
    del task
    gc.collect()
    torch.cuda.empty_cache()
    torch.cuda.reset_peak_memory_stats()
    train.run("qa", options)
    taken = torch.cuda.max_memory_allocated() - features
    assert taken / 2.5 < step + weights < 2.5 * taken, (taken, step, weights)


@pytest.mark.parametrize("name", ["resnet18", "r3d_18"])
def test_rows_of_a_gpu_are_those_of_a_cpu(name) -> None:
    index = np.array([[0, 1, 2, 3], [3, 4, 5, 8]])
    rows = []
    for device in ("cpu", DEVICE.type):
        backbone = load_backbone(name, weights="random", device=device, frames=4)
        side = backbone.picture.size
        pictures = np.random.default_rng(0).integers(0, 256, (9, side, side, 3), np.uint8)
        rows.append(backbone.rows(backbone.input(pictures), index))
    # TF32 has 10 bits of mantissa
    assert np.abs(rows[0] - rows[1]).max() < 1e-2 * np.abs(rows[0]).max()
