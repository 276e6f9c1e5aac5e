"""Extraction of features or clips from video files: what `python -m preprocess.videos` does.

Each video is decoded once, in a worker process, for all products; the networks run here while the
workers decode on.  What is stored grows in parts (`preprocess.extraction.shards`); videos
that cannot be read are set aside (`preprocess.extraction.failures`).
"""

import os
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any, TypeVar

import torch
import torch.distributed as dist
from tqdm import tqdm

from options.preprocess.extract import VideoOptions
from preprocess.extraction.decode_task import Decoded, Job, Task, make_job
from preprocess.extraction.failures import FailedVideos, Row, quarantine_file, write_rows
from preprocess.extraction.output import Target, choose_products, choose_targets
from preprocess.extraction.pipeline import choose_crew, run_pipeline
from preprocess.extraction.plan import Plan, check_outputs, make_plan, mark_known
from preprocess.extraction.shards import ShardWriter, merge, stores_so_far
from preprocess.extraction.worker import Failure
from preprocess.video.decoders import require_decoder
from util.distributed import process_group, rank, world_size
from util.errors import UserError
from util.text import printable

T = TypeVar("T")

PATIENCE = timedelta(days=30)  # how long a process waits for those with longer videos
MANY = 8  # videos from which OpenVINO saves more than it takes to convert a network (1 to 40 s)


@dataclass(frozen=True)
class Outcome:
    """What became of one video: its frames and the seconds of decoding, or why it was set aside."""

    task: Task
    frames: int = 0
    seconds: float = 0.0
    row: Row | None = None


# (this process's videos, the whole plan, the stores, options) -> what became of each video
Work = Callable[[list[Task], Plan, Sequence[Target], VideoOptions], list[Outcome]]


def extract_together(options: VideoOptions) -> int:
    """`extract`, as one of the processes of torchrun where it started several."""
    with process_group("cpu"):  # only lists are exchanged
        if world_size() > 1 and options.device == "auto" and torch.cuda.is_available():
            local = int(os.environ["LOCAL_RANK"]) % torch.cuda.device_count()
            options = replace(options, device=f"cuda:{local}")
        return extract(options, extract_here)


def extract(options: VideoOptions, work: Work) -> int:
    """Extract what the options say, by `work` -> 0, or 1 if videos are set aside.

    One process plans for all, holds the locks of the outputs and merges; networks are loaded by
    `work`, which is not called where nothing is lacking.  Raises UserError if there is nothing to
    store, a video is lost on the way, and for all that the user must mend.
    """
    require_decoder(options.decoder)
    check_outputs(options)
    targets = choose_targets(options)
    with ExitStack() as held:
        plan = _from_the_first(lambda: make_plan(options, targets, held))
        begin = time.perf_counter()
        mine = plan.tasks[rank() :: world_size()]
        done = work(mine, plan, targets, options) if mine else []
        outcomes = [Outcome(task, row=row) for task, row in plan.failed]
        outcomes += [outcome for share in _gather(done) for outcome in share]
        if rank() > 0:
            return 0
        for place, target in enumerate(targets):
            here = [outcome for outcome in outcomes if place in outcome.task.places]
            print(_finish(target, plan.order, here, time.perf_counter() - begin))
            if plan.checked[place] or here:
                mark_known(target.output, plan.begin)
    return 1 if any(outcome.row for outcome in outcomes) else 0


def extract_here(
    mine: list[Task], plan: Plan, targets: Sequence[Target], options: VideoOptions
) -> list[Outcome]:
    """Store each of this process's videos where it is lacking, or set it aside."""
    # By those asked for, not those lacking: a run that goes on shall do as before.
    products = choose_products(options, auto="auto" if len(plan.order) >= MANY else "torch")
    for product in products:
        stores_so_far(product)  # now that all of its provenance is known
    writers = [ShardWriter(p, size=options.shard, process=rank()) for p in products]
    tasks = {task.video: task for task in mine}
    outcomes: list[Outcome] = []

    def compute(job: Job, decoded: Decoded) -> Outcome:
        task = tasks[job.video]
        for place, clips in zip(task.places, decoded.clips, strict=True):
            writers[place].add(products[place].make(job.video, clips, decoded.file_sha256))
        return Outcome(task, decoded.clips[0].frame_count, decoded.seconds)

    failed = FailedVideos(f"{rank()}.json", list(plan.failed), targets, options)
    jobs = (
        make_job(options, task, [products[place].picture for place in task.places]) for task in mine
    )
    gpu = options.device != "cpu" and torch.cuda.is_available()
    workers, threads = choose_crew(workers=options.workers, threads=options.threads, gpu=gpu)
    results = run_pipeline(
        jobs,
        compute,
        workers=min(workers, len(mine)),
        threads=threads,
        time_limit=options.time_limit,
    )
    bar = tqdm(
        total=len(mine),
        unit="video",
        desc="+".join(product.name for product in products),
        disable=rank() > 0,
    )
    try:
        with closing(results), bar:
            for job, result in results:
                if isinstance(result, Failure):
                    task = tasks[job.video]
                    result = Outcome(task, row=failed.add(task, result))
                outcomes.append(result)
                bar.update()
    finally:  # also when it is stopped: what is computed stays
        for writer in writers:
            writer.flush()
    return outcomes


def _finish(target: Target, order: list[str], outcomes: list[Outcome], seconds: float) -> str:
    """Merge the parts of one store, write its list -> the line that says what was done.

    outcomes: of the videos that it lacked, or whose file has changed.
    """
    output = target.output
    stored = stores_so_far(target)
    rows = {outcome.task.video: outcome.row for outcome in outcomes if outcome.row}
    aside = [rows[video] for video in order if video in rows]
    write_rows(quarantine_file(output), aside)
    merge(target, stored, order)
    if not stored:
        raise UserError(
            f"{output}: not made, none of {len(order)} videos can be read; first "
            f"{printable(aside[0]['file'])}: {aside[0]['reason']}; all are listed in "
            f"{quarantine_file(output)}"
        )
    if lost := [video for video in order if video not in stored and video not in rows]:
        raise UserError(
            f"{output}: {len(lost)} of {len(order)} videos are neither stored nor set aside "
            f"({printable(', '.join(lost[:5]))}{', ...' if len(lost) > 5 else ''}): its parts were "
            "taken away while it grew; give the same command again"
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


def _from_the_first(make: Callable[[], T]) -> T:
    """What the first process makes, in all of them; or its UserError.  None begins before."""
    made: Any = None
    if rank() == 0:
        try:
            made = make()
        except UserError as error:
            made = error
    made = _gather(made)[0]
    if isinstance(made, UserError):
        raise made
    return made


def _gather(value: T) -> list[T]:
    """The values of all processes, by rank; waits for the slowest, which may take days."""
    if world_size() == 1:
        return [value]
    group: Any = dist.new_group(timeout=PATIENCE)
    values: list[Any] = [None] * world_size()
    dist.all_gather_object(values, value, group=group)
    return values
