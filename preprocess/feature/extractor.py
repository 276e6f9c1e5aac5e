"""Feature extractors, frozen backbones at work: clips of a video -> feature rows."""

import sys
import threading
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import torch
import torch.nn.functional as F
import torchvision
from torch import Tensor, nn
from tqdm import tqdm

from data_loader.store.provenance import Crop, Normalisation, Provenance, Weights
from model.backbone.spec import NORMALISATIONS, BackboneSpec, Kind, PixelSpec
from options.preprocess.extract import POOLED
from preprocess.feature.runtime import NormalisedNetwork, cast_weights, choose_runtime
from preprocess.video.clips import Clips
from preprocess.video.resize import InputSpec, resize_frames
from util.device import search_convolutions
from util.errors import UserError

# Frames per pass where none are asked for.  SqueezeNet on one core (EPYC, AVX-512), frames/s by
# batch: 126 (1), 146 (2), 142 (4), 136 (8), 98 (16: activations that malloc gives back each time);
# OpenVINO on two cores: 325 (1), 329 (2), 325 (4), 305 (8).  ResNet-101 does not mind.
BATCH = {"cpu": 4, "cuda": 128}


class FeatureExtractor:
    """A frozen backbone ready to run.

    Several threads may call `extract` at once, each for its own video.
    """

    def __init__(
        self, name: str, spec: BackboneSpec | PixelSpec, picture: InputSpec, provenance: Provenance
    ) -> None:
        self.name = name
        self.kind: Kind = spec.kind
        self.width = spec.width  # of its features
        self.picture = picture  # its input
        self._provenance = provenance

    def prepare(self, frames: np.ndarray) -> Tensor:
        """Frames (M, H, W, 3) uint8 -> what `rows` takes, on the CPU; torch scales them."""
        return self.input(resize_frames(frames, self.picture))

    def input(self, pictures: np.ndarray) -> Tensor:
        """Pictures (M, size, size, 3), as `picture` says -> what `rows` takes, on the CPU."""
        raise NotImplementedError

    def rows(self, prepared: Tensor, index: np.ndarray) -> np.ndarray:
        """Prepared frames and the clips' index (N, F) -> float32 (N, F, W), or (N, 1, W)."""
        raise NotImplementedError

    def extract(self, clips: Clips) -> np.ndarray:
        """Clips of one video, full size -> float32 (N, F, W) for "frame", (N, 1, W) for "clip"."""
        return self.rows(self.prepare(clips.frames), clips.index)

    def extract_pictures(self, clips: Clips) -> np.ndarray:
        """`extract` from clips whose frames are already this input (`read_resized`)."""
        return self.rows(self.input(clips.frames), clips.index)

    def run_by(self, runtime: str, *, frames: int | None = None, threads: int = 1) -> None:
        """Have another runtime run the network, where there is one."""

    def provenance(self) -> Provenance:
        """What is known here of how features are made; `backbone_from_provenance` reads it."""
        versions = {"torch": torch, "torchvision": torchvision, "numpy": np}
        return replace(
            self._provenance,
            backbone=self.name,
            kind=self.kind,
            width=self.width,
            has_backbone=True,
            versions={name: package.__version__ for name, package in versions.items()},
        )


class PixelExtractor(FeatureExtractor):
    """Extractor without weights; its prepared frames are grids (M, grid, grid, 3) in [-1, 1]."""

    def __init__(self, *, name: str, spec: PixelSpec) -> None:
        provenance = Provenance(
            weights=Weights("none", ""),
            resize="area",
            crop="none",
            size=(spec.grid, spec.grid),
            normalisation=Normalisation("-1..1"),
        )
        picture = InputSpec(size=spec.grid, resize="area", scaled=spec.grid, scaler="torch")
        super().__init__(name, spec, picture, provenance)

    def input(self, pictures: np.ndarray) -> Tensor:
        """Area averages (M, grid, grid, 3) in 0..255 -> in [-1, 1]."""
        return torch.from_numpy(pictures) / 127.5 - 1

    @torch.inference_mode()
    def rows(self, prepared: Tensor, index: np.ndarray) -> np.ndarray:
        """Grids per frame, or their changes over the time of each clip."""
        flat = prepared.flatten(1)[torch.from_numpy(index)]  # (N, F, grid * grid * 3)
        return (flat if self.kind == "frame" else motion_rows(flat)).numpy()


def motion_rows(grids: Tensor) -> Tensor:
    """Temporal differences of grids: (N, F, W) -> (N, 1, 3 W), values in [-2, 2].

    The F grids of a clip are averaged to 4 moments; a row is the 3 differences of neighbours.
    """
    moments = F.adaptive_avg_pool1d(grids.transpose(1, 2), 4)  # (N, W, 4)
    return moments.diff(dim=2).transpose(1, 2).flatten(1)[:, None]


class NetworkExtractor(FeatureExtractor):
    """Extractor with a network; its prepared frames are (M, 3, size, size) uint8, channels last.

    `precision` "bf16": the network runs in bfloat16.  `batch`: frames per pass, 0 takes that of
    `BATCH`.  `runtime`: torch | openvino | auto; for OpenVINO, `frames` of a clip are needed, and
    `threads` that call it at once.
    """

    def __init__(
        self, *, name: str, spec: BackboneSpec, network: nn.Module, weights: dict[str, str],
        layer: str, resize: str, normalisation: str, device: torch.device, batch: int,
        scaler: str, precision: str, runtime: str = "torch", frames: int | None = None,
        threads: int = 1,
    ) -> None:  # fmt: skip
        mean, std = NORMALISATIONS[normalisation]
        provenance = Provenance(
            layer=None if layer == POOLED else layer,
            weights=Weights(**weights),
            resize=resize,
            crop="none" if resize == "squash" else Crop(spec.size, spec.scaled),
            size=(spec.size, spec.size),
            normalisation=Normalisation(normalisation, mean, std),
            scaler=scaler,
            network_precision=precision,
        )
        picture = InputSpec(size=spec.size, resize=resize, scaled=spec.scaled, scaler=scaler)
        super().__init__(name, spec, picture, provenance)
        layout = torch.channels_last if spec.kind == "frame" else torch.channels_last_3d
        self._device = device
        self._batch = batch or BATCH.get(device.type, BATCH["cpu"])
        self._lock = threading.Lock()
        network = network.eval().requires_grad_(False).to(device)
        if precision == "bf16" and device.type == "cuda":
            cast_weights(network)
        self.network = network.to(memory_format=layout)  # pyright: ignore[reportCallIssue]
        self._whole = NormalisedNetwork(
            self.network, spec.features, mean=mean, std=std, size=spec.size, layout=layout
        ).to(device)
        self._spec, self._precision = spec, precision
        self.run_by(runtime, frames=frames, threads=threads)

    def run_by(self, runtime: str, *, frames: int | None = None, threads: int = 1) -> None:
        """Have another runtime run the network from now on: torch, openvino or auto.

        `frames` of a clip and `threads` as of the class.  Raises UserError as `choose_runtime`.
        """
        spec = self._spec
        if runtime == "auto" and spec.torch_is_faster:
            runtime = "torch"
        assert frames or runtime == "torch" or spec.kind == "frame", "a pass needs its shape"
        clip = (frames or 1,) if spec.kind == "clip" else ()
        self._runtime = choose_runtime(
            runtime, self._whole, (self._at_once(*clip), *clip, spec.size, spec.size, 3),
            name=self.name, precision=self._precision, threads=threads, device=self._device,
        )  # fmt: skip

    def provenance(self) -> Provenance:
        """As every extractor's; the runtime's version too."""
        known = super().provenance()
        return replace(known, versions={**known.versions, **self._runtime.versions})

    def input(self, pictures: np.ndarray) -> Tensor:
        """Pictures (M, size, size, 3) uint8 -> (M, 3, size, size), the same memory."""
        return torch.from_numpy(pictures).permute(0, 3, 1, 2)

    @torch.inference_mode()
    def rows(self, prepared: Tensor, index: np.ndarray) -> np.ndarray:
        """Run the network: once over each distinct frame, or once over each clip."""
        clips = torch.from_numpy(index)
        if self._device.type == "cuda":
            with torch.cuda.device(self._device):
                prepared = prepared.pin_memory()  # copies go on while the network works
        if self.kind == "frame":
            rows = self._passes(self._run, prepared)
            return rows.float().cpu()[clips].numpy()
        images = prepared.to(self._device, non_blocking=True)  # once: clips may share frames
        rows = self._passes(
            lambda part: self._run(images[part]), clips.to(self._device), frames=clips.shape[1]
        )
        return rows.float().cpu()[:, None].numpy()

    def _passes(self, run: Callable[[Tensor], Tensor], items: Tensor, frames: int = 1) -> Tensor:
        """Pass by pass over frames, or over clips of so many; smaller ones where memory ends."""
        done: list[Tensor] = []
        begin = 0
        while begin < len(items):
            at_once = self._at_once(frames)
            part = items[begin : begin + at_once]
            search_convolutions(self._device, len(part) == at_once)
            try:
                done.append(run(part))
                begin += len(part)
                continue
            except torch.OutOfMemoryError:
                pass  # what the error holds on to is free only outside
            self._lower(len(part), frames)
        return torch.cat(done)

    def _lower(self, failed: int, frames: int) -> None:
        """Halve a pass of `failed` clips of so many frames; of threads that fail at once, once."""
        if failed == 1:
            what = "one frame does" if frames == 1 else f"one clip of {frames} frames does"
            raise UserError(
                f"{self.name}: {what} not fit into the memory of {self._device}: end what else "
                "uses it (nvidia-smi), or give --network_precision bf16 or --device cpu"
            )
        lower = failed // 2 * frames
        with self._lock:
            if lower < self._batch:
                tqdm.write(
                    f"{self.name}: {failed * frames} frames in a pass are more than the memory of "
                    f"{self._device} takes: going on with {lower} (--batch)",
                    file=sys.stderr,
                )
                self._batch = lower
        if self._device.type == "cuda":
            torch.cuda.empty_cache()

    def _at_once(self, frames: int = 1) -> int:
        """Clips of so many frames in a pass."""
        return max(1, self._batch // frames)

    def _run(self, images: Tensor) -> Tensor:
        """(B, 3, H, W), or clips (B, F, 3, H, W), uint8 -> features (B, W) on the device."""
        return self._runtime(images.to(self._device, non_blocking=True).movedim(-3, -1))
