"""What a dialect gives to the application."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from jobctl.model import JsonDict
from jobctl.web import failures
from jobctl.web.failures import Failure


@dataclass(frozen=True, slots=True)
class Description:
    """A dialect's part of the OpenAPI document; `openapi.py` adds what the gate answers and asks for."""

    paths: Callable[[], JsonDict]
    schemas: Callable[[], JsonDict]
    error: str
    """Which of the schemas is the form of its failures."""


@dataclass(frozen=True, slots=True)
class Dialect:
    prefix: str
    """Failures of paths that are, or begin with, this and a slash are rendered by this dialect; "" for what is left."""
    routes: Callable[[], list[Route]]
    render: Callable[[Request, Failure], Response] = failures.render
    """Also for what the gate refuses: 401 may lead a browser to where people sign in."""
    description: Description | None = None
    """None for pages: they are for people."""
    any_case: bool = False
    """Whether its addresses are the same in any letter case."""

    def owns(self, path: str) -> bool:
        path = path.lower() if self.any_case else path
        return not self.prefix or path == self.prefix or path.startswith(self.prefix.rstrip("/") + "/")
