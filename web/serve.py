"""Listen, and serve the page until it is stopped."""

import asyncio
import os
import secrets
import socket

import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.http.h11_impl import H11Protocol

from options.inference.web import SHORTEST, WebOptions
from util.errors import UserError
from web.app import make_app
from web.page import open_page

GRACE = 5  # s that requests have to end in, when the server is stopped
KEEP_ALIVE = 15  # s for which an idle connection stays open
CONNECTIONS = 1000  # above which uvicorn itself answers 503
BACKLOG = 1024  # clients that may wait to be let in
HEAD_SECONDS = 20.0  # in which the head of a request must have come


class Patient(H11Protocol):
    """HTTP that does not wait for ever: uvicorn's own has no limit for the head of a request."""

    _deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """A client has come."""
        super().connection_made(transport)
        self._watch()

    def data_received(self, data: bytes) -> None:
        """Something of a request has come."""
        super().data_received(data)
        self._watch()

    def connection_lost(self, exc: Exception | None) -> None:
        """The client has gone."""
        super().connection_lost(exc)
        self._rest()

    def _watch(self) -> None:
        """Have the time run while the head of a request is waited for."""
        waiting = self.cycle is None or self.cycle.response_complete
        if not waiting:
            self._rest()
        elif self._deadline is None:
            self._deadline = self.loop.call_later(HEAD_SECONDS, self.transport.close)

    def _rest(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None


class Announced(uvicorn.Server):
    """A server that prints a line once it accepts connections."""

    def __init__(self, config: uvicorn.Config, line: str) -> None:
        super().__init__(config)
        self._line = line

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Begin to accept connections, and say so."""
        await super().startup(sockets)
        if self.started:
            print(self._line, flush=True)


def serve(options: WebOptions) -> int:
    """Serve until SIGTERM or Ctrl-C -> 0.  Raises UserError for a port that is taken."""
    listening = listen(options.host, options.port)
    token = token_of(options)
    page = open_page(options, token)
    shown = address(options, listening.getsockname()[1])
    line = f"the page: {shown}/{f'?token={token}' if token else ''}"
    try:
        Announced(configured(make_app(page)), line).run(sockets=[listening])
    finally:
        page.close()
    return 0


def configured(app: ASGIApp) -> uvicorn.Config:
    """How an app is served."""
    return uvicorn.Config(
        app,
        http=Patient,
        log_level="warning",
        access_log=False,  # addresses of videos are secrets of their owners
        server_header=False,
        timeout_keep_alive=KEEP_ALIVE,
        timeout_graceful_shutdown=GRACE,
        limit_concurrency=CONNECTIONS,
        proxy_headers=False,
        ws="none",
    )


def listen(host: str, port: int) -> socket.socket:
    """A socket that listens.  Raises UserError where it cannot."""
    kind = socket.AF_INET6 if ":" in host else socket.AF_INET
    # TCP by name: only of such sockets does asyncio send small answers at once (TCP_NODELAY); of
    # others each waits 40 ms for its client to acknowledge what came before.
    listening = socket.socket(kind, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((host, port))
        listening.listen(BACKLOG)  # whoever comes before the server is up waits
    except OSError as error:
        listening.close()
        raise UserError(
            f"--host {host} --port {port}: cannot listen there ({error.strerror}); give another "
            "--port, or 0 for a free one"
        ) from error
    return listening


def token_of(options: WebOptions) -> str | None:
    """The token that clients must show; None: this machine alone can ask, and none was given.

    Raises UserError for one that can be guessed.
    """
    given = options.token or os.environ.get("PAGE_TOKEN")
    if given and len(given) < SHORTEST:
        raise UserError(f"PAGE_TOKEN: is short; give {SHORTEST} or more characters")
    if given or options.is_local:
        return given
    return secrets.token_urlsafe(24)


def address(options: WebOptions, port: int) -> str:
    """The page's address; of a proxy's, without the port behind it."""
    if options.behind_tls:
        return f"https://{options.names[0]}"
    host = options.names[0] if options.names else options.host
    return f"http://{f'[{host}]' if ':' in host else host}:{port}"
