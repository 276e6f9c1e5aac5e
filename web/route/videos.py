"""Addresses of videos: send one, ask how it is, play it, delete it; and the examples."""

import asyncio
import shutil
import time
from typing import Annotated

from fastapi import APIRouter, Path, Query, Request
from starlette.responses import Response

from util.text import clipped
from web import schema
from web.errors import WebError, disk_full
from web.examples import ExampleVideo
from web.page import Page
from web.video.content import FileContent
from web.video.upload import check_head, drain, receive
from web.video.video import Video

VideoId = Annotated[str, Path(pattern=r"^[A-Za-z0-9_-]{22}$", description="Id of a video.")]
Wait = Annotated[float, Query(ge=0, le=30, description="Seconds to wait for it to be ready.")]
ExampleId = Annotated[str, Path(pattern=r"^[a-z0-9-]{1,40}$")]
LOOK = 0.05  # s between two looks of a request that waits
FAULTS = {
    status: {"model": schema.ErrorBody, "description": why}
    for status, why in {
        400: "The upload broke off.", 401: "A token is needed.", 403: "Another site's page.",
        404: "There is none.", 408: "Too slow.", 409: "Not ready yet, or it failed.",
        410: "It was deleted.", 413: "Too large.", 415: "No plain body.", 416: "No such range.",
        421: "Not the page's name.", 422: "Not as described.", 429: "Too many wait.",
        503: "Too many at once.",
        507: "The disk is full.",
    }.items()
}  # fmt: skip


def faults(*statuses: int) -> dict[int | str, dict[str, object]]:
    """Errors of a route, for the description of the API."""
    return {status: FAULTS[status] for status in (401, 403, 421, 422, 503, *statuses)}  # type: ignore[dict-item]


def routes(page: Page) -> APIRouter:
    """The routes."""
    router = APIRouter(tags=["videos"])
    shelf, options = page.shelf, page.options
    most = int(options.most_bytes * 1e6)

    @router.post(
        "/videos",
        status_code=202,
        response_model=schema.VideoTold,
        responses=faults(400, 408, 413, 415, 429, 507),
        openapi_extra={
            "requestBody": {
                "required": True,
                "content": {
                    "application/octet-stream": {"schema": {"type": "string", "format": "binary"}}
                },
            }
        },
    )
    async def send_video(
        request: Request,
        response: Response,
        name: Annotated[str, Query(max_length=1000, description="The file's name, to show.")] = "",
    ) -> schema.VideoTold:
        """Send a video: its file is the request's body, as it is.  It is decoded in its turn."""
        try:
            check_head(request, most)
            with shelf.upload(name or "video") as video:
                video.bytes = await receive(
                    request, video.file, most=most, seconds=options.upload_seconds
                )
        except WebError as error:
            await drain(request)
            error.headers["Connection"] = "close"  # the rest of the body is not wanted
            raise
        response.headers["Location"] = f"videos/{video.id}"
        return told(page, video)

    @router.get("/videos/{video}", response_model=schema.VideoTold, responses=faults(404, 410))
    async def look_at_video(video: VideoId, wait: Wait = 0) -> schema.VideoTold:
        """How a video is; `wait`: answer when it is ready or has failed, or after so long."""
        found = await settled(page, video, wait)
        return told(page, found)

    @router.delete("/videos/{video}", status_code=204, responses=faults(404, 410))
    def delete_video(video: VideoId) -> Response:
        """Delete a video now."""
        shelf.delete(video)
        return Response(status_code=204)

    @router.head("/videos/{video}/content", include_in_schema=False)
    @router.get(
        "/videos/{video}/content",
        response_class=Response,
        responses={
            **faults(404, 409, 410, 416),
            200: {"content": {"video/mp4": {}, "video/webm": {}}},
            206: {"content": {"video/mp4": {}, "video/webm": {}}},
        },
    )
    def play_video(request: Request, video: VideoId) -> Response:
        """The video, or one range of it, as browsers play it: `playback.type`."""
        found = shelf.get(video)
        if found.playback != "ready" or found.looked is None:
            raise WebError(
                409, "not_playable", "it cannot be played (yet)", "see `playback` of the video"
            )
        path = shelf.folder.copy(video) if found.copied else found.file
        kind = "video/mp4" if found.copied else found.looked.playable.type
        return FileContent(path, kind, request.headers, head=request.method == "HEAD")

    @router.get(
        "/videos/{video}/thumbnails/{clip}",
        response_class=Response,
        responses={**faults(404, 409, 410), 200: {"content": {"image/jpeg": {}}}},
    )
    def thumbnail(video: VideoId, clip: Annotated[int, Path(ge=0, lt=2**31)]) -> Response:
        """The middle frame of a clip, counted from 0."""
        found = ready(shelf.get(video))
        assert found.looked is not None
        if clip >= len(found.looked.thumbnails):
            raise WebError(404, "unknown_clip", "it has no such clip", "see `clips` of the video")
        return Response(found.looked.thumbnails[clip], media_type="image/jpeg")

    @router.get("/examples", response_model=schema.ExamplesTold)
    def list_examples() -> schema.ExamplesTold:
        """Videos that come with the project."""
        return schema.ExamplesTold(
            examples=[
                schema.Example(
                    id=one.id,
                    title=one.title,
                    thumbnail=f"examples/{one.id}/thumbnail",
                    questions=list(one.questions),
                )
                for one in page.examples.values()
            ]
        )

    @router.get(
        "/examples/{example}/thumbnail",
        response_class=Response,
        responses={**faults(404), 200: {"content": {"image/jpeg": {}}}},
    )
    async def example_thumbnail(example: ExampleId) -> Response:
        """The middle frame of an example."""
        found = _example(page, example)
        picture = await asyncio.wrap_future(shelf.picture(found.id, found.file))
        if not isinstance(picture, bytes):
            raise WebError(
                404, "no_thumbnail", "this example has no picture", "take it all the same"
            )
        headers = {"Cache-Control": "private, max-age=3600"}
        return Response(picture, media_type="image/jpeg", headers=headers)

    @router.post(
        "/examples/{example}",
        status_code=202,
        response_model=schema.VideoTold,
        responses=faults(404, 429, 507),
    )
    def take_example(
        response: Response,
        example: ExampleId,
    ) -> schema.VideoTold:
        """Take an example, as if it had been sent."""
        found = _example(page, example)
        with shelf.upload(found.title) as video:
            try:
                shutil.copyfile(found.file, video.file)
            except OSError as error:
                raise disk_full(error) or error from error
            video.bytes = video.file.stat().st_size
        response.headers["Location"] = f"../videos/{video.id}"
        return told(page, video)

    return router


def _example(page: Page, example: str) -> ExampleVideo:
    """One of the project's videos.  Raises WebError where there is none."""
    found = page.examples.get(example)
    if found is None:
        raise WebError(404, "unknown_example", "there is no such example", "GET /examples")
    return found


async def settled(page: Page, video: str, wait: float) -> Video:
    """A video, once it is on its way no more, or after `wait` seconds."""
    end = time.monotonic() + wait
    while (found := page.shelf.get(video)).busy and time.monotonic() < end:
        await asyncio.sleep(LOOK)
    return found


def ready(video: Video) -> Video:
    """A video that can be asked about.  Raises WebError for another."""
    if video.state == "failed":
        raise WebError(409, "failed", video.message, video.cure)
    if video.state != "ready":
        raise WebError(
            409, "not_ready", f"the video is {video.state}", "ask again, or with ?wait=30"
        )
    return video


def told(page: Page, video: Video) -> schema.VideoTold:
    """A video, in the API's words."""
    place = page.shelf.place(video) if video.state == "queued" else None
    looked, options = video.looked, page.options
    url = f"videos/{video.id}/content"
    playback = schema.Playback(
        state=video.playback,  # type: ignore[arg-type]
        url=url if video.playback == "ready" else None,
        type=None,
        reencoded=video.copied,
        message=video.playback_message,
    )
    if video.playback == "ready" and looked is not None:
        playback.type = "video/mp4" if video.copied else looked.playable.type
    clips = []
    if looked is not None and video.state == "ready":
        clips = [
            schema.ClipSpan(
                start=round(span.start, 3),
                end=round(span.end, 3),
                middle=round(span.middle, 3),
                thumbnail=f"videos/{video.id}/thumbnails/{number}",
            )
            for number, span in enumerate(looked.spans)
        ]
    return schema.VideoTold(
        id=video.id,
        name=video.name,
        state=video.state,
        message=_message(video, place),
        cure=video.cure,
        place=place,
        note=clipped(looked.note, 300) if looked else "",
        bytes=video.bytes,
        duration=None if looked is None or looked.duration is None else round(looked.duration, 3),
        frames=looked.frames if looked else None,
        clips=clips,
        playback=playback,
        expires_in=round(max(0.0, video.asked + 60 * options.keep - time.monotonic()), 1),
        seconds=dict(video.seconds),
    )


def _message(video: Video, place: int | None) -> str:
    if video.state == "queued":
        return f"waits; {place} before it" if place else "waits; it is the next one"
    words = {
        "decoding": "its frames are read",
        "encoding": "the networks look at it",
        "ready": "ready: ask about it",
    }
    return words.get(video.state, video.message)
