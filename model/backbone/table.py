"""The table of networks: any of them can be frozen, trained or streamed.

A "frame" network gives a row of features a frame, a "clip" network one a clip.  To add one, write
its line in `BACKBONES`.  Names that begin with `timm:` are image encoders of that library, where it
is installed.  `python -m preprocess.backbones --list` prints all.
"""

import difflib
from collections.abc import Callable
from dataclasses import replace
from functools import cache, partial
from itertools import pairwise

from torch import nn
from torchvision import models
from torchvision.models import video

from model.backbone.efficientnet_lite import efficientnet_lite
from model.backbone.narrow_resnet import NarrowResNet
from model.backbone.resnext3d import FEATURES, ResNeXt3d, resnext101
from model.backbone.spec import BackboneSpec, Kind, PixelSpec
from model.backbone.timm import Opened, open_timm
from model.backbone.torchvision import input_of, torchvision_spec
from model.backbone.weights import RANDOM, choices, entry_of, load_weights
from util.errors import UserError

Stages = tuple[tuple[str, ...], ...]


def _cut(path: str, bounds: tuple[int, ...], *last: str) -> Stages:
    """Children path.0, path.1, ... as stages that begin at `bounds`; `last` ends the last."""
    stages = [tuple(f"{path}{i}" for i in range(*pair)) for pair in pairwise(bounds)]
    return (*stages[:-1], (*stages[-1], *last))


LAYERS = _cut("layer", (1, 2, 3, 4, 5))
RESNET = (("conv1", "bn1", "relu", "maxpool"), *LAYERS)
CONVNEXT = _cut("features.", (0, 2, 4, 6, 8), "avgpool", "classifier.0")
SWIN = _cut("features.", (0, 2, 4, 6, 8), "norm", "permute", "avgpool")
SQUEEZENET = _cut("features.", (0, 3, 6, 9, 13))
VGG = _cut("features.", (0, 5, 10, 17, 24, 31), "avgpool", "classifier.0", "classifier.3")
INCEPTION = (
    ("Conv2d_1a_3x3", "Conv2d_2a_3x3", "Conv2d_2b_3x3", "maxpool1"),
    ("Conv2d_3b_1x1", "Conv2d_4a_3x3", "maxpool2"),
    *(tuple(f"Mixed_{i}{x}" for x in names) for i, names in ((5, "bcd"), (6, "abcde"), (7, "abc"))),
)
S3D = _cut("features.", (0, 2, 5, 8, 14, 16), "avgpool")
SWIN3D = (("patch_embed", "pos_drop"), *_cut("features.", (0, 1, 3, 5, 7), "norm"))
MVIT = (("conv_proj", "pos_encoding"), *_cut("blocks.", (0, 1, 3, 14, 16), "norm"))


def _vit(build: Callable[..., nn.Module], width: int, blocks: int) -> BackboneSpec:
    """A vision transformer, each of whose blocks is a stage."""
    stages = _cut("encoder.layers.encoder_layer_", tuple(range(blocks + 1)), "encoder.ln")
    return torchvision_spec(
        build, kind="frame", width=width, head="heads", stages=(("conv_proj",), *stages),
        chain=False, fixed_size=True,
    )  # fmt: skip


_resnet = partial(torchvision_spec, kind="frame", head="fc", stages=RESNET)
_convnext = partial(
    torchvision_spec, kind="frame", head="classifier.2", stages=CONVNEXT, least_side=32
)
_swin = partial(torchvision_spec, kind="frame", head="head", stages=SWIN)
_resnet3d = partial(
    torchvision_spec, kind="clip", width=512, head="fc", stages=(("stem",), *LAYERS)
)
_swin3d = partial(torchvision_spec, kind="clip", head="head", stages=SWIN3D, chain=False)
_mvit = partial(
    torchvision_spec, kind="clip", width=768, head="head", stages=MVIT, chain=False, frames=16,
    fixed_size=True,
)  # fmt: skip
# Made to be trained.  resnext26 and the narrow ones have as many channels a group as resnext101: 4
# in the first stage, then 8, 16, 32.
_small = partial(BackboneSpec, size=64, scaled=64, stages=RESNET, small=True)
_frame = partial(_small, kind="frame", normalisations=("imagenet",))
_clip = partial(_small, kind="clip", normalisations=("kinetics57",))
_narrow2d = partial(NarrowResNet, places=0, place_width=0)
_narrow3d = partial(ResNeXt3d, places=0, place_width=0, classes=0)

BACKBONES: dict[str, BackboneSpec | PixelSpec] = {
    "resnet18": _resnet(models.resnet18, width=512),
    "resnet34": _resnet(models.resnet34, width=512),
    "resnet50": _resnet(models.resnet50, width=2048),
    "resnet101": _resnet(models.resnet101, width=2048),
    "resnet152": _resnet(models.resnet152, width=2048),
    "resnext50_32x4d": _resnet(models.resnext50_32x4d, width=2048),
    "resnext101_32x8d": _resnet(models.resnext101_32x8d, width=2048),
    "resnext101_64x4d": _resnet(models.resnext101_64x4d, width=2048),
    "convnext_tiny": _convnext(models.convnext_tiny, width=768),
    "convnext_small": _convnext(models.convnext_small, width=768),
    "convnext_base": _convnext(models.convnext_base, width=1024),
    "convnext_large": _convnext(models.convnext_large, width=1536),
    "vit_b_16": _vit(models.vit_b_16, width=768, blocks=12),
    "vit_b_32": _vit(models.vit_b_32, width=768, blocks=12),
    "vit_l_16": _vit(models.vit_l_16, width=1024, blocks=24),
    "swin_t": _swin(models.swin_t, width=768),
    "swin_s": _swin(models.swin_s, width=768),
    "swin_b": _swin(models.swin_b, width=1024),
    "swin_v2_t": _swin(models.swin_v2_t, width=768),
    "swin_v2_s": _swin(models.swin_v2_s, width=768),
    "swin_v2_b": _swin(models.swin_v2_b, width=1024),
    "squeezenet1_1": torchvision_spec(
        models.squeezenet1_1, kind="frame", width=512, head="classifier", stages=SQUEEZENET,
        replacement=partial(nn.AdaptiveAvgPool2d, 1), least_side=17,
    ),
    "vgg16": torchvision_spec(  # features of the second linear layer, fc7
        models.vgg16, kind="frame", width=4096, head="classifier.6", stages=VGG, chain=False,
        least_side=32,
    ),
    "inception_v3": torchvision_spec(  # maps ImageNet's normalisation to its own, -1..1, itself
        partial(models.inception_v3, transform_input=True, init_weights=True), kind="frame",
        width=2048, head="fc", auxiliary="AuxLogits", stages=INCEPTION, chain=False, least_side=75,
    ),
    "efficientnet_lite0": efficientnet_lite(0, size=224, crop=0.875),
    "efficientnet_lite1": efficientnet_lite(1, size=240, crop=0.882),
    "efficientnet_lite2": efficientnet_lite(2, size=260, crop=0.89),
    "resnet_narrow": _frame(
        width=128,
        build=partial(
            _narrow2d, blocks=(1, 1, 1, 1), widths=(16, 32, 64, 128), stem_kernel=5, stem_stride=2
        ),
    ),
    "resnet_narrow64": _frame(  # of frames of 64 pixels layer2 leaves 4 x 4 places
        width=256, stages=RESNET[:-1], least_side=64,
        build=partial(
            _narrow2d, blocks=(1, 1), widths=(32, 64), stem_kernel=7, stem_stride=4, places=4,
            place_width=256,
        ),
    ),
    "resnext101": BackboneSpec(
        kind="clip", width=FEATURES, size=112, scaled=112, normalisations=("kinetics", "raw255"),
        build=resnext101, build_headless=partial(resnext101, classes=0), head="fc", stages=RESNET,
        licence="authors' code MIT; weights: terms of Kinetics, see source",
        origin="resnext-101-kinetics.pth of github.com/kenshohara/3D-ResNets-PyTorch",
    ),
    "resnext26": _clip(
        width=512, size=112, scaled=112,
        build=partial(
            _narrow3d, blocks=(2, 2, 2, 2), widths=(32, 64, 128, 256), cardinality=8,
            stem_kernel=7, stem_stride=2, stem_width=64, stem_pool=2,
        ),
    ),
    "resnext_narrow": _clip(
        width=256,
        build=partial(
            _narrow3d, blocks=(1, 1, 1, 1), widths=(16, 32, 64, 128), cardinality=4,
            stem_kernel=3, stem_stride=2, stem_width=16, stem_pool=(1, 2, 2),
        ),
    ),
    "resnext_narrow64": _clip(
        width=256, stages=RESNET[:-1], least_side=64,
        build=partial(
            _narrow3d, blocks=(1, 1), widths=(16, 32), cardinality=4, stem_kernel=5, stem_stride=4,
            stem_width=32, stem_pool=(1, 2, 2), places=4, place_width=256,
        ),
    ),
    "r3d_18": _resnet3d(video.r3d_18),
    "mc3_18": _resnet3d(video.mc3_18),
    "r2plus1d_18": _resnet3d(video.r2plus1d_18),
    "s3d": torchvision_spec(
        video.s3d, kind="clip", width=1024, head="classifier", stages=S3D, least_side=224
    ),
    "mvit_v1_b": _mvit(video.mvit_v1_b),
    "mvit_v2_s": _mvit(video.mvit_v2_s, torch_is_faster=True),
    "swin3d_t": _swin3d(video.swin3d_t, width=768),
    "swin3d_s": _swin3d(video.swin3d_s, width=768),
    "swin3d_b": _swin3d(video.swin3d_b, width=1024),
    "pixels": PixelSpec(kind="frame", width=8 * 8 * 3, grid=8),
    "pixel_motion": PixelSpec(kind="clip", width=3 * 8 * 8 * 3, grid=8),
}  # fmt: skip

TIMM = "timm:"


def find_spec(name: str, *, option: str = "backbone") -> BackboneSpec | PixelSpec | None:
    """A line of the table; None for a network of timm, which brings its own.

    Raises UserError, which names the option, if there is none of that name.
    """
    if name in BACKBONES:
        return BACKBONES[name]
    if name.startswith(TIMM):
        return None
    if name.startswith("hf:"):
        raise UserError(
            f"{name}: networks of transformers are not run any more; timm has CLIP, SigLIP and "
            f"DINOv2: --{option} {TIMM}vit_base_patch32_clip_224.openai, for one"
        )
    close = difflib.get_close_matches(name, BACKBONES, n=2) or list(BACKBONES)[:2]
    raise UserError(
        f"--{option} {name}: there is none; there are {', '.join(close)} and others: "
        "python -m preprocess.backbones --list"
    )


@cache
def find_trainable(name: str, *, kind: Kind, option: str) -> BackboneSpec:
    """The spec of a network that can be trained over frames or clips.

    Raises UserError, which names the option, if there is none of that name or it is no such.
    """
    spec = find_spec(name, option=option) or open_network(name, RANDOM)[0]
    if isinstance(spec, PixelSpec):
        raise UserError(f"--{option} {name}: has no weights to train; give a network, resnet50")
    if spec.kind != kind:
        raise UserError(
            f"--{option} {name}: is a network over {spec.kind}s; give one of the kind {kind}: "
            "python -m preprocess.backbones --list"
        )
    return spec


def require_weights(name: str, spec: BackboneSpec, weights: str | None) -> str:
    """The weights that are named for a network; UserError if none are."""
    if weights is None:
        raise UserError(f"--backbone {name} needs --weights: {choices(spec)}")
    return weights


def open_network(name: str, weights: str | None, *, classifier: bool = False) -> Opened:
    """Spec, network without its head, and where its weights are from.

    `classifier`: with its head, of which the weights must be there too; not of timm's.  Raises
    UserError if there is no such network, or its weights cannot be had or do not fit.
    """
    spec = find_spec(name)
    if spec is None:
        assert not classifier, f"{name} is built without"
        return open_timm(name.removeprefix(TIMM), weights)
    assert isinstance(spec, BackboneSpec), f"{name} has no network"
    network, source = load_weights(
        spec, require_weights(name, spec, weights), name=name, classifier=classifier
    )
    entry = entry_of(spec.named, source)
    if entry:  # weights of one network may have been trained on crops of different frames
        _, scaled, norm = input_of(entry)
        spec = replace(spec, scaled=scaled, normalisations=(norm,))
    return spec, network if classifier else spec.take_head_off(network), source
