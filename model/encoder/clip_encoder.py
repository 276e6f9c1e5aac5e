"""Both encoders of decoded clips: a network over frames (appearance), one over clips (motion)."""

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from model.backbone.spec import BackboneSpec, BatchNorm, Policy
from model.backbone.trainable import TrainableBackbone
from model.contrastive.head import KeptProjection
from model.encoder.augment import Augmentation, augment, centre_crop
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


class ClipViews(nn.Module):
    """What networks see of decoded clips: augmented in training, the centre otherwise."""

    def __init__(self, *, augmentation: Augmentation, per_video: bool) -> None:
        """`per_video`: one draw a video, alike for all of its clips; else one a clip."""
        super().__init__()
        self.augmentation, self.per_video = augmentation, per_video

    def forward(self, frames: Tensor, index: Tensor) -> Views:
        """See videos.

        frames (M, H, W, 3) uint8, the distinct frames of all videos; index (V, N, F) int64.  In
        training with augmentation there is an image for every frame of every clip, since clips that
        share a frame draw on their own; else each distinct frame once.  Raises ValueError if the
        frames are smaller than the crop.
        """
        if not (self.training and self.augmentation.draws):
            images = centre_crop(frames, self.augmentation.crop).float()
            return Views(images=images.permute(0, 3, 1, 2), index=index)
        drawn_as_one = index.flatten(1) if self.per_video else index.flatten(0, 1)
        clips = augment(frames, drawn_as_one, self.augmentation)
        every = torch.arange(index.numel(), device=index.device).view_as(index)
        return Views(images=clips.flatten(0, 1).permute(0, 3, 1, 2), index=every, in_order=True)


class LeftOut(nn.Module):
    """In place of the encoder of a channel that there is not: features of width 0."""

    width = 0

    def forward(self, images: Tensor) -> Tensor:
        """Encode nothing.  images (B, ...) -> (B, 0)."""
        return images.new_zeros(len(images), 0)


class ClipEncoder(nn.Module):
    """Both channels' encoders over the same clips."""

    def __init__(
        self, *, appearance: BackboneSpec | None, motion: BackboneSpec | None, policy: Policy,
        batch_norm: BatchNorm, checkpointing: bool, views: ClipViews, projection_layers: int = 0,
        projected: Mapping[str, int] | None = None,
    ) -> None:  # fmt: skip
        """A network of each kind; `policy` to `checkpointing` as of `TrainableBackbone`.

        None: there is no such channel.  `projection_layers` of a projection head follow each, if
        any, and make its features as wide as `projected` says of the channel.
        """
        super().__init__()
        self.appearance, self.motion = (
            LeftOut()
            if spec is None
            else TrainableBackbone(
                spec=spec, policy=policy, batch_norm=batch_norm, checkpointing=checkpointing
            )
            for spec in (appearance, motion)
        )
        self.views = views
        self.projection = nn.ModuleDict()
        for channel, hidden in (projected or {}).items() if projection_layers else ():
            self.projection[channel] = KeptProjection(
                width=getattr(self, channel).width,
                hidden=hidden,
                layers=projection_layers,
                policy=policy,
                batch_norm=batch_norm,
            )

    def width(self, channel: str) -> int:
        """Features of a channel, `appearance` or `motion`."""
        kept = dict(self.projection.items()).get(channel)
        return kept.width if isinstance(kept, KeptProjection) else getattr(self, channel).width

    def of_frames(self, images: Tensor) -> Tensor:
        """Encode single frames.  (M, 3, h, w), 0..255 -> (M, Da)."""
        return self._projected("appearance", self.appearance(images))

    def _projected(self, channel: str, features: Tensor) -> Tensor:
        """(M, D) -> (M, D')."""
        return self.projection[channel](features) if channel in self.projection else features

    def forward(self, views: Views) -> Encoded:
        """Encode videos.  Each image passes the appearance network once, however many clips of it.

        Features are those of frames for the appearance, and of whole clips for the motion.
        """
        clips = views.index.shape[:2]
        motion = views.images.new_zeros(*clips, 0)
        if not isinstance(self.motion, LeftOut):
            motion = self._projected("motion", self.motion(clip_images(views))).view(*clips, -1)
        return Encoded(appearance=views.of_clips(self.of_frames(views.images)), motion=motion)


def clip_images(views: Views) -> Tensor:
    """The clips as the motion network takes them, (V N, 3, F, h, w)."""
    colours_last = views.images.permute(0, 2, 3, 1)  # a view: this is how they lie in memory
    return views.of_clips(colours_last).flatten(0, 1).permute(0, 4, 1, 2, 3)
