"""What comes in: the only reader of queries, JSON and forms. All of it raises BadInput or Rejected in one sentence."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import parse_qsl

from starlette.requests import Request

from jobctl import jsontext, texts
from jobctl.errors import BadInput, near_miss
from jobctl.web.failures import Rejected

MOST_FIELDS: Final = 200
FORM: Final = "application/x-www-form-urlencoded"


def query(request: Request, *allowed: str) -> dict[str, str]:
    """The parameters of the address, each at most once; others than those `allowed` are refused by name."""
    found: dict[str, str] = {}
    for name, value in _pairs(request.scope["query_string"]):
        if name not in allowed:
            known = f"; there are: {', '.join(allowed)}" if allowed else ""
            raise BadInput(f"no parameter {name!a}{near_miss(name, allowed) or known}")
        if name in found:
            raise BadInput(f"the parameter {name} is given more than once")
        found[name] = texts.clean(value, f"the parameter {name}")
    return found


def whole(given: Mapping[str, str], name: str, least: int, most: int) -> int | None:
    """The number that a parameter says; None where it is left out. Raises BadInput."""
    text = given.get(name)
    if text is None:
        return None
    if not (text.isascii() and text.isdigit() and len(text) < 20 and least <= int(text) <= most):
        raise BadInput(f"{name} cannot be {text[:40]!a}; it is a whole number from {least} to {most}")
    return int(text)


async def json_text(request: Request) -> str | None:
    """The body as canonical JSON text within the limits of data; None when there is none."""
    text = await _json_body(request)
    return None if text is None else jsontext.check_json(text)


async def json_document(request: Request) -> Any:
    """The body's JSON value; None when there is no body."""
    text = await _json_body(request)
    return None if text is None else jsontext.parse(jsontext.check_json(text))


async def form(request: Request) -> dict[str, str]:
    """The fields of a form, the last of each name; empty when there is no body."""
    body = await request.body()
    if body and media_type(request) != FORM:
        raise Rejected(415, f"the body is to be {FORM}")
    return form_fields(request, body)


def form_fields(request: Request, body: bytes) -> dict[str, str]:
    """The fields of a body that is a form; none of any other."""
    return dict(_pairs(body)) if media_type(request) == FORM else {}


def media_type(request: Request) -> str:
    """The type of the body, without parameters."""
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()


async def _json_body(request: Request) -> str | None:
    body = await request.body()
    if not body:
        return None
    kind = media_type(request)
    if kind != "application/json" and not (kind.startswith("application/") and kind.endswith("+json")):
        # Also for safety: a page from elsewhere can send text/plain or a form without being asked first.
        raise Rejected(415, "the body is to be application/json")
    try:
        return body.decode("utf-8")
    except UnicodeDecodeError:
        raise BadInput("the body is not valid UTF-8") from None


def _pairs(text: bytes) -> list[tuple[str, str]]:
    try:
        return parse_qsl(
            text.decode("ascii"),
            keep_blank_values=True,
            max_num_fields=MOST_FIELDS,
            errors="strict",
            strict_parsing=False,
        )
    except UnicodeDecodeError:
        raise BadInput("a parameter is not percent-encoded UTF-8") from None
    except ValueError:
        raise BadInput(f"there are more than {MOST_FIELDS} parameters") from None
