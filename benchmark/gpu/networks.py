"""ViViTs and classifiers of features on a GPU: clips a second, hours an epoch of Kinetics-400."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from benchmark.gpu.plan import Plan
from benchmark.measure import matrix_rate
from benchmark.training.video_networks import HEAD, SIZES, measure, row


def networks(plan: Plan, device: torch.device, folder: Path) -> dict[str, Any]:
    """Each network of the plan applied and trained, by precision; shares of the matrix rate."""
    size = replace(SIZES[plan.video_size], clips=plan.video_clips)
    found: dict[str, Any] = {}
    for precision, dtype in (("float32", torch.float32), ("bf16", torch.bfloat16)):
        rate = matrix_rate(device, dtype)
        print(f"{precision}: matrix products {rate / 1e12:.3g} TFLOP/s, {size.clips} clips a step")
        print(HEAD)
        found[precision] = {"matrix_tflops": rate / 1e12}
        for name in plan.video_networks:
            one = measure(name, size, device, precision, rounds=plan.passes, rate=rate)
            print(row(name, one), flush=True)
            found[precision][name] = one
    return found
