"""A folder of small videos, and an embedder of seconds for it."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from data_loader.batch import Features, Frames
from data_loader.open import StoreOrigin
from data_loader.store.provenance import Provenance, Sampling
from options.library.index import IndexOptions
from options.library.search import LibraryOptions
from tests.video_files import write_video

N, F, D = 3, 2, 8  # clips, frames, width of vectors


class PixelEmbedder:
    """Vectors of a video's averages of areas: as the real one, without a network."""

    def __init__(self, fingerprint: str = "f" * 32) -> None:
        self.fingerprint = fingerprint

    @property
    def stores(self) -> Mapping[str, StoreOrigin]:
        """As of a run on `pixels` and `pixel_motion`."""
        made = {"appearance": "pixels", "motion": "pixel_motion"}
        sampling = Sampling(N, F, "linspace")
        return {
            channel: StoreOrigin(path="none", provenance=_made(backbone, sampling))
            for channel, backbone in made.items()
        }

    def clips(self, visual: Features | Frames) -> tuple[np.ndarray, np.ndarray]:
        """Vectors that tell clips apart, of length 1: (V, N, D), (V, D)."""
        assert isinstance(visual, Features)
        rows = visual.appearance.mean(2).numpy()  # (V, N, W)
        mixed = np.random.default_rng(0).standard_normal((rows.shape[-1] + 1, D))
        rows = np.concatenate([rows, np.ones((*rows.shape[:2], 1))], axis=-1)
        clips = np.tanh(rows @ mixed).astype(np.float32)
        clips /= np.linalg.norm(clips, axis=-1, keepdims=True)
        return clips, clips[:, 0]


def _made(backbone: str, sampling: Sampling) -> Provenance:
    """As extraction makes it."""
    from options.preprocess.extract import VideoOptions
    from preprocess.extraction.output import choose_outputs

    options = VideoOptions(
        videos=["x"], output=["x.h5"], backbone=[backbone], clips=sampling.clips,
        frames=sampling.frames,
    )  # fmt: skip
    return choose_outputs(options)[0].provenance


def video(folder: Path, name: str, number: int) -> Path:
    """A video whose pictures depend on `number`."""
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    images = np.random.default_rng(number).integers(0, 255, (1, 32, 48, 3), dtype=np.uint8)
    light = np.linspace(0.3, 1, 12)[:, None, None, None]
    return write_video(path, images=(images * light).astype(np.uint8))


def options(folder: Path, library: Path, **more) -> tuple[IndexOptions, LibraryOptions]:
    """Options of an index."""
    return (
        IndexOptions(folder=str(folder), workers=1, threads=1, **more),
        LibraryOptions(library=str(library), device="cpu"),
    )
