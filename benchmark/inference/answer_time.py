"""How long one answer of `predict.py` takes, beside imports:  python -m benchmark answer_time

Each is a process of its own, in turns; medians of the seconds until the answer is printed, until
the picture is written too, and of `import torch, torchvision`.
"""

import argparse
import statistics
import subprocess
import sys
import time
from typing import Any

QUESTION = "what is there?"


def run(options: argparse.Namespace) -> dict[str, Any] | int:
    """Measure; where predict.py fails, its exit code."""
    asked = ["--run", options.run, "--video", options.video, "--question", QUESTION]
    seconds: dict[str, list[float]] = {"answer": [], "picture": [], "imports": []}
    for _ in range(options.rounds):
        begin = time.perf_counter()
        command = [sys.executable, "predict.py", *asked]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            printed = [time.perf_counter() - begin for line in process.stdout if " %  " in line]
        if process.returncode:
            return process.returncode
        seconds["answer"].append(printed[-1])
        seconds["picture"].append(time.perf_counter() - begin)
        begin = time.perf_counter()
        subprocess.run([sys.executable, "-c", "import torch, torchvision"], check=True)
        seconds["imports"].append(time.perf_counter() - begin)
    middle = {name: round(statistics.median(values), 2) for name, values in seconds.items()}
    beyond = round(middle["answer"] - middle["imports"], 2)
    ratio = round(middle["answer"] / middle["imports"], 2)
    return {**middle, "beyond_imports": beyond, "answer_ratio": ratio}
