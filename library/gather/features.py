"""Features of a batch of videos, as an embedder needs them, in a store of the library's own.

A video is called by the SHA-256 of its bytes, so that it is found again under another name, and a
copy of it takes the features that are there.  `FOLDER/NAME/` holds the stores of the batch NAME,
and while it is made links to the videos and the pictures of their clips.
"""

import io
import shutil
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, redirect_stderr, redirect_stdout, suppress
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image

from data_loader.batch import Features
from data_loader.open import StoreOrigin
from data_loader.store.features import open_store
from data_loader.store.frames import frame_numbers
from data_loader.store.match import check_provenance
from data_loader.store.provenance import Crop
from data_loader.video_names import ENDINGS
from library.gather.describe import Described, clip_spans
from options.library.index import IndexOptions
from options.preprocess.extract import POOLED, VideoOptions
from preprocess.extraction.extract import Shown, extract, extract_here
from preprocess.extraction.failures import read_failed
from preprocess.video.clips import Clips
from preprocess.video.resize import Thumbnail
from util.errors import UserError
from util.files import whole_file

PICTURE = Thumbnail(height=120)
QUALITY = 80  # of JPEG
PART = 4  # videos of a part of a store: a kill costs at most so many
PICTURES, LINKS = "pictures", "links"


def extract_batch(
    folder: Path,
    videos: Mapping[str, str],
    stores: Mapping[str, StoreOrigin],
    options: IndexOptions,
    device: str,
    done: Callable[[], object] = lambda: None,
) -> dict[str, str]:
    """Extract what `folder` lacks of videos {sha256: path} -> {sha256: why it cannot be read}.

    `done` is called after each.  It goes on where it was.  Raises UserError for all that is not a
    video's fault.
    """
    links = folder / LINKS
    shutil.rmtree(links, ignore_errors=True)
    links.mkdir(parents=True)
    (folder / PICTURES).mkdir(exist_ok=True)
    for name, path in videos.items():
        ending = Path(path).suffix.lower()
        (links / (name + (ending if ending in ENDINGS else ""))).symlink_to(path)
    asked = video_options(stores, options, device, folder)
    with _quiet():
        try:
            shown = Shown(PICTURE, partial(_keep_pictures, folder / PICTURES, done))
            extract(asked, partial(extract_here, shown=shown))
        except UserError:
            # Of a batch without one good video there is no store, only the list of failures.
            if not all(videos.keys() <= read_failed(Path(o)).keys() for o in asked.output):
                raise
    failed = {}
    for output in asked.output:
        failed |= {name: one.reason for name, one in read_failed(Path(output)).items()}
    return {name: failed[name] for name in videos if name in failed}


def video_options(
    stores: Mapping[str, StoreOrigin], options: IndexOptions, device: str, folder: Path
) -> VideoOptions:
    """The options of an extraction that is alike to that of `stores`."""
    made = [origin.provenance.with_defaults() for origin in stores.values()]
    given = {"appearance": options.appearance_weights, "motion": options.motion_weights}
    sources = ["none" if m.weights is None else m.weights.source for m in made]
    weights = [given[name] or source for name, source in zip(stores, sources, strict=True)]
    layers = [m.layer or POOLED for m in made]
    first = made[0]
    sampling, norms = first.sampling, {m.normalisation.name for m in made if m.normalisation}
    assert sampling is not None
    return VideoOptions(
        videos=[str(folder / LINKS)],
        output=[str(folder / f"{name}.h5") for name in stores],
        backbone=[m.backbone or "?" for m in made],
        weights=weights if set(weights) != {"none"} else [],
        layer=layers if set(layers) != {POOLED} else [],
        clips=sampling.clips or VideoOptions.clips,
        frames=sampling.frames,
        stride=sampling.stride,
        fps=sampling.fps or 0.0,
        decoder="scikit-video" if first.decoder == "scikit-video" else "pyav",
        scaler="torch" if first.scaler == "torch" else "decoder",
        resize="crop" if isinstance(first.crop, Crop) else "squash",
        motion_norm="raw255" if "raw255" in norms else "kinetics",
        precision="float32" if first.precision == "float32" else "float16",
        network_precision="bf16" if first.network_precision == "bf16" else "float32",
        device=device,
        threads=options.threads,
        workers=options.workers,
        time_limit=options.time_limit,
        shard=PART,
        retry=True,  # what fails is kept in the library, not tried here in vain
    )


class Batch:
    """The stores of a batch, or of an extraction elsewhere, opened: videos by their SHA-256."""

    def __init__(self, folder: Path, stores: Mapping[str, StoreOrigin], run: str) -> None:
        """Raises UserError where one is missing, damaged or made in another way than `run`'s."""
        self.folder = folder
        self.stores = {name: open_store(folder / f"{name}.h5") for name in stores}
        for name, store in self.stores.items():
            check_provenance(stores[name].provenance, store, run)
        # A video of a batch is called by its SHA-256; one whose file changed meanwhile is not it.
        self._ids = {
            name: dict(zip(store.file_sha256, store.ids, strict=True))
            for name, store in self.stores.items()
        }

    def features(self, name: str) -> Features:
        """A video's features, of both channels (V = 1)."""
        rows = {}
        for channel, store in self.stores.items():
            found, _ = store.load([self._ids[channel][name]])
            rows[channel] = torch.from_numpy(found[0].astype(np.float32))  # (N, F, W)
        appearance = rows["appearance"]
        motion = rows.get("motion", appearance[..., :0])
        return Features(
            appearance=appearance[None],
            motion=motion.mean(1)[None],
            clip_mask=torch.ones(1, len(appearance), dtype=torch.bool),
        )

    def has(self, name: str) -> bool:
        """Whether all stores have a video, of a file of these bytes."""
        return all(name in ids for ids in self._ids.values())

    def spans(self, name: str, count: int, described: Described) -> list[tuple[float, float]]:
        """From when to when each of a video's clips lasts, in s."""
        store = self.stores["appearance"]  # every run has it
        return clip_spans(store, self._ids["appearance"][name], count, described)

    def numbers(self, name: str) -> np.ndarray | None:
        """Which frames a video's clips have (N, F); None: they are at a steady rate."""
        return frame_numbers(self.stores["appearance"], self._ids["appearance"][name])

    def pictures(self, name: str) -> list[bytes]:
        """JPEG of each clip; none: they are not there any more."""
        with suppress(OSError, ValueError), np.load(self.folder / PICTURES / f"{name}.npz") as file:
            return [file[str(i)].tobytes() for i in range(len(file.files))]
        return []

    def tidy(self) -> None:
        """Take away what was only for making it."""
        tidy(self.folder)


def tidy(folder: Path) -> None:
    """Take away what was only for making a batch, and the folder, if there is nothing else."""
    for part in (PICTURES, LINKS):
        shutil.rmtree(folder / part, ignore_errors=True)
    for left in folder.glob("*.quarantine.json"):
        left.unlink()
    with suppress(OSError):
        folder.rmdir()


def jpegs_of(clips: Clips) -> list[bytes]:
    """The middle frame of each clip, decoded as `PICTURE` says, as JPEG."""
    found = []
    for row in clips.index[:, 0].tolist():
        stream = io.BytesIO()
        Image.fromarray(clips.frames[row]).save(stream, "JPEG", quality=QUALITY)
        found.append(stream.getvalue())
    return found


def _keep_pictures(folder: Path, done: Callable[[], object], name: str, clips: Clips) -> None:
    """Write the middle frame of each clip as JPEG."""
    jpegs: dict[str, Any] = {
        str(number): np.frombuffer(jpeg, np.uint8) for number, jpeg in enumerate(jpegs_of(clips))
    }
    with whole_file(folder / f"{name}.npz") as partial_file, partial_file.open("wb") as file:
        np.savez(file, **jpegs)
    done()


@contextmanager
def _quiet() -> Iterator[None]:
    """Without what extraction says: it knows links where people know files."""
    said = io.StringIO()
    with redirect_stdout(said), redirect_stderr(said):
        yield
    sys.stdout.flush()
