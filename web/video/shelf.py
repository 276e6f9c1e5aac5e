"""The videos that a server has: uploaded, decoded, seen by its models once, and deleted in time.

    uploading -> queued -> decoding -> encoding -> ready
                              |            |
                              +------------+----> failed

Threads: requests add and ask; the decoding processes' thread makes videos ready; one thread deletes
those that nobody asked about.  All of them change videos under one lock.
"""

import logging
import secrets
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from inference.video import VideoReader
from options.inference.web import WebOptions
from preprocess.extraction.worker import Failure
from util.text import clipped
from web.errors import WebError
from web.schema import State
from web.video.decoders import Decoders
from web.video.folder import UploadFolder
from web.video.look import Look, Picture, Reencode, Settings, work
from web.video.playback import Copied
from web.video.video import Video

LOG = logging.getLogger("web")
SWEEP = 1.0  # s between two looks for what is to be deleted
IDLE = 60.0  # s without a request after which a video may make room for another
COPYING = 0.8  # of the time that a process has: then a copy ends, and is played as far as it goes
WARM = "warm-"  # id of what is decoded for nobody
GONE = 10_000  # ids of deleted videos that are remembered
MEGA = 2**20


class Shelf:
    """All videos of a server."""

    def __init__(self, options: WebOptions, readers: Sequence[VideoReader]) -> None:
        """`readers`: what makes of a decoded video what each group of models takes."""
        self.options, self.readers = options, list(readers)
        self.folder = UploadFolder(options.uploads)
        self.lock = threading.Lock()
        self.videos: dict[str, Video] = {}
        self.counts = {"uploaded": 0, "failed": 0, "expired": 0, "refused": 0}
        self._closing = threading.Event()
        self._uploading = 0
        self._gone: dict[str, str] = {}  # id -> why
        self._pictures: dict[str, Future[Any]] = {}
        settings = Settings(
            readings=tuple(reader.reading for reader in readers),
            most_seconds=options.most_seconds,
            memory=options.decoder_memory * MEGA,
            copy_seconds=COPYING * options.decoder_seconds,
        )
        self.decoders = Decoders(
            partial(work, settings),
            processes=options.decoders,
            seconds=options.decoder_seconds,
            taken=self._taken,
            late=lambda task: not isinstance(task, Look),  # who asks need not wait for it
            done=self._done,
        )
        self.copier = Decoders(  # of its own: what others have sent shall not wait for a copy
            partial(work, settings),
            processes=1,
            seconds=options.decoder_seconds,
            taken=lambda _: None,
            late=lambda _: False,
            done=self._reencoded,
        )
        self._sweeper = threading.Thread(target=self._sweep, name="sweeper", daemon=True)
        self._sweeper.start()

    # Requests

    @contextmanager
    def upload(self, name: str) -> Iterator[Video]:
        """A place for an upload: written within, and queued after it, or deleted.

        Raises WebError where too many wait.
        """
        with self.lock:
            waiting = self._uploading + self._waiting()
            if waiting >= self.options.waiting + self.options.decoders:
                self.counts["refused"] += 1
                raise WebError(
                    429, "queue_full", f"{waiting} videos wait already",
                    "send it again in some seconds", retry_after=5,
                )  # fmt: skip
            self._make_room()
            self._uploading += 1
        video = self.options.mark + secrets.token_urlsafe(16)[len(self.options.mark) :]
        upload = Video(video, clipped(name, 200), self.folder.upload(video))
        try:
            yield upload
            with self.lock:
                upload.began = upload.asked = time.monotonic()
                self.videos[video] = upload
                self.counts["uploaded"] += 1
            self.decoders.put(Look(video, upload.file))
        except BaseException:
            self.folder.remove(video)
            raise
        finally:
            with self.lock:
                self._uploading -= 1

    def get(self, video: str) -> Video:
        """A video, which is kept for longer by that.  Raises WebError where there is none."""
        with self.lock:
            found = self.videos.get(video)
            if found is not None:
                found.asked = time.monotonic()
                return found
            why = self._gone.get(video)
        if why is None:
            raise WebError(
                404, "unknown_video", "there is no such video", "send it with POST /videos"
            )
        raise WebError(410, "deleted", why, "send it again with POST /videos")

    def delete(self, video: str, why: str = "it was deleted by request") -> None:
        """Delete a video.  Raises WebError where there is none."""
        self.get(video)
        with self.lock:
            self._remove(video, why)

    def place(self, video: Video) -> int:
        """How many videos are before one that waits."""
        with self.lock:
            return sum(
                one.state == "queued" and one.began < video.began for one in self.videos.values()
            )

    def waiting(self) -> int:
        """How many videos wait, or are in work."""
        with self.lock:
            return self._waiting()

    def warm(self, file: Path) -> None:
        """Have a video decoded and seen for nobody, so that the first client does not wait for
        processes that start and networks that are compiled."""
        for number in range(self.options.decoders):
            self.decoders.put(Look(f"{WARM}{number}", file))

    def picture(self, name: str, file: Path) -> "Future[Any]":
        """The middle frame of a file of the project's, JPEG, or Failure; made once."""
        with self.lock:
            if name not in self._pictures:
                self._pictures[name] = Future()
                self.decoders.put(Picture(name, file))
            return self._pictures[name]

    def close(self) -> None:
        """Kill the decoders, delete everything; once, however often it is called."""
        if self._closing.is_set():
            return
        self._closing.set()
        self.decoders.close()
        self.copier.close()
        self._sweeper.join()
        self.folder.close()

    # The threads of `decoders` and `copier`

    def _taken(self, task: Look | Picture) -> None:
        if isinstance(task, Look):
            self._enter(task.id, "decoding")

    def _done(self, task: Look | Picture, outcome: Any) -> None:
        """What a decoding process gave: see it by the models, once."""
        if isinstance(task, Picture):
            return self._pictures[task.id].set_result(outcome)
        if isinstance(outcome, Failure):
            return self._fail(task.id, f"it cannot be read: {outcome.reason}", _cure(outcome))
        try:
            if isinstance(outcome, Exception):
                raise outcome
            with self.lock:
                if task.id not in self.videos and not task.id.startswith(WARM):
                    return None  # it was deleted meanwhile: nobody wants it seen
            self._enter(task.id, "encoding")
            pairs = zip(self.readers, outcome.decoded, strict=True)
            seen = [None if one is None else reader.seen(one) for reader, one in pairs]
        except Exception as error:
            if not self._closing.is_set():
                LOG.error("a video failed", exc_info=error)
            return self._fail(task.id, "the server made a mistake", "try again, or another video")
        with self.lock:
            video = self.videos.get(task.id)
            if video is None:
                return None
            video.looked, video.seen = outcome, seen
            video.playback = "ready" if outcome.playable.type else "preparing"
            video.playback_message = outcome.playable.why
            outcome.__dict__["decoded"] = ()  # frames are of no use any more
        self._enter(task.id, "ready")
        if not outcome.playable.type:
            self.copier.put(Reencode(task.id, task.file, self.folder.copy(task.id)))
        return None

    def _reencoded(self, task: Reencode, outcome: Any) -> None:
        with self.lock:
            video = self.videos.get(task.id)
            if video is None:
                task.output.unlink(missing_ok=True)
                return
            if isinstance(outcome, Copied):
                video.playback, video.copied = "ready", True
                video.playback_message += ": re-encoded as H.264"
                if outcome.until is not None:
                    part = f", only the first {outcome.until:.0f} s (all would take too long)"
                    video.playback_message += part
                if outcome.silent:
                    video.playback_message += ", without its sound"
            elif task.sound:  # it may be what is wrong with it
                self.copier.put(replace(task, sound=False))
            else:
                reason = outcome.reason if isinstance(outcome, Failure) else "a mistake"
                failed = f", and it could not be re-encoded: {clipped(reason, 200)}"
                video.playback, video.playback_message = "none", video.playback_message + failed

    def _enter(self, video: str, state: State) -> None:
        with self.lock:
            found = self.videos.get(video)
            if found is not None:
                now = time.monotonic()
                found.seconds[found.state] = round(now - found.began, 3)
                found.state, found.began = state, now

    def _fail(self, video: str, message: str, cure: str) -> None:
        self._enter(video, "failed")
        with self.lock:
            self.counts["failed"] += 1
            found = self.videos.get(video)
            if found is not None:
                found.message, found.cure = clipped(message, 300), cure
        self.folder.remove(video)

    # Deleting

    def _sweep(self) -> None:
        while not self._closing.wait(SWEEP):
            with self.lock:
                late = time.monotonic() - 60 * self.options.keep
                for video in [v.id for v in self.videos.values() if v.asked < late and not v.busy]:
                    self._remove(video, f"it was deleted after {self.options.keep:g} idle minutes")
                    self.counts["expired"] += 1

    def _make_room(self) -> None:
        """Delete the video that nobody asked about for the longest, where there is no place."""
        if len(self.videos) + self._uploading < self.options.videos:
            return
        late = time.monotonic() - IDLE
        idle = [v for v in self.videos.values() if not v.busy and v.asked < late]
        if not idle:
            self.counts["refused"] += 1
            raise WebError(
                429, "shelf_full",
                f"{self.options.videos} videos are kept already, and all are in use",
                "delete one with DELETE /videos/{id}, or come again in a minute", retry_after=IDLE,
            )  # fmt: skip
        self._remove(min(idle, key=lambda v: v.asked).id, "it was deleted to make room")
        self.counts["expired"] += 1

    def _remove(self, video: str, why: str) -> None:
        self.videos.pop(video, None)
        self._gone[video] = why
        if len(self._gone) > GONE:
            self._gone.pop(next(iter(self._gone)))
        self.folder.remove(video)

    def _waiting(self) -> int:
        return sum(video.busy for video in self.videos.values())


def _cure(failure: Failure) -> str:
    if failure.again:
        return "send it again, or a smaller copy of it"
    return "convert it to MP4 (H.264), or send another one"
