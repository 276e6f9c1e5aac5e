"""What an extraction has to do: looked at before any network is loaded or video decoded."""

import sys
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from tqdm import tqdm

from data_loader.store.open import Store
from options.preprocess.extract import VideoOptions
from preprocess.extraction.decode_task import DecodeTask
from preprocess.extraction.failures import Outcome, fingerprint, read_failed, report_failure
from preprocess.extraction.output import StoreOutput
from preprocess.extraction.paths import failed_videos_file, parts_folder
from preprocess.extraction.shards import stores_so_far
from preprocess.extraction.worker import Failure
from preprocess.video.files import find_fault, look_for_videos, name_videos
from util.files import check_output
from util.lock import writer_lock

SHOWN = 100  # videos from which a progress bar is worth its line
CHANGED = "its file has changed since it was stored; --retry stores it anew"


@dataclass(frozen=True)
class Plan:
    """What is to be done."""

    order: list[str]  # ids of all videos asked for
    tasks: list[DecodeTask]  # those to be decoded
    # Those that fail without: a name or link that cannot be, a failed video of before, a changed
    # file.
    failed: list[Outcome]
    checked: list[bool]  # of each output, whether files were read for changes
    begin: int  # when this was so, in ns since 1970


def make_plan(options: VideoOptions, outputs: Sequence[StoreOutput], locks: ExitStack) -> Plan:
    """Look at the videos and at what is stored; `locks` then holds the lock of each output.

    Raises UserError for an output that another process writes or that was made in another way, and
    for mistakes in the names of the videos.
    """
    paths = [output.path for output in outputs]
    begin = time.time_ns()
    listing = look_for_videos(options.videos, own=paths)
    files = name_videos(listing.files, options.id_map)
    if left_out := listing.describe_left_out():
        print(left_out, file=sys.stderr)
    for path in sorted(paths):
        locks.enter_context(writer_lock(path))
    stored = [stores_so_far(output) for output in outputs]
    failed_before = [read_failed(path) for path in paths]
    faults = {video: fault for video, file in files.items() if (fault := find_fault(file))}
    good = {video: file for video, file in files.items() if video not in faults}
    changed = _changed(good, stored, [set(failed) for failed in failed_before])
    plan = Plan(list(files), [], [], [bool(videos) for videos in changed], begin)
    for video, file in files.items():
        missing = tuple(i for i, have in enumerate(stored) if video not in have)
        stale = tuple(i for i, videos in enumerate(changed) if videos.get(video))
        if options.retry:
            missing = tuple(sorted({*missing, *stale}))
        elif stale:
            task = DecodeTask(video, file, stale)
            plan.failed.append(report_failure(task, Failure(CHANGED), options))
        if not missing:
            continue
        task = DecodeTask(video, file, missing)
        before = [failed[video] for failed in failed_before if video in failed]
        if video in faults:
            plan.failed.append(report_failure(task, Failure(faults[video]), options))
        elif before and before[-1].reason != CHANGED and before[-1].fails_again(file, options):
            plan.failed.append(Outcome(task, failed=before[-1]))
        else:
            plan.tasks.append(task)
    return plan


def check_outputs(options: VideoOptions) -> None:
    """Each, and what is written beside it on the way, can be written and is nothing else."""
    outputs = [Path(output) for output in options.output]
    for index, output in enumerate(outputs):
        others = {f"--output {other}": other for other in outputs[:index]}
        check_output(output, inputs={"--id_map": options.id_map, **others})
        for beside in (failed_videos_file(output), parts_folder(output) / "0-000000.h5"):
            check_output(beside.with_name(beside.name + ".partial"))
            check_output(beside)


def _changed(
    files: dict[str, Path], stored: Sequence[dict[str, Store]], failed: Sequence[set[str]]
) -> list[dict[str, bool]]:
    """{video: whether its file has other bytes than those stored} of each store's doubtful ones.

    Hashing all would cost reading them all.  Only files are read that the system says to have been
    changed, renamed or made (ctime, which nobody can set) since the time of change of the store,
    which is that of an extraction's begin, and those that failed before.  `files`: those there.
    """
    doubtful: list[dict[str, str]] = []  # {video: the hash in the store} of each store
    for have, known_failed in zip(stored, failed, strict=True):
        stores = set(have.values())
        since = {store: store.path.stat().st_mtime_ns for store in stores}
        known = {store: dict(zip(store.ids, store.file_sha256, strict=True)) for store in stores}
        doubtful.append({})
        for video in files.keys() & have.keys():
            store, was = have[video], known[have[video]][video]
            new = files[video].stat().st_ctime_ns >= since[store]
            if was and (new or video in known_failed):
                doubtful[-1][video] = was
    videos = sorted(set().union(*doubtful))
    bar = tqdm(videos, desc="changed?", unit="video", disable=len(videos) < SHOWN)
    now = {video: fingerprint(files[video]) for video in bar}
    return [
        {video: now[video] not in (None, was) for video, was in videos.items()}
        for videos in doubtful
    ]
