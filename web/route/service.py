"""Addresses of the server itself: the page's files, what there is, health, numbers."""

from pathlib import Path

from fastapi import APIRouter
from starlette.responses import Response

from data_loader.vocabulary import UNKNOWN_ANSWERS
from web import schema
from web.errors import WebError
from web.page import Page, version

HERE = Path(__file__).parents[1]
FILES = {  # address -> file beside this package's modules, type: no other file can be asked for
    "/": ("page.html", "text/html; charset=utf-8"),
    "/page.js": ("page.js", "text/javascript; charset=utf-8"),
    "/page.css": ("page.css", "text/css; charset=utf-8"),
    "/icon.svg": ("icon.svg", "image/svg+xml"),
}


def routes(page: Page) -> APIRouter:
    """The routes."""
    router = APIRouter()

    def add(address: str, file: str, kind: str) -> None:
        @router.get(address, include_in_schema=False)
        def page_file() -> Response:
            path = HERE / file
            if not path.is_file():
                raise WebError(404, "not_found", "there is no such address", "see /openapi.json")
            return Response(path.read_bytes(), media_type=kind)

    for address, (file, kind) in FILES.items():
        add(address, file, kind)

    @router.get("/info", response_model=schema.InfoTold, tags=["server"])
    def info() -> schema.InfoTold:
        """Which runs answer here, and what is taken."""
        options = page.options
        return schema.InfoTold(
            version=version(),
            runs=_runs(page),
            library=page.library.clips if page.library is not None else None,
            limits=schema.Limits(
                bytes=int(options.most_bytes * 1e6),
                duration=options.most_seconds,
                upload_seconds=options.upload_seconds,
                queue=options.waiting,
                videos=options.videos,
                keep=60 * options.keep,
                question=schema.LONGEST_QUESTION,
            ),
            waiting=page.shelf.waiting(),
        )

    @router.get("/healthz", response_model=schema.HealthTold, tags=["server"])
    def health() -> schema.HealthTold:
        """That the server answers; needs no token."""
        return schema.HealthTold(
            status="ok", videos=len(page.shelf.videos), waiting=page.shelf.waiting()
        )

    @router.get(
        "/metrics",
        tags=["server"],
        response_class=Response,
        responses={200: {"content": {"text/plain": {}}}},
    )
    def metrics() -> Response:
        """Numbers for Prometheus."""
        return Response(page.metrics.text(), media_type="text/plain; version=0.0.4; charset=utf-8")

    return router


def _runs(page: Page) -> list[schema.RunTold]:
    models = page.models
    told = [
        schema.RunTold(
            name=name,
            task="questions",
            kind=run.open.run.task.kind,
            answers=max(0, len(run.open.vocabulary.answers) - UNKNOWN_ANSWERS),
        )
        for name, run in models.questions.items()
    ]
    told += [
        schema.RunTold(
            name=name, task="captions", kind="", answers=len(run.open.run.task.vocabulary.words)
        )
        for name, run in models.captions.items()
    ]
    told += [
        schema.RunTold(name=name, task="actions", kind="", answers=len(run.open.classes))
        for name, run in models.actions.items()
    ]
    return told + [
        schema.RunTold(name=name, task="streams", kind="", answers=len(one.classes))
        for name, one in models.streams.items()
    ]
