"""What `preprocess.videos` makes of decoded videos: a backbone's features, or clips as they are.

The command's machinery (threads, parts, going on, quarantine) is the same for both.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from data_loader.clip_store import KIND, ClipStore, open_clip_store, write_clip_store
from data_loader.store import FeatureStore, VideoFeatures, open_store, write_store
from options.video import VideoOptions
from preprocess.backbones import load_backbone
from preprocess.clips import clips_as_stored
from preprocess.decoders import decoder_versions
from preprocess.frames import Clips

Store = FeatureStore | ClipStore


@dataclass(frozen=True, kw_only=True)
class Product:
    """A kind of store, and how videos get into it.

    name: for the progress bar; provenance: all that decides what is stored, and the versions at
    work; make: (video id, its clips) -> what a store holds of one video, called by several threads;
    write: (path, such videos, provenance), whole or not at all; open: path -> store.
    """

    name: str
    provenance: dict[str, Any]
    make: Callable[[str, Clips], Any]
    write: Callable[[Path, Iterable[Any], dict[str, Any]], None]
    open: Callable[[Path], Store]


def choose_product(options: VideoOptions) -> Product:
    """What the options ask for; raises UserError if its backbone cannot be had."""
    return clip_product(options) if options.backbone == "none" else feature_product(options)


def feature_product(options: VideoOptions) -> Product:
    """Features of a frozen backbone.  Raises UserError as `load_backbone` does."""
    backbone = load_backbone(
        options.backbone,
        weights=options.weights,
        resize=options.resize,
        motion_norm=options.motion_norm,
        device=options.device,
        batch=options.batch,
    )
    known = backbone.provenance()

    def make(video: str, clips: Clips) -> VideoFeatures:
        features = backbone.extract(clips).astype(options.precision)
        return VideoFeatures(video, features, clips.frame_count, clips.note)

    return Product(
        name=options.backbone,
        provenance={
            **known,
            **_decoding(options),
            "precision": options.precision,
            "versions": {**known["versions"], **decoder_versions(options.decoder)},
        },
        make=make,
        write=write_store,
        open=open_store,
    )


def clip_product(options: VideoOptions) -> Product:
    """Decoded clips, resized, for encoders that are trained."""
    provenance = {
        "backbone": "none",
        "kind": KIND,
        "resize": options.resize,
        "size": [options.size, options.size],
        "askable": True,
        **_decoding(options),
        "versions": {
            "torch": torch.__version__,
            "numpy": np.__version__,
            **decoder_versions(options.decoder),
        },
    }
    return Product(
        name="clips",
        provenance=provenance,
        make=lambda video, clips: clips_as_stored(video, clips, provenance),
        write=write_clip_store,
        open=open_clip_store,
    )


def _decoding(options: VideoOptions) -> dict[str, Any]:
    return {
        "sampling": {"clips": options.clips, "frames": options.frames, "rule": "linspace"},
        "decoder": options.decoder,
    }
