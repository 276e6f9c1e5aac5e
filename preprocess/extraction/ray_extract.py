"""Extraction of one command's videos on the machines of a Ray cluster, seen from the command."""

import sys
import time
from collections.abc import Callable, Sequence
from contextlib import closing, redirect_stdout
from dataclasses import replace
from pathlib import Path
from typing import Any

from tqdm import tqdm

from options.preprocess.cluster import ClusterOptions
from options.preprocess.extract import VideoOptions
from preprocess.extraction.decode_task import DecodeTask
from preprocess.extraction.failures import FailureLog, Outcome
from preprocess.extraction.output import StoreOutput, load_outputs
from preprocess.extraction.plan import Plan
from preprocess.extraction.ray_driver import connected, run
from preprocess.extraction.shards import stores_so_far
from util.errors import UserError

PATIENCE = 90.0  # seconds until a file of another machine shows: network file systems keep lists


def extract_on_cluster(
    assigned: list[DecodeTask],
    plan: Plan,
    outputs: Sequence[StoreOutput],
    options: VideoOptions,
    *,
    cluster: ClusterOptions,
) -> list[Outcome]:
    """Extract the videos on the machines of a Ray -> their outcomes."""

    load_outputs(outputs, replace(options, device="cpu"))  # the networks are at work elsewhere
    for output in outputs:
        stores_so_far(output)  # now that all of its provenance is known
    stores = [output.path for output in outputs]
    failures = FailureLog("ray.json", list(plan.failed), stores, options)
    tasks = {task.video: task for task in assigned}
    parts: set[Path] = set()
    outcomes: list[Outcome] = []

    def take(done: Any) -> Outcome:
        if done.mistake:
            raise done.mistake
        task = tasks[done.video]  # with the file as it was given
        if done.failure:
            return failures.add(task, done.failure)
        for part in set(done.parts) - parts:
            wait_until(part.is_file, part)
            parts.add(part)
        return replace(done.outcome, task=task)

    # Ray prints on the output stream which processes died; that one is for our line.
    with (
        redirect_stdout(sys.stderr),
        connected(cluster),
        closing(run(assigned, outputs, options, cluster)) as results,
    ):
        name = "+".join(output.name for output in outputs)
        for done in tqdm(results, total=len(assigned), unit="video", desc=name):
            outcomes.append(take(done))
    for folder in {part.parent for part in parts}:
        here = {part for part in parts if part.parent == folder}
        wait_until(lambda here=here, folder=folder: here <= set(folder.glob("*.h5")), folder)
    return outcomes


def wait_until(condition: Callable[[], bool], path: Path) -> None:
    """Wait for what another machine wrote; UserError if it does not show."""
    limit = time.monotonic() + PATIENCE
    while not condition():
        if time.monotonic() > limit:
            raise UserError(
                f"{path}: written by a machine of the cluster, but not to be seen here; give an "
                "--output in a folder that all machines share, under one path"
            )
        time.sleep(0.5)
