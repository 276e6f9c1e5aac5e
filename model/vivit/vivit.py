"""ViViT (Arnab et al. 2021, "ViViT: A Video Vision Transformer"): a clip's frames in, logits out.

Dimensions: B clips, T frames, T' h' w' tubelets along time, height and width, D width, K classes.
"""

from abc import abstractmethod
from typing import Literal

from torch import Tensor, nn

from model.vivit.config import VivitConfig
from model.vivit.stack import Stack
from model.vivit.tubelet import TubeletEmbedding


class Vivit(nn.Module):
    """What all kinds have in common: tubelets, a spatial stack, a classifier that starts at zero.

    `spatial` begins as an image ViT ends: weights of one fit it (model/vivit/from_image.py).
    """

    spatial: Stack

    def __init__(self, config: VivitConfig) -> None:
        """Random weights."""
        super().__init__()
        self.config = config
        self.tubelets = TubeletEmbedding(config)
        self.head = nn.Linear(config.width, config.classes)
        nn.init.zeros_(self.head.weight)
        nn.init.zeros_(self.head.bias)

    def forward(self, frames: Tensor) -> Tensor:
        """Clips (B, T, 3, H, W), 0..255 -> logits (B, K)."""
        return self.head(self.encode(frames))

    @abstractmethod
    def encode(self, frames: Tensor) -> Tensor:
        """Clips (B, T, 3, H, W), 0..255 -> what is classified (B, D)."""

    def _frames_alone(self, config: VivitConfig) -> Stack:
        """A stack over the tubelets of one time, whose positions all times share."""
        _, rows, columns = config.grid
        return Stack(config, depth=config.depth, positions=1 + rows * columns, grid=(rows, columns))

    def _each_time(self, frames: Tensor) -> Tensor:
        """Clips -> what the spatial stack says of each time (B, T', D)."""
        tokens = self.tubelets(frames)
        return self.spatial(tokens.flatten(0, 1)).unflatten(0, tokens.shape[:2])


class FactorisedEncoder(Vivit):
    """Model 2 (section 3.3.2): a stack over the tubelets of each time, then one over times."""

    def __init__(self, config: VivitConfig) -> None:
        """Random weights."""
        super().__init__(config)
        self.spatial = self._frames_alone(config)
        # Where time has no positions, a convolution over it would tell the order after all.
        timed, times = config.time_positions, config.grid[0]
        self.temporal = Stack(
            config,
            depth=config.temporal_depth,
            positions=(1 + times) * timed,
            grid=(times,) if timed else None,
        )

    def encode(self, frames: Tensor) -> Tensor:
        """The temporal stack's class token."""
        return self.temporal(self._each_time(frames))


class JointVivit(Vivit):
    """Model 1 (section 3.3.1): one stack over all tubelets."""

    def __init__(self, config: VivitConfig) -> None:
        """Random weights."""
        super().__init__(config)
        times, rows, columns = config.grid
        positions = rows * columns * (times if config.time_positions else 1)
        self.spatial = Stack(
            config, depth=config.depth, positions=1 + positions, grid=(rows, columns)
        )

    def encode(self, frames: Tensor) -> Tensor:
        """The class token."""
        return self.spatial(self.tubelets(frames).flatten(1, 2))


class AveragedVivit(Vivit):
    """A stack over the tubelets of each time, then their mean (section 4.2, "average pool")."""

    def __init__(self, config: VivitConfig) -> None:
        """Random weights."""
        super().__init__(config)
        self.spatial = self._frames_alone(config)

    def encode(self, frames: Tensor) -> Tensor:
        """The mean over times of the class token."""
        return self._each_time(frames).mean(1)


VivitName = Literal["vivit", "vivit_model1", "vivit_average"]
VIVITS: dict[VivitName, type[Vivit]] = {
    "vivit": FactorisedEncoder,
    "vivit_model1": JointVivit,
    "vivit_average": AveragedVivit,
}


def build_vivit(config: VivitConfig, name: VivitName) -> Vivit:
    """A network of one of these kinds, with random weights."""
    return VIVITS[name](config)
