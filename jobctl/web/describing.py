"""Pieces of OpenAPI descriptions that the dialects share."""

from __future__ import annotations

from typing import Any, Final

from jobctl.model import JsonDict

SENTENCES: Final = {
    400: "What was asked cannot be understood.",
    401: "No valid token was given.",
    403: "The token lacks the scope, or the Host or origin is not allowed.",
    404: "There is no such thing.",
    405: "The address does not take that method.",
    409: "The state does not allow it.",
    412: "It has changed since.",
    413: "The body is too large.",
    415: "The body is of another type.",
    503: "Trying again may help.",
    507: "The disk is full.",
}
ANYWHERE: Final = (401, 403, 503)
"""What every address that needs a token may answer."""
CHANGING: Final = (413, 415, 507)
"""What every request with a body may be answered."""


def reference(name: str) -> JsonDict:
    return {"$ref": f"#/components/schemas/{name}"}


def answer(description: str, schema: JsonDict | None = None, kind: str = "application/json") -> JsonDict:
    """An answer with, or without, a body."""
    return {"description": description, **({} if schema is None else {"content": {kind: {"schema": schema}}})}


def refusals(error: str, *statuses: int) -> JsonDict:
    """Answers in the form `error` names."""
    return {str(status): answer(SENTENCES[status], reference(error)) for status in sorted({*statuses, *ANYWHERE})}


def parameter(name: str, schema: JsonDict, place: str = "query") -> JsonDict:
    return {"name": name, "in": place, "schema": schema, **({"required": True} if place == "path" else {})}


def body(schema: JsonDict, *, required: bool = True) -> JsonDict:
    return {"required": required, "content": {"application/json": {"schema": schema}}}


def error_schema(**more: Any) -> JsonDict:
    """`{"error": {"code", "message"}}`, and what stands beside it."""
    inner = {"type": "object", "required": ["code", "message"], "properties": {"code": TEXT, "message": TEXT}}
    return {"type": "object", "required": ["error", *more], "properties": {"error": inner, **more}}


TEXT: Final[JsonDict] = {"type": "string"}
"""Any text."""
