"""What the tasks on decoded clips share: their encoders, from options or from a checkpoint."""

from collections.abc import Mapping
from typing import Any

from model.backbone.spec import BackboneSpec
from model.backbone.table import find_trainable
from model.encoder.augment import Augmentation
from model.encoder.clip_encoder import ClipEncoder, ClipViews
from options.classification import SEE_FRAMES
from options.data import Channels
from options.encoder import EncoderOptions
from options.flat import build


def encoder_specs(options: EncoderOptions) -> tuple[BackboneSpec, BackboneSpec]:
    """The networks of both channels; UserError if there is none of a name, or it is no such."""
    appearance, motion = options.appearance_encoder, options.motion_encoder
    return (
        find_trainable(appearance, kind="frame", option="appearance_encoder"),
        find_trainable(motion, kind="clip", option="motion_encoder"),
    )


def build_views(options: EncoderOptions, *, per_video: bool = False) -> ClipViews:
    """What networks see of clips; `per_video`: changed by one draw a video, not one a clip."""
    how = Augmentation(
        crop=options.crop,
        crop_random=True,
        flip=options.flip,
        jitter=options.jitter,
        degrees=options.affine_degrees,
        scale=options.affine_scale,
        translate=options.affine_translate,
    )
    return ClipViews(augmentation=how, per_video=per_video)


def build_encoder(
    options: EncoderOptions,
    *,
    channels: Channels = "both",
    per_video: bool = False,
    projected: Mapping[str, int] | None = None,
) -> ClipEncoder:
    """The encoders of a run, with random weights; `channels`: those that there are.

    `per_video` as of `build_views`; `projected`: of runs with `projection_layers`, the width of
    each channel's features after them.
    """
    appearance, motion = encoder_specs(options)
    return ClipEncoder(
        appearance=appearance if channels != "motion" else None,
        motion=motion if channels != "appearance" else None,
        policy=options.encoders,
        batch_norm=options.batch_norm,
        checkpointing=options.checkpointing,
        views=build_views(options, per_video=per_video),
        projection_layers=options.projection_layers,
        projected=projected,
    )


def projected_widths(sizes: Mapping[str, Any], channels: Channels) -> dict[str, int]:
    """Widths of each channel's features, of a run's `sizes`."""
    both = ("appearance", "motion") if channels == "both" else (channels,)
    return {channel: sizes[f"{channel}_width"] for channel in both if f"{channel}_width" in sizes}


def encoder_of(content: dict[str, Any]) -> ClipEncoder | None:
    """The encoders of a checkpoint's run, without its weights; None: it has none."""
    if content["options"].get("network") in SEE_FRAMES:
        return None
    if content["stores"].get("clips") is None or content["options"].get("video") == "none":
        return None
    options, classifies = content["options"], content["task"] == "classification"
    channels = options["channels"] if classifies else "both"  # others see zeros of the other
    return build_encoder(
        build(EncoderOptions, options),
        channels=channels,
        projected=projected_widths(content["sizes"], channels),
        per_video=classifies and options["clips_as"] == "sequence",
    )
