"""Thumbnails that clips of a library lack, as where their features were made elsewhere.

Each video is decoded once, in a process of its own that a hostile file can only cost itself, and
its pictures are stored at once: a kill costs those that are being decoded.
"""

from collections.abc import Mapping
from functools import partial
from pathlib import Path

from tqdm import tqdm

from data_loader.open import StoreOrigin
from library.catalogue import Catalogue, KnownFile
from library.gather.features import PICTURE, jpegs_of, video_options
from library.gather.notes import Notes
from library.gather.report import Report
from library.gather.scan import Seen, look_at
from options.library.index import IndexOptions
from preprocess.extraction.decode_task import Decoded, DecodeSettings, DecodeTask, decode
from preprocess.extraction.pipeline import choose_pool_sizes
from preprocess.extraction.worker import Failure, run_in_workers
from util.text import printable


def add_pictures(
    catalogue: Catalogue,
    stores: Mapping[str, StoreOrigin],
    options: IndexOptions,
    report: Report,
) -> None:
    """Make the thumbnails that a library lacks, where the files can be reached.

    stores: how its features are made, which says what its clips are.  Files that cannot be decoded
    are told once, and not tried again until they change.
    """
    notes = Notes(catalogue)
    lacking: dict[str, list[KnownFile]] = {}
    tasks: dict[str, tuple[DecodeTask, Seen]] = {}
    for file in catalogue.files_without_thumbnails():
        seen = look_at([file.path]).get(file.path)
        if seen is None or (seen.size, seen.mtime_ns) != (file.size, file.mtime_ns):
            report.unreachable += 1
        elif not notes.without_pictures(seen) or options.retry:
            lacking.setdefault(file.sha256, []).append(file)
            task = DecodeTask(file.sha256, Path(file.path), (0,))
            tasks.setdefault(file.sha256, (task, seen))
    if not tasks:
        return
    asked = video_options(stores, options, "cpu", catalogue.features)
    workers, _ = choose_pool_sizes(workers=options.workers, threads=1, gpu=False)
    workers = min(workers, len(tasks))
    results = run_in_workers(
        partial(decode, DecodeSettings(asked, (PICTURE,))),
        (task for task, _ in tasks.values()),
        workers=workers,
        time_limit=options.time_limit,
        ahead=workers + 1,
    )
    bar = tqdm(results, "thumbnails", len(tasks), unit="video", leave=False, disable=None)
    for task, result in bar:
        why = _store(catalogue, lacking[task.video], result)
        if why is None:
            report.pictured += len(lacking[task.video])
            continue
        print(printable(f"no thumbnails of {task.file}: {why}"), flush=True)
        if not (isinstance(result, Failure) and result.again):
            notes.note_without_pictures(tasks[task.video][1])


def _store(catalogue: Catalogue, files: list[KnownFile], result: Decoded | Failure) -> str | None:
    """Keep the pictures of files of the same bytes -> why there are none."""
    if isinstance(result, Failure):
        return result.reason
    if result.file_sha256 != files[0].sha256:
        return "other bytes than when it was indexed; index again"
    jpegs = jpegs_of(result.clips[0])
    with catalogue.transaction():
        for file in files:
            for clip, jpeg in zip(catalogue.clips(file.id), jpegs, strict=False):
                catalogue.add_thumbnail(clip, jpeg)
    return None
