"""Errors in one form: {"error": {"code", "message", "cure"}}, of any status from 400 on."""

import errno
import logging
import re
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, Response

from util.errors import UserError
from util.text import clipped, without_password
from web.schema import ErrorBody, Fault

LOG = logging.getLogger("web")
FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)  # of disks and of limits on files

FOLDERS = re.compile(r"(?<![\w.:/])/(?:[^\s/:;,'\"()]+/)+")  # of an absolute path


class WebError(Exception):
    """What a client is told, and with which status."""

    def __init__(
        self, status: int, code: str, message: str, cure: str, *, retry_after: float | None = None
    ) -> None:
        super().__init__(message)
        self.status, self.code, self.message, self.cure = status, code, message, cure
        self.headers = {} if retry_after is None else {"Retry-After": f"{retry_after:.0f}"}

    def response(self) -> JSONResponse:
        """As it is sent."""
        fault = Fault(code=self.code, message=self.message, cure=self.cure)
        return JSONResponse(ErrorBody(error=fault).model_dump(), self.status, self.headers)


def of_user_error(error: UserError, status: int = 422, code: str = "refused") -> WebError:
    """A mistake that other parts of the project found: "what is wrong; cure" in one line.

    Without the folders of paths: those of the server are nobody's business.
    """
    line = FOLDERS.sub("", without_password(" ".join(str(error).split())))
    line = clipped(line, 500)
    message, _, cure = line.partition("; ")
    return WebError(status, code, message, cure or "change the request, and send it again")


def disk_full(error: OSError) -> WebError | None:
    """The error of a disk without room; None: it is another one."""
    if error.errno not in FULL:
        return None
    return WebError(
        507, "disk_full", "the server's disk is full", "try again later, or tell its keeper"
    )


def add_handlers(app: FastAPI) -> None:
    """Have an app answer every error in this form."""
    app.add_exception_handler(WebError, _web_error)
    app.add_exception_handler(UserError, _user_error)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _http_error)
    app.add_exception_handler(OSError, _os_error)
    app.add_exception_handler(Exception, _bug)


async def _web_error(_: Request, error: Any) -> Response:
    return error.response()


async def _user_error(_: Request, error: Any) -> Response:
    return of_user_error(error).response()


async def _invalid(_: Request, error: Any) -> Response:
    """What pydantic found first; never the value, which may be long, or private."""
    found = error.errors()[0]
    where = ".".join(str(part) for part in found["loc"] if part != "body") or "the body"
    message = f"{clipped(where, 100)}: {clipped(str(found['msg']), 200)}"
    return WebError(
        422, "invalid", message, "send what /openapi.json describes; see docs/page_api.md"
    ).response()


async def _http_error(_: Request, error: Any) -> Response:
    status = error.status_code
    known = {
        404: ("not_found", "there is no such address", "see /openapi.json for those that are"),
        405: ("method", "this address takes no such method", "see /openapi.json"),
    }
    code, message, cure = known.get(
        status, ("refused", clipped(str(error.detail), 200), "see /openapi.json")
    )
    answer = WebError(status, code, message, cure).response()
    answer.headers.update(error.headers or {})
    return answer


async def _os_error(request: Request, error: Any) -> Response:
    full = disk_full(error)
    return await _bug(request, error) if full is None else full.response()


async def _bug(_: Request, error: Any) -> Response:
    """A mistake of ours: the log has it, the client learns nothing of the server's inside."""
    LOG.error("a request failed", exc_info=error)
    return WebError(
        500, "bug", "the server made a mistake", "try again; its keeper finds it in the log"
    ).response()
