"""torchcodec, over the FFmpeg libraries of the system.  It turns frames upright itself."""

import contextlib
from collections.abc import Iterator
from functools import partial
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np

from preprocess.decoder_pyav import first_look
from preprocess.video_error import Convert, StoppedEarly, VideoError
from util.errors import UserError


def frames(path: Path) -> Iterator[Convert]:
    """Frames in order of showing; raises StoppedEarly on invalid data.

    They are drawn one after the other from the core: its public ways find frames by their times,
    and lose the last ones of files that store none (H.264 in AVI, as in MSVD).
    """
    decoders, core = _import()
    look = first_look(path)
    if look.mirrored:
        raise VideoError(path, "torchcodec cannot mirror it upright; use --decoder pyav")
    try:
        decoder = decoders.VideoDecoder(
            str(path.absolute()),
            stream_index=look.index,
            dimension_order="NHWC",
            num_ffmpeg_threads=1,
        )
    except (RuntimeError, ValueError, AssertionError) as error:
        raise VideoError(path, f"torchcodec cannot open it ({_first_line(error)})") from error
    own = None
    with contextlib.suppress(IndexError):  # the end
        while True:
            try:
                image = core.get_next_frame(decoder._decoder)[0].numpy()
            except RuntimeError as error:
                raise StoppedEarly(f"decoding breaks off: {_first_line(error)}") from error
            own = own or image.shape
            if image.shape != own:
                raise StoppedEarly("the size changes on the way; --decoder pyav reads it")
            yield partial(np.ascontiguousarray, image)


def require() -> None:
    """Raise UserError if torchcodec, or an FFmpeg that it can use, is missing."""
    _import()


def versions() -> dict[str, str]:
    """Of the package and of the FFmpeg that it found."""
    _, core = _import()
    codec = ".".join(map(str, core.get_ffmpeg_library_versions()["libavcodec"]))
    return {"torchcodec": metadata.version("torchcodec"), "avcodec": codec}


def _import() -> tuple[Any, Any]:
    try:
        import torchcodec._core as core
        from torchcodec import decoders
    except (ImportError, OSError, RuntimeError) as error:
        raise UserError(
            f"--decoder torchcodec: not usable here ({_first_line(error)}); pip install torchcodec "
            "and FFmpeg's shared libraries (apt install ffmpeg), or use --decoder pyav"
        ) from error
    return decoders, core


def _first_line(error: Exception) -> str:
    return next(iter(str(error).strip().splitlines()), repr(error))[:200]
