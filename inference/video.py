"""A video file as a run's model takes it: features of its backbones, or decoded clips."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from data_loader.batch import Features, Frames
from data_loader.open import StoreOrigin
from data_loader.store.provenance import Provenance
from inference.decoding import DecodedVideo, Reading, decode_video
from inference.run import Run
from preprocess.feature.extractor import FeatureExtractor
from preprocess.feature.load import backbone_from_provenance
from preprocess.video.clips import Clips
from preprocess.video.decoders import decoder_of
from preprocess.video.resize import clip_input_spec
from util.errors import UserError


@dataclass(frozen=True, kw_only=True)
class VideoInput:
    """One video, for the model and for people."""

    visual: Features | Frames  # V = 1
    thumbnails: Clips  # the middle frame of each clip, small: (N, 1)
    # (N, F) int64: which of the video's frames, from 0, the model sees, of the channel that comes
    # first
    numbers: np.ndarray
    # (N, F) s from the first frame, when these are shown; None: not known
    seconds: np.ndarray | None

    def middle_frames(self, clips: np.ndarray) -> list[np.ndarray]:
        """The middle frame of some clips, small, (H, W, 3) uint8.  clips: (K,) int64."""
        return [self.thumbnails.frames[i] for i in self.thumbnails.index[clips, 0]]

    def times(self, clips: np.ndarray) -> list[str]:
        """Which of the video's frames each of these is, from 1, in words."""
        number = self.thumbnails.numbers[self.thumbnails.index[clips, 0]]
        return [f"frame {i + 1}" for i in number.tolist()]


class VideoReader(ABC):
    """Video files -> what a run's model takes of them."""

    reading: dict[str, Reading]  # by the option that names each of the run's stores

    @abstractmethod
    def visual(self, decoded: Mapping[str, Clips]) -> Features | Frames:
        """The clips of one video, by store as in `reading`, as the model takes them (V = 1)."""

    def __call__(self, video: str | Path) -> VideoInput:
        """Decode a file, and extract where that is needed.

        Raises UserError if the file cannot be read.
        """
        return self.seen(decode_video(video, self.reading))

    def seen(self, decoded: DecodedVideo) -> VideoInput:
        """A video that was decoded as `reading` says, perhaps in another process."""
        first = decoded.clips[next(iter(self.reading))]
        return VideoInput(
            visual=self.visual(decoded.clips),
            thumbnails=decoded.thumbnails,
            numbers=first.numbers[first.index],
            seconds=decoded.seconds,
        )


class FeatureExtraction(VideoReader):
    """Video files -> features, by the backbones that made a run's stores."""

    def __init__(
        self,
        run: Path,
        stores: Mapping[str, StoreOrigin],
        *,
        weights: Mapping[str, str | None],
        device: str,
    ) -> None:
        """Load the backbones; `weights`: by channel, files other than those the stores name.

        Raises UserError if a store was imported, or weights are missing or not the same.
        """
        self.made: dict[str, Provenance] = {}  # of the stores, by channel, as are the following
        self.backbones: dict[str, FeatureExtractor] = {}
        self.reading = {}
        for name, store in stores.items():
            made = store.provenance
            if not made.has_backbone:
                raise UserError(
                    f"{run} was trained on imported features ({store.path}), which name no "
                    "backbone that could look at a new video: ask a run whose stores were made by "
                    "python -m preprocess.videos"
                )
            assert made.sampling is not None
            self.made[name] = made
            self.backbones[name] = backbone_from_provenance(
                made, weights=weights[name], device=device
            )
            picture = self.backbones[name].picture
            self.reading[name] = Reading(made.sampling, decoder_of(made), picture)

    def run_by(self, runtime: str) -> None:
        """Have the backbones run by another runtime: torch, openvino, or auto.

        OpenVINO takes seconds to begin with, and then less than half of torch's time on a CPU: for
        who looks at many videos, one at a time.
        """
        for name, backbone in self.backbones.items():
            sampling = self.made[name].sampling
            backbone.run_by(runtime, frames=sampling.frames if sampling else None)

    def visual(self, decoded: Mapping[str, Clips]) -> Features:
        """Extract: the features of both channels."""
        features: dict[str, Tensor] = {}
        for name, clips in decoded.items():
            rows = self.backbones[name].extract_pictures(clips)
            rows = rows.astype(self.made[name].precision or "float32")  # as in the store
            features[name] = torch.from_numpy(rows).float()
        appearance = features["appearance"]
        motion = features.get("motion", appearance[..., :0])  # the model makes it of the other
        return Features(
            appearance=appearance[None],
            motion=motion.mean(1)[None],
            clip_mask=torch.ones(1, len(appearance), dtype=torch.bool),
        )


class ClipDecoding(VideoReader):
    """Video files -> decoded clips, for a run that has its own encoders."""

    def __init__(self, made: Provenance) -> None:
        """`made`: the provenance of the clip store that the run was trained on."""
        assert made.sampling is not None
        self.reading = {"clips": Reading(made.sampling, decoder_of(made), clip_input_spec(made))}

    def visual(self, decoded: Mapping[str, Clips]) -> Frames:
        """The clips as they are."""
        clips = decoded["clips"]
        return Frames(
            frames=torch.from_numpy(clips.frames),
            index=torch.from_numpy(clips.index)[None],
            clip_mask=torch.ones(1, len(clips.index), dtype=torch.bool),
            row=torch.zeros(1, dtype=torch.int64),
        )


def open_video_input(run: Run, *, weights: Mapping[str, str | None], device: str) -> VideoReader:
    """What reads new videos for a run.

    `weights`: by channel, files other than those the stores name.  Raises UserError if the run was
    trained without video, has no backbone for a new video, or has encoders of its own, whose
    weights nobody can give.
    """
    if run.options.get("video") == "none":  # a task without the option always sees videos
        raise UserError(
            f"{run.path} was trained without video (--video none): ask a run that saw videos"
        )
    if "clips" not in run.stores:
        return FeatureExtraction(run.path, run.stores, weights=weights, device=device)
    if any(weights.values()):
        raise UserError(
            f"{run.path} has encoders of its own in its checkpoint: leave out "
            "--appearance_weights and --motion_weights"
        )
    return ClipDecoding(run.stores["clips"].provenance)
