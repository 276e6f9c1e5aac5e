"""Captions of new videos, by a trained run.

captioner = Captioner("results/shapes_captions", search=SearchOptions())
captioner.caption("talk.mp4", n_best=3)  # [Said(text="a man talks", score=-1.2, ...), ...]
"""

from pathlib import Path
from typing import NamedTuple

from data_loader.batch import Features, Frames
from inference.caption.split import find_captions
from inference.run import open_run
from inference.video import open_video_input
from model.task.captioning import Captioning
from options.caption import SearchOptions


class Said(NamedTuple):
    """A caption of a video."""

    text: str
    score: float  # by which captions are ranked: log-probability / (words + 1) ** length_penalty
    words: list[int]  # the text's, as numbers


class Captioner:
    """A trained run and its backbones: video file in, captions out."""

    def __init__(
        self,
        run: str | Path,
        *,
        search: SearchOptions,
        appearance_weights: str | None = None,
        motion_weights: str | None = None,
        device: str = "auto",
    ) -> None:
        """Load a run: its folder, or a packed file.

        Raises UserError if it writes no captions, was trained without video, or has no backbone
        for a new video.
        """
        self.run = open_run(run, Captioning, device=device)
        self.search = search
        weights = {"appearance": appearance_weights, "motion": motion_weights}
        self.read_video = open_video_input(self.run, weights=weights, device=device)

    def caption(self, video: str | Path, *, n_best: int = 1) -> list[Said]:
        """The best captions of a video file, best first.

        n_best: at most the search's beam.  Raises UserError for a file that cannot be read.
        """
        return self.caption_clips(self.read_video(video).visual, n_best=n_best)

    def caption_clips(self, visual: Features | Frames, *, n_best: int = 1) -> list[Said]:
        """The same of a video that `read_video` has read (V = 1), or of a stream's last clips."""
        (found,) = find_captions(
            self.run.task, visual.to(self.run.device), self.search, n_best=n_best
        )
        decode = self.run.task.vocabulary.decode
        return [Said(decode(one.words), one.score, one.words) for one in found]
