"""What is done in a video, or a value at each of its frames, by a trained run.

classifier = VideoClassifier("results/shapes_actions")
classifier.tell("talk.mp4").best[0]  # ("left to right", 0.93)
"""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from data_loader.batch import Features, Frames
from data_loader.label.steps import FramesShown, reordered, step_order
from inference.classification.temperature import temperature_of
from inference.classification.views import check_crops, view_scores
from inference.run import open_run
from inference.split import evaluating
from inference.video import VideoInput, open_video_input
from model.task.classification import Classification
from util.errors import UserError

BEST = 5  # classes that are named
SEED = 666  # of shuffled frames, as evaluate.py's


@dataclass(frozen=True, eq=False, kw_only=True)
class ClassesTold:
    """The classes of a video."""

    best: list[tuple[str, float]]  # the five best, with probabilities
    numbers: list[int]  # which of the video's frames the model saw, from 0


@dataclass(frozen=True, eq=False, kw_only=True)
class ValuesTold:
    """The values of a video."""

    times: np.ndarray  # (T,) s from the first frame
    values: np.ndarray  # (T,)


class VideoClassifier:
    """A trained run and its backbones: video file in, classes or values out."""

    def __init__(
        self,
        run: str | Path,
        *,
        crops: int = 1,
        appearance_weights: str | None = None,
        motion_weights: str | None = None,
        device: str = "auto",
    ) -> None:
        """Load a run: its folder, or a packed file; `crops`: places in each frame, averaged.

        Raises UserError if it classifies nothing, was trained without video, or has no backbone for
        a new video.
        """
        self.run, self.crops = open_run(run, Classification, device=device), crops
        check_crops(self.run.path, self.run.task, crops, self.run.clip_size)
        weights = {"appearance": appearance_weights, "motion": motion_weights}
        self.read_video = open_video_input(self.run, weights=weights, device=device)
        self.temperature, self.how = temperature_of(self.run, crops)

    @property
    def classes(self) -> tuple[str, ...]:
        """Their names; none: a value is told at each frame."""
        return self.run.task.classes

    def tell(self, video: str | Path) -> ClassesTold | ValuesTold:
        """What the run tells of a video file.  Raises UserError for a file that is not read."""
        return self.tell_seen(self.read_video(video), Path(video).stem)

    def tell_seen(self, seen: VideoInput, name: str) -> ClassesTold | ValuesTold:
        """The same of a video that `read_video` has read; `name`: its id, which shuffling needs."""
        visual, order = as_trained(seen.visual, self.run.options, name)
        scores = self._scores(visual)
        if self.classes:
            share = (scores[0].double() / self.temperature).softmax(0)
            top = share.topk(min(BEST, len(self.classes)))
            pairs = zip(top.indices.tolist(), top.values.tolist(), strict=True)
            return ClassesTold(
                best=[(self.classes[k], p) for k, p in pairs],
                numbers=seen.numbers.flatten()[order].tolist(),
            )
        if seen.seconds is None:
            raise UserError(
                f"{name}: at what second its frames are shown is not known, so its values have no "
                "times; give a video whose frames have time stamps"
            )
        values, times = scores[0, :, 0].double().numpy(), seen.seconds.flatten()[order]
        back = np.argsort(times, kind="stable")
        return ValuesTold(times=times[back], values=values[back])

    @torch.inference_mode()
    def _scores(self, visual: Features | Frames) -> Tensor:
        with evaluating(self.run.task):
            scores = view_scores(self.run.task, visual.to(self.run.device), self.crops)
            return scores.float().cpu()


def as_trained(
    visual: Features | Frames, options: dict[str, Any], name: str
) -> tuple[Features | Frames, np.ndarray]:
    """A video's frames as a run was trained to see them, and which steps these are, (T,) int64.

    All in order, the middle one alone, or in an order that is drawn for the video: --frames.
    """
    frames: FramesShown = options["frames"]
    shape = visual.index.shape if isinstance(visual, Frames) else visual.appearance.shape
    steps = shape[1] * shape[2]
    if frames == "real":
        return visual, np.arange(steps)
    if isinstance(visual, Features):  # a stored motion channel is left out of such runs
        visual = replace(visual, motion=visual.motion[..., :0])
    order = step_order(frames, [name], np.array([steps]), steps, SEED)
    return reordered(visual, torch.from_numpy(order)), order[0]
