"""The OpenAPI document (3.1.1) of the whole service: what each dialect tells of itself, and what the gate adds to all.

https://spec.openapis.org/oas/v3.1.1.html
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Final

from starlette.routing import Match, Route

from jobctl import __version__
from jobctl.model import JsonDict
from jobctl.web.callers import scope_of
from jobctl.web.dialects import Description, Dialect

TEXT: Final[JsonDict] = {"type": "string"}
SCHEMES: Final[JsonDict] = {
    "token": {"type": "apiKey", "in": "header", "name": "X-TOKEN"},
    "bearer": {"type": "http", "scheme": "bearer"},
}
"""Either, not both."""
REFUSALS: Final = {
    400: "The request cannot be understood.",
    401: "No valid token came with the request.",
    403: "The token lacks the scope, or the Host or the Origin is none that is allowed.",
    404: "What the address names is not there.",
    405: "The address does not take the method.",
    408: "The body did not come in time.",
    409: "The state of things does not allow it.",
    413: "The body is too large.",
    415: "The body is of another type, or compressed.",
    500: "An error inside jobctl; its log says more.",
    503: "Not now; trying again may help.",
    505: "Another version of HTTP.",
    507: "The disk is full.",
}
"""By status: what a failure means, whatever the dialect."""
HEADERS: Final[dict[int, tuple[str, str]]] = {
    401: ("WWW-Authenticate", "string"),
    405: ("Allow", "string"),
    503: ("Retry-After", "integer"),
}
EVERYWHERE: Final = (400, 401, 403, 408, 413, 415, 500, 503, 505, 507)
"""What the gate, or the store behind it, may answer to any request."""
OPEN: Final = tuple(status for status in EVERYWHERE if status != 401)
"""The same, where no token is asked for."""
METHODS: Final = frozenset({"get", "put", "post", "delete", "options", "head", "patch", "trace"})
WORDS: Final = """\
jobctl over HTTP: the operations of its command line, in the words of several systems.

A token (`jobctl token create`) comes in `X-TOKEN` or as `Authorization: Bearer`; the roles that an operation names are
the scopes that the token needs. `HEAD` goes where `GET` does. An address that there is not is answered by 404, and a
method that an address does not take by 405, in the form of the failures beside it."""


def document(dialects: Iterable[Dialect]) -> JsonDict:
    """All of it, as JSON has it."""
    paths: JsonDict = {}
    responses: JsonDict = {}
    schemas: JsonDict = {}
    for dialect in dialects:
        if dialect.description is None:
            continue
        schemas |= dialect.description.schemas()
        responses |= _refusals(dialect.description)
        routes = dialect.routes()
        for path, item in dialect.description.paths().items():
            paths[path] = _completed(dialect.description, routes, path, item)
    return {
        "openapi": "3.1.1",
        "info": {
            "title": "jobctl",
            "version": __version__,
            "description": WORDS,
            "license": {"name": "MIT", "identifier": "MIT"},
        },
        "servers": [{"url": "/"}],
        "paths": paths,
        "components": {"schemas": schemas, "responses": responses, "securitySchemes": SCHEMES},
    }


def _refusals(description: Description) -> JsonDict:
    return {
        _refusal(description, status): answer(words, {"$ref": f"#/components/schemas/{description.error}"})
        | _headers(status)
        for status, words in REFUSALS.items()
    }


def _refusal(description: Description, status: int) -> str:
    return f"{description.error}{status}"


def _headers(status: int) -> JsonDict:
    if status not in HEADERS:
        return {}
    name, kind = HEADERS[status]
    return {"headers": {name: {"schema": {"type": kind}}}}


def _completed(description: Description, routes: list[Route], path: str, item: JsonDict) -> JsonDict:
    """The path's item with who may, and the refusals that its operations do not tell of themselves."""
    return {
        name: _operation(description, routes, path, name, said) if name in METHODS else said
        for name, said in item.items()
    }


def _operation(description: Description, routes: list[Route], path: str, method: str, said: JsonDict) -> JsonDict:
    scope = scope_of(route_of(routes, path), method.upper())
    own = {str(status): said_ for status, said_ in said["responses"].items()}
    refusals = {
        str(status): {"$ref": f"#/components/responses/{_refusal(description, status)}"}
        for status in dict.fromkeys((*_named(own), *(OPEN if scope is None else EVERYWHERE)))
    }
    return {
        "operationId": f"{method}{re.sub('[^A-Za-z0-9]+', '_', path)}".rstrip("_")
        + ("_" if path.endswith("/") else ""),
        **said,
        "security": [] if scope is None else [{name: [scope.value]} for name in SCHEMES],
        "responses": {status: own.get(status) or refusals[status] for status in sorted({*own, *refusals})},
    }


def _named(own: JsonDict) -> Iterator[int]:
    """Refusals that an operation names by `None`, for the common form and words."""
    return (int(status) for status, said in own.items() if said is None)


def route_of(routes: Iterable[Route], path: str) -> Route:
    """The route that answers at a path of the document."""
    address = re.sub(r"\{\w+\}", "1", path)
    for route in routes:
        if route.matches({"type": "http", "path": address, "method": "GET"})[0] is not Match.NONE:
            return route
    raise AssertionError(f"no route answers at {path}")


def answer(description: str, schema: JsonDict, kind: str = "application/json") -> JsonDict:
    """A response with a body of that type."""
    return {"description": description, "content": {kind: {"schema": schema}}}


def ref(name: str) -> JsonDict:
    return {"$ref": f"#/components/schemas/{name}"}


def query(name: str, schema: JsonDict, description: str = "", required: bool = False) -> JsonDict:
    """A parameter of the query."""
    told = {"description": description} if description else {}
    return {"name": name, "in": "query", "schema": schema, **told} | ({"required": True} if required else {})


def error(code: JsonDict = TEXT) -> JsonDict:
    """The form of a failure: `{"error": {"code", "message"}}`; `code` is the schema of its codes."""
    return {
        "type": "object",
        "required": ["error"],
        "additionalProperties": False,
        "properties": {
            "error": {
                "type": "object",
                "required": ["code", "message"],
                "additionalProperties": False,
                "properties": {"code": code, "message": TEXT},
            }
        },
    }
