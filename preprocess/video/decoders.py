"""The decoders: a file -> its frames in order of showing, upright; the same from each of them.

PyAV is the default and brings its own FFmpeg; scikit-video runs the ffmpeg program.
"""

import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from data_loader.store.provenance import Provenance
from preprocess.video import pyav, scikit_video
from preprocess.video.error import Convert


@dataclass(frozen=True)
class Decoder:
    """One way to decode a file."""

    # A file -> its frames, each converted when asked.  Raises VideoError if it cannot read the
    # file, StoppedEarly if it cannot go on.
    frames: Callable[[Path], Iterator[Convert]]
    scales: bool  # whether their convert takes a size
    versions: Callable[[], dict[str, str]]  # for provenance
    require: Callable[[], None]  # UserError, with the cure, if a program or package is missing


DECODERS = {
    "pyav": Decoder(pyav.frames, True, pyav.versions, lambda: None),
    "scikit-video": Decoder(
        scikit_video.frames, False, scikit_video.versions, scikit_video.require
    ),
}


def decoder_of(provenance: Provenance) -> str:
    """The decoder that made a store, to read new videos alike; PyAV where it is none of these.

    Earlier versions had opencv and torchcodec, whose frames of ordinary video are PyAV's.
    """
    made = provenance.decoder
    if made in DECODERS:
        return made
    print(f"made with --decoder {made}, which is no more: pyav reads new videos", file=sys.stderr)
    return "pyav"
