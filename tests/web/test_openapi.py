"""The OpenAPI document is valid, and tells of every address for programs, and of no other."""

from __future__ import annotations

import re
from typing import Any

import httpx
from openapi_spec_validator import OpenAPIV31SpecValidator

from jobctl.web.app import DIALECTS
from jobctl.web.openapi import document
from jobctl.web.page.rendering import PREFIX as PAGE

DATAVERSE = "/api/data/v9."


def test_it_is_a_valid_document(client: httpx.Client) -> None:
    answer = client.get("/openapi.json")
    assert answer.status_code == 200 and answer.json() == document()
    OpenAPIV31SpecValidator(answer.json()).validate()


def test_it_tells_of_every_route_for_programs_and_of_no_other() -> None:
    routes = {
        (re.sub(r":\w+}", "}", route.path), method)
        for dialect in DIALECTS
        for route in dialect.routes()
        for method in route.methods or ()
        if route.path != "/" and not route.path.startswith((PAGE, DATAVERSE)) and method != "HEAD"
    }
    told = {
        (path, method.upper())
        for path, item in document()["paths"].items()
        if not path.startswith(DATAVERSE)  # tests/web/test_dataverse_openapi.py
        for method in item
        if method != "parameters"
    }
    assert told == routes and len(told) >= 14


def test_only_the_probe_needs_no_token() -> None:
    found = document()
    assert found["security"] == [{"token": []}, {"bearer": []}]
    public = [path for path, item in found["paths"].items() for one in item.values() if opens(one)]
    assert public == ["/healthz"]


def opens(operation: Any) -> bool:
    return isinstance(operation, dict) and operation.get("security") == []
