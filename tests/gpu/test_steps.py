"""Training steps on a GPU: nothing asks the host, captured ones are plain ones, bf16 is close."""

import copy
from dataclasses import replace

import numpy as np
import pytest
import torch

from benchmark.training.choice_memory import make_batch
from benchmark.training.sizes import SIZES, make_data, make_task
from model.layer.recurrent import BidirectionalLSTM
from tests.gpu.steps import DEVICE, autoencoder, host_syncs, make_step, needs_cuda, sparse_task
from training.compile import compile_task
from training.cuda_graph import WARM_UP, CapturedStep
from training.ema import AveragedWeights
from util.device import autocast

pytestmark = pytest.mark.gpu
TINY = SIZES["tiny"]


@needs_cuda
@pytest.mark.parametrize("adadelta", [False, True])
def test_captured_steps_are_plain_steps(adadelta: bool) -> None:
    """Same weights after as many steps, the learning rate changing, dropout off; and with dropout
    the same numbers again from the same seeds."""
    data = replace(make_data(TINY, videos=20, questions_per_video=3).to(DEVICE), videos_multiple=8)
    weights = {}
    for name, dropout in (("plain", False), ("graph", False), ("a", True), ("b", True)):
        torch.manual_seed(0)
        task = make_task(TINY, dropout=dropout).to(DEVICE).train()
        take, optimizer = make_step(task, capturable=True, clip_norm=1.0, adadelta=adadelta)
        if name != "plain":
            take = CapturedStep(take, optimizer, DEVICE)
        for step in range(3 * WARM_UP):
            rows = np.random.default_rng(step).permutation(60)[:12]
            torch.manual_seed(step)
            take([data.batch(rows)], rate=1e-3 / (1 + step))
        weights[name] = {k: v.clone() for k, v in task.state_dict().items()}
    torch.testing.assert_close(weights["plain"], weights["graph"], rtol=1e-4, atol=1e-6)
    torch.testing.assert_close(weights["a"], weights["b"], rtol=0, atol=0)


@needs_cuda
@pytest.mark.parametrize(
    ("kind", "candidates"), [("choice", "cross"), ("choice", "bi"), ("count", "cross")]
)
def test_other_kinds_of_answers_ask_the_gpu_nothing(kind, candidates) -> None:
    batch = make_batch("tiny", 12, 3, 3)
    batch = replace(batch, answer=batch.answer + 1) if kind == "count" else batch
    task = make_task(TINY, dropout=True, kind=kind, candidate_encoder=candidates)
    take, _ = make_step(task.to(DEVICE).train())
    on_gpu = batch.to(DEVICE)
    assert not host_syncs(lambda: take([on_gpu], rate=1e-3))


@needs_cuda
def test_captured_graphs_share_their_memory() -> None:
    """Four shapes of a batch take little more than one: their graphs have one memory pool."""
    size = replace(TINY, feature_width=512, width=128, frames=16)
    data = make_data(size, videos=240, questions_per_video=1).to(DEVICE)
    take, optimizer = make_step(make_task(size, dropout=True).to(DEVICE).train(), capturable=True)
    captured = CapturedStep(take, optimizer, DEVICE)
    torch.cuda.empty_cache()
    kept = []
    for videos in (232, 224, 216, 208):
        for _ in range(WARM_UP + 1):
            captured([data.batch(np.arange(videos))], rate=1e-4)
        torch.cuda.synchronize()
        torch.cuda.empty_cache()
        kept.append(torch.cuda.memory_reserved())
    assert kept[-1] < 1.5 * kept[0], kept


@needs_cuda
@pytest.mark.parametrize("kind", ["resident", "window:2", "knn:2", "autoencoder"])
@pytest.mark.parametrize("precision", ["float32", "bf16"])
def test_a_step_asks_the_gpu_for_nothing(kind, precision) -> None:
    data = make_data(TINY, videos=20, questions_per_video=4).to(DEVICE)
    if kind == "autoencoder":
        task, one = autoencoder()
    else:
        task = make_task(TINY, dropout=True) if kind == "resident" else sparse_task(kind)
        task.to(DEVICE).train()
    take, _ = make_step(task, precision=precision)

    def work() -> None:
        batch = one if kind == "autoencoder" else data.batch(np.arange(32))
        take([batch], rate=1e-4)

    assert host_syncs(work) == []


@needs_cuda
def test_the_moving_average_asks_the_gpu_for_nothing() -> None:
    task = make_task(TINY, dropout=False).to(DEVICE)
    average = AveragedWeights(task, 0.9)
    assert host_syncs(lambda: average.update(task)) == []


def test_gradients_of_bf16_are_those_of_float32() -> None:
    """In every part of the model: close, and none of them lost to a type of small range."""
    size = SIZES["demo"]
    data = make_data(size, videos=16, questions_per_video=4)
    torch.manual_seed(0)
    first = make_task(size, dropout=False).to(DEVICE).train()
    found = {}
    for precision in ("float32", "bf16"):
        task = copy.deepcopy(first)
        with autocast(DEVICE, precision):
            losses, _ = task(data.batch(np.arange(64)).to(DEVICE))
        losses["loss"].backward()
        found[precision] = {
            name: p.grad.float() for name, p in task.named_parameters() if p.grad is not None
        }
    assert found["float32"].keys() == found["bf16"].keys()
    for part in ("video.frames", "question", "units", "head"):
        names = [name for name in found["float32"] if part in name]
        assert names, part
        exact, rounded = (torch.cat([found[p][n].flatten() for n in names]) for p in found)
        assert (exact - rounded).norm() < 0.2 * exact.norm(), part
        lost = (rounded == 0).float().mean() - (exact == 0).float().mean()
        assert lost < 0.01, part


def test_lstms_are_never_float16() -> None:
    """cuDNN's autocast takes float16 for them, in which small gradients are lost."""
    lstm = BidirectionalLSTM(input_width=16, width=16).to(DEVICE)
    x = torch.randn(2, 3, 16, device=DEVICE, requires_grad=True)
    types = []
    for part in lstm.modules():
        if isinstance(part, torch.nn.LSTM):
            part.register_forward_hook(lambda _, given, out: types.append(out[0].dtype))
    with autocast(DEVICE, "bf16"):
        lstm(x, torch.tensor([3, 2], device=DEVICE))
    assert types and torch.float16 not in types


@needs_cuda  # on a CPU: tests/training/test_cuda_graph.py
def test_compiled_steps_go_on_learning() -> None:
    data = make_data(TINY, videos=8, questions_per_video=4).to(DEVICE)
    torch.manual_seed(0)
    stepping, line = compile_task(make_task(TINY, dropout=False).to(DEVICE).train(), DEVICE)
    assert line.startswith("compiling"), line
    take, _ = make_step(stepping)
    seen = [take([data.batch(np.arange(32))], rate=3e-3)[0]["loss"].item() for _ in range(20)]
    assert seen[-1] < seen[0]
