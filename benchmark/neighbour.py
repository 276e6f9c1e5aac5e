"""What a busy neighbour costs, the same work idle and beside others:  python -m benchmark neighbour

Each setting of OpenMP's waiting is a process of its own, with the same work ready; they take turns,
so that a machine that slows down slows all alike.  A neighbour is one thread that never rests.  On
two cores a fair share beside one or two of them is half a core in the worst case, twice the idle
time; beside it stand the settings that were not chosen.  The JSON is of the setting that every
command has (util/threads.py): seconds idle, and ratios to the default's idle.
"""

from util.threads import SPINS

import argparse
import contextlib
import json
import multiprocessing
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

NEIGHBOURS = (0, 1, 2)
SETTINGS = {
    "chosen": {"GOMP_SPINCOUNT": SPINS},
    "default": {},
    "passive": {"OMP_WAIT_POLICY": "passive"},
    "one thread": {"OMP_NUM_THREADS": "1"},
}
NAMES = ("OMP_WAIT_POLICY", "GOMP_SPINCOUNT", "OMP_NUM_THREADS")
STEPS = {"tiny": 20, "demo": 4, "msvd_qa": 1, "extraction": 1}  # of a work in one turn
VIDEOS = 24


def run(options: argparse.Namespace) -> int:
    """Measure, print a table in Markdown; the last line is JSON."""
    if options.serve:
        return serve(options.serve)
    settings = {name: SETTINGS[name] for name in options.settings}
    settings |= {f"{n} spins": {"GOMP_SPINCOUNT": n} for n in options.spins}
    print(f"{len(os.sched_getaffinity(0))} cores, median of {options.rounds} rounds")
    print("| work | setting | idle | one neighbour | two neighbours |\n|-|-|-|-|-|")
    found = {}
    for work in options.works:
        seconds = measure(work, settings, options.rounds)
        against = seconds.get("default", seconds[next(iter(seconds))])[0]
        for name, values in seconds.items():
            cells = [f"{1000 * v:.0f} ms ({v / against:.2f})" for v in values]
            print(f"| {work} | {name} | {' | '.join(cells)} |", flush=True)
        chosen = seconds.get("chosen", next(iter(seconds.values())))
        found |= {f"{work}_seconds": chosen[0], f"{work}_idle": chosen[0] / against}
        found |= {f"{work}_beside_{n}": v / against for n, v in enumerate(chosen) if n}
    print(json.dumps({key: round(value, 3) for key, value in found.items()}))
    return 0


def measure(work: str, settings: dict[str, dict[str, str]], rounds: int) -> dict[str, list[float]]:
    """Seconds of one step of `work`, by setting, beside each number of neighbours."""
    turns: dict[str, list[list[float]]] = {name: [[] for _ in NEIGHBOURS] for name in settings}
    with contextlib.ExitStack() as stack:
        serving = {name: stack.enter_context(_served(work, s)) for name, s in settings.items()}
        for ask in serving.values():
            ask()  # whatever happens once
        for _ in range(rounds):
            for place, count in enumerate(NEIGHBOURS):
                with neighbours(count):
                    for name, ask in serving.items():
                        turns[name][place].append(ask())
    return {name: [statistics.median(v) for v in found] for name, found in turns.items()}


@contextlib.contextmanager
def neighbours(count: int) -> Iterator[None]:
    """So many busy processes of one thread."""
    context = multiprocessing.get_context("spawn")  # spawned: they share nothing with this one
    busy = [context.Process(target=_busy, daemon=True) for _ in range(count)]
    for process in busy:
        process.start()
    time.sleep(0.5 * bool(busy))
    try:
        yield
    finally:
        for process in busy:
            process.kill()
            process.join()


def _busy() -> None:
    while True:
        pass


@contextlib.contextmanager
def _served(work: str, setting: dict[str, str]) -> Iterator[Callable[[], float]]:
    """A process that has `work` ready -> what asks it for a turn, and gives its seconds a step."""
    environment = {k: v for k, v in os.environ.items() if k not in NAMES} | setting
    if not setting:  # torch's own default, not what util/threads.py would set
        environment["GOMP_SPINCOUNT"] = "300000"
    command = [sys.executable, "-m", "benchmark", "neighbour", "--serve", work]
    with subprocess.Popen(
        command, env=environment, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        asking, answering = process.stdin, process.stdout
        assert asking is not None and answering is not None

        def ask() -> float:
            print("go", file=asking, flush=True)
            return float(answering.readline())

        try:
            yield ask
        finally:
            asking.close()


def serve(work: str) -> int:
    """Make a work ready; time a turn of it for each line that comes, until none comes."""
    with tempfile.TemporaryDirectory() as folder:
        step = ready(work, Path(folder))
        answers, sys.stdout = sys.stdout, sys.stderr
        for _ in sys.stdin:
            begin = time.perf_counter()
            for _ in range(STEPS[work]):
                step()
            print((time.perf_counter() - begin) / STEPS[work], file=answers, flush=True)
    return 0


def ready(work: str, folder: Path) -> Callable[[], object]:
    """One training step of a size, or extraction of a few videos by the whole command."""
    if work == "extraction":
        return _extraction(folder)
    # Only where it is served: the process that measures needs no torch.
    import numpy as np

    from benchmark.training.sizes import SIZES, make_data, make_task, training_step

    size = SIZES[work]
    data = make_data(size, videos=24, questions_per_video=16)
    return training_step(make_task(size, dropout=True).train(), data.batch(np.arange(256)))


def _extraction(folder: Path) -> Callable[[], object]:
    from preprocess import videos
    from preprocess.shapes.__main__ import main as generate

    made = ["--train", "60", "--val", "60", "--test", "60"]  # the fewest that it makes
    with contextlib.redirect_stdout(sys.stderr):
        generate(["--output", str(folder), *made])
    files = sorted((folder / "videos").iterdir())[:VIDEOS]
    flags = ["--videos", *map(str, files), "--output", str(folder / "features.h5")]
    flags += ["--backbone", "squeezenet1_1", "--weights", "random", "--device", "cpu"]

    def extract() -> None:
        (folder / "features.h5").unlink(missing_ok=True)
        with contextlib.redirect_stdout(sys.stderr):
            assert videos.main(flags) == 0

    return extract
