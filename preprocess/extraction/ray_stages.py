"""What the machines of a cluster do: tasks that decode, actors with the networks.

Both take and return Arrow tables of one column, `item`, of pickled objects: Ray keeps them in
shared memory, and an actor unpacks one video at a time.  Only the actors import torch.
"""

import os
import pickle
import uuid
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import pyarrow as pa  # pyright: ignore[reportMissingImports]  (Ray Data brings it)

from data_loader.store.provenance import Provenance, check_same
from options.preprocess.extract import VideoOptions
from preprocess.extraction.decode_task import Decoded, Job, decode
from preprocess.extraction.worker import Failure, run_in_workers
from util.errors import UserError


@dataclass(frozen=True)
class Pending:
    """A video to be decoded, whose file the command saw; places: of the products that lack it."""

    job: Job
    places: tuple[int, ...]


@dataclass(frozen=True)
class Ready:
    """A video that was decoded, or why it was not, or what the user must mend."""

    video: str
    places: tuple[int, ...]
    result: Decoded | Failure | UserError


@dataclass(frozen=True)
class Done:
    """A video whose parts are written: its frames and the seconds of decoding.

    Or why it is not stored; or what the user must mend, which stops the run.
    """

    video: str = ""
    frames: int = 0
    seconds: float = 0.0
    failure: Failure | None = None
    parts: tuple[Path, ...] = ()
    mistake: UserError | None = None  # Ray would hand on what is raised as a text, after its own


def pack(items: Iterable[Any]) -> pa.Table:
    """Objects -> a table of them."""
    cells = [pickle.dumps(item, pickle.HIGHEST_PROTOCOL) for item in items]
    return pa.table({"item": pa.array(cells, pa.large_binary())})


def unpack(table: pa.Table) -> Iterator[Any]:
    """The objects of a table, one after the other."""
    return map(_object, table["item"])


def _object(cell: pa.LargeBinaryScalar) -> Any:
    return pickle.loads(cell.as_buffer())


def decode_videos(table: pa.Table, *, time_limit: float) -> Iterator[pa.Table]:
    """`Pending` videos -> `Ready` ones: a task of Ray.

    In a process of its own beside the task, as in `preprocess.videos`: a file that crashes or hangs
    its decoder costs itself.
    """
    pending = {item.job.video: item for item in unpack(table)}
    jobs = [item.job for item in pending.values()]
    for job, result in run_in_workers(decode, jobs, workers=1, time_limit=time_limit, ahead=2):
        item, found = pending[job.video], result
        if isinstance(result, Failure) and not job.file.is_file():
            found = UserError(
                f"{job.file}: not on {os.uname().nodename}, but where the command was given; keep "
                "the videos in a folder that all machines share, under one path"
            )
        yield pack([Ready(job.video, item.places, found)])


class Networks:
    """All products of the command: an actor of Ray; a call writes one part of each store.

    A part is whole before the call returns, so an actor that dies loses what Ray calls again.
    asked: the provenance of each product as the command has it; folder: where it was given.
    """

    def __init__(
        self, *, options: VideoOptions, asked: list[Provenance], folder: str, threads: int
    ) -> None:
        import torch

        torch.set_num_threads(1)  # as preprocess.videos: a video for each thread
        self.size = options.shard
        self.pool = ThreadPoolExecutor(threads)
        self.mistake: UserError | None = None
        try:
            self.products = self._open(replace(options, threads=threads), asked, folder)
        except UserError as error:
            self.mistake = error

    def _open(self, options: VideoOptions, asked: list[Provenance], folder: str) -> list[Any]:
        from preprocess.extraction.output import choose_products

        node = os.uname().nodename
        try:
            os.chdir(folder)  # paths of the command are relative to it
        except OSError as error:
            raise UserError(
                f"{folder}: not on {node}, but the command was given there; work in a folder that "
                "all machines share, under one path"
            ) from error
        products = choose_products(options)
        for product, expected in zip(products, asked, strict=True):
            check_same(product.provenance, expected, product.output, node)
        return products

    def __call__(self, table: pa.Table) -> pa.Table:
        """`Ready` videos -> `Done` ones."""
        try:
            if self.mistake:
                raise self.mistake
            return pack(self._store(table))
        except UserError as error:
            return pack([Done(mistake=error)])

    def _store(self, table: pa.Table) -> list[Done]:
        """Write a part of each store."""
        from preprocess.extraction.shards import ShardWriter, parts_folder

        number = uuid.uuid4().int >> 64  # nobody else's, whatever was written before
        writers = [ShardWriter(p, size=self.size, process=number) for p in self.products]
        done = list(self.pool.map(partial(self._compute, writers), table["item"]))
        for writer in writers:
            writer.flush()
        parts = tuple(
            path.absolute()
            for product in self.products
            for path in parts_folder(product.output).glob(f"{number}-*.h5")
        )
        return [replace(one, parts=parts) for one in done]

    def _compute(self, writers: list[Any], cell: pa.LargeBinaryScalar) -> Done:
        ready = _object(cell)
        if isinstance(ready.result, UserError):
            raise ready.result
        if isinstance(ready.result, Failure):
            return Done(ready.video, failure=ready.result)
        decoded = ready.result
        for place, clips in zip(ready.places, decoded.clips, strict=True):
            made = self.products[place].make(ready.video, clips, decoded.file_sha256)
            writers[place].add(made)
        return Done(ready.video, decoded.clips[0].frame_count, decoded.seconds)
