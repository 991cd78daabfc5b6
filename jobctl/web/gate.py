"""The one way in: every request passes here before it reaches a route, and every answer on its way out."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from typing import Final

from starlette.requests import Request
from starlette.routing import Match, Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from jobctl.web import framing
from jobctl.web.callers import READING, Caller, access
from jobctl.web.dialects import Dialect
from jobctl.web.failures import CLOSE, Failure, Rejected, failure_of
from jobctl.web.payloads import form_fields
from jobctl.web.services import Services

log = logging.getLogger(__name__)

POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; "
    "connect-src 'self'; manifest-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
HEADERS: Final = {
    b"content-security-policy": POLICY.encode(),
    b"x-content-type-options": b"nosniff",
    b"x-frame-options": b"DENY",
    # A form of the page must still tell its origin, which no-referrer would hide.
    b"referrer-policy": b"same-origin",
    b"cross-origin-opener-policy": b"same-origin",
    b"cross-origin-resource-policy": b"same-origin",
    b"cache-control": b"no-store",
}
OVER_TLS: Final = {b"strict-transport-security": b"max-age=31536000"}
FORM_KEY: Final = "form_key"
FORM_HEADER: Final = "x-form-key"


class Gate:
    """The ASGI application around the routes."""

    def __init__(self, app: ASGIApp, services: Services, dialects: Sequence[Dialect], routes: Sequence[Route]) -> None:
        self.app = app
        self.services = services
        self.dialects = dialects
        self.public = [route for route in routes if access(route) == "public"]
        self.under_way = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            if scope["type"] == "lifespan":
                await self.app(scope, receive, send)
            return
        if self.services.settings.behind_tls:
            scope = {**scope, "scheme": "https"}
        answer = Answering(send, scope["scheme"] == "https")
        request = Request(scope, receive)
        self.under_way += 1
        try:
            await self._pass(request, receive, answer)
        except asyncio.CancelledError:  # told to stop, the server ends what takes too long; nothing else does
            if not answer.started:
                failure = Failure(503, "the service is stopping; try again", {"retry-after": "1", **CLOSE})
                await self.render(request, failure)(scope, receive, answer)
        except Exception as error:
            failure = failure_of(error)
            if failure.status == 500 or answer.started:
                log.exception("while answering %s %a", request.method, request.url.path)
            if not answer.started:
                await self.render(request, failure)(scope, receive, answer)
        finally:
            self.under_way -= 1

    async def _pass(self, request: Request, receive: Receive, send: Send) -> None:
        settings = self.services.settings
        framing.check_head(request, settings)
        if self.under_way > settings.max_requests + settings.max_streams:
            raise Rejected(503, "too many requests are under way; try again", {"retry-after": "1", **CLOSE})
        caller = self._admit(request)
        body = await framing.read_body(request, receive, settings)
        if caller is not None:
            request.state.caller = caller
            check_form(request, caller, body)
        await self.app(request.scope, framing.replayed(body, receive), send)

    def _admit(self, request: Request) -> Caller | None:
        """Who asks; None at a public address. Raises Rejected for anybody else."""
        caller = self.services.doorkeeper.admit(request)
        if caller is None and not any(route.matches(request.scope)[0] is Match.FULL for route in self.public):
            headers = {"www-authenticate": 'Bearer realm="jobctl"', **(CLOSE if framing.has_body(request) else {})}
            raise Rejected(401, "a valid token is needed, in X-TOKEN or Authorization: Bearer", headers)
        return caller

    def render(self, request: Request, failure: Failure) -> ASGIApp:
        """The failure in the form of the dialect to which the path belongs."""
        path = request.url.path
        dialect = max((one for one in self.dialects if one.owns(path)), key=lambda one: len(one.prefix))
        return dialect.render(request, failure)


def check_form(request: Request, caller: Caller, body: bytes) -> None:
    """What a browser sends by itself, its cookie, is not enough for a change. Raises Rejected."""
    from jobctl.tokens import is_form_key

    if caller.session is None or request.method in READING:
        return
    given = request.headers.get(FORM_HEADER) or form_fields(request, body).get(FORM_KEY, "")
    if not is_form_key(caller.session, given):
        raise Rejected(403, "the form is not of this session; load the page anew")


class Answering:
    """Sends an answer with the headers that all have; an answer may set its own value."""

    def __init__(self, send: Send, tls: bool) -> None:
        self.send = send
        self.headers = {**HEADERS, **OVER_TLS} if tls else HEADERS
        self.started = False

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.started = True
            own = list(message.get("headers", ()))
            names = {name.lower() for name, _ in own}
            more = [(name, value) for name, value in self.headers.items() if name not in names]
            message = {**message, "headers": [*own, *more]}
        await self.send(message)
