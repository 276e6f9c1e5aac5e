"""How a reasoning unit's time and memory grow with a video's clips:  python -m benchmark topology

One training pass (forward and backward, dropout on) over the four relation graphs and their
fusions, with the consistency and HSIC losses, of a batch of 2 videos: every clip with every clip
(complete), with those at most 8 places away (window:8), or with the 8 most alike (knn:8).  Each
peak memory is measured in a process of its own.  Where the complete graphs would need more than
--limit GiB they are left out.
"""

import argparse
import statistics
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter

from benchmark.measure import interleaved, peak_memory, spread
from model.dualvgr.config import RelationConfig
from model.dualvgr.losses import consistency, disparity
from model.dualvgr.reasoning import RelationGraphs
from model.dualvgr.topology import connector
from options.flat import build, flat_values
from options.loss import LossOptions
from options.model import ModelOptions
from util.clip_plots import save_figure

TOPOLOGIES = ("complete", "window:8", "knn:8")
COLOURS = ("#8a8a8a", "#3b6ea8", "#c8643c")
KEPT = 7  # tensors of heads x N x N that a complete graph holds at its peak
MIB, GIB = 2**20, 2**30


@dataclass(frozen=True)
class Setting:
    """What is measured: N, D, videos."""

    clips: int
    width: int
    videos: int

    @property
    def complete_bytes(self) -> int:
        """What four complete graphs keep for the way back, about."""
        return 4 * KEPT * ModelOptions().heads * self.clips**2 * self.videos * 4


@dataclass(frozen=True)
class Cost:
    """Median seconds of a pass, and bytes at its peak."""

    seconds: float
    memory: int


def training_pass(topology: str, setting: Setting) -> Callable[[], object]:
    """Everything before a pass, done; the pass."""
    torch.manual_seed(0)
    options = flat_values(ModelOptions(width=setting.width))
    widths = {"appearance_width": setting.width, "motion_width": setting.width}
    graphs = RelationGraphs(build(RelationConfig, {**options, **widths})).train()
    shape = (setting.videos, setting.clips)
    channels = torch.randn(2, *shape, setting.width, requires_grad=True)
    punishment, mask = torch.rand(2, *shape), torch.ones(shape, dtype=torch.bool)
    connect, hsic = connector(topology), LossOptions().hsic

    def work(clips: int = setting.clips) -> None:
        a, m = channels[:, :, :clips]
        own = mask[:, :clips]
        sa, sm = punishment[:, :, :clips]
        u = graphs(a, m, sa, sm, connect(own))
        loss = consistency(u.appearance_common, u.motion_common, own)
        loss = loss + disparity(u.appearance_specific, u.appearance_common, own, hsic=hsic)
        loss = loss + disparity(u.motion_specific, u.motion_common, own, hsic=hsic)
        (loss + u.appearance.square().mean() + u.motion.square().mean()).backward()
        graphs.zero_grad()
        channels.grad = None

    work(2)  # what is imported and allocated once belongs to no measurement
    return work


def measure(setting: Setting, *, rounds: int, limit: float) -> dict[str, Cost]:
    """Cost of each topology at one size; prints a line for each."""
    fits = setting.complete_bytes <= limit * GIB
    names = TOPOLOGIES if fits else TOPOLOGIES[1:]
    seconds = interleaved({name: training_pass(name, setting) for name in names}, rounds=rounds)
    if not fits:
        print(
            f"{setting.clips:>6} clips | complete  | left out: about "
            f"{setting.complete_bytes / GIB:.1f} GiB, more than --limit {limit:g}"
        )
    found = {}
    for name in names:
        memory = max(1, peak_memory(training_pass, (name, setting)))  # 0: below what is seen
        found[name] = Cost(statistics.median(seconds[name]), memory)
        print(
            f"{setting.clips:>6} clips | {name:<9} | {spread(seconds[name])} s | "
            f"{memory / MIB:,.1f} MiB",
            flush=True,
        )
    return found


def plot(found: dict[int, dict[str, Cost]], *, width: int, videos: int) -> Figure:
    """Time and memory over N, both logarithmic, with lines of linear and quadratic growth."""
    figure = Figure(figsize=(9, 3.8), layout="constrained")
    panels = (("seconds a pass", 1), ("MiB at the peak", MIB))
    for axes, (title, unit) in zip(figure.subplots(1, 2), panels, strict=True):
        for name, colour in zip(TOPOLOGIES, COLOURS, strict=True):
            clips = [n for n in found if name in found[n]]
            costs = [found[n][name] for n in clips]
            values = [(c.seconds if unit == 1 else c.memory) / unit for c in costs]
            axes.plot(clips, values, "o-", color=colour, label=name, markersize=4)
            growth = {"complete": 2, "window:8": 1}.get(name)
            if growth and clips:
                there = [clips[-1], max(found) * (2 if growth == 1 else 1)]
                line = [values[-1] * (n / clips[-1]) ** growth for n in there]
                label = "N" if growth == 1 else "N²"
                axes.plot(there, line, ":", color=colour, linewidth=1)
                axes.annotate(label, (there[-1], line[-1]), color=colour, fontsize=8)
        axes.set(xscale="log", yscale="log", xlabel="clips of a video, N", title=title)
        axes.set_xticks(list(found), [str(n) for n in found])
        axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        axes.minorticks_off()
        axes.grid(alpha=0.25)
    figure.axes[0].legend(frameon=False)
    figure.suptitle(f"Four relation graphs and their losses, D = {width}, {videos} videos")
    return figure


def run(options: argparse.Namespace) -> dict[str, Any]:
    """Measure, print, draw."""
    print(
        f"D {options.width}, {options.videos} videos, {torch.get_num_threads()} threads: "
        "seconds (median and range), peak memory"
    )
    found = {}
    for clips in sorted(set(options.clips)):
        setting = Setting(clips=clips, width=options.width, videos=options.videos)
        found[clips] = measure(setting, rounds=options.rounds, limit=options.limit)
    if options.plot:
        save_figure(plot(found, width=options.width, videos=options.videos), options.plot)
    return summary(found)


def summary(found: dict[int, dict[str, Cost]]) -> dict[str, float]:
    """How much more the largest N costs than the next, by topology that ran at both."""
    ratios = {}
    for small, large in [tuple(found)[-2:]] if len(found) > 1 else []:
        for name in found[small].keys() & found[large].keys():
            kind = name.partition(":")[0]
            a, b = found[small][name], found[large][name]
            ratios[f"{kind}_{large}_over_{small}"] = round(b.seconds / a.seconds, 3)
            ratios[f"{kind}_memory_{large}_over_{small}"] = round(b.memory / a.memory, 3)
    return dict(sorted(ratios.items()))
