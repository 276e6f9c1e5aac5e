"""Encoders that can be trained: networks over frames (appearance) and over clips (motion).

`APPEARANCE_ENCODERS` and `MOTION_ENCODERS` are the tables of them.  To add one, write its line
there and its name in `options.encoder`.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor, nn
from torchvision import models
from torchvision.models.resnet import BasicBlock

from model.backbone.resnext3d import ResNeXt3d, resnext101
from model.backbone.trainable import Backbone, BatchNorm, Policy, Recipe
from model.encoder.augment import augment, centre_crop
from model.layer.gather import gather_rows

STAGES = ("conv1", "bn1", "relu", "maxpool", "layer1", "layer2", "layer3", "layer4")
IMAGENET_MEAN, IMAGENET_STD = (123.675, 116.28, 103.53), (58.395, 57.12, 57.375)
KINETICS_MEAN = (114.7748, 107.7354, 99.4750)


class NarrowResNet(nn.Module):
    """A narrow ResNet of basic blocks, for small frames on a CPU."""

    def __init__(
        self,
        *,
        blocks: tuple[int, ...],
        widths: tuple[int, ...],
        stem_kernel: int,
        stem_stride: int,
        places: int,
        place_width: int,
    ) -> None:
        """`blocks` and `widths`: one a stage.  He initialisation, as torchvision's.

        `places`: side of the map that one more stage reads as a whole, with weights for each place,
        into `place_width` features: what is where then reaches them, which an average over places
        forgets; 0: no such stage.
        """
        super().__init__()
        inputs = widths[0]
        self.conv1 = nn.Conv2d(
            3, inputs, stem_kernel, stride=stem_stride, padding=stem_kernel // 2, bias=False
        )
        self.bn1 = nn.BatchNorm2d(inputs)
        self.relu = nn.ReLU(inplace=True)
        self.maxpool = nn.MaxPool2d(3, stride=2, padding=1)
        for stage, (count, width) in enumerate(zip(blocks, widths, strict=True), start=1):
            layer = []
            for block in range(count):
                stride = 2 if block == 0 and stage > 1 else 1
                shortcut = None
                if stride != 1 or inputs != width:
                    convolution = nn.Conv2d(inputs, width, 1, stride=stride, bias=False)
                    shortcut = nn.Sequential(convolution, nn.BatchNorm2d(width))
                layer.append(BasicBlock(inputs, width, stride, shortcut))
                inputs = width
            setattr(self, f"layer{stage}", nn.Sequential(*layer))
        if places:
            whole = nn.Conv2d(inputs, place_width, places, bias=False)
            last = nn.Sequential(whole, nn.BatchNorm2d(place_width))
            setattr(self, f"layer{len(blocks) + 1}", last)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")


def _torchvision(build: Callable[[], models.ResNet]) -> nn.Module:
    """A ResNet of torchvision without its classifier, which would be a parameter that is idle."""
    network = build()
    del network.fc
    return network


_frame = partial(
    Recipe, kind="frame", stages=STAGES, mean=IMAGENET_MEAN, std=IMAGENET_STD, head="fc."
)
_clip = partial(Recipe, kind="clip", stages=STAGES, mean=KINETICS_MEAN, head="fc.", named=None)

APPEARANCE_ENCODERS: dict[str, Recipe] = {
    "resnet101": _frame(
        width=2048, build=partial(_torchvision, models.resnet101), named=models.ResNet101_Weights
    ),
    "resnet50": _frame(
        width=2048, build=partial(_torchvision, models.resnet50), named=models.ResNet50_Weights
    ),
    "resnet18": _frame(
        width=512, build=partial(_torchvision, models.resnet18), named=models.ResNet18_Weights
    ),
    "resnet_narrow": _frame(
        width=128, named=None,
        build=partial(
            NarrowResNet, blocks=(1, 1, 1, 1), widths=(16, 32, 64, 128), stem_kernel=5,
            stem_stride=2, places=0, place_width=0,
        ),
    ),
    "resnet_narrow64": _frame(  # of frames of 64 pixels layer2 leaves 4 x 4 places
        width=256, named=None, stages=STAGES[:-1], least=64,
        build=partial(
            NarrowResNet, blocks=(1, 1), widths=(32, 64), stem_kernel=7, stem_stride=4, places=4,
            place_width=256,
        ),
    ),
}  # fmt: skip
# The small ones have as many channels a group as resnext101: 4 in the first stage, then 8, 16, 32.
MOTION_ENCODERS: dict[str, Recipe] = {
    "resnext101": _clip(width=2048, build=partial(resnext101, classes=0), std=(1.0, 1.0, 1.0)),
    "resnext26": _clip(
        width=512, std=(57.0, 57.0, 57.0),
        build=partial(
            ResNeXt3d, blocks=(2, 2, 2, 2), widths=(32, 64, 128, 256), cardinality=8,
            stem_kernel=7, stem_stride=2, stem_width=64, stem_pool=2,
            places=0, place_width=0, classes=0,
        ),
    ),
    "resnext_narrow": _clip(
        width=256, std=(57.0, 57.0, 57.0),
        build=partial(
            ResNeXt3d, blocks=(1, 1, 1, 1), widths=(16, 32, 64, 128), cardinality=4,
            stem_kernel=3, stem_stride=2, stem_width=16, stem_pool=(1, 2, 2),
            places=0, place_width=0, classes=0,
        ),
    ),
    "resnext_narrow64": _clip(
        width=256, std=(57.0, 57.0, 57.0), stages=STAGES[:-1], least=64,
        build=partial(
            ResNeXt3d, blocks=(1, 1), widths=(16, 32), cardinality=4, stem_kernel=5, stem_stride=4,
            stem_width=32, stem_pool=(1, 2, 2), places=4, place_width=256, classes=0,
        ),
    ),
}  # fmt: skip


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
        self, *, appearance: str, motion: str, policy: Policy, batch_norm: BatchNorm,
        checkpointing: bool, crop: int, crop_random: bool, flip: float, jitter: float,
    ) -> None:  # fmt: skip
        """Names of the two tables; `policy` to `checkpointing` as of `Backbone`.

        `crop`, `crop_random`, `flip` and `jitter` as of `model.encoder.augment`, in training
        only; in eval mode the centre is cut out.
        """
        super().__init__()
        self.appearance, self.motion = (
            Backbone(
                recipe=recipe, policy=policy, batch_norm=batch_norm, checkpointing=checkpointing
            )
            for recipe in (APPEARANCE_ENCODERS[appearance], MOTION_ENCODERS[motion])
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
