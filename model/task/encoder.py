"""What the tasks on decoded clips share: their encoders, from options or from a checkpoint."""

from typing import Any

from model.backbone.spec import BackboneSpec
from model.backbone.table import find_trainable
from model.encoder.clip_encoder import ClipEncoder
from options.encoder import EncoderOptions
from options.flat import build


def encoder_specs(options: EncoderOptions) -> tuple[BackboneSpec, BackboneSpec]:
    """The networks of both channels; UserError if there is none of a name, or it is no such."""
    appearance, motion = options.appearance_encoder, options.motion_encoder
    return (
        find_trainable(appearance, kind="frame", option="appearance_encoder"),
        find_trainable(motion, kind="clip", option="motion_encoder"),
    )


def build_encoder(options: EncoderOptions) -> ClipEncoder:
    """The encoders of a run, with random weights."""
    appearance, motion = encoder_specs(options)
    return ClipEncoder(
        appearance=appearance,
        motion=motion,
        policy=options.encoders,
        batch_norm=options.batch_norm,
        checkpointing=options.checkpointing,
        crop=options.crop,
        crop_random=True,
        flip=options.flip,
        jitter=options.jitter,
    )


def encoder_of(content: dict[str, Any]) -> ClipEncoder | None:
    """The encoders of a checkpoint's run, without its weights; None: it has none."""
    if content["stores"].get("clips") is None or content["options"].get("video") == "none":
        return None
    return build_encoder(build(EncoderOptions, content["options"]))
