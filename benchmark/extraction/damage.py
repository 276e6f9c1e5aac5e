"""Damaged copies of video files, each a function of a seed and its number, and what reads as what.

Worker processes import this; `benchmark.extraction.mutated` is the command.
"""

import resource
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np

from preprocess.video.clips import Clips, read_clips

CLIPS, FRAMES = 8, 16
HEADER = 4096  # bytes at a file's front that "header" damages and "swap" exchanges
OFF = 16  # grey levels, in the mean, by which a picture is visibly not the original's


@dataclass(frozen=True)
class Job:
    """One damaged file: which, of what, how."""

    number: int
    path: Path
    other: Path  # for swapped headers
    kind: str
    seed: int
    decoder: str


@dataclass(frozen=True)
class Found:
    """What reading it gave.  Pictures: black, one colour, or visibly other than the original's."""

    note: str
    pictures: int
    black: int
    flat: int
    off: int
    peak: int  # most memory of the process so far, bytes


def make_jobs(paths: Sequence[Path], count: int, seed: int, decoder: str) -> list[Job]:
    """All kinds of damage to all files in turn."""
    kinds = list(MUTATIONS)
    others = min(7, len(paths) - 1) or 1
    jobs = []
    for number in range(count):
        place, kind = divmod(number, len(kinds))
        other = paths[(place + 1 + number % others) % len(paths)]
        jobs.append(Job(number, paths[place % len(paths)], other, kinds[kind], seed, decoder))
    return jobs


def read_damaged(job: Job) -> Found:
    """Write the damaged file, read it, hold it against the original (in a worker process)."""
    content = mutate(job)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"damaged{job.path.suffix}"
        path.write_bytes(content)
        clips = _read(path, job.decoder)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    return compare(clips, _original(job.path), peak)


@lru_cache(maxsize=4)
def _original(path: Path) -> Clips:
    return _read(path, "pyav")


def _read(path: Path, decoder: str) -> Clips:
    return read_clips(path, clips=CLIPS, frames=FRAMES, decoder=decoder, keep_partial=True)


def compare(clips: Clips, original: Clips, peak: int) -> Found:
    """Count pictures that are black, of one colour, or visibly off where the original's are not.

    Pictures are held against those of the same frame numbers where the clips fall on the same.
    """
    black = int((_brightest(clips.frames) == 0).sum()) if _brightest(original.frames).min() else 0
    few, whole = clips.frames[:, ::4, ::4], original.frames[:, ::4, ::4]  # pixels, for speed
    flat = int((_contrast(few) == 0).sum()) if _contrast(whole).min() else 0
    off = 0
    if clips.frame_count == original.frame_count and few.shape == whole.shape:
        off = int((np.abs(few.astype(np.int16) - whole).mean((1, 2, 3)) > OFF).sum())
    return Found(clips.note, len(clips.frames), black, flat, off, peak)


def _brightest(frames: np.ndarray) -> np.ndarray:
    return frames.reshape(len(frames), -1).max(1)


def _contrast(frames: np.ndarray) -> np.ndarray:
    return (frames.max((1, 2)).astype(int) - frames.min((1, 2))).max(1)


def mutate(job: Job) -> bytes:
    """The damaged file's bytes: a function of the job alone."""
    rng = np.random.default_rng([job.seed, job.number])
    content = np.fromfile(job.path, dtype=np.uint8)
    other = np.fromfile(job.other, dtype=np.uint8)
    return MUTATIONS[job.kind](content, other, rng).tobytes()


Mutation = Callable[[np.ndarray, np.ndarray, np.random.Generator], np.ndarray]


def _flip(share: float) -> Mutation:
    """Flip this share of the file's bits, at least one."""

    def mutation(content: np.ndarray, _: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        bits = rng.integers(0, 8 * len(content), max(1, round(share * 8 * len(content))))
        np.bitwise_xor.at(content, bits // 8, (1 << (bits % 8)).astype(np.uint8))
        return content

    return mutation


def _header(content: np.ndarray, _: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Other values in a few bytes at the front or the end, where indices are."""
    places = rng.integers(0, min(HEADER, len(content)), rng.integers(1, 9))
    places = places if rng.random() < 0.7 else len(content) - 1 - places
    before, drawn = content[places], rng.integers(0, 256, len(places))
    content[places] = np.where(drawn == before, before ^ 1, drawn)
    return content


def _truncate(content: np.ndarray, _: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    return content[: rng.integers(0, len(content))]


def _swap(content: np.ndarray, other: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """The front of another file before the rest of this one."""
    length = int(rng.integers(16, HEADER))
    return np.concatenate([other[:length], content[length:]])


def _zero(content: np.ndarray, _: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Blocks of zeros, as lost sectors leave."""
    for start in rng.integers(0, len(content), rng.integers(1, 9)):
        content[start : start + rng.integers(512, 4097)] = 0
    return content


def _noise(content: np.ndarray, _: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A block of noise."""
    start, length = rng.integers(0, len(content)), rng.integers(64, 4097)
    block = content[start : start + length]
    block[:] = rng.integers(0, 256, len(block))
    return content


def _append(content: np.ndarray, other: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Noise, or the front of another file, at the end."""
    length = int(rng.integers(1, 20_000))
    noise = rng.integers(0, 256, length).astype(np.uint8)
    return np.concatenate([content, noise if rng.random() < 0.5 else other[:length]])


def _remove(content: np.ndarray, _: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A piece cut out: all behind it lies at another place than the index says."""
    start, length = rng.integers(0, len(content)), rng.integers(1, 2000)
    return np.delete(content, slice(start, start + length))


MUTATIONS: dict[str, Mutation] = {
    "bits, one": _flip(0.0),
    "bits, 1e-5": _flip(1e-5),
    "bits, 1e-4": _flip(1e-4),
    "bits, 1e-3": _flip(1e-3),
    "bits, 1e-2": _flip(1e-2),
    "header": _header,
    "truncate": _truncate,
    "swap": _swap,
    "zero": _zero,
    "noise": _noise,
    "append": _append,
    "remove": _remove,
}
