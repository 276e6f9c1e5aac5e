"""Several views of a video, the scores of which are averaged: places in its pictures.

Multi-view testing as ViViT's (Arnab et al. 2021, section 4.1), of decoded clips: three squares of
each clip, left, centre and right.  A video is decoded once; the squares are cut out of its frames.
The other views, its clips, are those of --clips_as views.
"""

from dataclasses import replace
from pathlib import Path

import torch
from torch import Tensor

from data_loader.batch import Features, Frames
from model.task.classification import Classification
from model.task.frame_network import FrameNetwork
from util.errors import UserError


def view_scores(task: Classification, visual: Features | Frames, crops: int) -> Tensor:
    """Scores of V videos (V, K), the mean over `crops` places; task in evaluation mode."""
    if crops == 1:
        return task.scores(visual)
    assert isinstance(visual, Frames)
    side = _side(task)
    height, width = visual.frames.shape[1:3]
    top = (height - side) // 2
    lefts = [round(i * (width - side) / (crops - 1)) for i in range(crops)]
    frames = [visual.frames[:, top : top + side, left : left + side] for left in lefts]
    return torch.stack([task.scores(replace(visual, frames=f)) for f in frames]).mean(0)


def check_crops(path: Path, task: Classification, crops: int, size: int) -> None:
    """Raise UserError for crops of what has one place alone; `size`: of the clips, in pixels."""
    if crops == 1:
        return
    if not task.classes:
        raise UserError(f"--crops {crops}: {path} tells values; leave it out")
    if task.encoder is None and not isinstance(task.model, FrameNetwork):
        raise UserError(
            f"--crops {crops}: {path} was trained on stored features, which are of whole pictures; "
            "leave it out"
        )
    side = _side(task)
    if not side or side >= size:
        raise UserError(
            f"--crops {crops}: {path} sees whole frames of {size} pixels (--crop {side}), so there "
            "is one place; leave it out"
        )


def _side(task: Classification) -> int:
    """Of the square that a run on clips sees, in pixels; 0: whole frames."""
    of = task.model if isinstance(task.model, FrameNetwork) else task.encoder
    assert of is not None
    return of.views.augmentation.crop
