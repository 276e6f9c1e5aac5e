"""What `preprocess.videos` makes of decoded videos: a backbone's features, or clips as they are.

The command's machinery (workers, shards, going on, quarantine) is the same for both.
"""

from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch

from data_loader.store.clips import VideoClips, open_clip_store, write_clip_store
from data_loader.store.columns import CLIPS
from data_loader.store.features import VideoFeatures, open_store, write_store
from data_loader.store.open import Store, open_any_store
from data_loader.store.provenance import Normalisation, Provenance, Sampling, Weights
from model.backbone.spec import NORMALISATIONS, PixelSpec
from model.backbone.table import find_spec, require_weights
from model.backbone.weights import known_sha256
from options.preprocess.extract import VideoOptions
from preprocess.extraction.pipeline import choose_crew
from preprocess.feature.load import load_backbone
from preprocess.video.clips import Clips
from preprocess.video.decoders import DECODERS, decoder_versions
from preprocess.video.resize import Picture
from preprocess.video.resize_frames import clip_picture
from util.errors import UserError


@dataclass(frozen=True, kw_only=True)
class Target:
    """A store to be filled, as it is known before a network is loaded.

    name: for the progress bar; output: the store; asked: the provenance that it shall
    have, as far as it is known; write: (path, what is stored of each video,
    provenance), whole or not at all; open: path -> store.
    """

    name: str
    output: Path
    asked: Provenance
    write: Callable[[Path, Iterable[Any], Provenance], None]
    open: Callable[[Path], Store]


@dataclass(frozen=True, kw_only=True)
class Product(Target):
    """A kind of store, and how videos get into it.

    provenance: all that decides what is stored, and the versions at work; picture: what it takes of
    a frame; make: (video id, its clips as such pictures, SHA-256 of its file) -> what a store holds
    of one video, called by several threads.
    """

    provenance: Provenance
    picture: Picture
    make: Callable[[str, Clips, str], Any]


def parts_folder(output: Path) -> Path:
    """Where the parts of a store are, until they are merged (`preprocess.extraction.shards`)."""
    return output.with_name(output.name + ".parts")


def choose_targets(options: VideoOptions) -> list[Target]:
    """The stores that the options ask for; no network is built, no weights are loaded.

    Raises UserError if there is no such backbone.
    """
    return [
        _target(options, Path(output), name, options.weights_of(place))
        for place, (name, output) in enumerate(zip(options.backbone, options.output, strict=True))
    ]


def _target(options: VideoOptions, output: Path, name: str, weights: str | None) -> Target:
    if name == "none":
        return clip_product(options, output)
    spec = find_spec(name)
    if isinstance(spec, PixelSpec):
        return feature_product(options, output, name, weights, "torch")
    normalisation = known = None
    if name == "resnext101":  # the one with a choice
        norm = options.motion_norm
        normalisation = Normalisation(norm, *NORMALISATIONS[norm])
    if spec:
        known = known_sha256(require_weights(name, spec, weights), spec.named)
    asked = Provenance(
        backbone=name,
        weights=Weights("", known) if known else None,
        resize=options.resize,
        scaler=choose_scaler(options, output),
        normalisation=normalisation,
        sampling=_sampling(options),
        decoder=options.decoder,
        network_precision=options.network_precision,
        precision=options.precision,
    )
    return Target(
        name=name,
        output=output,
        asked=asked,
        write=partial(write_store, compression=options.compression),
        open=open_store,
    )


def choose_products(options: VideoOptions, *, auto: str = "torch") -> list[Product]:
    """What the options ask for; `auto`: the runtime that `--runtime auto` stands for here.

    Raises UserError if a backbone cannot be had.
    """
    return [
        clip_product(options, Path(output))
        if name == "none"
        else feature_product(options, Path(output), name, options.weights_of(place), auto)
        for place, (name, output) in enumerate(zip(options.backbone, options.output, strict=True))
    ]


def feature_product(
    options: VideoOptions, output: Path, name: str, weights: str | None, auto: str
) -> Product:
    """Features of a frozen backbone.  Raises UserError as `load_backbone` does."""
    backbone = load_backbone(
        name,
        weights=weights,
        resize=options.resize,
        motion_norm=options.motion_norm,
        device=options.device,
        batch=options.batch,
        scaler=choose_scaler(options, output),
        frames=options.frames,
        precision=options.network_precision,
        runtime=auto if options.runtime == "auto" else options.runtime,
        threads=choose_crew(workers=options.workers, threads=options.threads, gpu=False)[1],
    )
    known = backbone.provenance()

    def make(video: str, clips: Clips, file_sha256: str) -> VideoFeatures:
        with np.errstate(over="ignore"):  # the store refuses what became infinite, and says so
            features = backbone.extract_pictures(clips).astype(options.precision)
        return VideoFeatures(video, features, clips.frame_count, clips.note, file_sha256)

    provenance = replace(
        known,
        sampling=_sampling(options),
        decoder=options.decoder,
        precision=options.precision,
        versions={**known.versions, **decoder_versions(options.decoder)},
    )
    return Product(
        name=name,
        output=output,
        asked=provenance,
        provenance=provenance,
        picture=backbone.picture,
        make=make,
        write=partial(write_store, compression=options.compression),
        open=open_store,
    )


def clip_product(options: VideoOptions, output: Path) -> Product:
    """Decoded clips, resized, for encoders that are trained."""
    versions = {"torch": torch.__version__, "numpy": np.__version__}
    provenance = Provenance(
        backbone="none",
        kind=CLIPS,
        resize=options.resize,
        size=(options.size, options.size),
        scaler=choose_scaler(options, output),
        sampling=_sampling(options),
        decoder=options.decoder,
        has_backbone=True,
        versions={**versions, **decoder_versions(options.decoder)},
    )

    def make(video: str, clips: Clips, file_sha256: str) -> VideoClips:
        return VideoClips(
            video, clips.frames, clips.index, clips.frame_count, clips.note, file_sha256
        )

    return Product(
        name="clips",
        output=output,
        asked=provenance,
        provenance=provenance,
        picture=clip_picture(provenance),
        make=make,
        write=write_clip_store,
        open=open_clip_store,
    )


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
    return Sampling(options.clips, options.frames, "linspace")
