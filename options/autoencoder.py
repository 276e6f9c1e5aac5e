"""What the autoencoder of two-stage training rebuilds clips with, and what it is trained for."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, kw_only=True)
class AutoencoderOptions:
    """Decoders and losses of the first stage.

    Args:
        decoder: transposed 3D convolutions, or the fully connected network of the write-up (mlp)
        decoder_hidden: channels of the transposed decoder at its coarsest grid; hidden width of mlp
        adversarial: weight of the decoders' adversarial loss, with a discriminator for each
            channel; 0: none
        discriminator_hidden: channels of the discriminators' first layer
        discriminator_lr: multiplier of --lr for the discriminators
        samples: validation videos whose frames TensorBoard shows beside their reconstructions
    """

    decoder: Literal["transposed", "mlp"] = "transposed"
    decoder_hidden: int = 64
    adversarial: float = 0.0
    discriminator_hidden: int = 16
    discriminator_lr: float = 1.0
    samples: int = 4

    def __post_init__(self) -> None:
        """Refuse sizes that cannot be built and weights without a meaning."""
        for name in ("decoder_hidden", "discriminator_hidden", "samples"):
            if getattr(self, name) < 1:
                raise ValueError(f"--{name} {getattr(self, name)}: must be at least 1")
        if self.adversarial < 0:
            raise ValueError(f"--adversarial {self.adversarial}: must not be negative")
        if self.discriminator_lr <= 0:
            raise ValueError(f"--discriminator_lr {self.discriminator_lr}: must be positive")
