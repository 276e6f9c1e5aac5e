"""Feature extraction against a plain sequential script, in one run.

    python -m benchmark.extraction [--videos DIR] [--count 24] [--weights FILE]
        [--backbone squeezenet1_1] [--rounds 1] [--network_precision bf16] [--runtime torch]

Both make features of the same videos (8 clips of 16 frames), which must agree first.  Decoding
alone, and the network alone, are timed as the product does them: on all cores.  The last line is
one JSON object.
"""

import argparse
import json
import os
import statistics
import tempfile
from collections.abc import Sequence
from pathlib import Path

VIDEOS = "../shared/data/msvd_videos"
WEIGHTS = "../shared/data/weights/squeezenet1_1_imagenet.pth"


def main(argv: Sequence[str] | None = None) -> int:
    """Check, measure, print; the last line is JSON."""
    parser = argparse.ArgumentParser(description="Extraction against a plain sequential script.")
    parser.add_argument("--videos", default=VIDEOS)
    parser.add_argument("--count", type=int, default=24, help="videos, spread over the folder")
    parser.add_argument("--weights", default=WEIGHTS)
    parser.add_argument("--backbone", default="squeezenet1_1")
    parser.add_argument("--network_precision", choices=("float32", "bf16"), default="float32")
    parser.add_argument("--runtime", choices=("auto", "torch", "openvino"), default="auto")
    parser.add_argument("--rounds", type=int, default=1)
    options = parser.parse_args(argv)
    files = sorted(Path(options.videos).iterdir())
    files = files[:: max(1, len(files) // options.count)][: options.count]
    # Here and not above: the product's worker processes import this module anew.
    from benchmark.extraction.works import Works

    with tempfile.TemporaryDirectory() as folder:
        works = Works(files, Path(folder), options)
        works.check()
        seconds = works.measure(options.rounds)
    frames, pictures = works.frames, works.pictures
    middle = {name: statistics.median(values) for name, values in seconds.items()}
    found = {
        "ratio_sequential": round(middle["sequential"] / middle["product"], 3),
        "videos_per_second": round(len(files) / middle["product"], 3),
        "decode_fps": round(frames / middle["decode"], 1),
        "network_fps": round(pictures / middle["network"], 1),
    }
    print(f"{len(files)} videos, {frames} frames, {pictures} of them in clips; {_cores()} cores")
    for name, values in seconds.items():
        print(f"{name:>10}: {', '.join(f'{value:.2f}' for value in values)} s")
    print(
        f"sequential {len(files) / middle['sequential']:.2f} videos/s, product "
        f"{found['videos_per_second']:.2f}; were decoding and network each alone, one after the "
        f"other on all cores: {len(files) / (middle['decode'] + middle['network']):.2f}"
    )
    print(json.dumps(found))
    return 0


def _cores() -> int:
    return len(os.sched_getaffinity(0))


if __name__ == "__main__":
    raise SystemExit(main())
