"""Etendo RX's asynchronous processes: queue one by its name, and ask later what became of it."""

from __future__ import annotations

import re
from functools import partial
from typing import Final

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from jobctl import submitting
from jobctl.errors import BadInput, NotFound, Refused
from jobctl.model import JsonDict, SystemJob
from jobctl.rows import system_job_from
from jobctl.store import Store
from jobctl.web import etendo_openapi, events, payloads
from jobctl.web.callers import Scope, needs
from jobctl.web.dialects import Description, Dialect
from jobctl.web.etendo_entries import entries, entry_document, process_document
from jobctl.web.failures import Failure
from jobctl.web.services import read, write

PREFIX: Final = "/async-process"
LATEST: Final = 100
UUID: Final = re.compile(r"[0-9a-f]{32}|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.ASCII | re.IGNORECASE)


@needs(Scope.SUBMIT)
async def start(request: Request) -> Response:
    """202 once the request is stored. The same `run_id` again, with the same data, is the same request."""
    asked = payloads.query(request, "process", "run_id")
    if not asked.get("process"):
        raise BadInput("name a job: POST /async-process/?process=NAME")
    run_id = None if "run_id" not in asked else uuid_of(asked["run_id"])
    if run_id is None and "run_id" in asked:
        raise BadInput("run_id is a UUID: 32 hexadecimal digits, with or without hyphens")
    data = await payloads.json_text(request)
    row = await write(request, partial(submit, asked["process"], data, run_id))
    return JSONResponse({"id": row.id.upper(), "status": "OK"}, 202)


def submit(name: str, data: str | None, run_id: str | None, store: Store) -> SystemJob:
    """Raises JobNotFound, and Refused for the id of another system job."""
    with store.write() as tx:
        version = tx.version_in_force(name)
        columns = {}
        if run_id is not None:
            if (same := find(tx, run_id)) is not None:
                if same.job_id == version.job_id and tx.payload(same.sequence)[0] == data:
                    return same
                raise Refused(f"the run_id {run_id} is that of system job {same.sequence}, another request")
            columns["id"] = bytes.fromhex(run_id)
        return submitting.submit_within(tx, version, submitting.Request(data), "http", **columns)


@needs(Scope.READ)
async def history(request: Request) -> Response:
    """Its entries, newest first."""
    payloads.query(request)
    return JSONResponse(await read(request, partial(told, request.path_params["id"])))


def told(text: str, store: Store) -> list[JsonDict]:
    row = process(store, text)
    return [entry_document(store, row, entry) for entry in entries(store, row)]


@needs(Scope.READ)
async def latest(request: Request) -> Response:
    """Those that changed last, without their entries; not those of which nothing is known but that they came."""
    payloads.query(request)
    return JSONResponse(await read(request, changed_last))


def changed_last(store: Store) -> list[JsonDict]:
    rows = [system_job_from(row) for row in store.database.run("latest_changed", {"limit": LATEST})]
    return [document for row in rows if (document := process_document(store, row)) is not None]


@needs(Scope.READ)
async def watch(request: Request) -> Response:
    """One event for each entry, those that there are already first; ends with the process."""
    payloads.query(request)
    seen = Seen(request.path_params["id"], request.headers.get("last-event-id"))
    if await read(request, seen.all_told):
        return Response(status_code=204)  # tells an EventSource not to come back
    return await events.stream(request, seen.look)


class Seen:
    """What a stream has told of one process."""

    def __init__(self, text: str, last: str | None) -> None:
        self.text = text
        self.last = last
        self.told: set[tuple[str, str]] = set()

    def all_told(self, store: Store) -> bool:
        """Whether the client had the last entry before."""
        row = process(store, self.text)
        newest = entries(store, row)[0]
        return newest.final and newest.id(row.id) == self.last

    def look(self, store: Store) -> events.Look:
        row = process(store, self.text)
        known = entries(store, row)[::-1]
        if self.last is not None:
            ids = [entry.id(row.id) for entry in known]
            self.told |= {(entry.id(row.id), entry.description) for entry in known[: _after(ids, self.last)]}
            self.last = None
        fresh = [entry for entry in known if (entry.id(row.id), entry.description) not in self.told]
        self.told |= {(entry.id(row.id), entry.description) for entry in fresh}
        found = [events.Event(entry_document(store, row, entry), id=entry.id(row.id)) for entry in fresh]
        return events.Look(found, over=known[-1].final)


def _after(ids: list[str], last: str) -> int:
    return ids.index(last) + 1 if last in ids else 0


def process(store: Store, text: str) -> SystemJob:
    """The system job with that id. Raises NotFound."""
    found = uuid_of(text)
    row = None if found is None else find(store, found)
    if row is None:
        raise NotFound("there is no process with that id")
    return row


def find(store: Store, hexadecimal: str) -> SystemJob | None:
    numbers = store.system_job_by_hex(hexadecimal)
    return store.find_system_job(numbers[0]) if numbers else None


def uuid_of(text: str) -> str | None:
    """32 digits in lower case; None for what is no UUID."""
    return text.replace("-", "").lower() if UUID.fullmatch(text) else None


def render(request: Request, failure: Failure) -> Response:
    body = {"status": "ERROR", "error": {"code": failure.code, "message": failure.message}}
    return JSONResponse(body, failure.status, headers=dict(failure.headers))


def routes() -> list[Route]:
    return [
        Route(PREFIX, start, methods=["POST"]),
        Route(f"{PREFIX}/", start, methods=["POST"]),
        Route(f"{PREFIX}/latest", latest),
        Route(f"{PREFIX}/sse/{{id}}", watch),
        Route(f"{PREFIX}/{{id}}", history),
    ]


DESCRIPTION: Final = Description(etendo_openapi.paths, etendo_openapi.schemas, "ProcessError")
DIALECT: Final = Dialect(PREFIX, routes, render, DESCRIPTION)
