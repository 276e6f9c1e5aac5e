"""Several videos as one group for a model, where they are of one shape."""

from collections.abc import Sequence

import torch

from data_loader.batch import Features, Frames


def shape_of(visual: Features | Frames) -> tuple[object, ...]:
    """What videos have in common that can be one group."""
    if isinstance(visual, Features):
        return "features", visual.appearance.shape[1:], visual.motion.shape[1:]
    return "frames", visual.frames.shape[1:], visual.index.shape[1:]


def joined(visuals: Sequence[Features | Frames]) -> Features | Frames:
    """Videos of one shape (V = 1 each) as one group, in their order."""
    assert len({shape_of(visual) for visual in visuals}) == 1
    if len(visuals) == 1:
        return visuals[0]
    mask = torch.cat([visual.clip_mask for visual in visuals])
    if isinstance(visuals[0], Features):
        features = [visual for visual in visuals if isinstance(visual, Features)]
        return Features(
            appearance=torch.cat([one.appearance for one in features]),
            motion=torch.cat([one.motion for one in features]),
            clip_mask=mask,
        )
    frames = [visual for visual in visuals if isinstance(visual, Frames)]
    index, before = [], 0
    for one in frames:
        index.append(one.index + before)
        before += len(one.frames)
    return Frames(
        frames=torch.cat([one.frames for one in frames]),
        index=torch.cat(index),
        clip_mask=mask,
        row=torch.arange(len(frames)),
    )
