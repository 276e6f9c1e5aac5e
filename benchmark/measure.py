"""Time, memory and arithmetic of a piece of work."""

import platform
import resource
import statistics
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import torch


def interleaved(works: dict[str, Callable[[], object]], *, rounds: int) -> dict[str, list[float]]:
    """Seconds of each work, `rounds` times in turn, after one round that does not count.

    In turn, so that a machine that slows down or is shared slows all of them alike.
    """
    for work in works.values():
        work()
    seconds: dict[str, list[float]] = {name: [] for name in works}
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


def matrix_rate(size: int = 2048, rounds: int = 5) -> float:
    """This machine's rate at float32 matrix products with torch's threads: FLOP/s, best of some."""
    a, b = torch.rand(size, size), torch.rand(size, size)
    best = min(interleaved({"": lambda: a @ b}, rounds=rounds)[""])
    return 2 * size**3 / best


def peak_memory(work: Callable[[], object]) -> int:
    """Most resident memory during `work` beyond that before it, bytes (Linux; polled each 2 ms)."""
    status = Path("/proc/self/statm")
    page = resource.getpagesize()
    if platform.system() != "Linux":
        raise OSError("peak memory is read from /proc, which only Linux has")

    def resident() -> int:
        return int(status.read_text().split()[1]) * page

    before, most, done = resident(), 0, threading.Event()

    def watch() -> None:
        nonlocal most
        while not done.is_set():
            most = max(most, resident())
            done.wait(0.002)

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        work()
    finally:
        done.set()
        watcher.join()
    return max(0, most - before)
