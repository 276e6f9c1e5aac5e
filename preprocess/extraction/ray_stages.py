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
from typing import TYPE_CHECKING, Any

import pyarrow as pa  # pyright: ignore[reportMissingImports]  (Ray Data brings it)

from data_loader.store.provenance import Provenance, check_same
from options.preprocess.extract import VideoOptions
from preprocess.extraction.decode_task import Decoded, DecodeSettings, DecodeTask, decode
from preprocess.extraction.failures import Outcome
from preprocess.extraction.worker import Failure, run_in_workers
from util.errors import UserError

if TYPE_CHECKING:
    from preprocess.extraction.shards import ShardWriters  # it imports torch


@dataclass(frozen=True)
class Ready:
    """A video between the stages."""

    task: DecodeTask
    result: Decoded | Failure | UserError  # UserError: what the user must mend


@dataclass(frozen=True)
class Done:
    """A video behind the stages: its parts are written, or it has failed."""

    video: str = ""
    outcome: Outcome | None = None
    failure: Failure | None = None
    parts: tuple[Path, ...] = ()
    # What the user must mend, which stops the run: raised, Ray would hand it on as a text, after
    # its own.
    mistake: UserError | None = None


def pack(items: Iterable[Any]) -> pa.Table:
    """Objects -> a table of them."""
    cells = [pickle.dumps(item, pickle.HIGHEST_PROTOCOL) for item in items]
    return pa.table({"item": pa.array(cells, pa.large_binary())})


def unpack(table: pa.Table) -> Iterator[Any]:
    """The objects of a table, one after the other."""
    return map(_object, table["item"])


def _object(cell: pa.LargeBinaryScalar) -> Any:
    return pickle.loads(cell.as_buffer())


def decode_videos(table: pa.Table, *, settings: DecodeSettings) -> Iterator[pa.Table]:
    """`DecodeTask`s, whose files the command saw -> `Ready` videos: a task of Ray.

    In a process of its own beside the task, as in `preprocess.videos`: a file that crashes or hangs
    its decoder costs itself.
    """
    results = run_in_workers(
        partial(decode, settings),
        unpack(table),
        workers=1,
        time_limit=settings.options.time_limit,
        ahead=2,
    )
    for task, result in results:
        if isinstance(result, Failure) and not task.file.is_file():
            result = UserError(
                f"{task.file}: not on {os.uname().nodename}, but where the command was given; keep "
                "the videos in a folder that all machines share, under one path"
            )
        yield pack([Ready(task, result)])


class Networks:
    """All outputs of the command: an actor of Ray; a call writes one part of each store.

    A part is whole before the call returns, so an actor that dies loses what Ray calls again.
    """

    def __init__(
        self, *, options: VideoOptions, expected: list[Provenance], folder: str, threads: int
    ) -> None:
        """`expected`: of each output as the command has it; `folder`: where it was given."""
        import torch

        torch.set_num_threads(1)  # as preprocess.videos: a video for each thread
        self.size = options.shard
        self.pool = ThreadPoolExecutor(threads)
        self.mistake: UserError | None = None
        try:
            self.outputs = self._open(options, expected, folder, threads)
        except UserError as error:
            self.mistake = error

    def _open(
        self, options: VideoOptions, expected: list[Provenance], folder: str, threads: int
    ) -> list[Any]:
        from preprocess.extraction.output import choose_outputs, load_outputs

        node = os.uname().nodename
        try:
            os.chdir(folder)  # paths of the command are relative to it
        except OSError as error:
            raise UserError(
                f"{folder}: not on {node}, but the command was given there; work in a folder that "
                "all machines share, under one path"
            ) from error
        outputs = choose_outputs(options)
        load_outputs(outputs, options, threads=threads)
        for output, provenance in zip(outputs, expected, strict=True):
            check_same(output.provenance, provenance, output.path, node)
        return outputs

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
        from preprocess.extraction.shards import ShardWriters, parts_folder

        number = uuid.uuid4().int >> 64  # nobody else's, whatever was written before
        writers = ShardWriters(self.outputs, size=self.size, process=number)
        done = list(self.pool.map(partial(_compute, writers), table["item"]))
        writers.flush()
        parts = tuple(
            path.absolute()
            for output in self.outputs
            for path in parts_folder(output.path).glob(f"{number}-*.h5")
        )
        return [replace(one, parts=parts) for one in done]


def _compute(writers: "ShardWriters", cell: pa.LargeBinaryScalar) -> Done:
    ready: Ready = _object(cell)
    if isinstance(ready.result, UserError):
        raise ready.result
    if isinstance(ready.result, Failure):
        return Done(ready.task.video, failure=ready.result)
    return Done(ready.task.video, writers.add(ready.task, ready.result))
