"""Parts of a store while it grows, so that a kill or a full disk costs little.

`STORE.h5.parts/<process>-<number>.h5` is a store of some videos, written whole and fsynced.  At the
end the parts are merged into `STORE.h5`; started again, extraction goes on after the last of them.
"""

import errno
import json
import os
import shutil
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from data_loader.store.merge import StoredVideos
from data_loader.store.open import Store
from preprocess.extraction.decode_task import Decoded, DecodeTask
from preprocess.extraction.failures import Outcome
from preprocess.extraction.output import StoreOutput
from preprocess.extraction.paths import parts_folder
from util.errors import UserError
from util.files import CURE

FULL = (errno.ENOSPC, errno.EDQUOT)


def stores_so_far(output: StoreOutput) -> dict[str, Store]:
    """{video: store or part that holds it}, the last where several do.

    Raises UserError if one was made in another way than asked for, or than the others.
    """
    parts = parts_folder(output.path)
    stores = [output.open(output.path)] if output.path.exists() else []
    stores += [output.open(part) for part in _by_age(parts)]
    for store in stores:
        difference = store.provenance.first_difference(
            output.provenance.completed_by(stores[0].provenance)
        )
        if difference:
            key, made, wanted = difference
            path = output.path if store.path == output.path else parts
            raise UserError(
                f"{path}: made with {key} {json.dumps(made)}, asked for {json.dumps(wanted)}; "
                "give another --output, "
                f"or delete {path}"
            )
    return {video: store for store in stores for video in store.ids}


def _by_age(parts: Path) -> list[Path]:
    """The parts of a store, the last one written last."""
    return sorted(parts.glob("*.h5"), key=lambda part: (part.stat().st_mtime_ns, part.name))


class ShardWriter:
    """Collects what a store holds of each video, and writes it in parts of `size` videos."""

    def __init__(self, output: StoreOutput, *, size: int, process: int) -> None:
        self.output, self.size = output, size
        self._prefix = f"{process}-"
        self._waiting: list[Any] = []
        self._lock = threading.Lock()
        folder = parts_folder(output.path)
        for left in folder.glob(f"{self._prefix}*.partial"):  # by a kill
            left.unlink()
        numbers = [p.stem.removeprefix(self._prefix) for p in folder.glob(f"{self._prefix}*.h5")]
        self._next = 1 + max((int(number) for number in numbers if number.isdigit()), default=-1)

    def add(self, one: Any) -> None:
        """Take one video, from any thread; writes a part when there are enough.

        While it writes, other threads wait, so that a kill costs one part and not more.
        """
        with self._lock:
            self._waiting.append(one)
            if len(self._waiting) >= self.size:
                self._write()

    def flush(self) -> None:
        """Write what waits."""
        with self._lock:
            if self._waiting:
                self._write()

    def _write(self) -> None:
        path = parts_folder(self.output.path) / f"{self._prefix}{self._next:06d}.h5"
        sizes = [_bytes(one) for one in self._waiting]
        with room(path, sum(sizes) + max(sizes)):  # HDF5's last chunk may be half empty
            self.output.write(path, self._waiting, self.output.provenance)
        self._next += 1
        self._waiting = []


class ShardWriters:
    """The parts of all outputs that one process writes."""

    def __init__(self, outputs: Sequence[StoreOutput], *, size: int, process: int) -> None:
        self._writers = [ShardWriter(output, size=size, process=process) for output in outputs]

    def add(self, task: DecodeTask, decoded: Decoded) -> Outcome:
        """Take one decoded video into each output that lacks it, from any thread."""
        for index, clips in decoded.clips.items():
            writer = self._writers[index]
            writer.add(writer.output.make(task.video, clips, decoded.file_sha256))
        return Outcome(task, next(iter(decoded.clips.values())).frame_count, decoded.seconds)

    def flush(self) -> None:
        """Write what waits."""
        for writer in self._writers:
            writer.flush()


def merge(output: StoreOutput, stored: dict[str, Store], order: list[str]) -> None:
    """Write the store: videos of the earlier store, then those of `order`; the parts go.

    It says of versions what the last part says.
    """
    parts = parts_folder(output.path)
    if written := _by_age(parts):
        earlier = [video for video, store in stored.items() if store.path == output.path]
        named = [video for video in order if video in stored]
        videos = list(dict.fromkeys([*earlier, *named, *stored]))
        files = {store.path for store in stored.values()}
        with room(output.path, sum(file.stat().st_size for file in files)):
            provenance = output.open(written[-1]).provenance
            output.write(output.path, StoredVideos(stored, videos), provenance)
    if parts.exists():
        shutil.rmtree(parts)


@contextmanager
def room(path: Path, size: int) -> Iterator[None]:
    """Have `size` bytes for `path` on its disk; UserError, naming the cure, where they are not.

    Asked beforehand, because HDF5 crashes when a disk is full in the middle of a file.
    """
    size += 2**17  # HDF5's own
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        _reserve(path.with_name(path.name + ".room.partial"), size)
        yield
    except OSError as error:
        if error.errno == errno.EFBIG:
            raise UserError(
                f"{path}: a file of {size / 2**20:.1f} MiB is larger than may be written there; "
                "raise the limit (ulimit -f) and give the same command again, which goes on where "
                "it was, or give another --output"
            ) from error
        if error.errno not in FULL:
            raise UserError(f"{path}: cannot be written ({error.strerror}); {CURE}") from error
        missing = max(1, -(-(size - shutil.disk_usage(path.parent).free) // 2**20))
        raise UserError(
            f"{path}: the disk is full; free {missing} MiB there and give the same command again, "
            "which goes on where it was, or give another --output"
        ) from error


def _reserve(trial: Path, size: int) -> None:
    """Take `size` bytes of the disk, quotas heeded, and give them back.  Raises OSError."""
    try:
        with trial.open("wb") as file:
            os.posix_fallocate(file.fileno(), 0, size)
    except OSError as error:
        if error.errno in (*FULL, errno.EFBIG, errno.EACCES, errno.EROFS):
            raise
        if shutil.disk_usage(trial.parent).free < size:  # some file systems cannot reserve
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)) from error
    finally:
        trial.unlink(missing_ok=True)


def _bytes(one: Any) -> int:
    """Bytes of one video in a store."""
    arrays = (value for value in vars(one).values() if isinstance(value, np.ndarray))
    return 2**10 + sum(array.nbytes for array in arrays)
