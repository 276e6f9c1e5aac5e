"""How long `predict.py` takes for one answer, beside `import torch, torchvision` alone.

    python -m benchmark.inference.answer_time --run results/shapes --video FILE [--rounds 5]

Each is a process of its own, in turns; medians of the seconds until the answer is printed, until
the picture is written too, and of the imports.  The last line is one JSON object.
"""

import argparse
import json
import statistics
import subprocess
import sys
import time
from collections.abc import Sequence

QUESTION = "what is there?"


def main(argv: Sequence[str] | None = None) -> int:
    """Measure, print; the last line is JSON."""
    parser = argparse.ArgumentParser(description="Seconds to an answer beside those of imports.")
    parser.add_argument("--run", required=True)
    parser.add_argument("--video", required=True)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args(argv)
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
    print(json.dumps({**middle, "beyond_imports": beyond, "answer_ratio": ratio}))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
