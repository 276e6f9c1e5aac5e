"""The stores that `preprocess.videos` fills: features of a backbone, or clips as they are decoded.

The road there (workers, parts, going on, failed videos) is the same for both.
"""

from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch

from data_loader.store.clips import VideoClips, open_clip_store, write_clip_store
from data_loader.store.features import VideoFeatures, open_store, write_store
from data_loader.store.open import Store, open_any_store
from data_loader.store.provenance import CLIPS, Normalisation, Provenance, Sampling, Weights
from model.backbone.spec import NORMALISATIONS, PixelSpec
from model.backbone.table import find_spec, require_weights
from model.backbone.weights import known_sha256
from options.preprocess.extract import VideoOptions
from preprocess.extraction.paths import parts_folder
from preprocess.feature.extractor import FeatureExtractor
from preprocess.feature.layer import check_layer
from preprocess.feature.load import load_backbone
from preprocess.video.clips import Clips
from preprocess.video.decoders import DECODERS
from preprocess.video.resize import InputSpec, clip_input_spec
from util.errors import UserError


class StoreOutput:
    """One store to be filled: its kind, and how videos get into it."""

    name: str  # for the progress bar
    path: Path
    provenance: Provenance  # as far as it is known before `load`
    spec: InputSpec  # what it takes of a frame; known after `load`
    open: Callable[[Path], Store]  # the store, or a part of it
    # (path, what is stored of each video, provenance): the store, or a part of it, whole or not at
    # all.
    write: Callable[[Path, Iterable[Any], Provenance], None]

    def load(self, options: VideoOptions, *, auto: str, threads: int) -> None:
        """Make ready for `make`, which so many threads call.

        `auto`: the runtime that `--runtime auto` stands for here.  Raises UserError if a backbone
        cannot be had.
        """

    def make(self, video: str, clips: Clips, file_sha256: str) -> VideoFeatures | VideoClips:
        """What the store holds of one video, whose frames are of `spec`; from any thread."""
        raise NotImplementedError


class FeatureOutput(StoreOutput):
    """Features of a frozen backbone, which is not loaded before `load`."""

    open = staticmethod(open_store)
    backbone: FeatureExtractor

    def __init__(self, options: VideoOptions, path: Path, place: int) -> None:
        """`place`: of the backbone in the list.  UserError if there is none such, or no layer."""
        name, weights, layer = (
            options.backbone[place], options.weights_of(place), options.layer_of(place),
        )  # fmt: skip
        self.name, self.path = name, path
        self._weights, self._layer = weights, layer
        self.write = partial(write_store, compression=options.compression)
        spec = find_spec(name)
        check_layer(name, spec, layer)
        if options.fps and spec and spec.kind == "clip":
            raise UserError(
                f"--fps {options.fps:g}: takes single frames, and {name} sees clips of several; "
                "give --clips and --frames, or a network over frames"
            )
        if isinstance(spec, PixelSpec):
            self.load(options, auto="torch", threads=1)
            return
        normalisation = known = None
        if name == "resnext101":  # the one with a choice
            norm = options.motion_norm
            normalisation = Normalisation(norm, *NORMALISATIONS[norm])
        if spec:
            known = known_sha256(require_weights(name, spec, weights), spec)
        self.provenance = Provenance(
            backbone=name,
            layer=layer,
            weights=Weights("", known) if known else None,
            resize=options.resize,
            scaler=choose_scaler(options, path),
            normalisation=normalisation,
            sampling=_sampling(options),
            decoder=options.decoder,
            network_precision=options.network_precision,
            precision=options.precision,
        )

    def load(self, options: VideoOptions, *, auto: str, threads: int) -> None:
        """Load the backbone.  Raises UserError as `load_backbone` does."""
        self.backbone = load_backbone(
            self.name,
            weights=self._weights,
            layer=self._layer,
            resize=options.resize,
            motion_norm=options.motion_norm,
            device=options.device,
            batch=options.batch,
            scaler=choose_scaler(options, self.path),
            frames=_sampling(options).frames,
            precision=options.network_precision,
            runtime=auto if options.runtime == "auto" else options.runtime,
            threads=threads,
        )
        self.spec = self.backbone.picture
        made = self.backbone.provenance()
        self.provenance = replace(
            made,
            sampling=_sampling(options),
            decoder=options.decoder,
            precision=options.precision,
            versions={**made.versions, **DECODERS[options.decoder].versions()},
        )

    def make(self, video: str, clips: Clips, file_sha256: str) -> VideoFeatures:
        """The features of one video, as they are stored."""
        with np.errstate(over="ignore"):  # the store refuses what became infinite, and says so
            features = self.backbone.extract_pictures(clips).astype(self.provenance.precision)
        return VideoFeatures(
            video, features, clips.frame_count, clips.note, file_sha256, seconds=clips.seconds
        )


class ClipOutput(StoreOutput):
    """Decoded clips, resized, for encoders that are trained."""

    open = staticmethod(open_clip_store)
    write = staticmethod(write_clip_store)

    def __init__(self, options: VideoOptions, path: Path) -> None:
        self.name, self.path = "clips", path
        versions = {"torch": torch.__version__, "numpy": np.__version__}
        self.provenance = Provenance(
            backbone="none",
            kind=CLIPS,
            resize=options.resize,
            size=(options.size, options.size),
            scaler=choose_scaler(options, path),
            sampling=_sampling(options),
            decoder=options.decoder,
            has_backbone=True,
            versions={**versions, **DECODERS[options.decoder].versions()},
        )
        self.spec = clip_input_spec(self.provenance)

    def make(self, video: str, clips: Clips, file_sha256: str) -> VideoClips:
        """The clips of one video, as they are."""
        return VideoClips(
            video,
            clips.frames,
            clips.index,
            clips.frame_count,
            clips.note,
            file_sha256,
            seconds=clips.seconds,
        )


def choose_outputs(options: VideoOptions) -> list[StoreOutput]:
    """The stores that the options ask for; no network is built, no weights are loaded.

    Raises UserError if there is no such backbone.
    """
    return [
        ClipOutput(options, Path(path))
        if name == "none"
        else FeatureOutput(options, Path(path), place)
        for place, (name, path) in enumerate(zip(options.backbone, options.output, strict=True))
    ]


def load_outputs(
    outputs: Sequence[StoreOutput], options: VideoOptions, *, auto: str = "torch", threads: int = 1
) -> None:
    """Load the networks of all outputs, as `StoreOutput.load` says."""
    for output in outputs:
        output.load(options, auto=auto, threads=threads)


def choose_scaler(options: VideoOptions, output: Path) -> str:
    """`--scaler`, with auto decided: as the store was made; a new one by the decoder if it can.

    Raises UserError if the decoder shall scale and cannot.
    """
    scales = DECODERS[options.decoder].scales
    if options.scaler == "decoder" and not scales:
        raise UserError(
            f"--scaler decoder: {options.decoder} gives frames of their own size; use torch or auto"
        )
    if options.scaler != "auto":
        return options.scaler
    for path in (output, *sorted(parts_folder(output).glob("*.h5"))[:1]):
        with suppress(UserError):  # no store, or none that can be read: said where it is added to
            made = open_any_store(path).provenance.with_defaults()
            assert made.scaler is not None
            return made.scaler
    return "decoder" if scales else "torch"


def _sampling(options: VideoOptions) -> Sampling:
    if options.fps:
        return Sampling(0, 1, "rate", options.fps)
    return Sampling(options.clips, options.frames, "linspace", stride=options.stride)
