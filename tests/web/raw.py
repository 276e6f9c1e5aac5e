"""Requests as bytes: what no client library would send."""

import json
import socket
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from tests.web.tiny_page import Server


class Raw(NamedTuple):
    """An answer."""

    status: int
    headers: list[tuple[str, str]]
    body: bytes

    def header(self, name: str) -> str | None:
        """The value of a header, which stands there at most once."""
        found = [value for key, value in self.headers if key == name]
        assert len(found) <= 1, found
        return found[0] if found else None

    @property
    def error(self) -> tuple[int, str]:
        """Status and code, of the one form."""
        told = json.loads(self.body)["error"]
        assert set(told) == {"code", "message", "cure"} and all(told.values()), told
        return self.status, told["code"]


def connect(server: Server) -> socket.socket:
    """A connection."""
    where = urlsplit(server.url)
    assert where.hostname is not None
    return socket.create_connection((where.hostname, where.port), timeout=20)


def request(
    server: Server,
    target: str | bytes,
    *,
    method: str = "GET",
    host: str | None = "127.0.0.1",
    body: bytes = b"",
    **headers: Any,
) -> Raw:
    """Send a request whose target is not touched; `headers`: X_Y=z is X-Y: z."""
    target = target.encode() if isinstance(target, str) else target
    lines = [method.encode() + b" " + target + b" HTTP/1.1", b"Connection: close"]
    lines += [f"Host: {host}".encode()] if host is not None else []
    for name, value in headers.items():
        lines.append(f"{name.replace('_', '-')}: {value}".encode())
    if body or method != "GET":
        lines.append(f"Content-Length: {len(body)}".encode())
    with connect(server) as connection:
        connection.sendall(b"\r\n".join(lines) + b"\r\n\r\n" + body)
        return read(connection)


def read(connection: socket.socket) -> Raw:
    """All that comes until the server closes."""
    parts = []
    while part := connection.recv(65536):
        parts.append(part)
    head, _, body = b"".join(parts).partition(b"\r\n\r\n")
    first, *lines = head.decode("latin-1").split("\r\n")
    pairs = [line.partition(": ") for line in lines]
    return Raw(int(first.split()[1]), [(k.lower(), v) for k, _, v in pairs], body)
