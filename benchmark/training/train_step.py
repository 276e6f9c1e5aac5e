"""Training, the product against the plain form:  python -m benchmark train_step

First both forms are checked to give the same logits, losses and gradients (dropout off).  Then each
does whole training steps (forward, backward, optimizer, dropout on) on the same questions: 16
questions a video, and one question a video.  The ratio of grouping alone is that of the
arithmetic; the floor is the product's arithmetic over this machine's measured matrix rate.
"""

import argparse
import math
import statistics
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import torch

from benchmark.measure import interleaved, matrix_rate, peak_memory, spread
from benchmark.training.plain import PlainAnswering, PlainFeatures
from benchmark.training.sizes import SIZES, FlopCounter, Size, make_data, make_task, training_step
from data_loader.batch import Batch, Features
from data_loader.dataset import QaData
from data_loader.join import join
from data_loader.open import Stores
from data_loader.store.features import VideoFeatures, open_store, write_store
from data_loader.store.provenance import Provenance
from data_loader.video_table import FeatureTable

BATCH = 256
GROUP = 16  # questions a video


def plain_step(plain: PlainAnswering, batch: Batch) -> Callable[[], object]:
    """One step of the plain form, which encodes each question's own copy of its video."""
    optimizer = torch.optim.Adam(plain.parameters(), lr=1e-4, foreach=False)
    per_question = plain_inputs(batch)

    def step() -> float:
        losses, _ = plain(*per_question)
        optimizer.zero_grad()
        losses["loss"].backward()
        torch.nn.utils.clip_grad_norm_(plain.parameters(), 12.0)
        optimizer.step()
        return losses["loss"].item()

    return step


def plain_inputs(batch: Batch) -> tuple[torch.Tensor, ...]:
    """The batch with a video for every question."""
    video, stored = batch.video, batch.visual
    assert isinstance(stored, Features)
    features = stored.appearance[video], stored.motion[video]
    return *features, batch.words, batch.length, batch.answer


def check_equal(size: Size, data: QaData, batch: int) -> float:
    """Largest difference of logits, losses and gradients, relative where above 1; dropout off."""
    task = make_task(size, dropout=False).train()
    plain = PlainAnswering(task).train()
    rows = data.batch(np.arange(min(batch, len(data))))
    losses, _ = task(rows)
    losses["loss"].backward()
    expected, _ = plain(*plain_inputs(rows))
    expected["loss"].backward()
    task.eval()
    plain.eval()
    with torch.no_grad():
        gaps = [_gap(task.answer(rows).logits, plain(*plain_inputs(rows))[1])]
    gaps += [_gap(losses[name], expected[name]) for name in losses]
    ours = dict(task.model.named_parameters())
    for name, parameter in plain.model.named_parameters():
        gaps.append(_gap(ours[name].grad, parameter.grad))
    worst = max(gaps)
    if worst > 1e-4:
        raise AssertionError(f"the two forms differ by {worst:.2g}: nothing was timed")
    return worst


def _one_step(form: str, name: str, group: int, batch: int) -> Callable[[], object]:
    """Everything before a training step, done; the step of "product" or "plain"."""
    size = SIZES[name]
    data = make_data(size, videos=-(-batch // group), questions_per_video=group)
    task = make_task(size, dropout=True).train()
    rows = data.batch(np.arange(batch))
    if form == "product":
        return training_step(task, rows)
    return plain_step(PlainAnswering(task).train(), rows)


def _gap(a: torch.Tensor | None, b: torch.Tensor | None) -> float:
    """Largest difference, over the largest magnitude where that is above 1."""
    if a is None or b is None:  # no gradient reaches it: it must reach neither
        return 0.0 if a is b else math.inf
    a, b = a.detach(), b.detach()
    return float((a - b).abs().max() / max(1.0, float(b.abs().max())))


def measure(name: str, *, group: int, batch: int, rounds: int, rate: float) -> dict[str, float]:
    """Time, ratio, share of the floor and peak memory at one size; prints a line."""
    size = SIZES[name]
    data = make_data(size, videos=-(-batch // group), questions_per_video=group)
    check_equal(size, data, min(batch, 2 * group if group > 1 else 8))
    task = make_task(size, dropout=True).train()
    with torch.no_grad(), FlopCounter(task) as counter:
        task(data.batch(np.arange(batch)))
    floor = 3 * counter.total / rate
    one_each = make_data(size, videos=8, questions_per_video=1).batch(np.arange(8))
    with torch.no_grad(), FlopCounter(task) as alone:
        task(one_each)
    limit = (alone.total / 8) / (counter.total / batch)
    works = {form: _one_step(form, name, group, batch) for form in ("product", "plain")}
    seconds = interleaved(works, rounds=rounds)
    del works  # a form's memory is measured in a process of its own
    memory = {form: peak_memory(_one_step, (form, name, group, batch)) for form in seconds}
    product, plain = (statistics.median(seconds[key]) for key in ("product", "plain"))
    found = {
        "ratio": plain / product,
        "limit": limit,
        "floor_share": floor / product,
        "memory_ratio": memory["plain"] / max(1, memory["product"]),
        "product_per_second": batch / product,
        "plain_per_second": batch / plain,
    }
    print(
        f"{name:<11} {group:>3} questions a video | product {spread(seconds['product'])} s, "
        f"{batch / product:.1f} questions/s | plain {spread(seconds['plain'])} s, "
        f"{batch / plain:.1f} questions/s | ratio {found['ratio']:.2f}, "
        f"of grouping alone {limit:.2f} | "
        f"floor {floor:.3g} s ({100 * found['floor_share']:.0f} %), "
        f"{counter.total * 3 / batch / 1e9:.2f} GFLOP a question | peak memory "
        f"{memory['product'] / 2**20:,.0f} against {memory['plain'] / 2**20:,.0f} MiB",
        flush=True,
    )
    return found


def measure_loader(name: str, *, batch: int, rounds: int) -> float:
    """Samples/s of the product's gather over those of reading HDF5 for each question.

    Of the gather from memory; that from a store on disk, mapped, is printed beside it.
    """
    size = SIZES[name]
    data = make_data(size, videos=max(2, batch // GROUP), questions_per_video=GROUP)
    rows = np.random.default_rng(0).permutation(len(data))[:batch]
    table = data.table
    assert isinstance(table, FeatureTable)
    assert isinstance(table.appearance, torch.Tensor) and isinstance(table.motion, torch.Tensor)
    features = {"appearance": table.appearance.numpy(), "motion": table.motion.numpy()}
    with tempfile.TemporaryDirectory() as folder:
        files = [Path(folder) / f"{channel}_plain.h5" for channel in features]
        stores = [Path(folder) / f"{channel}.h5" for channel in features]
        for array, file, store in zip(features.values(), files, stores, strict=True):
            with h5py.File(file, "w") as plain_file:
                plain_file["features"] = array
            by_clip = array.reshape(len(array), size.clips, -1, size.feature_width)
            videos = (VideoFeatures(str(v), one, 0) for v, one in enumerate(by_clip))
            write_store(store, videos, Provenance())
        a, m = map(open_store, stores)
        opened = Stores(appearance=a, motion=m)
        disk = join(data.split, opened, video="real", channels="both", seed=0, on_disk=True)
        plain = PlainFeatures(files[0], files[1], data.video.tolist())
        works = {
            "memory": lambda: data.batch(rows),
            "disk": lambda: disk.batch(rows),
            "plain": lambda: plain.batch(rows.tolist()),
        }
        seconds = interleaved(works, rounds=rounds)
    memory, mapped, slow = (statistics.median(seconds[key]) for key in works)
    print(
        f"features of {batch} questions: gathered from memory {batch / memory:,.0f} samples/s, "
        f"from a mapped store {batch / mapped:,.0f}, read from HDF5 one by one "
        f"{batch / slow:,.0f}, ratio {slow / memory:.0f}"
    )
    return slow / memory


def run(options: argparse.Namespace) -> dict[str, Any]:
    """Check, measure, print."""
    rate = matrix_rate()
    print(f"{torch.get_num_threads()} threads, matrix products {rate / 1e9:.0f} GFLOP/s (float32)")
    limits = {"batch": options.batch, "rounds": options.rounds, "rate": rate}
    found = {name: measure(name, group=GROUP, **limits) for name in options.sizes}
    first = options.sizes[0]
    alone = measure(first, group=1, **limits)
    loader = measure_loader(first, batch=options.batch, rounds=options.rounds)
    summary = {
        "train_ratio_grouped": found[first]["ratio"],
        "train_ratio_ungrouped": alone["ratio"],
        "floor_share": found[first]["floor_share"],
        "loader_ratio": loader,
        "memory_ratio": found[first]["memory_ratio"],
    }
    return {key: round(value, 3) for key, value in summary.items()}
