"""The Dataverse dialect behind the gate."""

from __future__ import annotations

from typing import Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from jobctl.errors import BadInput, NotFound, NotPermitted, Refused, TryAgain
from jobctl.web.callers import Scope, needs
from jobctl.web.dataverse import answers, openapi
from jobctl.web.dataverse.routes import any_method, routes
from jobctl.web.dialects import Description, Dialect
from jobctl.web.failures import Failure
from jobctl.web.services import act

CODES: Final = {kind: code for kind, _, code in answers.CODES}
BY_STATUS: Final = {400: BadInput, 403: NotPermitted, 404: NotFound, 409: Refused, 503: TryAgain}
UNAUTHORIZED: Final = "0x80048306"
UNEXPECTED: Final = "0x80040216"


def render(request: Request, failure: Failure) -> Response:
    """What the gate refuses, in OData's form with Dataverse's codes."""
    kind = BY_STATUS.get(failure.status)
    code = UNAUTHORIZED if failure.status == 401 else UNEXPECTED if kind is None else CODES[kind]
    answer = answers.refused(failure.status, code, failure.message, failure.headers)
    return Response(answer.body, answer.status, dict(answer.headers))


def guarded() -> list[Route]:
    """To read needs the scope for it; whatever changes something needs the one to manage."""
    allowed = needs(Scope.READ, change=Scope.MANAGE)
    return [any_method(route.path, allowed(route.endpoint)) for route in routes(act)]


DESCRIPTION: Final = Description(openapi.paths, openapi.schemas, "ODataError")
DIALECT: Final = Dialect("/api/data", guarded, render, DESCRIPTION)
