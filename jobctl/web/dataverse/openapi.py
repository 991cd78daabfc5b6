"""The dialect's part of the OpenAPI document (3.1): its paths, with what each takes and answers."""

from __future__ import annotations

import re
from typing import Any, Final

from jobctl.model import JsonDict
from jobctl.web.dataverse.attributes import (
    ATTRIBUTES,
    BOOLEAN,
    DOUBLE,
    ENTITY,
    GUID,
    INSTANT,
    NAVIGATIONS,
    REFERRED,
    SET,
    TEXT,
)
from jobctl.web.dataverse.bulk_delete import EMPTY
from jobctl.web.dataverse.options import LARGEST, MOST_SKIPPED
from jobctl.web.dataverse.resources import KEYED, RESOURCES, Resource
from jobctl.web.openapi import answer, error, query, ref

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
ERROR: Final = error()
COUNTED: Final = {"type": "integer", "minimum": 0, "maximum": LARGEST}
SKIPPED: Final = {"type": "integer", "minimum": 0, "maximum": MOST_SKIPPED}
SELECT: Final = ("$select", {"type": "string", "examples": ["name,statecode"]})
USERS: Final = ("$select", {"type": "string", "examples": ["fullname"]})
EXPAND: Final = ("$expand", {"type": "string", "examples": ["createdby($select=fullname)"]})
FORMAT: Final = ("$format", {"type": "string", "enum": ["json"]})
FILTER: Final = ("$filter", {"type": "string", "examples": ["statecode eq 3"]})
COLLECTION: Final = (
    SELECT,
    FILTER,
    ("$orderby", {"type": "string", "examples": ["completedon desc"]}),
    ("$top", COUNTED),
    ("$skip", SKIPPED),
    ("$count", {"type": "boolean"}),
    EXPAND,
    FORMAT,
    ("$skiptoken", {"type": "string"}),
    ("fetchXml", {"type": "string"}),
)
ANY: Final = ("$select", {"type": "string"}), *COLLECTION[1:6], FORMAT
QUERIES: Final[dict[tuple[str, str], tuple[tuple[str, JsonDict], ...]]] = {
    ("GET", ""): (FORMAT,),
    ("GET", "$metadata"): (("$format", {"type": "string"}),),
    ("GET", SET): COLLECTION,
    ("GET", f"{SET}/$count"): (FILTER,),
    ("GET", KEYED): (SELECT, EXPAND, FORMAT),
    ("PATCH", KEYED): (SELECT,),
    ("DELETE", KEYED): (("force", {"type": "boolean"}),),
    ("GET", "systemusers"): (USERS, ("$top", COUNTED), ("$skiptoken", COUNTED), FORMAT),
    ("GET", "systemusers({key})"): (USERS, FORMAT),
    **{("GET", str(entity.set)): ANY for entity in REFERRED.values() if entity.set not in (None, "systemusers")},
}
"""What each method of each resource takes in its query."""
MATCH: Final = (("If-Match", {"type": "string"}), ("If-None-Match", {"type": "string"}))
PREFER: Final = ("Prefer", {"type": "string"})
TAKEN: Final[dict[tuple[str, str], tuple[tuple[str, JsonDict], ...]]] = {
    ("GET", SET): (PREFER,),
    ("GET", KEYED): (PREFER, MATCH[1]),
    ("PATCH", KEYED): (PREFER, *MATCH),
    ("DELETE", KEYED): MATCH,
    ("PUT", f"{KEYED}/{{name}}"): (PREFER, *MATCH),
    ("GET", "systemusers"): (PREFER,),
}
"""Headers that change what each answers."""
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
    "additionalProperties": False,
    "properties": {name: {"description": "Nothing jobctl has: only null, false or empty."} for name in EMPTY}
    | {
        "QuerySet": {"type": "array", "minItems": 1, "maxItems": 1, "items": ref("QueryExpression")},
        "JobName": {"type": "string", "minLength": 1, "maxLength": 256},
        "RecurrencePattern": {"type": ["string", "null"], "maxLength": 256},
        "StartDateTime": KINDS[INSTANT],
        "RunNow": {"type": "boolean"},
    },
}
TYPED: Final[JsonDict] = {"@odata.type": {"type": "string"}}
VALUE: Final[JsonDict] = {"type": ["string", "integer"]}
QUERY: Final[dict[str, JsonDict]] = {
    "QueryExpression": {
        "type": "object",
        "required": ["EntityName", "Criteria"],
        "additionalProperties": False,
        "properties": {
            "EntityName": {"const": ENTITY},
            "Criteria": ref("FilterExpression"),
            "ColumnSet": {},
            "Distinct": {},
            **TYPED,
        },
    },
    "FilterExpression": {
        "type": "object",
        "additionalProperties": False,
        "properties": {
            "FilterOperator": {"enum": ["And", 0]},
            "Conditions": {"type": ["array", "null"], "items": ref("ConditionExpression")},
            "Filters": {"type": ["array", "null"], "items": ref("FilterExpression")},
            **TYPED,
        },
    },
    "ConditionExpression": {
        "type": "object",
        "required": ["AttributeName", "Operator", "Values"],
        "additionalProperties": False,
        "properties": {
            "AttributeName": {"type": "string", "examples": ["statecode"]},
            "Operator": {"type": "string", "examples": ["Equal"]},
            "Values": {
                "type": "array",
                "minItems": 1,
                "items": {"anyOf": [VALUE, {"type": "object", "required": ["Value"], "properties": {"Value": VALUE}}]},
            },
            **TYPED,
        },
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
    entity = {"type": "object", "properties": {"@odata.etag": {"type": "string"}, **properties}}
    page = {**PAGE, "properties": {**PAGE["properties"], "value": {"type": "array", "items": ref("AsyncOperation")}}}
    return {"AsyncOperation": entity, "AsyncOperations": page, "Entities": PAGE, "ODataError": ERROR, **QUERY}


def paths() -> JsonDict:
    """By path and method; the service document is at the root with and without its slash."""
    found = {f"{ROOT}/{resource.path}": _path(resource) for resource in RESOURCES}
    return {ROOT: found[f"{ROOT}/"], **found}


def _path(resource: Resource) -> JsonDict:
    operations = {method.lower(): _operation(resource, method) for method in resource.functions}
    names = re.findall(r"{(\w+)}", resource.path)
    return {"parameters": list(map(_parameter, names)), **operations}


def _parameter(name: str) -> JsonDict:
    schema = GUIDS if name == "key" else {"type": "string", "enum": [*ATTRIBUTES, *NAVIGATIONS]}
    return {"name": name, "in": "path", "required": True, "schema": schema}


def _operation(resource: Resource, method: str) -> JsonDict:
    function = resource.functions[method]
    said = getattr(function, "func", function)
    headers = TAKEN.get((method, resource.path), ())
    operation: JsonDict = {
        "tags": ["Dataverse Web API"],
        "summary": f"{method} {resource.path or 'the service document'}",
        "description": (said.__doc__ or "").strip(),
        "parameters": [query(name, schema) for name, schema in QUERIES.get((method, resource.path), ())]
        + [{"name": name, "in": "header", "schema": schema} for name, schema in headers],
        "responses": _answers(resource, method),
    }
    if method in BODIES:
        content = {"application/json": {"schema": BODIES[method]}}
        operation["requestBody"] = {"required": True, "content": content}
    return operation


def _answers(resource: Resource, method: str) -> JsonDict:
    codes = [400, 404] if "{" in resource.path else [400]
    codes += [409] if method != "GET" else []
    told: JsonDict = {str(code): None for code in codes}
    if method in ("PATCH", "PUT", "DELETE"):
        told["412"] = answer("It is not as If-Match or If-None-Match has it.", ref("ODataError"))
    return _done(resource, method) | told


def _done(resource: Resource, method: str) -> JsonDict:
    nothing = {"204": {"description": "Done, or null."}}
    if resource.path == "$metadata":
        return {"200": answer("CSDL.", {}, "application/xml")}
    if resource.path.endswith("$count"):
        return {"200": answer("The number alone.", {"type": "string", "pattern": "^[0-9]+$"}, "text/plain")}
    if resource.path.endswith("$value"):
        return {"200": answer("The bare value.", {"type": "string"}, "text/plain"), **nothing}
    if method == "DELETE":
        return nothing
    if resource.path == KEYED:
        same = {"304": {"description": "It is still as If-None-Match has it."}} if method == "GET" else nothing
        return {"200": answer("The system job.", ref("AsyncOperation"))} | same
    if method == "PUT":
        return {"200": answer("Done, with Prefer: return=representation.", ref("AsyncOperation"))} | nothing
    if resource.path == SET:
        return {"200": answer("A page of system jobs.", ref("AsyncOperations"))}
    found: Any = {"type": "object"} if "(" in resource.path or method == "POST" else ref("Entities")
    return {"200": answer("What was asked for.", found)} | (nothing if "{name}" in resource.path else {})
