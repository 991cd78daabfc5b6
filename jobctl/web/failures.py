"""What goes wrong, as an answer: one status, one code, one sentence."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Final

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from jobctl.errors import (
    BadInput,
    CannotOpen,
    DiskFull,
    JobctlError,
    NotFound,
    NotPermitted,
    Refused,
    StorageFailed,
    TimedOut,
    TryAgain,
)

STATUSES: Final[tuple[tuple[type[JobctlError], HTTPStatus], ...]] = (
    (BadInput, HTTPStatus.BAD_REQUEST),
    (NotFound, HTTPStatus.NOT_FOUND),
    (Refused, HTTPStatus.CONFLICT),
    (NotPermitted, HTTPStatus.FORBIDDEN),
    (DiskFull, HTTPStatus.INSUFFICIENT_STORAGE),
    (TryAgain, HTTPStatus.SERVICE_UNAVAILABLE),
    (CannotOpen, HTTPStatus.SERVICE_UNAVAILABLE),
    (StorageFailed, HTTPStatus.SERVICE_UNAVAILABLE),
    (TimedOut, HTTPStatus.SERVICE_UNAVAILABLE),
)
"""The first that fits; what is not there is a fault of jobctl's own."""
CLOSE: Final = {"connection": "close"}
"""For a request that was not read to its end: what follows on the connection cannot be told apart from it."""
CODES: Final = {
    401: "Unauthorized",
    403: "Forbidden",
    404: "NotFound",
    405: "MethodNotAllowed",
    408: "Timeout",
    409: "Conflict",
    413: "TooLarge",
    415: "UnsupportedMediaType",
    503: "TryAgain",
    507: "StorageFull",
}


@dataclass(frozen=True, slots=True)
class Failure:
    status: int
    message: str
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def code(self) -> str:
        """A word for programs: `BadRequest`, `NotFound`, …"""
        return CODES.get(self.status, "BadRequest" if self.status < 500 else "InternalError")


class Rejected(JobctlError):
    """A request that is not answered, for a reason of HTTP's own."""

    def __init__(self, status: int, message: str, headers: Mapping[str, str] = {}) -> None:
        super().__init__(message)
        self.failure = Failure(status, message, headers)


def failure_of(error: Exception) -> Failure:
    """An error as the answer it becomes; what nobody foresaw says nothing of itself."""
    match error:
        case Rejected():
            return error.failure
        case HTTPException():
            headers = {**(error.headers or {})}
            if "Allow" in headers:  # the router's set comes in another order with every process
                headers["Allow"] = ", ".join(sorted(headers["Allow"].split(", ")))
            return Failure(error.status_code, _sentence(error, headers), headers)
        case JobctlError():
            for kind, status in STATUSES:
                if isinstance(error, kind):
                    retry = {"retry-after": "1"} if status is HTTPStatus.SERVICE_UNAVAILABLE else {}
                    return Failure(status, str(error), retry)
    return Failure(500, "an error inside jobctl; its log says more")


def _sentence(error: HTTPException, headers: Mapping[str, str]) -> str:
    if error.status_code == 404:
        return "nothing is found at this address"
    if error.status_code == 405:
        return f"this address does not take that method; it takes {headers.get('Allow', '')}"
    return error.detail


def render(request: Request, failure: Failure) -> Response:
    """The form of jobctl's own routes: `{"error": {"code", "message"}}`."""
    body = {"error": {"code": failure.code, "message": failure.message}}
    return JSONResponse(body, failure.status, headers=dict(failure.headers))
