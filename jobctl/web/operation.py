"""What those who run the service ask of it: whether it is well, its figures, and what it answers."""

from __future__ import annotations

from typing import Final

from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from jobctl import control
from jobctl.errors import JobctlError
from jobctl.store import Store
from jobctl.web import metrics, operation_openapi
from jobctl.web.callers import Scope, needs, public
from jobctl.web.dialects import Description, Dialect
from jobctl.web.services import read, services

PROMETHEUS: Final = "text/plain; version=0.0.4; charset=utf-8"


@public
async def healthz(request: Request) -> Response:
    """Without a token, for probes: whether the store can be read and a daemon is at work, and nothing else."""

    def look(store: Store) -> bool:
        store.daemon()
        return control.daemon_running(store.database.config)

    try:
        running = await read(request, look)
    except JobctlError:
        return JSONResponse({"status": "unavailable"}, 503, headers={"retry-after": "5"})
    return JSONResponse({"status": "ok", "daemon": "running" if running else "absent"})


@needs(Scope.READ)
async def figures(request: Request) -> Response:
    writer = services(request).writer
    text = await read(request, metrics.exposition)
    served = metrics.of_service(writer.commits, writer.changes, services(request).watcher.streams)
    return PlainTextResponse(text + served, media_type=PROMETHEUS)


@needs(Scope.READ)
async def description(request: Request) -> Response:
    """The OpenAPI document of all dialects."""
    return JSONResponse(request.app.state.openapi)


def routes() -> list[Route]:
    return [Route("/healthz", healthz), Route("/metrics", figures), Route("/openapi.json", description)]


DESCRIPTION: Final = Description(operation_openapi.paths, operation_openapi.schemas, "Error")
DIALECT: Final = Dialect("", routes, description=DESCRIPTION)
