"""Addresses of the library: search it, look at moments, re-rank them, take them along."""

import time
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Request
from starlette.responses import Response

from util.text import clipped
from web import library_schema as schema
from web.errors import WebError
from web.models import milliseconds
from web.moments import Moments, name_of
from web.page import Page
from web.route.videos import faults
from web.video.content import FileContent

Clip = Annotated[int, Path(ge=0, lt=2**63, description="Id of a clip of the library.")]
ClipQuery = Annotated[int, Query(ge=0, lt=2**63)]
KINDS = {  # format of an edit list -> ending of its file, type
    "otio": ("otio", "application/json"),
    "edl": ("edl", "text/plain; charset=utf-8"),
    "fcp7": ("xml", "application/xml"),
    "fcpx": ("fcpxml", "application/xml"),
    "mlt": ("mlt", "application/xml"),
    "csv": ("csv", "text/csv; charset=utf-8"),
    "ffmpeg": ("txt", "text/plain; charset=utf-8"),
}


def routes(page: Page) -> APIRouter:
    """The routes."""
    router = APIRouter(prefix="/library", tags=["library"])

    def library() -> Moments:
        if page.library is None:
            raise WebError(
                404, "no_library", "no library is served here", "start the server with --library L"
            )
        return page.library

    @router.get("/search", responses=faults(404, 429))
    async def search(
        q: Annotated[str, Query(max_length=1000, description="What is to be seen.")] = "",
        where: Annotated[str, Query(max_length=1000, description="Filters.")] = "",
        like: Annotated[list[ClipQuery], Query(max_length=8, description="Like clips.")] = [],  # noqa: B006
        page: Annotated[int, Query(ge=1, le=1000)] = 1,
        number: Annotated[int, Query(ge=1, le=100, description="Moments of a page.")] = 20,
        every: Annotated[bool, Query(description="Several moments of a video.")] = False,
        anyway: Annotated[bool, Query(description="The nearest, even if none shows it.")] = False,
    ) -> schema.SearchTold:
        """Moments that show what is looked for, the best first."""
        begin, moments = time.perf_counter(), library()
        found = await moments.call(
            lambda: moments.find(
                q, like, where=where, page=page, number=number, every=every, anyway=anyway
            )
        )
        total = len(found.result.moments)
        hits = [
            schema.HitTold(
                id=moment.best,
                video=moment.file,
                name=clipped(name_of(found.places[moment.best]), 200),
                start=round(moment.start, 3),
                end=round(moment.end, 3),
                score=round(moment.score, 6),
                why=clipped(moment.why, 300),
                thumbnail=f"library/clips/{moment.best}/thumbnail",
                url=f"library/clips/{moment.best}/content",
            )
            for moment in found.moments
        ]
        return schema.SearchTold(
            query=q,
            hits=hits,
            total=total,
            page=page,
            pages=-(-total // number),
            message=clipped(found.message, 500),
            milliseconds=milliseconds(begin),
        )

    @router.get(
        "/clips/{clip}/thumbnail",
        response_class=Response,
        responses={**faults(404, 429), 200: {"content": {"image/jpeg": {}}}},
    )
    async def thumbnail(clip: Clip) -> Response:
        """A clip's picture."""
        moments = library()
        return Response(await moments.call(lambda: moments.picture(clip)), media_type="image/jpeg")

    @router.get(
        "/clips/{clip}/content",
        response_class=Response,
        responses={**faults(404, 409, 416, 429), 200: {"content": {"video/mp4": {}}}},
    )
    async def content(request: Request, clip: Clip) -> Response:
        """The video of a clip, or one range of it."""
        moments = library()
        path, kind = await moments.file(clip)
        return FileContent(path, kind, request.headers)

    @router.post("/rerank", responses=faults(404, 429))
    async def rerank(asked: schema.RerankAsked) -> schema.RerankTold:
        """Moments in the order that the answer to a question gives them."""
        begin, moments = time.perf_counter(), library()
        ids = [one.id for one in asked.candidates]
        places = await moments.call(lambda: moments.places(ids))
        ranked, failed = await moments.call(lambda: moments.rerank(asked, places), asks=True)
        return schema.RerankTold(
            ranked=[
                schema.RankedTold(
                    id=one.candidate.row["clip"],
                    score=round(one.score, 6),
                    was=one.candidate.was,
                    why=clipped(one.why, 300),
                )
                for one in ranked
            ],
            failed={str(one.row["clip"]): clipped(reason, 300) for one, reason in failed},
            milliseconds=milliseconds(begin),
        )

    @router.post(
        "/export",
        response_class=Response,
        responses={**faults(404, 429), 200: {"content": {"text/plain": {}}}},
    )
    async def export(asked: schema.ExportAsked) -> Any:
        """Moments as an edit list for an editing program: a file."""
        moments = library()
        text = await moments.call(lambda: moments.export(asked))
        ending, kind = KINDS[asked.format]
        return Response(
            text.encode("utf-8"),
            headers={"Content-Disposition": f'attachment; filename="moments.{ending}"'},
            media_type=kind,
        )

    return router
