"""Extraction of features or clips from video files: what `python -m preprocess.videos` does.

The road of a video: listed (`plan`), decoded once for all outputs in a process (`decode_task`,
`worker`), taken through the networks in a thread (`pipeline`, `output`), written in a part of each
store (`shards`), and merged.  Videos that cannot be read are listed (`failures`).
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
from preprocess.extraction.decode_task import Decoded, DecodeSettings, DecodeTask
from preprocess.extraction.failures import FailureLog, Outcome, write_failed
from preprocess.extraction.output import StoreOutput, choose_outputs, load_outputs
from preprocess.extraction.paths import failed_videos_file
from preprocess.extraction.pipeline import choose_pool_sizes, run_pipeline
from preprocess.extraction.plan import Plan, check_outputs, make_plan
from preprocess.extraction.shards import ShardWriters, merge, stores_so_far
from preprocess.extraction.worker import Failure
from preprocess.video.clips import Clips
from preprocess.video.decoders import DECODERS
from preprocess.video.resize import InputSpec, Thumbnail
from util.distributed import process_group, rank, world_size
from util.errors import UserError
from util.text import printable

T = TypeVar("T")

PATIENCE = timedelta(days=30)  # how long a process waits for those with longer videos
MANY = 8  # videos from which OpenVINO saves more than it takes to convert a network (1 to 40 s)


# (this process's videos, the whole plan, the stores, options) -> result of each video
ExtractVideos = Callable[
    [list[DecodeTask], Plan, Sequence[StoreOutput], VideoOptions], list[Outcome]
]


def extract_together(options: VideoOptions) -> int:
    """`extract`, as one of the processes of torchrun where it started several."""
    with process_group("cpu"):  # only lists are exchanged
        if world_size() > 1 and options.device == "auto" and torch.cuda.is_available():
            local = int(os.environ["LOCAL_RANK"]) % torch.cuda.device_count()
            options = replace(options, device=f"cuda:{local}")
        return extract(options, extract_here)


def extract(options: VideoOptions, extract_videos: ExtractVideos) -> int:
    """Extract what the options say -> 0, or 1 if videos have failed.

    One process plans for all, holds the locks of the outputs and merges; networks are loaded by
    `extract_videos`, which is not called where nothing is missing.  Raises UserError if there is
    nothing to store, a video is lost on the way, and for all that the user must mend.
    """
    DECODERS[options.decoder].require()
    check_outputs(options)
    outputs = choose_outputs(options)
    with ExitStack() as locks:
        plan = _from_the_first(lambda: make_plan(options, outputs, locks))
        begin = time.perf_counter()
        assigned = plan.tasks[rank() :: world_size()]
        done = extract_videos(assigned, plan, outputs, options) if assigned else []
        outcomes = [*plan.failed, *(outcome for share in _gather(done) for outcome in share)]
        if rank() > 0:
            return 0
        for index, output in enumerate(outputs):
            here = [outcome for outcome in outcomes if index in outcome.task.outputs]
            print(_finish(output, plan.order, here, time.perf_counter() - begin))
            if plan.checked[index] or here:
                # Since when its videos' files are known to be those of before.  Not the time of
                # writing: a file may have changed while others were decoded.
                os.utime(output.path, ns=(plan.begin, plan.begin))
    return 1 if any(outcome.failed for outcome in outcomes) else 0


@dataclass(frozen=True)
class Shown:
    """What people are shown of videos, decoded along with what networks take."""

    picture: Thumbnail
    take: Callable[[str, Clips], None]  # a video's id and its clips' middle frames, from any thread


def extract_here(
    assigned: list[DecodeTask],
    plan: Plan,
    outputs: Sequence[StoreOutput],
    options: VideoOptions,
    shown: Shown | None = None,
) -> list[Outcome]:
    """Extract this process's videos: decode in processes, compute in threads, write parts.

    What is `shown` of a video is taken before a part with it is written.
    """
    gpu = options.device != "cpu" and torch.cuda.is_available()
    workers, threads = choose_pool_sizes(workers=options.workers, threads=options.threads, gpu=gpu)
    # By those asked for, not those missing: a run that goes on shall do as before.
    auto = "auto" if len(plan.order) >= MANY else "torch"
    load_outputs(outputs, options, auto=auto, threads=threads)
    for output in outputs:
        stores_so_far(output)  # now that all of its provenance is known
    writers = ShardWriters(outputs, size=options.shard, process=rank())
    stores = [output.path for output in outputs]
    failures = FailureLog(f"{rank()}.json", list(plan.failed), stores, options)
    own = {task.video: task for task in assigned}
    specs: list[InputSpec | Thumbnail] = [output.spec for output in outputs]
    tasks = assigned
    if shown is not None:
        specs.append(shown.picture)
        tasks = [replace(task, outputs=(*task.outputs, len(outputs))) for task in assigned]

    def compute(task: DecodeTask, decoded: Decoded) -> Outcome:
        if shown is not None:
            shown.take(task.video, decoded.clips.pop(len(outputs)))
        return writers.add(own[task.video], decoded)

    results = run_pipeline(
        tasks,
        compute,
        settings=DecodeSettings(options, tuple(specs)),
        workers=min(workers, len(assigned)),
        threads=threads,
    )
    bar = tqdm(
        total=len(assigned),
        unit="video",
        desc="+".join(output.name for output in outputs),
        disable=rank() > 0,
    )
    outcomes: list[Outcome] = []
    try:
        with closing(results), bar:
            for task, result in results:
                failed = isinstance(result, Failure)
                outcomes.append(failures.add(own[task.video], result) if failed else result)
                bar.update()
    finally:  # also when it is stopped: what is computed stays
        writers.flush()
    return outcomes


def _finish(output: StoreOutput, order: list[str], outcomes: list[Outcome], seconds: float) -> str:
    """Merge the parts of one store, write its list -> the line that says what was done.

    outcomes: of the videos that it lacked, or whose file has changed.
    """
    path = output.path
    stored = stores_so_far(output)
    by_video = {outcome.task.video: outcome for outcome in outcomes if outcome.failed}
    failed = [by_video[video] for video in order if video in by_video]
    write_failed(failed_videos_file(path), failed)
    merge(output, stored, order)
    if not stored:
        first = failed[0].failed
        assert first is not None
        raise UserError(
            f"{path}: not made, none of {len(order)} videos can be read; first "
            f"{printable(first.file)}: {first.reason}; all are listed in {failed_videos_file(path)}"
        )
    if lost := [video for video in order if video not in stored and video not in by_video]:
        raise UserError(
            f"{path}: {len(lost)} of {len(order)} videos are neither stored nor set aside "
            f"({printable(', '.join(lost[:5]))}{', ...' if len(lost) > 5 else ''}): its parts were "
            "taken away while it grew; give the same command again"
        )
    good = [outcome for outcome in outcomes if not outcome.failed]
    frames = sum(outcome.frames for outcome in good)
    speed = ""
    if frames:
        decoding = sum(outcome.seconds for outcome in good)
        speed = (
            f"; {frames} frames decoded at {frames / decoding:.0f} frames/s a worker, the whole at "
            f"{frames / seconds:.0f} frames/s, {len(good) / seconds:.2f} videos/s ({seconds:.1f} s)"
        )
    total = len({*order, *stored})
    counts = f"{len(stored)} of {total} videos stored ({len(good)} new), {len(failed)} failed"
    return f"{path}: {counts}{speed}; {path.stat().st_size / 2**20:.1f} MiB"


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
