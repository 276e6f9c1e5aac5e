"""Backbones at work: clips of a video -> feature rows.  Which there are: `preprocess.backbones`."""

from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
import torchvision
from torch import Tensor, nn

from preprocess.clips import CHUNK, resize_images
from preprocess.frames import Clips
from preprocess.recipes import NORMALISATIONS, Kind, Network, Pixels


class Backbone:
    """A backbone ready to run.  kind and width as in its line of BACKBONES.

    Several threads may call `extract` at once, each for its own video.
    """

    def __init__(self, *, name: str, kind: Kind, width: int, about: dict[str, Any]) -> None:
        self.name, self.kind, self.width = name, kind, width
        self._about = about

    def prepare(self, frames: np.ndarray) -> Tensor:
        """Frames (M, H, W, 3) uint8 -> what `rows` takes, on the CPU."""
        raise NotImplementedError

    def rows(self, prepared: Tensor, index: np.ndarray) -> np.ndarray:
        """Prepared frames and the clips' index (N, F) -> float32 (N, F, W), or (N, 1, W)."""
        raise NotImplementedError

    def extract(self, clips: Clips) -> np.ndarray:
        """Clips of one video -> float32 (N, F, W) for "frame", (N, 1, W) for "clip"."""
        return self.rows(self.prepare(clips.frames), clips.index)

    def provenance(self) -> dict[str, Any]:
        """What made the features, in plain types; `backbone_from_provenance` reads it."""
        return {
            "backbone": self.name,
            "kind": self.kind,
            "width": self.width,
            "askable": True,
            **self._about,
            "versions": {
                "torch": torch.__version__,
                "torchvision": torchvision.__version__,
                "numpy": np.__version__,
            },
        }


class PixelBackbone(Backbone):
    """Backbone without weights; its prepared frames are grids (M, grid, grid, 3) in [-1, 1]."""

    def __init__(self, *, name: str, recipe: Pixels) -> None:
        about = {
            "weights": {"source": "none", "sha256": ""},
            "resize": "area",
            "crop": "none",
            "size": [recipe.grid, recipe.grid],
            "normalisation": {"name": "-1..1"},
        }
        super().__init__(name=name, kind=recipe.kind, width=recipe.width, about=about)
        self._grid = recipe.grid

    @torch.inference_mode()
    def prepare(self, frames: np.ndarray) -> Tensor:
        """Frames (M, H, W, 3) uint8 -> area-averaged grids (M, grid, grid, 3) in [-1, 1]."""
        parts = torch.from_numpy(frames).permute(0, 3, 1, 2).split(CHUNK)
        grids = torch.cat([F.adaptive_avg_pool2d(part.float(), self._grid) for part in parts])
        return (grids / 127.5 - 1).permute(0, 2, 3, 1)

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


class NetworkBackbone(Backbone):
    """Backbone with a network; its prepared frames are (M, 3, size, size) uint8."""

    def __init__(
        self, *, name: str, recipe: Network, network: nn.Module, weights: dict[str, str],
        resize: str, normalisation: str, device: torch.device, batch: int,
    ) -> None:  # fmt: skip
        mean, std = NORMALISATIONS[normalisation]
        scaled = list(recipe.scaled) if isinstance(recipe.scaled, tuple) else recipe.scaled
        about = {
            "weights": weights,
            "resize": resize,
            "crop": "none" if resize == "squash" else {"centre": recipe.size, "of": scaled},
            "size": [recipe.size, recipe.size],
            "normalisation": {"name": normalisation, "mean": list(mean), "std": list(std)},
        }
        super().__init__(name=name, kind=recipe.kind, width=recipe.width, about=about)
        layout = torch.channels_last if recipe.kind == "frame" else torch.channels_last_3d
        self._recipe, self._resize = recipe, resize
        self._device, self._batch, self._layout = device, batch, layout
        network = network.eval().requires_grad_(False).to(device)
        self._network = network.to(memory_format=layout)  # pyright: ignore[reportCallIssue]
        self._mean = torch.tensor(mean, device=device)
        self._std = torch.tensor(std, device=device)

    @torch.inference_mode()
    def prepare(self, frames: np.ndarray) -> Tensor:
        """Frames (M, H, W, 3) uint8 -> (M, 3, size, size) uint8, bicubic with antialiasing."""
        size, scaled = self._recipe.size, self._recipe.scaled
        return resize_images(frames, size=size, resize=self._resize, scaled=scaled)

    @torch.inference_mode()
    def rows(self, prepared: Tensor, index: np.ndarray) -> np.ndarray:
        """Run the network: once over each distinct frame, or once over each clip."""
        clips = torch.from_numpy(index)
        if self.kind == "frame":
            rows = torch.cat([self._run(part) for part in prepared.split(self._batch)])
            return rows[clips].numpy()
        at_once = max(1, self._batch // clips.shape[1])
        rows = [self._run(prepared[part]) for part in clips.split(at_once)]
        return torch.cat(rows)[:, None].numpy()

    def _run(self, images: Tensor) -> Tensor:
        """(B, 3, H, W), or clips (B, F, 3, H, W), uint8 -> features (B, W) on the CPU."""
        x = images.to(self._device).movedim(-3, -1).float()
        x = ((x - self._mean) / self._std).movedim(-1, 1)  # (B, 3, [F,] H, W)
        x = x.contiguous(memory_format=self._layout)
        return self._recipe.features(self._network, x).float().cpu()
