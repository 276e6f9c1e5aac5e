"""How long a word of help takes, of every command in turn:  python -m benchmark help_time

Prints a table, slowest first, of median seconds and most memory.
"""

import argparse
import os
import resource
import statistics
import subprocess
import sys
import time
from typing import Any

import evaluate
import library.__main__
from benchmark.__main__ import MODULES
from options.task import TASK_OPTIONS

PREPROCESS = (
    "videos", "questions", "captions", "labels", "shapes", "stream", "cluster",
    "import_features", "backbones",
)  # fmt: skip
COMMANDS = [
    *(["train.py", task] for task in TASK_OPTIONS),
    ["predict.py"],
    ["predict.py", "caption"],
    ["predict.py", "classify"],
    *(["evaluate.py", name] for name in evaluate.COMMANDS),
    *([f"preprocess.{name}"] for name in PREPROCESS),
    ["data_loader.store"],
    ["inference.pack"],
    *(["library", name] for name in library.__main__.COMMANDS),
    ["web"],
    ["demo.two_stage"],
    *(["benchmark", name] for name in MODULES),
]


def run(options: argparse.Namespace) -> dict[str, Any]:
    """Measure and print."""
    seconds: dict[str, list[float]] = {" ".join(words): [] for words in COMMANDS}
    for _ in range(options.rounds):
        for words in COMMANDS:
            flag = [] if words[0].endswith(".py") else ["-m"]
            begin = time.perf_counter()
            done = subprocess.run(
                [sys.executable, *flag, *words, "--help"], stdout=subprocess.DEVNULL
            )
            seconds[" ".join(words)].append(time.perf_counter() - begin)
            assert done.returncode == 0, words
    median = {name: statistics.median(times) for name, times in seconds.items()}
    slowest = sorted(median, key=lambda name: -median[name])
    for name in slowest:
        print(f"{median[name]:6.2f} s  {name}")
    # Linux gives KiB; of the largest of all these processes.
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
    print(f"{len(median)} commands on {len(os.sched_getaffinity(0))} cores, at most {peak:.0f} MiB")
    return {"slowest": slowest[0], "seconds": round(median[slowest[0]], 3), "mib": round(peak)}
