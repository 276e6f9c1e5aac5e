"""The memory that is said before a run, against what its steps take."""

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch

import train
from benchmark.training.sizes import SIZES, Size, make_data, make_task
from options.train import TrainOptions
from training import memory
from training.memory import check_memory, step_memory
from training.step import parameter_groups, take_step
from util.errors import UserError

CPU = torch.device("cpu")
MIDDLE = Size(
    clips=8, frames=8, feature_width=192, width=64, words=9, answers=30, vocabulary=60
)  # fmt: skip


def task_of(size: Size, videos: int) -> SimpleNamespace:
    data = make_data(size, videos=videos, questions_per_video=1)
    module = make_task(size, dropout=True).train()
    return SimpleNamespace(module=module, batch=data.batch, videos=data.split.videos)


def most_bytes(step) -> int:
    """Most bytes beyond those before it, of a step that is not the first: by torch's profiler."""
    with torch.profiler.profile(
        activities=[torch.profiler.ProfilerActivity.CPU], profile_memory=True
    ) as profile:
        step()
    assert profile.profiler is not None and profile.profiler.kineto_results is not None
    events = [e for e in profile.profiler.kineto_results.events() if e.name() == "[memory]"]
    return int(np.cumsum([e.nbytes() for e in sorted(events, key=lambda e: e.start_ns())]).max())


@pytest.mark.parametrize("size", [MIDDLE, SIZES["tiny"]], ids=["middle", "tiny"])
@pytest.mark.parametrize("batch_size", [32, 96])
def test_a_step_takes_what_is_said_within_a_factor_of_1_7(size: Size, batch_size: int) -> None:
    task = task_of(size, 100)
    options = TrainOptions(run="r", batch_size=batch_size)
    said, _ = step_memory(task, options, CPU)  # pyright: ignore[reportArgumentType]
    optimizer = torch.optim.AdamW(parameter_groups(task.module, 0, {}), fused=True)
    batch = task.batch(np.arange(batch_size))
    for _ in range(2):
        measured = most_bytes(lambda: take_step(task.module, [batch], optimizer, 1e-3, 12.0))
    assert measured / 1.7 < said < 1.7 * measured, (said, measured)


def test_what_goes_with_the_weights(monkeypatch) -> None:
    task = task_of(SIZES["tiny"], 20)
    for parameter in task.module.model.question.parameters():
        parameter.requires_grad_(False)
    every = sum(p.nbytes for p in task.module.parameters())
    trained = sum(p.nbytes for p in task.module.parameters() if p.requires_grad)
    assert 0 < trained < every

    def said(**given) -> int:
        options = TrainOptions(run="r", batch_size=8, **given)
        return step_memory(task, options, CPU)[1]  # pyright: ignore[reportArgumentType]

    assert said() == every + 3 * trained
    assert said(ema=0.9) == 2 * every + 3 * trained
    monkeypatch.setattr(memory, "world_size", lambda: 2)
    assert said() == every + 4 * trained


def test_weights_that_are_there_are_counted_once(monkeypatch) -> None:
    task = task_of(SIZES["tiny"], 20)
    options = TrainOptions(run="r", batch_size=8, ema=0.9)
    step, weights = step_memory(task, options, CPU)  # pyright: ignore[reportArgumentType]
    here = sum(p.nbytes for p in task.module.parameters())
    monkeypatch.setattr(memory, "free_memory", lambda device: step + weights - here)
    line = check_memory(task, options, CPU)  # pyright: ignore[reportArgumentType]
    assert "weights with gradients, moments and moving average " in line
    monkeypatch.setattr(memory, "free_memory", lambda device: step + weights - here - 1)
    with pytest.raises(UserError, match="are free on cpu: lower --batch_size"):
        check_memory(task, options, CPU)  # pyright: ignore[reportArgumentType]


def test_an_address_that_comes_back_is_another_storage() -> None:
    with memory.saved_bytes(torch.nn.Module()) as counter:
        for _ in range(5):
            torch.ones(1000, requires_grad=True).square()
    assert counter[0] == 5 * 4000


@pytest.mark.parametrize("cuda_graph", [False, True])
@pytest.mark.parametrize("resident", [False, True])
def test_on_a_gpu_a_step_is_measured_at_two_sizes(monkeypatch, cuda_graph, resident) -> None:
    """A stand-in for the allocator: a million bytes and a thousand a row."""
    task = task_of(SIZES["tiny"], 100)
    seen = []

    def peak(task, batch, precision, device) -> int:
        seen.append(len(batch.row))
        return 1_000_000 + 1000 * len(batch.row)

    device = torch.device("cuda")
    there = device if resident else CPU
    monkeypatch.setattr(memory, "_peak", peak)
    monkeypatch.setattr(task.module, "to", lambda device: task.module)
    sizes = [SimpleNamespace(nbytes=320, device=there)]
    monkeypatch.setattr(memory, "tensors", lambda batch: sizes)
    options = TrainOptions(run="r", batch_size=64, cuda_graph=cuda_graph)
    step, _ = step_memory(task, options, device)  # pyright: ignore[reportArgumentType]
    assert seen == [8, 16]
    expected = 1_064_000
    if cuda_graph:
        expected = 2 * expected + sum(p.nbytes for p in task.module.parameters())
    assert step == expected + (0 if resident else 2 * 4 * 320)


def test_the_probe_leaves_no_gradient_and_is_beyond_gradients(monkeypatch) -> None:
    task = task_of(SIZES["tiny"], 20)
    calls = []
    for name, value in {
        "empty_cache": 0, "reset_peak_memory_stats": 0, "memory_allocated": 700,
        "max_memory_allocated": 1000,
    }.items():  # fmt: skip
        monkeypatch.setattr(
            f"torch.cuda.{name}", lambda *_, name=name, value=value: calls.append(name) or value
        )
    assert memory._peak(task.module, task.batch(np.arange(4)), "float32", CPU) == 300
    assert calls == [
        "empty_cache", "reset_peak_memory_stats", "memory_allocated", "max_memory_allocated",
    ]  # fmt: skip
    assert all(p.grad is None for p in task.module.parameters())


def test_the_memory_budget_is_said_before_training(tiny) -> None:
    train.main([*tiny, "--run", "r", "--epochs", "1"])
    said = Path("results/r/console.log").read_text().splitlines()
    assert "GiB of features in memory" in said[0]
    assert said[1].startswith("memory: a step needs about ") and "GiB are free on cpu" in said[1]
