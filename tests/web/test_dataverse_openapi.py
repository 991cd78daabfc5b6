"""The dialect's part of the OpenAPI document tells of every address and method, and of what each takes."""

from __future__ import annotations

import json
import re
from urllib.parse import quote

from jobctl.web.dataverse import openapi
from jobctl.web.dataverse.attributes import ATTRIBUTES
from jobctl.web.dataverse.metadata import BULK_DELETE
from jobctl.web.dataverse.resources import RESOURCES, SCOPES
from tests.web.dialect import Dialect


def test_every_resource_and_method_is_told_of() -> None:
    told = {
        (path, method.upper()) for path, item in openapi.paths().items() for method in item if method != "parameters"
    }
    there = {(f"/api/data/v9.0/{one.path}", method) for one in RESOURCES for method in one.functions}
    assert told == there | {("/api/data/v9.0", "GET")}
    assert {method for _, method in told} <= set(SCOPES)


def test_what_is_referred_to_is_there() -> None:
    text = json.dumps([openapi.paths(), openapi.schemas()])
    assert set(re.findall(r"#/components/schemas/(\w+)", text)) == set(openapi.schemas())
    assert set(openapi.BULK["properties"]) == {name for name, _, _ in BULK_DELETE}
    assert set(openapi.schemas()["AsyncOperation"]["properties"]) == {*ATTRIBUTES, "@odata.etag"}


def test_every_query_option_told_of_is_taken(dialect: Dialect) -> None:
    values = {"$top": "1", "$skip": "1", "$count": "true", "force": "false", "$format": "json"}
    for (told, path), options in openapi.QUERIES.items():
        if "{" in path:
            continue
        functions = {resource.path: resource.functions for resource in RESOURCES}[path]
        for name, schema in options:
            value = values.get(name, schema.get("examples", [None])[0])
            if value is not None:
                assert dialect.ask(functions[told], f"{name}={quote(value)}").status == 200, (path, name)
