"""Both encoders of decoded clips: a network over frames (appearance), one over clips (motion)."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from model.backbone.spec import BackboneSpec, BatchNorm, Policy
from model.backbone.trainable import TrainableBackbone
from model.encoder.augment import augment, centre_crop
from model.layer.gather import gather_rows


@dataclass(frozen=True, kw_only=True)
class Views:
    """What the encoders see of V videos."""

    images: Tensor  # (M, 3, h, w) float, 0..255
    index: Tensor  # (V, N, F) int64, each clip's images
    in_order: bool = False  # whether the index just counts: 0, 1, 2, ...

    def of_clips(self, values: Tensor) -> Tensor:
        """Something of each image (M, ...) for the clips' frames (V, N, F, ...); in order, a view.

        To gather clips in order would copy them all, and scatter their gradient.
        """
        if self.in_order:
            return values.unflatten(0, self.index.shape)
        return gather_rows(values, self.index)


@dataclass(frozen=True, kw_only=True)
class Encoded:
    """V videos as features of both channels."""

    appearance: Tensor  # (V, N, F, Da)
    motion: Tensor  # (V, N, Dm)


class ClipEncoder(nn.Module):
    """Both channels' encoders over the same clips."""

    def __init__(
        self, *, appearance: BackboneSpec, motion: BackboneSpec, policy: Policy,
        batch_norm: BatchNorm, checkpointing: bool, crop: int, crop_random: bool, flip: float,
        jitter: float,
    ) -> None:  # fmt: skip
        """A network of each kind; `policy` to `checkpointing` as of `TrainableBackbone`.

        `crop`, `crop_random`, `flip` and `jitter` as of `model.encoder.augment`, in training
        only; in eval mode the centre is cut out.
        """
        super().__init__()
        self.appearance, self.motion = (
            TrainableBackbone(
                spec=spec, policy=policy, batch_norm=batch_norm, checkpointing=checkpointing
            )
            for spec in (appearance, motion)
        )
        self.crop, self.crop_random, self.flip, self.jitter = crop, crop_random, flip, jitter

    def views(self, frames: Tensor, index: Tensor) -> Views:
        """What the networks are to see of videos.

        frames (M, H, W, 3) uint8, the distinct frames of all videos; index (V, N, F) int64.  In
        training with augmentation there is an image for every frame of every clip, since clips that
        share a frame draw on their own; else each distinct frame once.  Raises ValueError if the
        frames are smaller than the crop.
        """
        random_place = bool(self.crop) and self.crop_random
        if not (self.training and (random_place or self.flip or self.jitter)):
            images = centre_crop(frames, self.crop).float()
            return Views(images=images.permute(0, 3, 1, 2), index=index)
        clips = augment(
            frames, index.flatten(0, 1), crop=self.crop, crop_random=self.crop_random,
            flip=self.flip, jitter=self.jitter,
        )  # fmt: skip
        every = torch.arange(index.numel(), device=index.device).view_as(index)
        return Views(images=clips.flatten(0, 1).permute(0, 3, 1, 2), index=every, in_order=True)

    def forward(self, views: Views) -> Encoded:
        """Encode videos.  Each image passes the appearance network once, however many clips of it.

        Features are those of frames for the appearance, and of whole clips for the motion.
        """
        return Encoded(
            appearance=views.of_clips(self.appearance(views.images)),
            motion=self.motion(clip_images(views)).view(*views.index.shape[:2], -1),
        )


def clip_images(views: Views) -> Tensor:
    """The clips as the motion network takes them, (V N, 3, F, h, w)."""
    colours_last = views.images.permute(0, 2, 3, 1)  # a view: this is how they lie in memory
    return views.of_clips(colours_last).flatten(0, 1).permute(0, 4, 1, 2, 3)
