"""The dialect's part of the OpenAPI document tells of every address and method, and of what each takes."""

from __future__ import annotations

import json
import re

from starlette.routing import Route

from jobctl.model import JsonDict
from jobctl.web.azure import dialect, openapi
from jobctl.web.azure.addresses import LONG, SHORT
from jobctl.web.azure.paging import STATES, STATUSES, Asked


def paths() -> JsonDict:
    return {**openapi.paths(LONG), **openapi.paths(SHORT)}


def routes() -> list[Route]:
    return [*dialect.DIALECT.routes(), *dialect.BRIEF.routes()]


def test_every_address_and_method_is_told_of() -> None:
    told = {(path, method.upper()) for path, item in paths().items() for method in item}
    served = {(route.path, method) for route in routes() for method in route.methods or ()}
    assert {pair for pair in told if pair[1] != "PARAMETERS"} == {pair for pair in served if pair[1] != "HEAD"}


def test_every_part_of_an_address_is_a_parameter() -> None:
    for path, item in paths().items():
        named = {one["name"]: one for one in item["parameters"]}
        assert set(named) == {*re.findall(r"{(\w+)}", path), "api-version"}
        assert named["api-version"].get("required", False) == path.startswith("/subscriptions")


def test_what_is_referred_to_is_there() -> None:
    text = json.dumps([paths(), openapi.schemas()])
    named = {*re.findall(r"#/components/schemas/(\w+)", text)}
    for one in (dialect.DIALECT, dialect.BRIEF):  # the form of failures is named for all operations at once
        assert one.description is not None and named | {one.description.error} == set(openapi.schemas())


def test_the_filters_told_of_are_taken() -> None:
    for path, name, values in (("/azure/jobs", "state", STATES), ("/azure/jobs/{job}/history", "status", STATUSES)):
        (example,) = [
            one["schema"]["example"] for one in paths()[path]["get"]["parameters"] if one["name"] == "$filter"
        ]
        assert Asked.of({"$filter": example}, name, values).chosen == (values[0],)
