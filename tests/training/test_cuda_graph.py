"""Captured steps: refused where there can be none; their batches have few shapes."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

import train
from benchmark.training.sizes import SIZES, make_data, make_task
from options.task import parse_task
from training.cuda_graph import require_capture
from training.task.qa import QaTask
from util.errors import UserError


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
