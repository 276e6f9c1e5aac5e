"""Features of both channels, as every task that looks at videos takes them."""

from collections.abc import Mapping

from torch import Tensor

from data_loader.batch import Features, Frames
from model.encoder.clip_encoder import ClipEncoder
from options.data import Channels, MotionFrom


def channel_features(
    visual: Features | Frames,
    encoder: ClipEncoder | None,
    widths: Mapping[str, int],
    *,
    channels: Channels,
    motion_from: MotionFrom,
) -> tuple[Tensor, Tensor]:
    """Features of both channels: stored, or of the clips, by the encoders of the run.

    A channel left out (by `channels`, or because its features have width 0) is zeros of its width
    in `widths`: in training, evaluation and prediction alike.
    -> appearance (V, N, F, Da), motion (V, N, Dm)
    """
    if isinstance(visual, Features):
        appearance, motion = visual.appearance, visual.motion
        if motion_from != "store" and appearance.shape[-1]:
            motion = derived_motion(appearance, motion_from)
    else:
        assert encoder is not None
        features = encoder(encoder.views(visual.frames, visual.index))
        appearance, motion = features.appearance, features.motion
    if channels == "appearance" or not motion.shape[-1]:
        motion = motion.new_zeros(*motion.shape[:-1], widths["motion"])
    if channels == "motion" or not appearance.shape[-1]:
        appearance = appearance.new_zeros(*appearance.shape[:-1], widths["appearance"])
    return appearance, motion


def derived_motion(appearance: Tensor, how: MotionFrom) -> Tensor:
    """A motion channel of the features of a clip's frames, by option `motion_from`.

    mean: of the frames; difference: mean of the later half of them less that of the earlier half.
    appearance (V, N, F, D), of two frames or more for a difference -> (V, N, D).
    """
    if how == "mean":
        return appearance.mean(2)
    half = appearance.shape[2] // 2
    return appearance[:, :, -half:].mean(2) - appearance[:, :, :half].mean(2)
