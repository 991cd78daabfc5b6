"""Etendo RX's part of the OpenAPI document."""

from __future__ import annotations

from typing import Final

from jobctl.model import JsonDict
from jobctl.web.describing import CHANGING, TEXT, answer, body, error_schema, parameter, reference, refusals

PREFIX: Final = "/async-process"
STATES: Final = ("ACCEPTED", "WAITING", "STARTED", "RETRY", "DONE", "ERROR", "REJECTED")
ID: Final[JsonDict] = {"type": "string", "pattern": "^[0-9A-Fa-f-]{32,36}$"}
START: Final = [
    parameter("process", {"type": "string", "minLength": 1}) | {"required": True},
    parameter("run_id", {"type": "string", "format": "uuid"}),
]


def schemas() -> JsonDict:
    entry = dict.fromkeys(("id", "asyncProcessId", "time"), TEXT) | {
        "state": {"type": "string", "enum": list(STATES)},
        **{name: {"type": ["string", "null"]} for name in ("description", "log", "params")},
    }
    return {
        "Accepted": {
            "type": "object",
            "required": ["id", "status"],
            "properties": {"id": ID, "status": {"const": "OK"}},
        },
        "Entry": {"type": "object", "required": ["id", "asyncProcessId", "state", "time"], "properties": entry},
        "Process": {"type": "object"},
        "ProcessError": error_schema(status={"const": "ERROR"}),
    }


def paths() -> JsonDict:
    at_id = [parameter("id", ID, "path")]
    start = operation(
        "Queue a process", "202", answer("It is stored.", reference("Accepted")), 400, 404, 409, *CHANGING
    )
    start |= {"parameters": START, "requestBody": body({}, required=False)}
    listed = {"type": "array", "items": reference("Process")}
    entries = {"type": "array", "items": reference("Entry")}
    stream = operation("Follow its entries", "200", answer("One event an entry.", TEXT, "text/event-stream"), 400, 404)
    stream["responses"]["204"] = answer("There is nothing more to tell.")
    return {
        PREFIX: {"post": start},
        f"{PREFIX}/": {"post": start},
        f"{PREFIX}/latest": {"get": operation("Those that changed last", "200", answer("The newest.", listed), 400)},
        f"{PREFIX}/sse/{{id}}": {"parameters": at_id, "get": stream},
        f"{PREFIX}/{{id}}": {
            "parameters": at_id,
            "get": operation("Its entries, newest first", "200", answer("The entries.", entries), 404),
        },
    }


def operation(summary: str, status: str, done: JsonDict, *refused: int) -> JsonDict:
    answers = {status: done, **refusals("ProcessError", *refused)}
    return {"tags": ["Etendo RX"], "summary": summary, "responses": answers}
