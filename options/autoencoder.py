"""What the autoencoder of two-stage training rebuilds clips with, and what it is trained for."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, kw_only=True)
class AutoencoderOptions:
    """Decoders and losses of the first stage.

    Args:
        decoder: transposed 3D convolutions, or the fully connected network of the write-up (mlp)
        decoder_hidden: channels of the transposed decoder at its coarsest grid; hidden width of mlp
        mask: share of the patches of a clip, hidden from the encoders in all of its frames (tubes),
            which are what is then rebuilt; 0: nothing is hidden and everything rebuilt
        mask_patch: side of a patch in pixels
        rebuild: weight of rebuilding each channel's clip vectors from the other's, by a small
            network for each, which a run with train.py qa --rebuild starts from; 0: none
        adversarial: weight of the decoders' adversarial loss, with a discriminator for each
            channel; 0: none
        discriminator_hidden: channels of the discriminators' first layer
        discriminator_lr: multiplier of --lr for the discriminators
        samples: validation videos whose frames TensorBoard shows beside their reconstructions
    """

    decoder: Literal["transposed", "mlp"] = "transposed"
    decoder_hidden: int = 64
    mask: float = 0.0
    mask_patch: int = 8
    rebuild: float = 0.0
    adversarial: float = 0.0
    discriminator_hidden: int = 16
    discriminator_lr: float = 1.0
    samples: int = 4

    def __post_init__(self) -> None:
        """Refuse sizes that cannot be built and weights without a meaning."""
        for name in ("decoder_hidden", "mask_patch", "discriminator_hidden", "samples"):
            if getattr(self, name) < 1:
                raise ValueError(f"--{name} {getattr(self, name)}: must be at least 1")
        if not 0 <= self.mask < 1:
            raise ValueError(f"--mask {self.mask}: must be in [0, 1), such as 0.75")
        for name in ("rebuild", "adversarial"):
            if getattr(self, name) < 0:
                raise ValueError(f"--{name} {getattr(self, name)}: must not be negative")
        if self.discriminator_lr <= 0:
            raise ValueError(f"--discriminator_lr {self.discriminator_lr}: must be positive")
