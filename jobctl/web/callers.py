"""Who asks, and what an endpoint asks of them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from enum import StrEnum
from functools import wraps
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from jobctl.web.failures import Rejected

Endpoint = Callable[[Request], Awaitable[Response]]
READING: Final = frozenset({"GET", "HEAD", "OPTIONS"})
"""Methods that change nothing (RFC 9110: safe)."""


class Scope(StrEnum):
    READ = "read"
    SUBMIT = "submit"
    MANAGE = "manage"


@dataclass(frozen=True, slots=True)
class Caller:
    token_id: int
    name: str
    scopes: frozenset[str]
    session: str | None = None
    """The session of a browser; None for who sent a token."""

    @property
    def actor(self) -> str:
        return f"token:{self.name}"

    def may(self, scope: Scope) -> bool:
        return scope.value in self.scopes


def caller(request: Request) -> Caller:
    """Who asks; only behind the gate, and not of a public endpoint."""
    found = request.state.caller
    assert isinstance(found, Caller)
    return found


def needs(scope: Scope, change: Scope | None = None) -> Callable[[Endpoint], Endpoint]:
    """The endpoint is for callers with that scope; with `change` methods that are not safe need that one instead."""

    def wanted_for(method: str) -> Scope:
        return scope if change is None or method in READING else change

    def decorate(endpoint: Endpoint) -> Endpoint:
        @wraps(endpoint)
        async def checked(request: Request) -> Response:
            wanted = wanted_for(request.method)
            if not caller(request).may(wanted):
                raise Rejected(403, f"this needs the scope {wanted}; the token {caller(request).name} does not have it")
            return await endpoint(request)

        words = f"{scope}" if change is None else f"{scope}, {change} to change"
        return _marked(checked, words, wanted_for)

    return decorate


def public(endpoint: Endpoint) -> Endpoint:
    """The endpoint answers everybody who may reach the service: nothing of jobs may be seen there."""

    @wraps(endpoint)
    async def open_to_all(request: Request) -> Response:
        return await endpoint(request)

    return _marked(open_to_all, "public", lambda method: None)


def access(route: Route) -> str | None:
    """`public`, or the scopes that the route's endpoint asks for; None when it says nothing."""
    found: Any = getattr(route.endpoint, "access", None)
    return None if found is None else str(found)


def scope_of(route: Route, method: str) -> Scope | None:
    """What the route's endpoint asks of who uses that method; None for a public one."""
    found: Scope | None = route.endpoint.scope_of(method)  # type: ignore[attr-defined]
    return found


def _marked(endpoint: Endpoint, access: str, scope_of: Callable[[str], Scope | None]) -> Endpoint:
    endpoint.access = access  # type: ignore[attr-defined]
    endpoint.scope_of = scope_of  # type: ignore[attr-defined]
    return endpoint
