"""The decoders: a file -> its frames in order of showing, upright; the same from each of them.

PyAV is the default and brings its own FFmpeg; scikit-video runs the ffmpeg program.
"""

import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from data_loader.store.provenance import Provenance
from preprocess.video import pyav, scikit_video
from preprocess.video.container import count_packets
from preprocess.video.error import Convert, StoppedEarly, VideoError

__all__ = [
    "DECODERS", "Convert", "Decoder", "StoppedEarly", "VideoError", "count_packets",
    "decoder_of", "decoder_versions", "require_decoder",
]  # fmt: skip


@dataclass(frozen=True)
class Decoder:
    """frames: a file -> its frames, each converted when asked.  scales: their convert takes a size.

    frames raises VideoError if it cannot read the file, StoppedEarly if it cannot go on.  require
    raises UserError, with the cure, if a program or package is missing; versions: for provenance.
    """

    frames: Callable[[Path], Iterator[Convert]]
    scales: bool
    versions: Callable[[], dict[str, str]]
    require: Callable[[], None]


DECODERS = {
    "pyav": Decoder(pyav.frames, True, pyav.versions, lambda: None),
    "scikit-video": Decoder(
        scikit_video.frames,
        False,
        scikit_video.versions,
        scikit_video.require,
    ),
}


def require_decoder(decoder: str) -> None:
    """Raise UserError if a package or program that a decoder needs is not on this machine."""
    DECODERS[decoder].require()


def decoder_of(provenance: Provenance) -> str:
    """The decoder that made a store, to read new videos alike; PyAV where it is none of these.

    Earlier versions had opencv and torchcodec, whose frames of ordinary video are PyAV's.
    """
    made = provenance.decoder
    if made in DECODERS:
        return made
    print(f"made with --decoder {made}, which is no more: pyav reads new videos", file=sys.stderr)
    return "pyav"


def decoder_versions(decoder: str) -> dict[str, str]:
    """Versions of a decoder's package and of the FFmpeg under it."""
    return DECODERS[decoder].versions()
