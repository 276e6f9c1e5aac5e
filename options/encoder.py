"""Encoders that see decoded clips, and how far they are trained."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, kw_only=True)
class EncoderOptions:
    """The encoders of both channels, where clips are read instead of stored features.

    Args:
        appearance_encoder: network over the frames of a clip: any of the kind frame that
            python -m preprocess.backbones --list has
        motion_encoder: network over whole clips: any of the kind clip
        appearance_weights: a file, the name of torchvision's (IMAGENET1K_V2), or the word random
        motion_weights: a file, the name of torchvision's (KINETICS400_V1), or the word random
        encoders: frozen: never change; partial: their last stage is trained; full: all of them
        batch_norm: of the encoders that are trained, in training: eval takes running statistics,
            train those of the batch
        encoder_lr: learning rate of the encoders as a multiple of --lr
        projection_layers: so many layers of the projection head of a contrastive --init_from stay
            on the encoders and are trained with them (SimCLR v2 fine-tunes from layer 1 of 3); 0:
            none
        checkpointing: compute activations of the encoders again in the backward pass instead of
            keeping them: less memory, more time
        crop: side in pixels of the square cut out of frames, at random per clip in training, else
            the centre; 0: whole frames
        flip: chance that a training clip is mirrored (0 where answers tell left from right)
        jitter: brightness, contrast and saturation of a training clip are multiplied by factors
            between 1 - jitter and 1 + jitter (small where answers are colours)
        affine_degrees: a training clip is turned by so many degrees at most, either way
        affine_scale: a training clip is enlarged, or made smaller, by a factor from 1 to 1 + this
        affine_translate: a training clip is shifted by this share of its sides at most
    """

    appearance_encoder: str = "resnet101"
    motion_encoder: str = "resnext101"
    appearance_weights: str | None = None
    motion_weights: str | None = None
    encoders: Literal["frozen", "partial", "full"] = "full"
    batch_norm: Literal["eval", "train"] = "eval"
    encoder_lr: float = 1.0
    projection_layers: int = 0
    checkpointing: bool = False
    crop: int = 0
    flip: float = 0.0
    jitter: float = 0.0
    affine_degrees: float = 0.0
    affine_scale: float = 0.0
    affine_translate: float = 0.0

    def __post_init__(self) -> None:
        """Refuse values that would train nothing or make no image."""
        if not self.encoder_lr > 0:
            raise ValueError(
                f"--encoder_lr {self.encoder_lr}: must be positive; to train no encoder, "
                "--encoders frozen"
            )
        if not 0 <= self.projection_layers <= 2:
            raise ValueError(
                f"--projection_layers {self.projection_layers}: give 0, 1 or 2; a head has three "
                "at most, and its last is left behind"
            )
        if self.crop < 0:
            raise ValueError(f"--crop {self.crop}: must be a side in pixels, or 0 for whole frames")
        if not 0 <= self.affine_degrees <= 180:
            raise ValueError(f"--affine_degrees {self.affine_degrees}: must be in [0, 180]")
        if self.affine_scale < 0:
            raise ValueError(f"--affine_scale {self.affine_scale}: must not be negative")
        for name in ("flip", "jitter", "affine_translate"):
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(f"--{name} {getattr(self, name)}: must be in [0, 1], such as 0.2")
