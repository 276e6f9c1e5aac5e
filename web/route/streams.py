"""The address of a video as a run follows it, frame by frame."""

import asyncio
import math
import time
from typing import Annotated, Any

from fastapi import APIRouter, Query

from util.text import clipped
from web.errors import WebError
from web.models import milliseconds, pick
from web.page import Page
from web.route.videos import LOOK, VideoId, Wait, faults, ready, settled
from web.stream.schema import Step, StreamTold
from web.stream.streams import Stream

MOST = 1000  # steps of an answer
After = Annotated[int, Query(ge=0, lt=2**31, description="Steps that are known: `next`, or 0.")]


def routes(page: Page) -> APIRouter:
    """The routes."""
    router = APIRouter(tags=["answers"])

    @router.post(
        "/videos/{video}/stream",
        response_model=StreamTold,
        responses=faults(404, 409, 410, 429),
    )
    async def follow(
        video: VideoId, run: str | None = None, after: After = 0, wait: Wait = 0
    ) -> Any:
        """What a run says of a video over time, from the step `after` on.

        It is worked out while it is asked for: ask again with `after` as `next` says, until `done`.
        `wait`: until there is a step to tell.
        """
        begin = time.perf_counter()
        pick(page.streams.runs, run, "follows streams")
        named = next(iter(page.streams.runs)) if run is None else run
        end = time.monotonic() + wait
        found = ready(await settled(page, video, wait))
        stream = page.streams.follow(found, named)
        while stream.seen <= after and not stream.done and time.monotonic() < end:
            await asyncio.sleep(LOOK)
            page.shelf.get(video)  # it may be deleted meanwhile
        if stream.done and not stream.seen:
            raise WebError(
                409, "failed", f"it cannot be followed: {stream.note}", "send the video again"
            )
        return _told(stream, after, begin)

    return router


def _told(stream: Stream, after: int, begin: float) -> StreamTold:
    """Steps from `after` on."""
    done, seen = stream.done, stream.seen  # in this order: steps come before the end
    last = min(seen, after + MOST)
    classes = stream.of.classes
    steps = [
        Step(
            time=round(stream.times[at], 3),
            answer=clipped(classes[stream.best[at]], 200) if classes else None,
            number=stream.best[at] if classes else None,
            probability=round(stream.shares[at], 6) if classes else None,
            value=None if classes else _rounded(stream.shares[at]),
            warm=stream.warm[at],
        )
        for at in range(min(after, seen), last)
    ]
    return StreamTold(
        run=stream.run,
        kind="classes" if classes else "values",
        message=_message(stream, done),
        warm_up=stream.of.model.warm_up,
        steps=steps,
        next=max(last, min(after, seen)),
        done=done and last >= seen,
        note=stream.note if done else "",
        speed=_speed(stream),
        milliseconds=milliseconds(begin),
    )


def _rounded(value: float) -> float | None:
    """As predict.py prints it."""
    return float(f"{value:.6g}") if math.isfinite(value) else None


def _message(stream: Stream, done: bool) -> str:
    far = "" if done or not stream.seen else f"so far {stream.times[stream.seen - 1]:.1f} s"
    speed = f"{_speed(stream):.0f} frames a second here" if stream.seen else ""
    return "; ".join(filter(None, (far, stream.note if done else "", stream.of.told, speed)))


def _speed(stream: Stream) -> float:
    return round(stream.seen / stream.seconds, 1) if stream.seconds else 0.0
