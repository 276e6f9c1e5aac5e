"""Decoding and networks at the same time: worker processes decode, threads here compute.

Bounded at every step, so that memory grows neither with the number of videos nor with their length.
"""

import os
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import closing, contextmanager
from functools import partial
from typing import TypeVar

import torch

from preprocess.extraction.decode_task import Decoded, DecodeSettings, DecodeTask, decode
from preprocess.extraction.worker import Failure, run_in_workers

R = TypeVar("R")


def run_pipeline(
    tasks: Iterable[DecodeTask],
    compute: Callable[[DecodeTask, Decoded], R],
    *,
    settings: DecodeSettings,
    workers: int,
    threads: int,
) -> Generator[tuple[DecodeTask, R | Failure], None, None]:
    """Decode each video in one of `workers` processes, compute in one of `threads` threads.

    Yields what `compute` returned, or why the video cannot be read, as videos are done.  An
    exception, of `compute` too, or closing the iterator kills the workers; what they had decoded is
    computed to its end.
    """
    decoded = run_in_workers(
        partial(decode, settings),
        tasks,
        workers=workers,
        time_limit=settings.options.time_limit,
        ahead=workers + threads,
    )
    running: dict[Future[R], DecodeTask] = {}

    def done(at_most: int) -> Iterator[tuple[DecodeTask, R]]:
        while len(running) > at_most:
            for future in wait(running, return_when=FIRST_COMPLETED).done:
                yield running.pop(future), future.result()

    with _one_torch_thread(), ThreadPoolExecutor(threads) as pool, closing(decoded):
        for task, result in decoded:
            if isinstance(result, Failure):
                yield task, result
            else:
                running[pool.submit(compute, task, result)] = task
                yield from done(threads)
        yield from done(0)


def choose_pool_sizes(*, workers: int, threads: int, gpu: bool) -> tuple[int, int]:
    """Processes that decode and threads of the network; 0 stands for what suits the machine.

    Of this machine's cores, those of this process's share where torchrun started several.
    """
    cores = len(os.sched_getaffinity(0)) // int(os.environ.get("LOCAL_WORLD_SIZE", "1"))
    cores = max(1, cores)
    return workers or min(16, cores), threads or (2 if gpu else min(8, cores))


@contextmanager
def _one_torch_thread() -> Iterator[None]:
    """One thread for each operation: with a video per thread, more would only wait on each other.

    On 2 busy cores SqueezeNet took 97 frames/s so, and 15 with two threads for each operation.
    """
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)
