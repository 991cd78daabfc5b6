"""Where a request ends, and to whom it is addressed: what can be read in two ways is refused (RFC 9112, 11.2)."""

from __future__ import annotations

import asyncio

from starlette.requests import Request
from starlette.types import Message, Receive

from jobctl.errors import BadInput
from jobctl.web.failures import CLOSE, Rejected
from jobctl.web.settings import Settings, host_of


def check_head(request: Request, settings: Settings) -> None:
    """Raises Rejected: an ambiguous length, a target that is no path, a Host or an Origin that is not ours."""
    if not request.scope["raw_path"].startswith(b"/"):
        raise Rejected(400, "the target of a request is a path that begins with /", CLOSE)
    if request.scope["http_version"] not in ("1.0", "1.1"):
        raise Rejected(505, "this is a service for HTTP/1.1", CLOSE)
    lengths, codings = request.headers.getlist("content-length"), request.headers.getlist("transfer-encoding")
    if len(lengths) > 1 or len(codings) > 1 or (lengths and codings):
        raise Rejected(400, "a request says once how long it is: by Content-Length or by Transfer-Encoding", CLOSE)
    if codings and request.scope["http_version"] == "1.0":
        raise Rejected(400, "HTTP/1.0 knows no Transfer-Encoding", CLOSE)
    if request.headers.get("content-encoding", "identity").lower() != "identity":
        raise Rejected(415, "a compressed body is not read; send it as it is", CLOSE)
    _check_host(request, settings)


def _check_host(request: Request, settings: Settings) -> None:
    """A page that resolves its own name to this machine sends that name; one elsewhere sends its origin."""
    named = request.headers.getlist("host")
    try:
        host = host_of(named[0]) if len(named) == 1 else ""
    except BadInput:
        host = ""
    if host not in settings.hosts:
        raise Rejected(403, "the service is not known by that Host; name it with: jobctl serve --allowed-host", CLOSE)
    for origin in request.headers.getlist("origin"):
        if origin.lower() != f"{request.url.scheme}://{named[0].lower()}":
            raise Rejected(403, "requests of pages from elsewhere are refused", CLOSE)


def has_body(request: Request) -> bool:
    return "transfer-encoding" in request.headers or request.headers.get("content-length", "0") != "0"


async def read_body(request: Request, receive: Receive, settings: Settings) -> bytes:
    """All of it. Raises Rejected for more than is allowed, said or sent, and for one that does not come in time."""
    if int(request.headers.get("content-length", 0)) > settings.max_body:
        raise _too_large(settings)
    parts: list[bytes] = []
    size = 0
    try:
        async with asyncio.timeout(settings.body_timeout):
            while True:
                message = await receive()
                if message["type"] != "http.request":
                    raise Rejected(400, "the request ended before its body did", CLOSE)
                parts.append(message.get("body", b""))
                size += len(parts[-1])
                if size > settings.max_body:
                    raise _too_large(settings)
                if not message.get("more_body", False):
                    return b"".join(parts)
    except TimeoutError:
        raise Rejected(408, f"the body did not come within {settings.body_timeout:g} s", CLOSE) from None


def replayed(body: bytes, receive: Receive) -> Receive:
    """Gives the body once more, and then what really comes: that the client has gone."""
    given = False

    async def again() -> Message:
        nonlocal given
        if given:
            return await receive()
        given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return again


def _too_large(settings: Settings) -> Rejected:
    return Rejected(413, f"a body has at most {settings.max_body} bytes", CLOSE)
