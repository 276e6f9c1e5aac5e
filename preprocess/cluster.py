"""`python -m preprocess.cluster`: what `preprocess.videos` does, on all machines of a Ray cluster.

Ray Data takes the videos that are lacking through two stages (`preprocess.extraction.ray_stages`):
tasks that decode, on any core, and actors that hold the networks, on GPUs where there are, and
write parts of the stores into the shared folder.  Going on, quarantine and merge are those of
`preprocess.videos`; so is the store, byte for byte in its data sets.
"""

import sys
import time
from collections.abc import Callable, Sequence
from contextlib import closing, redirect_stdout
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from tqdm import tqdm

from options.parse import parse
from options.preprocess.cluster import ClusterOptions
from options.preprocess.extract import VideoOptions
from preprocess.extraction.ray_driver import connected, require_ray, run
from util.errors import UserError, run_command

PROG = "python -m preprocess.cluster"
PATIENCE = 90.0  # seconds until a file of another machine shows: network file systems keep lists


def main(argv: Sequence[str] | None = None) -> int:
    """Extract; 0: every video is stored, 1: some are in quarantine, 2 (UserError): no store."""
    about = "Video files -> feature or clip stores, on a Ray cluster."
    options, cluster = parse(PROG, about, [VideoOptions, ClusterOptions], argv)
    require_ray()
    return extract(options, cluster)


def extract(options: VideoOptions, cluster: ClusterOptions) -> int:
    """`preprocess.extraction.extract.extract`, with the work done by Ray."""
    # Here and not above: without Ray, or without a task, nobody shall wait for torch.
    from preprocess.extraction import extract

    return extract.extract(options, partial(_extract_all, cluster=cluster))


def _extract_all(
    mine: list[Any],
    plan: Any,
    targets: Sequence[Any],
    options: VideoOptions,
    *,
    cluster: ClusterOptions,
) -> list[Any]:
    """Store each video where it is lacking, or set it aside -> their outcomes."""
    from preprocess.extraction.extract import Outcome
    from preprocess.extraction.failures import FailedVideos
    from preprocess.extraction.output import choose_products
    from preprocess.extraction.shards import stores_so_far

    products = choose_products(replace(options, device="cpu"))  # the networks are at work elsewhere
    for product in products:
        stores_so_far(product)  # now that all of its provenance is known
    failed = FailedVideos("ray.json", list(plan.failed), targets, options)
    tasks = {task.video: task for task in mine}
    parts: set[Path] = set()
    outcomes: list[Any] = []

    def take(done: Any) -> Any:
        if done.mistake:
            raise done.mistake
        task = tasks[done.video]
        if done.failure:
            return Outcome(task, row=failed.add(task, done.failure))
        for part in set(done.parts) - parts:
            _wait_until(part.is_file, part)
            parts.add(part)
        return Outcome(task, done.frames, done.seconds)

    # Ray prints on the output stream which processes died; that one is for our line.
    with (
        redirect_stdout(sys.stderr),
        connected(cluster),
        closing(run(mine, products, options, cluster)) as results,
    ):
        name = "+".join(product.name for product in products)
        for done in tqdm(results, total=len(mine), unit="video", desc=name):
            outcomes.append(take(done))
    for folder in {part.parent for part in parts}:
        here = {part for part in parts if part.parent == folder}
        _wait_until(lambda here=here, folder=folder: here <= set(folder.glob("*.h5")), folder)
    return outcomes


def _wait_until(condition: Callable[[], bool], path: Path) -> None:
    """Wait for what another machine wrote; UserError if it does not show."""
    limit = time.monotonic() + PATIENCE
    while not condition():
        if time.monotonic() > limit:
            raise UserError(
                f"{path}: written by a machine of the cluster, but not to be seen here; give an "
                "--output in a folder that all machines share, under one path"
            )
        time.sleep(0.5)


if __name__ == "__main__":
    from preprocess.cluster import main as command  # under its name, by which Ray finds it

    run_command(command)
