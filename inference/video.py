"""A video file as a run's model takes it: features of its backbones, or decoded clips."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from data_loader.batch import Features, Frames
from data_loader.open import StoreOrigin
from data_loader.store.provenance import Provenance, Sampling
from preprocess.feature.extractor import FeatureExtractor
from preprocess.feature.load import backbone_from_provenance
from preprocess.video.clips import Clips, read_resized
from preprocess.video.decoders import decoder_of
from preprocess.video.resize import Thumbnail, clip_input_spec
from util.errors import UserError

SHOWN = Thumbnail(height=320)  # of the picture: a clip is some 150 pixels wide there
SHOWN_AT_RATE = Thumbnail(height=120)  # where a video has hundreds


@dataclass(frozen=True, kw_only=True)
class VideoInput:
    """One video, for the model and for people."""

    visual: Features | Frames  # V = 1
    thumbnails: Clips  # the middle frame of each clip, small: (N, 1)


class FeatureExtraction:
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
        self.reading: dict[str, tuple[Sampling, str]] = {}  # clips, and the decoder
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
            self.reading[name] = made.sampling, decoder_of(made)

    def __call__(self, video: str | Path) -> VideoInput:
        """Decode and extract.  Raises UserError if the file cannot be read."""
        features: dict[str, Tensor] = {}
        thumbnails: list[Clips] = []
        for sampling, decoder in dict.fromkeys(self.reading.values()):  # as a rule both share one
            alike = [name for name, how in self.reading.items() if how == (sampling, decoder)]
            *found, shown = read_resized(
                video,
                clips=sampling.clips,
                frames=sampling.frames,
                fps=sampling.fps,
                decoder=decoder,
                keep_partial=False,
                specs=[
                    *(self.backbones[name].picture for name in alike),
                    SHOWN_AT_RATE if sampling.fps else SHOWN,
                ],
            )
            thumbnails.append(shown)
            for name, decoded in zip(alike, found, strict=True):
                rows = self.backbones[name].extract_pictures(decoded)
                rows = rows.astype(self.made[name].precision or "float32")  # as in the store
                features[name] = torch.from_numpy(rows).float()
        appearance = features["appearance"]
        motion = features.get("motion", appearance[..., :0])  # the model makes it of the other
        visual = Features(
            appearance=appearance[None],
            motion=motion.mean(1)[None],
            clip_mask=torch.ones(1, len(appearance), dtype=torch.bool),
        )
        return VideoInput(visual=visual, thumbnails=thumbnails[0])


class ClipDecoding:
    """Video files -> decoded clips, for a run that has its own encoders."""

    def __init__(self, made: Provenance) -> None:
        """`made`: the provenance of the clip store that the run was trained on."""
        assert made.sampling is not None
        self.sampling, self.decoder = made.sampling, decoder_of(made)
        self.spec = clip_input_spec(made)

    def __call__(self, video: str | Path) -> VideoInput:
        """Decode and resize.  Raises UserError if the file cannot be read."""
        resized, shown = read_resized(
            video,
            clips=self.sampling.clips,
            frames=self.sampling.frames,
            decoder=self.decoder,
            keep_partial=False,
            specs=[self.spec, SHOWN],
        )
        visual = Frames(
            frames=torch.from_numpy(resized.frames),
            index=torch.from_numpy(resized.index)[None],
            clip_mask=torch.ones(1, len(resized.index), dtype=torch.bool),
            row=torch.zeros(1, dtype=torch.int64),
        )
        return VideoInput(visual=visual, thumbnails=shown)
