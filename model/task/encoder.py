"""What the tasks on decoded clips share: their encoders, from options or from a checkpoint."""

from typing import Any

from model.encoder.clip_encoder import ClipEncoder
from options.encoder import EncoderOptions
from options.flat import build


def build_encoder(options: EncoderOptions) -> ClipEncoder:
    """The encoders of a run, with random weights."""
    return ClipEncoder(
        appearance=options.appearance_encoder,
        motion=options.motion_encoder,
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
