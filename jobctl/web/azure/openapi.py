"""Azure Scheduler's part of the OpenAPI document."""

from __future__ import annotations

from typing import Final

from jobctl.model import JsonDict
from jobctl.schedule.azure_document import FREQUENCIES
from jobctl.web.azure.asking import MOST_ON_PAGE, MOST_SKIPPED, SETTABLE, STATES
from jobctl.web.azure.jobs import HISTORY
from jobctl.web.describing import CHANGING, TEXT, answer, body, error_schema, parameter, reference, refusals

COLLECTION: Final = (
    "/subscriptions/{subscription}/resourceGroups/{group}/providers/Microsoft.Scheduler/jobCollections/{collection}"
)
VERSIONS: Final = ("2014-08-01-preview", "2016-01-01", "2016-03-01")
VERSION: Final = parameter("api-version", {"type": "string", "enum": list(VERSIONS)})
PLACE: Final = [parameter(name, {"type": "string", "minLength": 1}, "path") for name in ("subscription", "group")]
INSTANT: Final[JsonDict] = {"type": ["string", "null"], "format": "date-time"}
COUNT: Final[JsonDict] = {"type": "integer", "minimum": 0}


def schemas() -> JsonDict:
    counters = dict.fromkeys(("executionCount", "failureCount", "faultedCount"), COUNT)
    times = dict.fromkeys(("lastExecutionTime", "nextExecutionTime"), INSTANT)
    status = {"type": "object", "required": [*counters, *times], "properties": {**counters, **times}}
    properties = {**_asked(), "state": {"type": "string", "enum": list(STATES)}, "status": status}
    return {
        "SchedulerJob": _envelope({"type": "object", "required": ["action", "state"], "properties": properties}),
        "SchedulerJobs": _page("SchedulerJob"),
        "Execution": _envelope({"type": "object", "properties": _execution()}),
        "Executions": _page("Execution"),
        "SchedulerError": error_schema(),
    }


def _envelope(properties: JsonDict) -> JsonDict:
    named = {"id": TEXT, "type": TEXT, "name": TEXT, "properties": properties}
    return {"type": "object", "required": ["type", "name", "properties"], "properties": named}


def _page(name: str) -> JsonDict:
    listed = {"value": {"type": "array", "items": reference(name)}, "nextLink": TEXT}
    return {"type": "object", "required": ["value"], "properties": listed}


def _asked() -> JsonDict:
    """The elements of a job that can be set."""
    action = {
        "type": "object",
        "required": ["type", "job"],
        "properties": {"type": {"const": "jobctl"}, "job": TEXT, "retryPolicy": {"type": "object"}},
    }
    recurrence = {
        "type": "object",
        "required": ["frequency"],
        "properties": {
            "frequency": {"type": "string", "examples": list(FREQUENCIES)},
            "interval": {"type": "integer", "minimum": 1, "maximum": 1000},
            "count": {"type": "integer", "minimum": 1},
            "endTime": TEXT,
            "schedule": {"type": "object"},
        },
    }
    return {"startTime": TEXT, "recurrence": recurrence, "action": action}


def _execution() -> JsonDict:
    times = dict.fromkeys(("startTime", "endTime", "expectedExecutionTime"), INSTANT)
    words = {"actionName": {"const": "MainAction"}, "status": {"type": "string", "enum": list(HISTORY)}}
    return {**times, **words, "message": {"type": ["string", "null"]}, "retryCount": COUNT, "repeatCount": COUNT}


def paths() -> JsonDict:
    wanted = {**_asked(), "state": {"type": "string", "examples": list(SETTABLE)}}
    whole = body({"type": "object", "required": ["action"], "properties": wanted})
    part = body({"type": "object", "properties": {name: {**schema} for name, schema in wanted.items()}})
    one, done = answer("The job.", reference("SchedulerJob")), answer("Done.")
    place = [*PLACE, parameter("collection", {"type": "string", "minLength": 1}, "path")]
    at_job = [*place, parameter("job", {"type": "string", "minLength": 1}, "path")]
    put = _operation("Make or replace it", one, 400, 409, *CHANGING) | {"requestBody": whole}
    put["responses"]["201"] = one
    jobs, job = f"{COLLECTION}/jobs", f"{COLLECTION}/jobs/{{job}}"
    return {
        jobs: {"parameters": place, "get": _listing("The jobs", "SchedulerJobs", "state", 400)},
        job: {
            "parameters": at_job,
            "get": _operation("A job with its status", one, 400, 404),
            "put": put,
            "patch": _operation("Change some of it", one, 400, 404, 409, *CHANGING) | {"requestBody": part},
            "delete": _operation("End its schedule", done, 400, 404, 507),
        },
        f"{job}/run": {"parameters": at_job, "post": _operation("Run it now", done, 400, 404, 409, *CHANGING)},
        f"{job}/history": {"parameters": at_job, "get": _listing("Its executions", "Executions", "status", 400, 404)},
    }


def _listing(summary: str, schema: str, filtered: str, *refused: int) -> JsonDict:
    found = _operation(summary, answer("A page.", reference(schema)), *refused)
    found["parameters"] = [
        VERSION,
        parameter("$top", {"type": "integer", "minimum": 1, "maximum": MOST_ON_PAGE}),
        parameter("$skip", {"type": "integer", "minimum": 0, "maximum": MOST_SKIPPED}),
        parameter("$filter", {"type": "string", "pattern": f"^{filtered} eq "}),
    ]
    return found


def _operation(summary: str, done: JsonDict, *refused: int) -> JsonDict:
    answers = {"200": done, **refusals("SchedulerError", *refused)}
    return {"tags": ["Azure Scheduler"], "summary": summary, "parameters": [VERSION], "responses": answers}
