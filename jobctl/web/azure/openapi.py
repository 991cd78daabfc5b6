"""The dialect's part of the OpenAPI document (3.1): its paths, with what each takes and answers."""

from __future__ import annotations

import re
from typing import Any, Final

from jobctl.model import JsonDict
from jobctl.schedule.azure_document import FREQUENCIES
from jobctl.web.azure import actions
from jobctl.web.azure.addresses import CODES, LONG, VERSION, VersionMissing
from jobctl.web.azure.documents import SETTABLE
from jobctl.web.azure.paging import MOST, STATES, STATUSES
from jobctl.web.openapi import TEXT, answer, error, query, ref

INSTANT: Final[JsonDict] = {"type": "string", "format": "date-time"}
COUNT: Final[JsonDict] = {"type": "integer", "minimum": 0}
MOMENT: Final[JsonDict] = {
    "type": "string",
    "description": "ISO 8601, UTC without an offset; it is given back as it was.",
}
DAYS: Final = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
POLICY: Final[JsonDict] = {
    "type": "object",
    "required": ["retryType"],
    "additionalProperties": False,
    "properties": {
        "retryType": {"type": "string", "enum": ["None", "Fixed"]},
        "retryInterval": {"type": "string", "format": "duration", "default": "PT30S"},
        "retryCount": {"type": "integer", "minimum": 0, "maximum": actions.MOST_RETRIES, "default": actions.COUNT},
    },
}
ACTION: Final[JsonDict] = {
    "type": "object",
    "required": ["type", "job"],
    "additionalProperties": False,
    "properties": {"type": {"type": "string", "enum": [actions.KIND]}, "job": TEXT, "retryPolicy": POLICY},
}


def some(entry: JsonDict) -> JsonDict:
    """One, or an array of them."""
    return {"anyOf": [entry, {"type": "array", "minItems": 1, "items": entry}]}


SCHEDULE: Final[JsonDict] = {
    "type": "object",
    "additionalProperties": False,
    "properties": {
        "minutes": some({"type": "integer", "minimum": 0, "maximum": 59}),
        "hours": some({"type": "integer", "minimum": 0, "maximum": 23}),
        "weekDays": some({"type": "string", "enum": list(DAYS)}),
        "monthDays": some({"type": "integer", "minimum": -31, "maximum": 31}),
        "monthlyOccurrences": {
            "type": "array",
            "minItems": 1,
            "items": {
                "type": "object",
                "required": ["day"],
                "properties": {
                    "day": {"type": "string", "enum": list(DAYS)},
                    "occurrence": {"type": "integer", "minimum": -5, "maximum": 5},
                },
            },
        },
    },
}
RECURRENCE: Final[JsonDict] = {
    "type": "object",
    "required": ["frequency"],
    "additionalProperties": False,
    "properties": {
        "frequency": {"type": "string", "enum": list(FREQUENCIES)},
        "interval": {"type": "integer", "minimum": 1, "maximum": max(FREQUENCIES.values()), "default": 1},
        "count": {"type": "integer", "minimum": 1},
        "endTime": MOMENT,
        "schedule": SCHEDULE,
    },
}
STATUS: Final[JsonDict] = {
    "type": "object",
    "readOnly": True,
    "required": ["executionCount", "failureCount", "faultedCount", "schedule"],
    "properties": {
        **dict.fromkeys(("executionCount", "failureCount", "faultedCount"), COUNT),
        **dict.fromkeys(("lastExecutionTime", "nextExecutionTime"), INSTANT),
        "schedule": TEXT,
    },
}
PROPERTIES: Final[JsonDict] = {
    "type": "object",
    "properties": {
        "startTime": MOMENT,
        "recurrence": RECURRENCE,
        "action": ACTION,
        "state": {"type": "string", "enum": list(STATES)},
        "status": STATUS,
    },
}
ENTRY: Final[JsonDict] = {
    "type": "object",
    "readOnly": True,
    "properties": {
        **dict.fromkeys(("startTime", "endTime", "expectedExecutionTime"), INSTANT),
        "actionName": {"type": "string", "enum": ["MainAction"]},
        "status": {"type": "string", "enum": list(STATUSES)},
        "message": TEXT,
        "retryCount": COUNT,
        "repeatCount": COUNT,
    },
}
ERROR: Final = error({"type": "string", "enum": sorted({*CODES.values(), VersionMissing.CODE})})
GIVEN: Final[JsonDict] = {
    "type": "object",
    "additionalProperties": False,
    "properties": {**PROPERTIES["properties"], "state": {"type": "string", "enum": list(SETTABLE.values())}},
}
PAGED: Final = (
    ("$top", {"type": "integer", "minimum": 1, "maximum": MOST, "default": MOST}),
    ("$skip", {"type": "integer", "minimum": 0, "default": 0}),
)
PARTS: Final = {"": "listing", "/{job}": "one", "/{job}/run": "run", "/{job}/history": "history"}
"""Below the list of jobs: the endpoint of each address."""
METHODS: Final = {
    "listing": {"GET": "List the jobs."},
    "one": {
        "GET": "Read a job.",
        "PUT": "Make or replace a job.",
        "PATCH": "Change parts of a job, as a merge patch.",
        "DELETE": "Delete a job; what it ran stays.",
    },
    "run": {"POST": "Run it now, beside its schedule."},
    "history": {"GET": "What became of each attempt, newest first."},
}


def schemas() -> JsonDict:
    """The parts that the paths refer to, for `components/schemas`."""
    return {
        "AzureJob": _resource(PROPERTIES),
        "AzureJobs": _page("AzureJob"),
        "AzureJobGiven": {
            "anyOf": [GIVEN, {**_envelope(GIVEN), "required": ["properties"], "additionalProperties": False}],
        },
        "AzureHistoryEntry": _resource(ENTRY),
        "AzureHistory": _page("AzureHistoryEntry"),
        "AzureError": ERROR,
    }


def paths(root: str) -> JsonDict:
    """Below that address of the list of jobs, by path and method."""
    return {root + part: _path(root + part, name) for part, name in PARTS.items()}


def _path(path: str, name: str) -> JsonDict:
    placed = [{"name": each, "in": "path", "required": True, "schema": TEXT} for each in re.findall(r"{(\w+)}", path)]
    placed.append(query("api-version", {"type": "string", "enum": [VERSION]}, required=path.startswith(LONG)))
    methods = {method.lower(): _operation(name, method, words) for method, words in METHODS[name].items()}
    return {"parameters": placed, **methods}


def _operation(name: str, method: str, words: str) -> JsonDict:
    operation: JsonDict = {"tags": ["Azure Scheduler"], "summary": words, "responses": _answers(name, method)}
    if name in ("listing", "history"):
        values = f"state eq {STATES[0]}" if name == "listing" else f"status eq {STATUSES[0]}"
        queries = (*PAGED, ("$filter", {"type": "string", "example": values}))
        operation["parameters"] = [query(each, schema) for each, schema in queries]
    if method in ("PUT", "PATCH"):
        content = {"application/json": {"schema": ref("AzureJobGiven")}}
        operation["requestBody"] = {"required": True, "content": content}
    return operation


def _answers(name: str, method: str) -> JsonDict:
    """What is done, and by None the refusals of which only some operations know."""
    refused: JsonDict = {} if name == "listing" or method == "PUT" else {"404": None}
    refused |= {"409": None} if method in ("PUT", "PATCH", "POST") else {}
    if method in ("DELETE", "POST"):
        return {"200": {"description": "Done."}} | refused
    shown = {"listing": "AzureJobs", "one": "AzureJob", "history": "AzureHistory"}[name]
    done = {"200": answer("As it is.", ref(shown))} | ({"201": answer("Made.", ref(shown))} if method == "PUT" else {})
    return done | refused


def _resource(properties: JsonDict) -> JsonDict:
    return {**_envelope(properties), "required": ["id", "name", "type", "properties"]}


def _envelope(properties: JsonDict) -> JsonDict:
    return {"type": "object", "properties": {**dict.fromkeys(("id", "name", "type"), TEXT), "properties": properties}}


def _page(name: str) -> JsonDict:
    items: Any = {"type": "array", "items": ref(name)}
    return {"type": "object", "required": ["value"], "properties": {"value": items, "nextLink": TEXT}}
