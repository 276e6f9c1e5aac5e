"""Whole epochs at the size of MSVD-QA, on made-up features:  python -m benchmark epoch

The product's sampler, gather, step and validation, as train.py runs them.  The floor is the
arithmetic of these steps over the device's measured matrix rate.
"""

import argparse
import time
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import nn
from tqdm import tqdm

from benchmark.measure import matrix_rate, synchronize
from benchmark.training.sizes import SIZES, FlopCounter, make_data, make_task
from data_loader.sampling import Sampler
from inference.split import predict
from training.compile import compile_task
from training.cuda_graph import VIDEOS_MULTIPLE, CapturedStep
from training.randomness import seed_step
from training.step import parameter_groups, take_step
from util.device import autocast, pick_device

TRAINING, VALIDATION = (30_933, 1_161), (6_415, 245)  # questions, videos
BATCH = 256


def run(options: argparse.Namespace) -> dict[str, Any]:
    """Train, validate, print."""
    device = pick_device(options.device)
    size = SIZES[options.size]
    training, validation = (
        make_data(size, videos=-(-videos // parts), questions_per_video=-(-asked // videos))
        for parts in [max(1, round(1 / options.share))]
        for asked, videos in (TRAINING, VALIDATION)
    )
    if device.type == "cuda":
        training, validation = training.to(device), validation.to(device)
    if options.cuda_graph:
        training = replace(training, videos_multiple=VIDEOS_MULTIPLE)
    total = min(round(TRAINING[0] * options.share), len(training))
    sampler = Sampler(
        training.split.videos[:total],
        seed=0,
        batch_size=BATCH,
        questions_per_video=options.questions_per_video,
    )
    task = make_task(size, dropout=True).to(device).train()
    stepping: nn.Module = task
    if options.compile:
        stepping, line = compile_task(task, device)
        print(line)
    optimizer = torch.optim.AdamW(
        parameter_groups(task, 0.0, {}), lr=1e-4, fused=True, capturable=options.cuda_graph
    )
    take = partial(
        take_step, stepping, optimizer=optimizer, clip_norm=12.0, precision=options.precision
    )
    if options.cuda_graph:
        take = CapturedStep(take, optimizer, device)

    steps = round(options.epochs * total / BATCH)
    batches = (training.batch(sampler.rows(step)).to(device) for step in range(min(3, steps)))
    with torch.no_grad(), autocast(device, options.precision):
        flop = 3 * float(np.mean([_count(task, batch) for batch in batches]))
    # Compiles and captures before the clock runs: a shape is captured when it comes once more than
    # WARM_UP times, and an epoch has a handful of shapes.
    for step in range(min(steps, 60) if options.cuda_graph else 3):
        seed_step(0, step, 0)
        take([training.batch(sampler.rows(step)).to(device)], rate=1e-4)
    dtype = torch.bfloat16 if options.precision == "bf16" else torch.float32
    rate = matrix_rate(device=device, dtype=dtype)
    synchronize()
    begin = time.perf_counter()
    for step in tqdm(range(steps), unit="step"):
        seed_step(0, step, 0)
        take([training.batch(sampler.rows(step)).to(device)], rate=1e-4)
    synchronize()
    seconds = time.perf_counter() - begin
    begin = time.perf_counter()
    with autocast(device, options.precision):
        predict(task, validation, BATCH, device)
    validating = time.perf_counter() - begin
    floor = steps * flop / rate
    print(
        f"{options.epochs} epochs of {total:,} questions in {steps} steps of {BATCH}: "
        f"{seconds:.1f} s, {steps * BATCH / seconds:,.0f} questions/s; floor {floor:.1f} s "
        f"({floor / seconds:.0%}) at {rate / 1e9:,.0f} GFLOP/s; validation of "
        f"{len(validation):,} questions {validating:.1f} s"
    )
    found = {"seconds": seconds, "floor_share": floor / seconds, "validation": validating}
    return {key: round(value, 3) for key, value in found.items()}


def _count(task: nn.Module, batch: object) -> int:
    with FlopCounter(task) as counter:
        task(batch)
    return counter.total
