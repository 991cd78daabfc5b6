"""Azure Scheduler's jobs behind the gate: made, changed, listed, run and deleted; and their history."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from functools import partial
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from jobctl.errors import BadInput
from jobctl.store import Store
from jobctl.web import payloads
from jobctl.web.azure import documents, jobs, openapi, showing
from jobctl.web.azure.addresses import CODES, LONG, PAGED, SHORT, Address, AnyCase, VersionMissing, query
from jobctl.web.azure.paging import STATES, STATUSES, Asked
from jobctl.web.callers import Scope, needs
from jobctl.web.dialects import Description, Dialect
from jobctl.web.failures import Failure
from jobctl.web.services import read, write

LONGEST: Final = 1.0
"""Seconds that one page of jobs may take."""


def answered(status: int, body: object = None, headers: Mapping[str, str] = {}) -> Response:
    """Every answer has a number of its own, as Azure's have."""
    named = {"x-ms-request-id": str(uuid.uuid4()), **headers}
    return Response(status_code=status, headers=named) if body is None else JSONResponse(body, status, headers=named)


def render(request: Request, failure: Failure) -> Response:
    code = CODES.get(failure.status, "BadRequest" if failure.status < 500 else "InternalError")
    if isinstance(failure, VersionMissing):
        code = failure.code
    return answered(failure.status, {"error": {"code": code, "message": failure.message}}, failure.headers)


@needs(Scope.READ)
async def listing(request: Request) -> Response:
    """The jobs by name. A page may come before it is full, when counting their runs takes long: follow `nextLink`."""
    said, address = query(request, *PAGED), Address.of(request)
    asked = Asked.of(said, "state", STATES)
    found, more = await read(request, lambda store: page_of_jobs(store, address, asked))
    return paged(address, said, asked, "", found, more)


def page_of_jobs(store: Store, address: Address, asked: Asked) -> tuple[list[dict[str, Any]], bool]:
    """As many of them as `LONGEST` allows, at least one, and whether there are more."""
    found = jobs.listed(store, asked.chosen, asked.top + 1, asked.skip)
    until, shown = store.clock.monotonic() + LONGEST, list[dict[str, Any]]()
    for each in found[: asked.top]:
        shown.append(showing.job_document(store, address, each))
        if store.clock.monotonic() > until:
            break
    return shown, len(found) > len(shown)


@needs(Scope.READ)
async def history(request: Request) -> Response:
    """What became of each attempt to run it, newest first."""
    said, address = query(request, *PAGED), Address.of(request)
    asked = Asked.of(said, "status", STATUSES)

    def page(store: Store) -> tuple[list[dict[str, Any]], bool]:
        return showing.history(store, address, jobs.one(store, address.job), asked)

    return paged(address, said, asked, f"/{address.job}/history", *await read(request, page))


def paged(
    address: Address, said: Mapping[str, str], asked: Asked, rest: str, found: list[dict[str, Any]], more: bool
) -> Response:
    link = {"nextLink": address.next_link(said, rest, asked.skip + len(found))} if more else {}
    return answered(200, {"value": found, **link})


@needs(Scope.READ, change=Scope.MANAGE)
async def one(request: Request) -> Response:
    """One job: read, made or replaced (PUT), changed in parts (PATCH), deleted."""
    query(request)
    address = Address.of(request)
    status = 200
    if request.method == "DELETE":
        await write(request, partial(removed, address.job))
        return answered(200)
    if request.method == "PUT":
        given = documents.properties(await payloads.json_document(request), address.job)
        wanted = documents.wanted(documents.merged({}, given))
        status = 201 if await write(request, lambda store: jobs.put(store, address.job, wanted)) else 200
    if request.method == "PATCH":
        given = documents.properties(await payloads.json_document(request), address.job)
        await write(request, partial(patched, address.job, given))
    shown = await read(request, lambda store: showing.job_document(store, address, jobs.one(store, address.job)))
    return answered(status, shown)


def removed(name: str, store: Store) -> None:
    jobs.delete(store, jobs.one(store, name))


def patched(name: str, given: Mapping[str, Any], store: Store) -> None:
    """Change what is given; where nothing of its times is, its schedule stays in whatever notation it has."""
    found = jobs.one(store, name)
    jobs.refuse_final(found, "changed")
    when = any(element in given for element in documents.WHEN)
    old = showing.described(store.job_by_id(found.job_id), found.state)
    if isinstance(given.get("action"), dict) and "job" in given["action"]:
        del old["action"]["retryPolicy"]  # it is the other job's
    document = documents.merged(old, given)
    jobs.change(store, found, documents.wanted(document, when=when), "changed")


@needs(Scope.SUBMIT)
async def run(request: Request) -> Response:
    """Run it now, beside its schedule."""
    query(request)
    name = Address.of(request).job
    if await request.body() not in (b"", b"{}"):
        raise BadInput("a run takes no body: a job is given no data by its schedule")
    await write(request, lambda store: jobs.run_now(store, name))
    return answered(200)


def routes(root: str) -> list[Route]:
    return [
        AnyCase(root, listing, ["GET"]),
        AnyCase(f"{root}/{{job}}", one, ["GET", "PUT", "PATCH", "DELETE"]),
        AnyCase(f"{root}/{{job}}/run", run, ["POST"]),
        AnyCase(f"{root}/{{job}}/history", history, ["GET"]),
    ]


def dialect(prefix: str, root: str) -> Dialect:
    description = Description(partial(openapi.paths, root), openapi.schemas, "AzureError")
    return Dialect(prefix, partial(routes, root), render, description, any_case=True)


DIALECT: Final = dialect("/subscriptions", LONG)
BRIEF: Final = dialect("/azure", SHORT)
