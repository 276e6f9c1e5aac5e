"""An upload: the body of a request, streamed to a file, with limits of bytes and time."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

from starlette.requests import ClientDisconnect, Request

from web.errors import WebError, disk_full

SILENT = 20.0  # s without a byte after which a client is given up
DRAINED = 2**20  # bytes of a refused upload that are read, so that its client reads the refusal
DRAIN_SECONDS = 2.0


def check_head(request: Request, most: int) -> None:
    """Refuse what is no raw video body by its headers.  Raises WebError."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind and not kind.startswith("video/") and kind not in (
        "application/octet-stream", "image/gif",
    ):  # fmt: skip
        raise WebError(
            415,
            "unsupported_type",
            "the body is no plain video",
            "send the file itself as the body, as application/octet-stream, not a form",
        )
    if request.headers.get("content-encoding", "identity").lower() != "identity":
        raise WebError(
            415, "unsupported_encoding", "the body is encoded", "send it without Content-Encoding"
        )
    length = request.headers.get("content-length", "")
    if length.isdigit() and int(length) > most:
        raise too_large(most)


def too_large(most: int) -> WebError:
    """More bytes than are taken."""
    return WebError(
        413,
        "too_large",
        f"the file has more than {most / 1e6:g} MB",
        "send a shorter cut, or a smaller copy of it",
    )


async def receive(request: Request, path: Path, *, most: int, seconds: float) -> int:
    """Write a request's body to a new file -> its bytes.

    Raises WebError for one that is empty, has more than `most` bytes, takes more than `seconds`,
    or stops coming, and where the disk is full.
    """
    count = 0
    try:
        with path.open("xb") as file:
            path.chmod(0o600)
            async with asyncio.timeout(seconds):
                async for chunk in _chunks(request.stream()):
                    count += len(chunk)
                    if count > most:
                        raise too_large(most)
                    await _write(file, chunk)
    except TimeoutError:
        raise WebError(
            408, "too_slow", f"the upload was not done in {seconds:g} s", "send a smaller copy"
        ) from None
    except ClientDisconnect:
        raise WebError(400, "broken_off", "the upload broke off", "send it again") from None
    except OSError as error:
        raise disk_full(error) or error from error
    if not count:
        raise WebError(422, "empty", "the body is empty", "send the video's file as the body")
    return count


async def _write(file: BinaryIO, chunk: bytes) -> None:
    """A chunk is small and goes to the system's cache: a thread for each would cost more."""
    file.write(chunk)


async def _chunks(stream: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """The body, as long as it keeps coming."""
    while True:
        try:
            async with asyncio.timeout(SILENT):
                chunk = await anext(stream)
        except StopAsyncIteration:
            return
        except TimeoutError:
            raise WebError(
                408, "stalled", f"no byte came for {SILENT:g} s", "send it again"
            ) from None
        yield chunk


async def drain(request: Request) -> None:
    """Read a little of what a refused client still sends: else it would not see why."""
    with suppress(Exception):
        async with asyncio.timeout(DRAIN_SECONDS):
            count = 0
            async for chunk in request.stream():
                count += len(chunk)
                if count > DRAINED:
                    return
