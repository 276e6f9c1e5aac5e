"""Ray at work: joined or started, shared out, given videos, and begun anew where it gives up."""

import logging
import os
import socket
import sys
import time
import warnings
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from importlib import import_module
from pathlib import Path
from typing import Any

from tqdm import tqdm

from data_loader.store.provenance import Provenance
from options.preprocess.cluster import ClusterOptions
from options.preprocess.extract import VideoOptions
from preprocess.extraction.decode_task import DecodeSettings, DecodeTask
from util.errors import UserError

BLOCK = 8  # videos of a decoding task at most: it starts a process, which takes as long as a video
# Cores that Ray counts for an actor.  Its real ones are left out of those that decode; were they
# counted, actors started anew on the machines that are left could take all, and wait for ever for
# videos to be decoded.
LITTLE = 0.01
TRIES = 3  # of a task whose process dies, before all is begun anew
PAUSE = 30.0  # seconds before that: Ray notices slowly that a machine is lost


@dataclass(frozen=True)
class PoolSizes:
    """How Ray's resources are shared out."""

    actors: int  # that hold the networks
    gpus: float  # share of a GPU for each actor
    threads: int  # of each actor
    decoders: int  # decoding tasks at a time


def choose_pool_sizes(
    options: VideoOptions, cluster: ClusterOptions, resources: dict[str, float]
) -> PoolSizes:
    """Share out what Ray has ({"CPU": 64, "GPU": 8, ...}).

    Raises UserError if it does not suffice, where Ray would wait for ever.
    """
    cores, gpus = int(resources.get("CPU", 0)), resources.get("GPU", 0)
    if options.device not in ("auto", "cpu", "cuda"):
        raise UserError(
            f"--device {options.device}: Ray hands out the GPUs; give auto, cpu or cuda"
        )
    if options.device == "cuda" and not gpus:
        raise UserError("--device cuda: no machine of this Ray has a GPU; give cpu or auto")
    share = cluster.gpus_per_actor if gpus and options.device != "cpu" else 0
    threads = options.threads or (2 if share else 1)
    each = 1 if share else threads  # threads that feed a GPU wait for it
    most = (cores - 1) // each  # one core at least decodes
    if share:
        most = min(most, int(gpus / share + 1e-6))
    actors = cluster.actors or (most if share else max(1, min(most, 3 * cores // 4 // each)))
    if not 1 <= actors <= most:
        has = f"{cores} cores" + (f" and {gpus:g} GPUs" if share else "")
        takes = f"{each} cores" + (f" and {share:g} of a GPU" if share else "")
        cure = f"give at most --actors {most}" if most else "add machines, or use preprocess.videos"
        raise UserError(
            f"{actors} network actors of {takes} each do not fit this Ray of {has}, one core of "
            f"which decodes; {cure}"
        )
    return PoolSizes(actors, share, threads, options.workers or cores - actors * each)


def run(
    tasks: list[DecodeTask],
    outputs: Sequence[Any],
    options: VideoOptions,
    cluster: ClusterOptions,
) -> Generator[Any, None, None]:
    """Yield the videos as they are done (`Done`), whatever dies; UserError after `--retries`.

    `outputs`: loaded, as the command has them.
    """
    ray, vain = require_ray(), 0
    missing = {task.video: replace(task, file=task.file.absolute()) for task in tasks}
    settings = DecodeSettings(options, tuple(output.spec for output in outputs))
    provenances = [output.provenance for output in outputs]
    while missing:
        sizes = choose_pool_sizes(options, cluster, ray.cluster_resources())
        options = replace(options, device="cuda" if sizes.gpus else "cpu")  # and it stays so
        try:
            for done in _run_once(list(missing.values()), settings, provenances, options, sizes):
                missing.pop(done.video, None)
                vain = 0
                yield done
            assert not missing, f"Ray returned without {len(missing)} videos"
        except ray.exceptions.RayTaskError:  # a bug of ours, with its traceback
            raise
        except (ray.exceptions.RayError, ray.data.exceptions.ExecutionTimeoutError) as error:
            reason = f"Ray gave up ({type(error).__name__}: {str(error).strip().splitlines()[0]})"
            vain += 1
            if 0 <= cluster.retries < vain:
                raise UserError(
                    f"{reason}; what is done stays, the same command goes on"
                ) from error
            tqdm.write(f"{reason}; {len(missing)} videos are begun anew", file=sys.stderr)
            time.sleep(PAUSE)


def _run_once(
    tasks: list[DecodeTask],
    settings: DecodeSettings,
    provenances: list[Provenance],
    options: VideoOptions,
    sizes: PoolSizes,
) -> Iterator[Any]:
    """Take videos through decoding and networks; raises what Ray raises."""
    from preprocess.extraction.ray_stages import Networks, decode_videos, pack, unpack

    ray = require_ray()
    # An actor that finds no place any more is waited for: not without end.
    limit = 2 * options.time_limit + 60 * options.shard
    ray.data.DataContext.get_current().execution_no_progress_timeout_s = limit
    size = max(1, min(BLOCK, len(tasks) // (4 * sizes.decoders)))
    blocks = [pack(tasks[i : i + size]) for i in range(0, len(tasks), size)]
    with warnings.catch_warnings():  # there is no other way yet to limit retries
        warnings.filterwarnings("ignore", "`ray_remote_args` is deprecated")
        videos = (
            ray.data.from_arrow(blocks)
            .map_batches(
                decode_videos,
                fn_kwargs={"settings": settings},
                batch_size=None,  # a block
                batch_format="pyarrow",
                compute=ray.data.TaskPoolStrategy(size=sizes.decoders),
                num_cpus=1,
                max_retries=TRIES,
            )
            .map_batches(
                Networks,
                fn_constructor_kwargs={
                    "options": options,
                    "expected": provenances,
                    "folder": str(Path.cwd()),
                    "threads": sizes.threads,
                },
                batch_size=options.shard,
                batch_format="pyarrow",
                compute=ray.data.ActorPoolStrategy(size=sizes.actors),
                num_cpus=LITTLE,
                num_gpus=sizes.gpus,
                max_task_retries=TRIES,  # of a call; actors are started anew without end
            )
        )
    for table in videos.iter_batches(batch_size=None, batch_format="pyarrow"):
        yield from unpack(table)


@contextmanager
def connected(cluster: ClusterOptions) -> Iterator[None]:
    """Ray, joined or started, and quiet; left at the end, unless it was there before."""
    ray = require_ray()
    began = not ray.is_initialized()
    if began:
        _reach(cluster.address)
        # Ray's core tells, at the level of errors, what Ray Data does for each actor.
        os.environ.setdefault("RAY_BACKEND_LOG_LEVEL", "fatal")
        try:
            with _silent():  # and that it heeds this variable
                ray.init(
                    address=cluster.address,
                    include_dashboard=False if cluster.address == "local" else None,
                    log_to_driver=False,
                    logging_level=logging.ERROR,
                )
        except (ConnectionError, ValueError, RuntimeError) as error:
            reason = str(error).strip().split("\n")[0]
            raise UserError(
                f"--address {cluster.address}: no Ray to be had there ({reason}); start one by "
                "`ray start --head`, or give local"
            ) from error
    context = ray.data.DataContext.get_current()
    context.enable_progress_bars = False  # there is one of ours
    context.print_on_execution_start = False
    logging.getLogger("ray.data").setLevel(logging.CRITICAL)  # what is raised tells
    try:
        yield
    finally:
        if began:
            ray.shutdown()


def _reach(address: str) -> None:
    """UserError if nothing listens at HOST:PORT, where Ray would try for minutes."""
    if address not in ("local", "auto"):
        host, _, port = address.rpartition(":")
        try:
            socket.create_connection((host, int(port)), timeout=20).close()
        except (OSError, OverflowError) as error:
            raise UserError(
                f"--address {address}: no Ray to be had there ({error}); start one by `ray start "
                "--head`, or give local"
            ) from error


@contextmanager
def _silent() -> Iterator[None]:
    """Nothing on the error stream, not even from C++."""
    sys.stderr.flush()
    kept = os.dup(2)
    try:
        with Path(os.devnull).open("w") as nothing:
            os.dup2(nothing.fileno(), 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)


def require_ray() -> Any:
    """Ray and its Data library.  Raises UserError if they are not installed."""
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")  # and no warning of it
    try:
        import_module("ray.data")
        return import_module("ray")
    except ImportError as error:
        raise UserError(
            f"python -m preprocess.cluster: Ray Data is not installed ({error}); pip install -r "
            "requirements-scale.txt, or use preprocess.videos, which needs none"
        ) from error
