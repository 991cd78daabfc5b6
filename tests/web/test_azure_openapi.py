"""The dialect's part of the OpenAPI document tells of every address and method, and of what each takes."""

from __future__ import annotations

import json
import re

from starlette.routing import Route

from jobctl.web.azure import dialect, openapi
from jobctl.web.azure.paging import STATES, STATUSES, Asked


def routes() -> list[Route]:
    return [*dialect.DIALECT.routes(), *dialect.BRIEF.routes()]


def test_every_address_and_method_is_told_of() -> None:
    told = {(path, method.upper()) for path, item in openapi.paths().items() for method in item}
    served = {(route.path, method) for route in routes() for method in route.methods or ()}
    assert {pair for pair in told if pair[1] != "PARAMETERS"} == {pair for pair in served if pair[1] != "HEAD"}


def test_every_part_of_an_address_is_a_parameter() -> None:
    for path, item in openapi.paths().items():
        named = {one["name"]: one for one in item["parameters"]}
        assert set(named) == {*re.findall(r"{(\w+)}", path), "api-version"}
        assert named["api-version"]["required"] == path.startswith("/subscriptions")


def test_what_is_referred_to_is_there() -> None:
    text = json.dumps([openapi.paths(), openapi.schemas()])
    assert set(re.findall(r"#/components/schemas/(\w+)", text)) == set(openapi.schemas())


def test_the_filters_told_of_are_taken() -> None:
    for path, name, values in (("/azure/jobs", "state", STATES), ("/azure/jobs/{job}/history", "status", STATUSES)):
        (example,) = [
            one["schema"]["example"] for one in openapi.paths()[path]["get"]["parameters"] if one["name"] == "$filter"
        ]
        assert Asked.of({"$filter": example}, name, values).chosen == (values[0],)
