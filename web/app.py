"""The server's app: routes, the guard before them, and one form of errors."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI
from starlette.types import ASGIApp

from web.bounded import Bounded
from web.errors import add_handlers
from web.guard import Guard
from web.metrics import Counted
from web.page import Page, version
from web.route import answers, moments, service, streams, videos

ABOUT = """Send a video, ask about it in words.

Every error has one form: `{"error": {"code", "message", "cure"}}`.  A video is called by its id
alone; no request takes a path or an address of the web."""


def make_app(page: Page) -> ASGIApp:
    """The app of a page; at its end it closes the page."""

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        try:
            yield
        finally:
            page.close()

    # docs_url and redoc_url would load their scripts from elsewhere.
    app = FastAPI(
        title="The page",
        description=ABOUT,
        version=version(),
        docs_url=None,
        redoc_url=None,
        lifespan=lifespan,
        redirect_slashes=False,  # a redirect would repeat what the client sent
    )
    for part in (service, videos, answers, streams, moments):
        app.include_router(part.routes(page))
    add_handlers(app)
    return Counted(Guard(Bounded(app), page.options, page.token), page.metrics)
