"""What following a stream costs a frame:  python -m benchmark streaming

A CNN (random weights, the size of its pictures) and an LSTM follow one stream, a frame at a time.
Beside both semantics stands the plain form, a sliding window that is computed anew for each frame,
CNN and all.  First it is checked that steps, chunks and one pass over stored features agree.
"""

import argparse
import time
from typing import Any

import numpy as np
import torch
from torch import Tensor

from benchmark.measure import resident
from model.classifier.recurrent import RecurrentClassifier, RecurrentConfig
from model.streaming.classifier import StreamingClassifier
from model.streaming.state import Mode, StreamState
from preprocess.feature.extractor import FeatureExtractor
from preprocess.feature.load import load_backbone

MODES: tuple[Mode, ...] = ("stateful", "window")
CLASSES = 101  # of UCF101
WARM_UP = 10  # frames that are not timed
SETTLED = 1_000  # frames after which memory may not grow
LOOK = 1_000  # frames between two looks at memory
STORED = 64  # width of stored features, and of the LSTM over them
CHUNK = 4_096
AGREE = 1e-5
GROWN = 2**20  # bytes that memory may grow by
PACKED = 64 * 1024  # bytes of a stateful state
HEAD = 1024  # bytes beside the features of a window's


@torch.inference_mode()
def run(options: argparse.Namespace) -> dict[str, Any]:
    """Check, measure, print a line each."""
    found: dict[str, Any] = {"window": options.window, "threads": torch.get_num_threads()}
    for mode in MODES:
        found |= {f"{mode}_{key}": value for key, value in stored(options, mode).items()}
    for name in options.backbones:
        backbone = load_backbone(name, weights=options.weights, runtime=options.runtime)
        size = backbone.picture.size
        count = max(options.frames, options.window + options.anew)
        frames = torch.from_numpy(
            np.random.default_rng(0).integers(0, 256, (count, 1, size, size, 3), np.uint8)
        )
        for mode in MODES:
            model = model_of(options, mode, options.width, backbone)
            seconds = by_steps(model, frames[: options.frames])
            found |= told(f"{name}_{mode}", seconds, f"{name} {size}x{size} {mode}")
            found[f"{name}_{mode}_packed"] = packed(model, model.init_state(1))
        model = model_of(options, "window", options.width, backbone)
        seconds = anew(model, frames[: options.window + options.anew])
        found |= told(f"{name}_anew", seconds, f"{name} {size}x{size} window computed anew")
    return found


def told(key: str, seconds: list[float], line: str) -> dict[str, float]:
    """Frames a second and the 99th percentile, printed too."""
    rate, worst = len(seconds) / sum(seconds), 1000 * float(np.percentile(seconds, 99))
    middle = 1000 * float(np.median(seconds))
    print(f"{line:45s} {rate:8.1f} frames/s  median {middle:.1f} ms  99 % {worst:.1f} ms")
    return {f"{key}_fps": round(rate, 1), f"{key}_p99_ms": round(worst, 1)}


def model_of(
    options: argparse.Namespace, mode: Mode, lstm: int, backbone: FeatureExtractor | None
) -> StreamingClassifier:
    """An LSTM of a width that follows a stream of features of a backbone, or of stored ones."""
    width = backbone.width if backbone else STORED
    torch.manual_seed(0)
    config = RecurrentConfig(
        appearance_width=width, motion_width=0, outputs=CLASSES, values=False, cell="lstm",
        layers=1, width=lstm, head_width=0, feature_norm="none", feature_dropout=0.0,
        dropout=0.0, tbptt=0, carry=0.0,
    )  # fmt: skip

    def encode(frames: Tensor) -> Tensor:
        assert backbone is not None
        rows = backbone.rows(backbone.input(frames.numpy()), np.arange(len(frames))[None])
        return torch.from_numpy(rows[0])

    return StreamingClassifier(
        RecurrentClassifier(config), mode=mode, width=width,
        window=options.window if mode == "window" else 0,
        frame_encoder=encode if backbone else None,
    ).eval()  # fmt: skip


def by_steps(model: StreamingClassifier, frames: Tensor) -> list[float]:
    """Seconds of each frame.  frames (T, 1, H, W, 3)."""
    state, seconds = model.init_state(1), []
    for frame in frames:
        begin = time.perf_counter()
        _, state = model.step(frame, state)
        seconds.append(time.perf_counter() - begin)
    return seconds[min(WARM_UP, len(seconds) - 1) :]


def anew(model: StreamingClassifier, frames: Tensor) -> list[float]:
    """Seconds of each frame from the W-th on, where nothing is kept.  frames (T, 1, H, W, 3)."""
    seconds = []
    for last in range(model.window, len(frames)):
        begin = time.perf_counter()
        model(frames[last + 1 - model.window : last + 1].transpose(0, 1))
        seconds.append(time.perf_counter() - begin)
    return seconds


def stored(options: argparse.Namespace, mode: Mode) -> dict[str, float]:
    """Steps over stored features: how far from one pass, how fast, how memory grows."""
    model = model_of(options, mode, STORED, None)
    x = torch.randn(1, options.vectors, STORED, generator=torch.Generator().manual_seed(0))
    whole, state, chunks = model(x).scores, model.init_state(1), 0.0
    for part, expected in zip(x.split(CHUNK, 1), whole.split(CHUNK, 1), strict=True):
        output, state = model.forward_chunk(part, state)
        chunks = max(chunks, float((output.scores - expected).abs().max()))
    settled = min(SETTLED, options.vectors // 2)
    steps, state, begin = 0.0, model.init_state(1), 0.0
    grown, least = 0, resident()
    for number, row in enumerate(x[0].split(1)):
        if number == settled:
            least, begin = resident(), time.perf_counter()
        elif number > settled and number % LOOK == 0:
            held = resident()  # what is given back in between does not hide what grows after it
            least, grown = min(least, held), max(grown, held - least)
        output, state = model.step(row, state)
        steps = max(steps, float((output.scores - whole[:, number]).abs().max()))
    rate = (options.vectors - settled) / (time.perf_counter() - begin)
    grown, size = max(grown, resident() - least), packed(model, state)
    print(
        f"{mode}: {options.vectors:,} stored features: steps {steps:.1e} and chunks {chunks:.1e} "
        f"from one pass; memory grew by {grown / 1024:,.0f} KiB; a state packs to {size:,} bytes"
    )
    assert max(steps, chunks) < AGREE, f"{mode}: steps or chunks differ from one pass"
    assert grown < GROWN, f"{mode}: memory grew by {grown:,} bytes"
    return {
        "difference": max(steps, chunks), "grown_KiB": grown / 1024, "packed": size,
        "features_per_s": round(rate),
    }  # fmt: skip


def packed(model: StreamingClassifier, state: StreamState) -> int:
    """Bytes of a state of one stream."""
    size = len(model.pack(state))
    most = model.window * model.width * 4 + HEAD if model.window else PACKED
    assert size <= most, f"{model.mode}: a state packs to {size:,} bytes"
    return size
