"""Who may ask: names of hosts, the token, and other sites that would send requests for a user.

A page on this machine can be reached by every site that its user visits: by a name that such a site
turns to 127.0.0.1 (DNS rebinding), and by requests that it sends blindly.  So the Host header must
be ours, a request that changes something must come from our own page (or from no page at all), and
no header ever allows another site to read an answer.
"""

import hashlib
import hmac
import ipaddress
from http.cookies import CookieError, SimpleCookie
from urllib.parse import parse_qs

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import RedirectResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from options.inference.web import LOCAL, WebOptions
from web.errors import WebError

COOKIE = "page"
HEADERS = {
    # default-src covers scripts, styles, pictures and videos; the others have no default.
    "Content-Security-Policy": (
        "default-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
}
OPEN = ("/healthz",)  # what needs no token


class Guard:
    """Refuses what is not for us, and puts the headers on every answer."""

    def __init__(self, app: ASGIApp, options: WebOptions, token: str | None) -> None:
        self.app, self.token = app, token
        # Said by the server's keeper: a header such as X-Forwarded-Proto anyone can send.
        self.secure = options.behind_tls
        self.names = {name.lower() for name in (*options.names, options.host)}
        # Whoever listens at all of a machine's addresses is called by any of them.
        self.any_address = options.host in ("0.0.0.0", "::", "")
        if options.is_local or self.any_address:
            self.names |= set(LOCAL)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, or pass on."""
        if scope["type"] != "http":
            return await self.app(scope, receive, send)

        async def sending(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers[name] = value
                headers.setdefault("Cache-Control", "no-store")
            await send(message)

        try:
            self.check(scope)
        except WebError as error:
            return await error.response()(scope, receive, sending)
        if self.token is not None and (answer := self._enter(scope)) is not None:
            return await answer(scope, receive, sending)
        return await self.app(scope, receive, sending)

    def check(self, scope: Scope) -> None:
        """Raise WebError for a request that is not for us, or has no token."""
        headers = Headers(scope=scope)
        if len(headers.getlist("host")) != 1 or not self._is_ours(headers["host"]):
            raise WebError(
                421,
                "host",
                "this name is not the page's",
                "use the address that the server printed, or start it with --names NAME",
            )
        if scope["method"] not in ("GET", "HEAD"):
            self._check_origin(headers)
        if self.token is not None and scope["path"] not in OPEN and not self._knows(scope, headers):
            raise WebError(
                401,
                "token",
                "a token is needed",
                "send Authorization: Bearer TOKEN, or open the address that the server printed",
            )

    def _is_ours(self, host: str) -> bool:
        name = host_name(host)
        if name in self.names:
            return True
        return self.any_address and _is_address(name)

    def _check_origin(self, headers: Headers) -> None:
        """Refuse a request that another site's page sends."""
        origin, site = headers.get("origin"), headers.get("sec-fetch-site", "none")
        foreign = origin is not None and origin.partition("://")[2] != headers["host"]
        if foreign or site not in ("none", "same-origin"):
            raise WebError(
                403, "origin", "another site's page sent this", "use the page of this server"
            )

    def _knows(self, scope: Scope, headers: Headers) -> bool:
        """Whether a request shows the token: as a header, its cookie, or once in the address."""
        assert self.token is not None
        kind, _, shown = headers.get("authorization", "").partition(" ")
        if kind.lower() == "bearer" and same(shown.strip(), self.token):
            return True
        if same(_cookie(headers), cookie_of(self.token)):
            return True
        return self._in_address(scope)

    def _in_address(self, scope: Scope) -> bool:
        if scope["path"] != "/" or scope["method"] != "GET" or self.token is None:
            return False
        shown = parse_qs(scope["query_string"].decode("latin-1")).get("token", [""])
        return same(shown[0], self.token)

    def _enter(self, scope: Scope) -> RedirectResponse | None:
        """A token in the address becomes a cookie, and the address is left: history keeps none."""
        if not self._in_address(scope) or self.token is None:
            return None
        answer = RedirectResponse("./", 303)  # fixed: nothing of the request is in it
        answer.set_cookie(
            COOKIE,
            cookie_of(self.token),
            path="/",
            httponly=True,
            samesite="strict",
            secure=self.secure,
        )
        return answer


def same(one: str, other: str) -> bool:
    """Whether two secrets are equal, in a time that does not tell where they differ."""
    digests = (hashlib.sha256(text.encode()).digest() for text in (one, other))
    return hmac.compare_digest(*digests)


def cookie_of(token: str) -> str:
    """What the cookie holds: no token, and the same in every worker that has the token."""
    return hmac.new(token.encode(), b"cookie of the page", hashlib.sha256).hexdigest()


def host_name(host: str) -> str:
    """The name in a Host header, without its port."""
    host = host.strip().lower()
    if host.startswith("["):
        return host[1:].partition("]")[0]
    name, _, port = host.rpartition(":")
    return name if name and port.isdigit() else host


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def _cookie(headers: Headers) -> str:
    try:
        found = SimpleCookie(headers.get("cookie", "")).get(COOKIE)
    except CookieError:
        return ""
    return found.value if found else ""
