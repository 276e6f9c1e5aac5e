"""A video's bytes, whole or one range of them.

Players ask for one range at a time.  A header with several costs a server time that grows with the
square of their number (CVE-2025-62727), so there is one range or an error.
"""

import asyncio
import re
from collections.abc import Mapping
from pathlib import Path

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from web.errors import WebError

PART = 256 * 1024  # bytes of a read
STALLED = 60.0  # s after which a client that takes nothing is given up
RANGE = re.compile(r"bytes=([0-9]{0,18})-([0-9]{0,18})")


def wanted_range(header: str | None, size: int) -> tuple[int, int] | None:
    """First and last byte that a Range header asks for; None: it asks for all.

    Raises WebError (416) for anything but one range that the file has.
    """
    if header is None:
        return None
    found = RANGE.fullmatch(header.strip()) if len(header) < 100 else None
    if found and found[1]:
        first, last = int(found[1]), min(int(found[2] or size - 1), size - 1)
    elif found and found[2]:
        first, last = max(0, size - int(found[2])), size - 1
    else:
        first, last = 0, -1
    if not 0 <= first <= last < size:
        raise WebError(
            416,
            "range",
            f"no such range of {size} bytes",
            "ask for one range, as Range: bytes=0-65535",
        )
    return first, last


class FileContent(Response):
    """A file of a fixed type, or one range of it."""

    def __init__(
        self, path: Path, media_type: str, headers: Mapping[str, str], *, head: bool = False
    ) -> None:
        """`headers`: of the request.  Raises WebError (416, 410)."""
        try:
            size = path.stat().st_size
        except OSError as error:
            raise WebError(410, "deleted", "the file is gone", "send it again") from error
        try:
            part = wanted_range(headers.get("range"), size)
        except WebError as error:
            error.headers["Content-Range"] = f"bytes */{size}"
            raise
        first, last = part or (0, size - 1)
        told = {
            "Content-Type": media_type,
            "Content-Length": str(last - first + 1),
            "Accept-Ranges": "bytes",
            "Content-Disposition": "inline",
            "Cache-Control": "private, no-store",
        }
        if part is not None:
            told["Content-Range"] = f"bytes {first}-{last}/{size}"
        super().__init__(None, 200 if part is None else 206, told)
        self.path, self.first, self.length, self.head = path, first, last - first + 1, head

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send it, as fast as the client takes it."""
        await send(
            {"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers}
        )
        left = 0 if self.head else self.length
        with self.path.open("rb") as file:
            file.seek(self.first)
            while left > 0:
                chunk = await asyncio.to_thread(file.read, min(PART, left))
                if not chunk:
                    raise OSError("the file has become shorter")
                left -= len(chunk)
                async with asyncio.timeout(STALLED):
                    await send({"type": "http.response.body", "body": chunk, "more_body": True})
        await send({"type": "http.response.body", "body": b"", "more_body": False})
