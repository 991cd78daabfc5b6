"""The dialect's part of the OpenAPI document (3.1): its paths, with what each takes and answers."""

from __future__ import annotations

import re
from typing import Any, Final

from jobctl.model import JsonDict
from jobctl.web.dataverse.attributes import ATTRIBUTES, BOOLEAN, DOUBLE, GUID, INSTANT, KEY, TEXT
from jobctl.web.dataverse.resources import KEYED, RESOURCES, Resource

ROOT: Final = "/api/data/v9.0"
"""The other minor versions answer the same."""
GUIDS: Final = {"type": "string", "format": "uuid"}
KINDS: Final[dict[str, JsonDict]] = {
    TEXT: {"type": ["string", "null"]},
    GUID: {"type": ["string", "null"], "format": "uuid"},
    INSTANT: {"type": ["string", "null"], "format": "date-time"},
    BOOLEAN: {"type": ["boolean", "null"]},
    DOUBLE: {"type": ["number", "null"]},
}
WHOLE: Final = {"type": ["integer", "null"]}
ERROR: Final[JsonDict] = {
    "type": "object",
    "required": ["error"],
    "properties": {
        "error": {
            "type": "object",
            "required": ["code", "message"],
            "properties": {"code": {"type": "string"}, "message": {"type": "string"}},
        }
    },
}
COUNTED: Final = {"type": "integer", "minimum": 0, "maximum": 999_999_999}
SELECT: Final = ("$select", {"type": "string", "example": "name,statecode"})
USERS: Final = ("$select", {"type": "string", "example": "fullname"})
EXPAND: Final = ("$expand", {"type": "string", "example": "createdby($select=fullname)"})
FORMAT: Final = ("$format", {"type": "string", "enum": ["json"]})
FILTER: Final = ("$filter", {"type": "string", "example": "statecode eq 3"})
COLLECTION: Final = (
    SELECT,
    FILTER,
    ("$orderby", {"type": "string", "example": "completedon desc"}),
    ("$top", COUNTED),
    ("$skip", {"type": "integer", "minimum": 0, "maximum": 50_000}),
    ("$count", {"type": "boolean"}),
    EXPAND,
    FORMAT,
    ("$skiptoken", {"type": "string"}),
    ("fetchXml", {"type": "string"}),
)
QUERIES: Final[dict[tuple[str, str], tuple[tuple[str, JsonDict], ...]]] = {
    ("GET", "asyncoperations"): COLLECTION,
    ("GET", "asyncoperations/$count"): (FILTER,),
    ("GET", KEYED): (SELECT, EXPAND, FORMAT),
    ("PATCH", KEYED): (SELECT,),
    ("DELETE", KEYED): (("force", {"type": "boolean"}),),
    ("GET", "systemusers"): (USERS, ("$top", COUNTED), FORMAT),
    ("GET", "systemusers({key})"): (USERS, FORMAT),
}
"""What each method of each resource takes in its query."""
CHANGE: Final[JsonDict] = {
    "type": "object",
    "minProperties": 1,
    "additionalProperties": False,
    "properties": {
        "statecode": {"type": "integer", "enum": [0, 1, 2, 3]},
        "statuscode": {"type": "integer", "enum": [0, 10, 20, 21, 22, 30, 31, 32]},
        "postponeuntil": KINDS[INSTANT],
    },
}
BULK: Final[JsonDict] = {
    "type": "object",
    "required": ["QuerySet", "JobName"],
    "properties": {
        "QuerySet": {"type": "array", "minItems": 1, "maxItems": 1, "items": {"type": "object"}},
        "JobName": {"type": "string", "minLength": 1, "maxLength": 256},
        "RecurrencePattern": {"type": ["string", "null"]},
        "StartDateTime": KINDS[INSTANT],
        "RunNow": {"type": "boolean"},
    },
}
BODIES: Final[dict[str, JsonDict]] = {
    "PATCH": CHANGE,
    "PUT": {"type": "object", "required": ["value"], "properties": {"value": {}}},
    "POST": BULK,
}
PAGE: Final[JsonDict] = {
    "type": "object",
    "required": ["value"],
    "properties": {
        "@odata.context": {"type": "string"},
        "@odata.count": COUNTED,
        "@odata.nextLink": {"type": "string"},
        "value": {"type": "array", "items": {"type": "object"}},
    },
}


def schemas() -> JsonDict:
    """The parts that the paths refer to, for `components/schemas`."""
    properties = {name: KINDS.get(one.type, WHOLE) for name, one in ATTRIBUTES.items()}
    entity = {"type": "object", "required": [KEY], "properties": {"@odata.etag": {"type": "string"}, **properties}}
    page = {**PAGE, "properties": {**PAGE["properties"], "value": {"type": "array", "items": _ref("AsyncOperation")}}}
    return {"AsyncOperation": entity, "AsyncOperations": page, "Entities": PAGE, "ODataError": ERROR}


def paths() -> JsonDict:
    """By path and method."""
    return {f"{ROOT}/{resource.path}": _path(resource) for resource in RESOURCES}


def _path(resource: Resource) -> JsonDict:
    operations = {method.lower(): _operation(resource, method) for method in resource.functions}
    names = re.findall(r"{(\w+)}", resource.path)
    return {"parameters": list(map(_parameter, names)), **operations}


def _parameter(name: str) -> JsonDict:
    schema = GUIDS if name == "key" else {"type": "string", "enum": [*ATTRIBUTES, "createdby", "modifiedby"]}
    return {"name": name, "in": "path", "required": True, "schema": schema}


def _operation(resource: Resource, method: str) -> JsonDict:
    queries = [
        {"name": name, "in": "query", "schema": schema} for name, schema in QUERIES.get((method, resource.path), ())
    ]
    function = resource.functions[method]
    said = getattr(function, "func", function)
    operation: JsonDict = {
        "tags": ["Dataverse Web API"],
        "summary": f"{method} {resource.path or 'the service document'}",
        "description": (said.__doc__ or "").strip(),
        "parameters": queries,
        "responses": _answers(resource, method),
    }
    if method in BODIES:
        content = {"application/json": {"schema": BODIES[method]}}
        operation["requestBody"] = {"required": True, "content": content}
    return operation


def _answers(resource: Resource, method: str) -> JsonDict:
    codes = [400, 404] if "{" in resource.path else [400]
    codes += [409, 412] if method in ("PATCH", "PUT", "DELETE") else [409] if method == "POST" else []
    answers: JsonDict = {str(code): _json("Refused, in one sentence.", _ref("ODataError")) for code in (*codes, 503)}
    return _done(resource, method) | answers


def _done(resource: Resource, method: str) -> JsonDict:
    if resource.path == "$metadata":
        return {"200": {"description": "CSDL.", "content": {"application/xml": {}}}}
    if resource.path.endswith(("$count", "$value")):
        return {
            "200": {"description": "The bare value.", "content": {"text/plain": {}}},
            "204": {"description": "Null."},
        }
    nothing = {"204": {"description": "Done, or null."}}
    if method in ("DELETE", "PUT"):
        return nothing
    if resource.path == KEYED:
        return {"200": _json("The system job.", _ref("AsyncOperation"))} | nothing
    if resource.path == "asyncoperations":
        return {"200": _json("A page of system jobs.", _ref("AsyncOperations"))}
    found: Any = {"type": "object"} if "(" in resource.path or method == "POST" else _ref("Entities")
    return {"200": _json("What was asked for.", found)} | (nothing if "{name}" in resource.path else {})


def _json(description: str, schema: JsonDict) -> JsonDict:
    return {"description": description, "content": {"application/json": {"schema": schema}}}


def _ref(name: str) -> JsonDict:
    return {"$ref": f"#/components/schemas/{name}"}
