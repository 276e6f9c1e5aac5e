"""Frozen backbones on made-up frames: clips a second, the slower half, layouts, a profile."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from benchmark.gpu.plan import Plan
from benchmark.measure import synchronize
from preprocess.feature.load import load_backbone

ROWS = 25  # of a profile's table


def extraction(plan: Plan, device: torch.device, folder: Path) -> dict[str, Any]:
    """Clips a second of both backbones one after another, without decoding; by precision.

    Also the share of the slower one, and the share of the time that copying the frames to the
    device alone would take (it goes on beside the network: a bound, no sum).
    """
    found: dict[str, Any] = {}
    for precision in ("float32", "bf16"):
        seconds, copying = {}, 0.0
        for name in plan.networks:
            seconds[name], copy = _time_network(plan, name, precision, device)
            copying += copy
        both = sum(seconds.values())
        slower = max(seconds, key=lambda name: seconds[name])
        found[precision] = {
            "clips_per_second": plan.clips / both,
            **{name: plan.clips / each for name, each in seconds.items()},
            "slower": slower,
            "slower_share": seconds[slower] / both,
            "copy_share": copying / both,
        }
        print(
            f"extraction {precision}: {plan.clips / both:.1f} clips/s by both networks, "
            + ", ".join(f"{name} alone {plan.clips / s:.1f}" for name, s in seconds.items())
            + f"; {slower} takes {seconds[slower] / both:.0%}, copying would take "
            f"{copying / both:.0%}"
        )
    found["grouped_conv3d_ms"] = layouts(plan, device)
    print(f"grouped Conv3d, forward and backward, ms: {found['grouped_conv3d_ms']}")
    found["where"] = _profile(plan, device, folder)
    print(f"profile of extraction: {found['where']}")
    return found


def layouts(plan: Plan, device: torch.device) -> dict[str, float]:
    """Milliseconds of a grouped Conv3d, forward and backward, by memory layout and precision."""
    found = {}
    for layout in (torch.contiguous_format, torch.channels_last_3d):
        for dtype in (torch.float32, torch.bfloat16):
            conv = nn.Conv3d(plan.channels, plan.channels, 3, padding=1, groups=32, bias=False)
            conv = conv.to(device, dtype).to(memory_format=layout)  # pyright: ignore[reportCallIssue]
            shape = (plan.clips, plan.channels, 8, 14, 14)
            x = torch.randn(shape, device=device, dtype=dtype).contiguous(memory_format=layout)
            x.requires_grad_()

            def work(conv: nn.Module = conv, x: torch.Tensor = x) -> None:
                conv(x).sum().backward()

            name = f"{str(layout).removeprefix('torch.')} {str(dtype).removeprefix('torch.')}"
            found[name] = 1000 * _seconds(work, plan.passes, plan.seconds / 6)
    return found


def _time_network(
    plan: Plan, name: str, precision: str, device: torch.device
) -> tuple[float, float]:
    """Seconds that a backbone takes for the clips of a made-up video, and to copy its frames."""
    backbone, prepared, index = _prepare(plan, name, precision, device)
    seconds = _seconds(lambda: backbone.rows(prepared, index), plan.passes, plan.seconds)
    if device.type != "cuda":
        return seconds, 0.0
    pinned = prepared.pin_memory()
    copy = _seconds(lambda: pinned.to(device, non_blocking=True), plan.passes, plan.seconds / 6)
    return seconds, copy


def _prepare(plan: Plan, name: str, precision: str, device: torch.device) -> tuple[Any, Any, Any]:
    """A backbone with random weights, made-up frames as it takes them, and the clips' index."""
    backbone = load_backbone(
        name, weights="random", device=device.type, precision=precision, frames=plan.frames
    )
    index = np.arange(plan.clips * plan.frames).reshape(plan.clips, plan.frames)
    side = backbone.picture.size
    pictures = np.random.default_rng(0).integers(0, 256, (index.size, side, side, 3), np.uint8)
    return backbone, backbone.input(pictures), index


def _seconds(work: Callable[[], object], passes: int, at_least: float) -> float:
    """Mean seconds of a piece of work, after `passes` that do not count.

    Over as many passes again, or more until they have taken `at_least` seconds.
    """
    for _ in range(passes):
        work()
    synchronize()
    begin, times = time.perf_counter(), 0
    while times < passes or time.perf_counter() - begin < at_least:
        work()
        times += 1
    synchronize()
    return (time.perf_counter() - begin) / times


def _profile(plan: Plan, device: torch.device, folder: Path) -> str:
    """The kernels of a video's extraction in bf16: a table in `folder`; -> the largest shares."""
    gpu = device.type == "cuda"
    activity = torch.profiler.ProfilerActivity
    ready = [_prepare(plan, name, "bf16", device) for name in plan.networks]
    for backbone, prepared, index in ready:
        backbone.rows(prepared, index)
    with torch.profiler.profile(
        activities=[activity.CPU, *([activity.CUDA] if gpu else [])], acc_events=True
    ) as profiler:
        for backbone, prepared, index in ready:
            backbone.rows(prepared, index)
    by = "self_device_time_total" if gpu else "self_cpu_time_total"
    averages = profiler.key_averages()
    folder.mkdir(parents=True, exist_ok=True)
    table = averages.table(sort_by=by, row_limit=ROWS, max_name_column_width=60)
    (folder / "extraction_profile.txt").write_text(table + "\n", encoding="utf-8")
    spent = {event.key: getattr(event, by) for event in averages}
    top = sorted(spent, key=lambda key: -spent[key])[:5]
    total = sum(spent.values()) or 1
    return ", ".join(f"{key[:60]} {spent[key] / total:.0%}" for key in top)
