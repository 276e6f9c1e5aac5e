"""Networks by torch and by OpenVINO:  python -m benchmark runtimes

Random weights, random pictures, a video of `--frames` frames in a thread on each core, in turn.
Prints a table of medians in frames/s, and the seconds that converting takes.
"""

import argparse
import os
import statistics
import time
from concurrent.futures import ThreadPoolExecutor
from itertools import product
from typing import Any

import numpy as np
import torch

from benchmark.measure import interleaved
from evaluation.format import markdown
from preprocess.feature.load import load_backbone

BACKBONES = (
    "squeezenet1_1", "resnet101", "resnext101", "r3d_18", "r2plus1d_18", "s3d", "convnext_tiny",
    "swin_t", "swin3d_t", "vit_b_16", "mvit_v1_b", "mvit_v2_s",
)  # fmt: skip
PRECISIONS, RUNTIMES = ("float32", "bf16"), ("torch", "openvino")
CLIP = 16  # frames


def run(options: argparse.Namespace) -> dict[str, Any]:
    """Measure and print."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)  # as the product: a video for each core
    print("| | torch | OpenVINO | ratio | torch, bf16 | OpenVINO, bf16 | ratio | converting |")
    print("|-|-|-|-|-|-|-|-|")
    found = {
        name: measure(name, options.frames, options.rounds)
        for name in options.backbones or BACKBONES
    }
    torch.set_num_threads(before)
    return found


def measure(name: str, frames: int, rounds: int) -> dict[str, float]:
    """Frames/s of one backbone in each form; prints its line of the table."""
    cores = len(os.sched_getaffinity(0))
    index = np.arange(frames).reshape(-1, CLIP)
    works, opened = {}, {}
    for runtime, precision in product(RUNTIMES, PRECISIONS):
        begin = time.perf_counter()
        backbone = load_backbone(
            name, weights="random", device="cpu", runtime=runtime, precision=precision,
            frames=CLIP, threads=cores,
        )  # fmt: skip
        opened[runtime] = time.perf_counter() - begin
        size = backbone.picture.size
        pictures = np.random.default_rng(0).integers(0, 256, (frames, size, size, 3), np.uint8)
        prepared = backbone.input(pictures)

        def work(backbone=backbone, prepared=prepared) -> None:
            with ThreadPoolExecutor(cores) as pool:
                list(pool.map(lambda _: backbone.rows(prepared, index), range(cores)))

        works[f"{runtime} {precision}"] = work
    seconds = interleaved(works, rounds=rounds)
    rates = {form: cores * frames / statistics.median(s) for form, s in seconds.items()}
    cells = [name]
    for precision in PRECISIONS:
        mine, theirs = rates[f"openvino {precision}"], rates[f"torch {precision}"]
        cells += [f"{theirs:.1f}", f"{mine:.1f}", f"{mine / theirs:.2f}"]
    cells.append(f"{opened['openvino'] - opened['torch']:.1f} s")
    print(markdown(cells), flush=True)
    return {form: round(rate, 1) for form, rate in rates.items()}
