"""Time and memory of a piece of work (memory on Linux, from /proc)."""

import multiprocessing
import resource
import statistics
import threading
import time
from collections.abc import Callable, Hashable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

import torch

CPU = torch.device("cpu")
K = TypeVar("K", bound=Hashable)


def interleaved(
    works: Mapping[K, Callable[[], object]], *, rounds: int, warm_up: bool = True
) -> dict[K, list[float]]:
    """Seconds of each work, `rounds` times in turn, after one round that does not count.

    In turn, so that a machine that slows down or is shared slows all of them alike.
    """
    for work in works.values() if warm_up else ():
        work()
    seconds: dict[K, list[float]] = {name: [] for name in works}
    for _ in range(rounds):
        for name, work in works.items():
            begin = time.perf_counter()
            work()
            synchronize()
            seconds[name].append(time.perf_counter() - begin)
    return seconds


def synchronize() -> None:
    """Wait for the GPU, where there is one."""
    if torch.cuda.is_available():
        torch.cuda.synchronize()


def spread(values: Sequence[float]) -> str:
    """Median and range."""
    return f"{statistics.median(values):.3g} ({min(values):.3g} to {max(values):.3g})"


def matrix_rate(device: torch.device = CPU, dtype: torch.dtype = torch.float32) -> float:
    """A device's rate at matrix products (on a CPU with torch's threads): FLOP/s, best of some."""
    size = 2048
    a, b = (torch.rand(size, size, device=device, dtype=dtype) for _ in range(2))
    best = min(interleaved({"": lambda: a @ b}, rounds=5)[""])
    return 2 * size**3 / best


def peak_memory(prepare: Callable[..., Callable[[], object]], given: tuple[Any, ...]) -> int:
    """Most resident memory of a piece of work beyond that before it, in bytes.

    In a process of its own, which begins with nothing to reuse: `prepare(*given)` makes the work.
    """
    context = multiprocessing.get_context("forkserver")
    with context.Pool(1) as pool:
        return pool.apply(_peak, (prepare, given, torch.get_num_threads()))


def _peak(
    prepare: Callable[..., Callable[[], object]], given: tuple[Any, ...], threads: int
) -> int:
    torch.set_num_threads(threads)
    work = prepare(*given)
    before = most = resident()
    done = threading.Event()

    def watch() -> None:  # the kernel's own peak cannot be set back everywhere
        nonlocal most
        while not done.wait(0.002):
            most = max(most, resident())

    watcher = threading.Thread(target=watch)
    watcher.start()
    work()
    done.set()
    watcher.join()
    return most - before


def resident() -> int:
    """Bytes of memory that this process holds now."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()
