"""The application: the dialects' routes behind the gate."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Final

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from jobctl.clock import Clock
from jobctl.config import Config
from jobctl.errors import JobctlError
from jobctl.web import etendo, openapi, operation
from jobctl.web.azure import dialect as azure
from jobctl.web.callers import access
from jobctl.web.dataverse import dialect as dataverse
from jobctl.web.dialects import Dialect
from jobctl.web.failures import failure_of
from jobctl.web.gate import Gate
from jobctl.web.page import dialect as page
from jobctl.web.services import Services
from jobctl.web.settings import Settings

DIALECTS: Final = (
    operation.DIALECT,
    etendo.DIALECT,
    dataverse.DIALECT,
    azure.DIALECT,
    azure.BRIEF,
    page.DIALECT,
)
"""One of them has the prefix "": what belongs to no other is its."""


class Application:
    """What the server runs; `routes` are all that there are."""

    def __init__(self, services: Services, dialects: Sequence[Dialect]) -> None:
        self.services = services
        self.routes: list[Route] = [route for dialect in dialects for route in dialect.routes()]
        if silent := [route.path for route in self.routes if access(route) is None]:
            raise AssertionError(f"these routes do not say who may: {', '.join(silent)}")

        @asynccontextmanager
        async def lifespan(app: Starlette) -> AsyncIterator[None]:
            services.start()
            yield
            services.stop()

        async def failed(request: Request, error: Exception) -> Response:
            answer = self.gate.render(request, failure_of(error))
            assert isinstance(answer, Response)
            return answer

        handlers = {HTTPException: failed, JobctlError: failed, Exception: failed}
        self.starlette = Starlette(routes=self.routes, lifespan=lifespan, exception_handlers=handlers)
        self.starlette.router.redirect_slashes = False
        self.starlette.state.services = services
        self.starlette.state.openapi = openapi.document(dialects)
        self.gate = Gate(self.starlette, services, dialects, self.routes)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self.gate(scope, receive, send)

    def end_streams(self) -> None:
        """When the service is told to stop: what is being answered may end, but streams do not by themselves."""
        self.services.watcher.stop()


def create_app(config: Config, clock: Clock, settings: Settings) -> Application:
    """The whole service for one home, as an ASGI application. Its database must have been opened once before."""
    return Application(Services(config, clock, settings), DIALECTS)
