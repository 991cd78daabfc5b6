"""The routes, and the form of answers and errors."""

from __future__ import annotations

import uuid
from functools import partial
from typing import Any, Final
from urllib.parse import quote, urlencode

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from jobctl.errors import BadInput, JobNotFound
from jobctl.model import JsonDict
from jobctl.store import Store
from jobctl.web import payloads
from jobctl.web.azure import asking, jobs
from jobctl.web.azure.jobs import Known
from jobctl.web.callers import Scope, needs
from jobctl.web.dialects import Dialect
from jobctl.web.failures import Failure
from jobctl.web.services import read, write

PREFIX: Final = "/subscriptions"
COLLECTION: Final = (
    f"{PREFIX}/{{subscription}}/resourceGroups/{{group}}/providers/Microsoft.Scheduler/jobCollections/{{collection}}"
)
JOBS: Final = f"{COLLECTION}/jobs"
JOB: Final = f"{JOBS}/{{job}}"
KIND: Final = "Microsoft.Scheduler/jobCollections/jobs"
VERSION: Final = "api-version"
VERSIONS: Final = ("2014-08-01-preview", "2016-01-01", "2016-03-01")
PAGE: Final = (VERSION, "$top", "$skip", "$filter")
CODES: Final = {
    401: "AuthenticationFailed",
    403: "AuthorizationFailed",
    404: "ResourceNotFound",
    405: "InvalidHttpVerb",
    409: "ConflictError",
    503: "ServerBusy",
}
"""The original's words; where it has none for a status, jobctl's own."""


@needs(Scope.READ)
async def listed(request: Request) -> Response:
    page = asking.page(query(request, *PAGE), "state", asking.STATES)
    found, more = await read(request, partial(_listed, page))
    return answer({"value": [document(request, one) for one in found], **next_link(request, page, more)})


def _listed(page: asking.Page, store: Store) -> tuple[list[Known], bool]:
    return jobs.listed(store, page)


@needs(Scope.READ, change=Scope.MANAGE)
async def job(request: Request) -> Response:
    query(request, VERSION)
    name = request.path_params["job"]
    if request.method in ("GET", "HEAD"):
        return answer(document(request, await read(request, lambda store: jobs.known(store, name))))
    if request.method == "DELETE":
        await write(request, lambda store: jobs.delete(store, name))
        return answer(None)
    elements = asking.properties(await payloads.json_document(request))
    change = _put if request.method == "PUT" else _patch
    made, one = await write(request, partial(change, name, elements))
    return answer(document(request, one), 201 if made else 200)


def _put(name: str, elements: JsonDict, store: Store) -> tuple[bool, Known]:
    try:
        made = jobs.put(store, name, elements)
    except JobNotFound as error:
        raise BadInput(f"{error}; a job is defined with jobctl add, not over HTTP") from None
    return made, jobs.known(store, name)


def _patch(name: str, elements: JsonDict, store: Store) -> tuple[bool, Known]:
    jobs.patch(store, name, elements)
    return False, jobs.known(store, name)


@needs(Scope.SUBMIT)
async def run(request: Request) -> Response:
    query(request, VERSION)
    if await request.body():
        raise BadInput("to run a job now takes no body")
    name = request.path_params["job"]
    await write(request, lambda store: jobs.run(store, name))
    return answer(None)


@needs(Scope.READ)
async def history(request: Request) -> Response:
    page = asking.page(query(request, *PAGE), "status", jobs.HISTORY)
    name = request.path_params["job"]
    found, more = await read(request, lambda store: jobs.history(store, name, page))
    entries = [{"name": name, "type": f"{KIND}/history", "properties": entry} for entry in found]
    return answer({"value": entries, **next_link(request, page, more)})


def query(request: Request, *allowed: str) -> dict[str, str]:
    found = payloads.query(request, *allowed)
    if found.get(VERSION, VERSIONS[-1]) not in VERSIONS:
        raise BadInput(f"api-version cannot be {asking.shown(found[VERSION])}; it is one of {', '.join(VERSIONS)}")
    return found


def document(request: Request, one: Known) -> JsonDict:
    """A job with its address; the names of the collection are those that the client uses."""
    path = request.scope["path"]
    collection = path[: path.index("/jobs", path.index("/jobCollections/") + len("/jobCollections/"))]
    return {
        "id": f"{collection}/jobs/{one.job.name}",
        "type": KIND,
        "name": f"{request.path_params['collection']}/{one.job.name}",
        "properties": jobs.properties(one),
    }


def next_link(request: Request, page: asking.Page, more: bool) -> dict[str, str]:
    if not more:
        return {}
    given = {**payloads.query(request, *PAGE), "$top": str(page.top), "$skip": str(page.skip + page.top)}
    return {"nextLink": f"{request.url.replace(query=urlencode(given, quote_via=quote, safe='$'))}"}


def answer(content: Any, status: int = 200) -> Response:
    headers = {"x-ms-request-id": str(uuid.uuid4())}
    if content is None:
        return Response(None, status, headers)
    return JSONResponse(content, status, headers)


def render(request: Request, failure: Failure) -> Response:
    code = CODES.get(failure.status, failure.code)
    found = answer({"error": {"code": code, "message": failure.message}}, failure.status)
    found.headers.update(failure.headers)
    return found


def routes() -> list[Route]:
    return [
        Route(JOBS, listed),
        Route(JOB, job, methods=["GET", "PUT", "PATCH", "DELETE"]),
        Route(f"{JOB}/run", run, methods=["POST"]),
        Route(f"{JOB}/history", history),
    ]


DIALECT: Final = Dialect(PREFIX, routes, render)
