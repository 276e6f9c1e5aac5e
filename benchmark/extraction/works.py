"""What `benchmark.extraction` times: product, plain script, decoding alone, network alone."""

import argparse
import os
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import numpy as np
import torch

from benchmark.extraction import plain
from benchmark.extraction.plain import CLIPS, FRAMES
from data_loader.store.features import open_store
from model.backbone.spec import BackboneSpec
from model.backbone.table import BACKBONES
from options.preprocess.extract import VideoOptions
from preprocess import videos
from preprocess.extraction.decode_task import Decoded, DecodeSettings, DecodeTask, decode
from preprocess.extraction.worker import Failure, run_in_workers
from preprocess.feature.extractor import NetworkExtractor
from preprocess.feature.load import load_backbone


class Works:
    """The pieces of work, on the same videos with the same weights."""

    def __init__(self, files: list[Path], folder: Path, options: argparse.Namespace) -> None:
        self.files, self.output = files, folder / "features.h5"
        spec = BACKBONES[options.backbone]
        assert isinstance(spec, BackboneSpec), "pixels have no network to compare"
        self.spec = spec
        self.weights, self.name = options.weights, options.backbone
        self.precision, self.runtime = options.network_precision, options.runtime
        self.cores = len(os.sched_getaffinity(0))
        self.backbone = load_backbone(
            self.name, weights=self.weights, device="cpu", scaler="decoder",
            precision=self.precision, runtime=self.runtime, frames=FRAMES, threads=self.cores,
        )  # fmt: skip
        plain = load_backbone(self.name, weights=self.weights, device="cpu")
        assert isinstance(plain, NetworkExtractor)
        self.network = plain.network.to(memory_format=torch.contiguous_format)
        as_asked = VideoOptions(
            videos=["."], output=[str(self.output)], backbone=[self.name], clips=CLIPS,
            frames=FRAMES,
        )  # fmt: skip
        self.decode_one = partial(decode, DecodeSettings(as_asked, (self.backbone.picture,)))
        self.tasks = [DecodeTask(file.stem, file, (0,)) for file in files]
        self.decoded = [self.decode_one(task) for task in self.tasks[: 2 * self.cores]]
        self.frames = self.pictures = 0

    def product(self) -> None:
        """The command, from files to a finished store."""
        self.output.unlink(missing_ok=True)
        flags = ["--backbone", self.name, "--weights", str(self.weights), "--device", "cpu"]
        flags += ["--clips", str(CLIPS), "--frames", str(FRAMES)]
        flags += ["--network_precision", self.precision, "--runtime", self.runtime]
        flags += ["--output", str(self.output)]
        assert videos.main(["--videos", *map(str, self.files), *flags]) == 0

    def sequential(self) -> list[np.ndarray]:
        """The plain script, with torch's own number of threads."""
        return plain.extract(self.files, self.network, self.spec)

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
        for file, rows in zip(self.files[:2], self.sequential_of(self.files[:2]), strict=True):
            mine = store.video(file.stem).features.astype(np.float32).reshape(-1, store.width)
            plain = rows.reshape(-1, store.width)
            cosine = (mine * plain).sum(1) / np.linalg.norm(mine, axis=1)
            cosine = (cosine / np.linalg.norm(plain, axis=1)).mean()
            if cosine < 0.98:
                raise AssertionError(f"{file}: features differ (cosine {cosine:.3f})")

    def sequential_of(self, files: list[Path]) -> list[np.ndarray]:
        """The plain script's features of some videos."""
        return plain.extract(files, self.network, self.spec)

    def measure(self, rounds: int) -> dict[str, list[float]]:
        """Seconds of each, in turn, `rounds` times."""
        works: dict[str, Callable[[], object]] = {
            "product": self.product,
            "sequential": self.sequential,
            "decode": self.decode,
            "network": self.network_alone,
        }
        seconds: dict[str, list[float]] = {name: [] for name in works}
        for _ in range(rounds):
            for name, work in works.items():
                begin = time.perf_counter()
                work()
                seconds[name].append(time.perf_counter() - begin)
        return seconds
