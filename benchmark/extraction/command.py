"""Feature extraction against a plain sequential script:  python -m benchmark extraction

Both make features of the same videos (8 clips of 16 frames), which must agree first.  Decoding
alone, and the network alone, are timed as the product does them: on all cores.
"""

import argparse
import os
import statistics
import tempfile
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch

from benchmark.extraction import plain
from benchmark.extraction.plain import CLIPS, FRAMES
from benchmark.measure import interleaved
from data_loader.store.features import open_store
from model.backbone.spec import BackboneSpec
from model.backbone.table import BACKBONES
from options.preprocess.extract import VideoOptions
from preprocess import videos
from preprocess.extraction.decode_task import Decoded, DecodeSettings, DecodeTask, decode
from preprocess.extraction.worker import Failure, run_in_workers
from preprocess.feature.extractor import NetworkExtractor
from preprocess.feature.load import load_backbone


def run(options: argparse.Namespace) -> dict[str, Any]:
    """Check, measure, print."""
    files = sorted(Path(options.videos).iterdir())
    files = files[:: max(1, len(files) // options.count)][: options.count]
    with tempfile.TemporaryDirectory() as folder:
        timed = TimedExtraction(files, Path(folder), options)
        timed.check()
        seconds = timed.measure(options.rounds)
    frames, pictures = timed.frames, timed.pictures
    middle = {name: statistics.median(values) for name, values in seconds.items()}
    found = {
        "ratio_sequential": round(middle["sequential"] / middle["product"], 3),
        "videos_per_second": round(len(files) / middle["product"], 3),
        "decode_fps": round(frames / middle["decode"], 1),
        "network_fps": round(pictures / middle["network"], 1),
    }
    print(f"{len(files)} videos, {frames} frames, {pictures} of them in clips; {timed.cores} cores")
    for name, values in seconds.items():
        print(f"{name:>10}: {', '.join(f'{value:.2f}' for value in values)} s")
    print(
        f"sequential {len(files) / middle['sequential']:.2f} videos/s, product "
        f"{found['videos_per_second']:.2f}; were decoding and network each alone, one after the "
        f"other on all cores: {len(files) / (middle['decode'] + middle['network']):.2f}"
    )
    return found


class TimedExtraction:
    """What is timed: product, plain script, decoding alone, network alone; of the same videos."""

    def __init__(self, files: list[Path], folder: Path, options: argparse.Namespace) -> None:
        self.files, self.output = files, folder / "features.h5"
        spec = BACKBONES[options.backbone]
        assert isinstance(spec, BackboneSpec), "pixels have no network to compare"
        self.spec = spec
        self.options, name = options, options.backbone
        self.cores = len(os.sched_getaffinity(0))
        self.backbone = load_backbone(
            name, weights=options.weights, device="cpu", scaler="decoder", frames=FRAMES,
            precision=options.network_precision, runtime=options.runtime, threads=self.cores,
        )  # fmt: skip
        plain = load_backbone(name, weights=options.weights, device="cpu")
        assert isinstance(plain, NetworkExtractor)
        self.network = plain.network.to(memory_format=torch.contiguous_format)
        as_asked = VideoOptions(
            videos=["."], output=[str(self.output)], backbone=[name], clips=CLIPS, frames=FRAMES
        )  # fmt: skip
        self.decode_one = partial(decode, DecodeSettings(as_asked, (self.backbone.picture,)))
        self.tasks = [DecodeTask(file.stem, file, (0,)) for file in files]
        self.decoded = [self.decode_one(task) for task in self.tasks[: 2 * self.cores]]
        self.frames = self.pictures = 0

    def product(self) -> None:
        """The command, from files to a finished store."""
        self.output.unlink(missing_ok=True)
        asked = self.options
        flags = ["--backbone", asked.backbone, "--weights", asked.weights, "--device", "cpu"]
        flags += ["--network_precision", asked.network_precision, "--runtime", asked.runtime]
        flags += ["--clips", str(CLIPS), "--frames", str(FRAMES), "--output", str(self.output)]
        assert videos.main(["--videos", *map(str, self.files), *flags]) == 0

    def sequential(self, files: list[Path]) -> list[np.ndarray]:
        """The plain script, with torch's own number of threads."""
        return plain.extract(files, self.network, self.spec)

    def decode(self) -> None:
        """Decoding and scaling as the product does it, in worker processes."""
        self.frames = self.pictures = 0
        results = run_in_workers(
            self.decode_one, self.tasks, workers=self.cores, time_limit=300, ahead=2 * self.cores
        )
        for _, decoded in results:
            assert not isinstance(decoded, Failure)
            self.frames += decoded.clips[0].frame_count
            self.pictures += len(decoded.clips[0].frames)

    def network_alone(self) -> None:
        """As many pictures through the network as the videos have, a thread on each core."""
        left = self.pictures
        todo: list[Decoded] = []
        while left > 0:
            todo.append(self.decoded[len(todo) % len(self.decoded)])
            left -= len(todo[-1].clips[0].frames)
        before = torch.get_num_threads()
        torch.set_num_threads(1)
        with ThreadPoolExecutor(self.cores) as pool:
            list(pool.map(lambda one: self.backbone.extract_pictures(one.clips[0]), todo))
        torch.set_num_threads(before)

    def check(self) -> None:
        """The two forms agree but for their scalers (and bf16): else nothing is timed."""
        self.product()
        store = open_store(self.output)
        for file, rows in zip(self.files[:2], self.sequential(self.files[:2]), strict=True):
            mine = store.video(file.stem).features.astype(np.float32).reshape(-1, store.width)
            plain = rows.reshape(-1, store.width)
            cosine = (mine * plain).sum(1) / np.linalg.norm(mine, axis=1)
            cosine = (cosine / np.linalg.norm(plain, axis=1)).mean()
            if cosine < 0.98:
                raise AssertionError(f"{file}: features differ (cosine {cosine:.3f})")

    def measure(self, rounds: int) -> dict[str, list[float]]:
        """Seconds of each, in turn, `rounds` times."""
        works = {
            "product": self.product,
            "sequential": lambda: self.sequential(self.files),
            "decode": self.decode,
            "network": self.network_alone,
        }
        return interleaved(works, rounds=rounds, warm_up=False)
