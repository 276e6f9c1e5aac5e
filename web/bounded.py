"""How many requests at once, and how large: bodies are read with limits before they are parsed."""

import asyncio

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from web.errors import WebError

MOST = 2**20  # bytes of a body
SECONDS = 20.0  # in which it must have come
AT_ONCE = 400  # requests, those that wait for their video included
STREAMED = "/videos"  # the one address that takes its body itself


class Bounded:
    """Reads the body of a request, and hands it on whole."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app
        self.now = 0  # requests that are in work

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer 503, 413 or 408, or pass on."""
        if scope["type"] != "http":
            return await self.app(scope, receive, send)
        if self.now >= AT_ONCE:
            busy = WebError(
                503, "busy", f"{AT_ONCE} requests are in work", "ask again in a second",
                retry_after=1,
            )  # fmt: skip
            return await busy.response()(scope, receive, send)
        self.now += 1
        try:
            return await self._pass(scope, receive, send)
        finally:
            self.now -= 1

    async def _pass(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["path"] == STREAMED:
            return await self.app(scope, receive, send)
        try:
            body = await read(scope, receive)
        except WebError as error:
            return await error.response()(scope, receive, send)
        if body is None:  # the client has gone
            return None
        sent = False

        async def replay() -> Message:
            nonlocal sent
            if sent:
                return await receive()
            sent = True
            return {"type": "http.request", "body": body, "more_body": False}

        return await self.app(scope, replay, send)


async def read(scope: Scope, receive: Receive) -> bytes | None:
    """A body; None: the client has gone.  Raises WebError for one too large, or too slow."""
    length = Headers(scope=scope).get("content-length", "0")
    if not length.isdigit() or int(length) > MOST:
        raise _too_large()
    parts, count, more = [], 0, True
    try:
        async with asyncio.timeout(SECONDS):
            while more:
                message = await receive()
                if message["type"] != "http.request":
                    return None
                parts.append(message.get("body", b""))
                count += len(parts[-1])
                if count > MOST:
                    raise _too_large()
                more = message.get("more_body", False)
    except TimeoutError:
        raise WebError(408, "too_slow", "the request did not come", "send it again") from None
    return b"".join(parts)


def _too_large() -> WebError:
    return WebError(413, "too_large", f"the body has more than {MOST:,} bytes", "send less")
