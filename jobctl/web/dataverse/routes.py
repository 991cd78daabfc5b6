"""The dialect's routes: what travels becomes a `Request`, and an `Answer` travels back."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial
from typing import Final

from starlette.requests import Request as HttpRequest
from starlette.responses import Response
from starlette.routing import Route

from jobctl.store import Store
from jobctl.web.callers import Endpoint
from jobctl.web.dataverse.answers import Answer, Request
from jobctl.web.dataverse.resources import RESOURCES, Resource, unknown

ROOT: Final = "/api/data/v9.{minor:int}"
Work = Callable[[Store], Answer]
Act = Callable[[HttpRequest, Work], Awaitable[Answer]]
"""Runs `work` on the store of who asks, beside the event loop."""


def routes(act: Act) -> list[Route]:
    """All of them; `act` knows the store and who asks."""
    found = [
        any_method(f"{ROOT}/{resource.path}".rstrip("/"), partial(_answer, act, resource)) for resource in RESOURCES
    ]
    return [
        *found,
        any_method(f"{ROOT}/", partial(_answer, act, RESOURCES[0])),
        any_method(f"{ROOT}/{{rest:path}}", _unknown),
    ]


def any_method(path: str, endpoint: Endpoint) -> Route:
    """A route that takes every method, so that one that does not fit is refused in the dialect's own words."""
    route = Route(path, endpoint)
    route.methods = set()
    return route


async def _answer(act: Act, resource: Resource, request: HttpRequest) -> Response:
    parameters = {name: str(value) for name, value in request.path_params.items() if name != "minor"}
    asked = Request(
        request.method,
        _base(request),
        request.scope.get("query_string", b"").decode("latin-1"),
        dict(request.headers.items()),
        await request.body(),
    )
    return _response(await act(request, lambda store: resource.answer(store, asked, parameters)))


async def _unknown(request: HttpRequest) -> Response:
    return _response(unknown(request.path_params["rest"]))


def _base(request: HttpRequest) -> str:
    """The address of the service as the client wrote it."""
    return f"{request.url.scheme}://{request.url.netloc}/api/data/v9.{request.path_params['minor']}/"


def _response(answer: Answer) -> Response:
    return Response(answer.body, answer.status, dict(answer.headers))
