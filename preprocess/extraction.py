"""Extraction of features or clips from video files: what `python -m preprocess.videos` does.

Each video is decoded once, in a worker process, for all products; the networks run here while the
workers decode on.  What is stored grows in parts (`preprocess.shards`); videos that cannot be read
are set aside (`preprocess.quarantine`).
"""

import os
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any, TypeVar

import torch
import torch.distributed as dist
from tqdm import tqdm

from options.video import VideoOptions
from preprocess.decoders import VideoError, require_decoder
from preprocess.inputs import list_videos, name_videos
from preprocess.jobs import Decoded, Job, make_job
from preprocess.pipeline import choose_crew, run_pipeline
from preprocess.products import Product, choose_products, parts_folder
from preprocess.quarantine import (
    Row,
    is_known,
    make_row,
    quarantine_file,
    rows_so_far,
    write_rows,
)
from preprocess.shards import ShardWriter, merge, stores_so_far
from preprocess.workers import Failure
from util.distributed import process_group, rank, world_size
from util.errors import UserError

T = TypeVar("T")

PATIENCE = timedelta(days=30)  # how long a process waits for those with longer videos
MANY = 8  # videos from which OpenVINO saves more than it takes to convert a network (1 to 40 s)


# (videos and the places of the products that lack them, all files, products, options, rows of
# earlier runs) -> what became of each video
Work = Callable[
    [dict[str, tuple[int, ...]], dict[str, Path], list[Product], VideoOptions, dict[str, Row]],
    list["Outcome"],
]


@dataclass(frozen=True)
class Outcome:
    """What became of one video: its frames and the seconds of decoding, or why it was set aside."""

    video: str
    places: tuple[int, ...]  # of the products that lacked it
    frames: int = 0
    seconds: float = 0.0
    row: Row | None = None


def extract_together(options: VideoOptions) -> int:
    """`extract`, as one of the processes of torchrun where it started several."""
    with process_group("cpu"):  # only lists are exchanged
        if world_size() > 1 and options.device == "auto" and torch.cuda.is_available():
            local = int(os.environ["LOCAL_RANK"]) % torch.cuda.device_count()
            options = replace(options, device=f"cuda:{local}")
        files = name_videos(list_videos(options.videos), options.id_map)
        products = choose_products(options, auto="auto" if len(files) >= MANY else "torch")
        return extract(options, files, products, extract_here)


def extract(
    options: VideoOptions, files: dict[str, Path], products: list[Product], work: Work
) -> int:
    """Extract what the options say of `files`, by `work` -> 0, or 1 if videos are in quarantine.

    Raises UserError if there is nothing to store, and for all that the user must mend.
    """
    require_decoder(options.decoder)
    stored = [stores_so_far(product) for product in products]
    lacking = {
        video: places
        for video in files
        if (places := tuple(i for i, have in enumerate(stored) if video not in have))
    }
    # One process says what is to be done, and none begins before all have looked.
    lacking, known = _gather((lacking, _known(lacking, files, products, options)))[0]
    todo = [video for video in lacking if video not in known]
    begin = time.perf_counter()
    mine = {video: lacking[video] for video in todo[rank() :: world_size()]}
    outcomes = work(mine, files, products, options, known) if mine else []
    outcomes = [outcome for share in _gather(outcomes) for outcome in share]
    if rank() > 0:
        return 0
    rows = known | {outcome.video: outcome.row for outcome in outcomes if outcome.row}
    for place, product in enumerate(products):
        here = [o for o in outcomes if place in o.places]
        aside = [rows[video] for video in files if video in rows and place in lacking[video]]
        seconds = time.perf_counter() - begin
        print(_finish(product, list(files), here, aside, seconds))
    return 1 if rows else 0


def _known(
    lacking: dict[str, tuple[int, ...]],
    files: dict[str, Path],
    products: list[Product],
    options: VideoOptions,
) -> dict[str, Row]:
    """Rows of the videos that were set aside before, and would be again."""
    if options.retry:
        return {}
    listed: dict[str, Row] = {}
    for product in products:
        listed |= rows_so_far(product.output)
    return {
        video: listed[video]
        for video in lacking
        if is_known(listed.get(video), files[video], tried(options))
    }


def tried(options: VideoOptions) -> dict[str, Any]:
    """The options that decide whether a video can be read."""
    names = ("decoder", "keep_partial", "time_limit")
    return {name: getattr(options, name) for name in names}


@dataclass(frozen=True)
class Aside:
    """Videos that cannot be read: said, and written down at once beside the parts of each store.

    name: of the file there; rows: those of an earlier run, which a kill shall not lose, to
    begin with; mine: the places of the products that lack each video.
    """

    name: str
    rows: dict[str, Row]
    mine: dict[str, tuple[int, ...]]
    files: dict[str, Path]
    products: Sequence[Product]
    options: VideoOptions

    def add(self, video: str, reason: str) -> Outcome:
        """Set one video aside; VideoError with --strict."""
        file = self.files[video]
        if self.options.strict:
            raise VideoError(
                file,
                f"{reason}; --strict stops here, without it such videos are set aside; what is "
                "done stays, the same command goes on",
            )
        tqdm.write(f"set aside {file}: {reason}", file=sys.stderr)
        row = self.rows[video] = make_row(video, file, reason, tried(self.options))
        for place in self.mine[video]:
            here = [r for v, r in self.rows.items() if place in self.mine.get(v, (place,))]
            write_rows(parts_folder(self.products[place].output) / self.name, here)
        return Outcome(video, self.mine[video], row=row)


def extract_here(
    mine: dict[str, tuple[int, ...]],
    files: dict[str, Path],
    products: list[Product],
    options: VideoOptions,
    known: dict[str, Row],
) -> list[Outcome]:
    """Store each of this process's videos for the products that lack it, or set it aside."""
    writers = [ShardWriter(p, size=options.shard, process=rank()) for p in products]
    outcomes: list[Outcome] = []

    def compute(job: Job, decoded: Decoded) -> Outcome:
        for place, clips in zip(mine[job.video], decoded.clips, strict=True):
            writers[place].add(products[place].make(job.video, clips, decoded.file_sha256))
        frames = decoded.clips[0].frame_count
        return Outcome(job.video, mine[job.video], frames, decoded.seconds)

    aside = Aside(f"{rank()}.json", dict(known), mine, files, products, options)
    jobs = (
        make_job(options, video, files[video], [products[place].picture for place in places])
        for video, places in mine.items()
    )
    gpu = options.device != "cpu" and torch.cuda.is_available()
    workers, threads = choose_crew(workers=options.workers, threads=options.threads, gpu=gpu)
    results = run_pipeline(
        jobs,
        compute,
        workers=min(workers, max(1, len(mine))),
        threads=threads,
        time_limit=options.time_limit,
    )
    bar = tqdm(
        total=len(mine),
        unit="video",
        desc="+".join(product.name for product in products),
        disable=not mine or rank() > 0,
    )
    try:
        with closing(results), bar:
            for job, result in results:
                failed = isinstance(result, Failure)
                outcomes.append(aside.add(job.video, result.reason) if failed else result)
                bar.update()
    finally:  # also when it is stopped: what is computed stays
        for writer in writers:
            writer.flush()
    return outcomes


def _finish(
    product: Product, order: list[str], outcomes: list[Outcome], aside: list[Row], seconds: float
) -> str:
    """Merge the parts of one product, write its quarantine -> the line that says what was done."""
    output = product.output
    stored = stores_so_far(product)
    write_rows(quarantine_file(output), aside)
    merge(product, stored, order)
    if not stored:
        raise UserError(
            f"{output}: not made, none of {len(order)} videos can be read; first "
            f"{aside[0]['file']}: {aside[0]['reason']}; all are listed in {quarantine_file(output)}"
        )
    good = [outcome for outcome in outcomes if not outcome.row]
    frames = sum(outcome.frames for outcome in good)
    speed = ""
    if frames:
        decoding = sum(outcome.seconds for outcome in good)
        speed = (
            f"; {frames} frames decoded at {frames / decoding:.0f} frames/s a worker, the whole at "
            f"{frames / seconds:.0f} frames/s, {len(good) / seconds:.2f} videos/s ({seconds:.1f} s)"
        )
    total = len({*order, *stored})
    counts = f"{len(stored)} of {total} videos stored ({len(good)} new), {len(aside)} in quarantine"
    return f"{output}: {counts}{speed}; {output.stat().st_size / 2**20:.1f} MiB"


def _gather(value: T) -> list[T]:
    """The values of all processes, by rank; waits for the slowest, which may take days."""
    if world_size() == 1:
        return [value]
    group: Any = dist.new_group(timeout=PATIENCE)
    values: list[Any] = [None] * world_size()
    dist.all_gather_object(values, value, group=group)
    return values
