"""The part of the OpenAPI document for Etendo RX's asynchronous processes."""

from __future__ import annotations

from typing import Final

from jobctl.model import JsonDict
from jobctl.web.openapi import answer, error, query, ref

TAGS: Final = ["Etendo RX"]
ID: Final[JsonDict] = {"type": "string", "pattern": "^[0-9A-F]{32}$"}
TIME: Final[JsonDict] = {
    "type": "string",
    "pattern": r"^\d{2}-\d{2}-\d{4} \d{2}:\d{2}:\d{2}:\d{3}$",
    "description": "In UTC: dd-MM-yyyy HH:mm:ss:SSS",
}
STATE: Final[JsonDict] = {"enum": ["ACCEPTED", "WAITING", "STARTED", "RETRY", "DONE", "ERROR", "REJECTED"]}
UUID: Final[JsonDict] = {
    "type": "string",
    "pattern": "^([0-9A-Fa-f]{32}|[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12})$",
}
ENTRY: Final[JsonDict] = {
    "id": {"type": "string", "format": "uuid"},
    "asyncProcessId": ID,
    "state": STATE,
    "time": TIME,
    "description": {"type": "string"},
    "log": {"type": ["string", "null"], "description": "The end of the attempt's output."},
    "params": {"type": "string", "description": "The data, as JSON text; of the entry ACCEPTED."},
}


def schemas() -> JsonDict:
    failure = error()
    failure["required"] = ["status", "error"]
    failure["properties"] |= {"status": {"const": "ERROR"}}
    started = {"id": ID, "status": {"const": "OK"}}
    process = {
        "id": ID,
        "lastUpdate": TIME,
        "description": {"type": "string"},
        "state": {"enum": [state for state in STATE["enum"] if state != "ACCEPTED"]},
    }
    return {
        "ProcessError": failure,
        "StartedProcess": _object(started),
        "ProcessEntry": _object(ENTRY),
        "Process": _object(process),
    }


def _object(properties: JsonDict) -> JsonDict:
    return {
        "type": "object",
        "required": list(properties),
        "additionalProperties": False,
        "properties": properties,
    }


def paths() -> JsonDict:
    by_id = {"parameters": [{"name": "id", "in": "path", "required": True, "schema": UUID}]}
    history = answer("Its entries, newest first.", {"type": "array", "minItems": 1, "items": ref("ProcessEntry")})
    latest = answer("The hundred that changed last.", {"type": "array", "maxItems": 100, "items": ref("Process")})
    return {
        "/async-process": {"post": _start()},
        "/async-process/": {"post": _start()},
        "/async-process/latest": {"get": _get("The processes that changed last", {"200": latest})},
        "/async-process/sse/{id}": by_id | {"get": _watch()},
        "/async-process/{id}": by_id | {"get": _get("What became of a process", {"200": history, "404": None})},
    }


def _start() -> JsonDict:
    return {
        "tags": TAGS,
        "summary": "Queue a process",
        "description": "Submits the job of that name; 202 once it is stored. The same run_id again, with the same data,"
        " is the same request.",
        "parameters": [
            query("process", {"type": "string", "minLength": 1}, "The name of a job.", required=True),
            query("run_id", UUID, "An id of your own."),
        ],
        "requestBody": {"description": "Its data: any JSON.", "content": {"application/json": {"schema": {}}}},
        "responses": {"202": answer("It is stored.", ref("StartedProcess")), "404": None, "409": None},
    }


def _watch() -> JsonDict:
    last = {"name": "Last-Event-ID", "in": "header", "schema": {"type": "string"}}
    words = "An event for each entry, whose data is a ProcessEntry as JSON; ends with the process."
    events = {"description": words, "content": {"text/event-stream": {}}}
    over = {"description": "The client had the last entry before."}
    return _get("Follow a process", {"200": events, "204": over, "404": None}) | {"parameters": [last]}


def _get(summary: str, responses: JsonDict) -> JsonDict:
    return {"tags": TAGS, "summary": summary, "responses": responses}
