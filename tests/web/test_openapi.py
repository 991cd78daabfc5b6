"""The OpenAPI document is valid; it tells of every address, method and failure as they are, and of nothing else."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import pytest
from jsonschema import Draft202012Validator
from openapi_spec_validator import validate
from starlette.routing import Route

from jobctl import clock, config
from jobctl.model import JsonDict
from jobctl.web.app import DIALECTS, create_app
from jobctl.web.azure.addresses import LONG
from jobctl.web.openapi import METHODS, REFUSALS, document, route_of
from jobctl.web.settings import Settings
from tests.conftest import Jobctl, wait_until
from tests.web.conftest import StartServe
from tests.web.raw import exchange, post
from tests.web.serving import Served, make_token

PAGES = {"/monitor"}
"""Prefixes of dialects for people, which the document leaves out."""
KEY = "00000000-0000-0000-0000-000000000000"
COLLECTION = LONG.format(subscription="s", group="g", collection="c")
ASYNC, ROWS = "/async-process/", f"/api/data/v9.0/asyncoperations({KEY})"


@pytest.fixture(scope="module")
def told() -> JsonDict:
    return document(DIALECTS)


def operations(told: JsonDict) -> dict[tuple[str, str], JsonDict]:
    """By path and method."""
    return {
        (path, method.upper()): said
        for path, item in told["paths"].items()
        for method, said in item.items()
        if method in METHODS
    }


def address(path: str) -> str:
    return re.sub(r"\{[^}]*\}", "0", path)


def test_it_is_valid_and_answered(told: JsonDict, serve: StartServe, jobctl: Jobctl) -> None:
    validate(told)
    served = serve()
    with served.client(make_token(jobctl, "reader", "read")) as client:
        answer = client.get("/openapi.json")
        assert answer.status_code == 200 and answer.json() == told
        assert client.get("/openapi.json", headers={"X-TOKEN": ""}).status_code == 401
    with served.client(make_token(jobctl, "other", "submit")) as client:
        assert client.get("/openapi.json").status_code == 403


def test_only_pages_are_left_out() -> None:
    assert {dialect.prefix for dialect in DIALECTS if dialect.description is None} == PAGES


def routes(home: Path) -> list[Route]:
    """All but those of pages, and those that answer whatever is not there."""
    there = create_app(config.load(os.environ), clock.system_clock(), Settings()).routes
    pages = {route.path for dialect in DIALECTS if dialect.prefix in PAGES for route in dialect.routes()}
    return [route for route in there if route.path not in pages and not route.path.endswith(":path}")]


def test_every_route_and_method_is_told_of_and_nothing_else(told: JsonDict, home: Path, client: httpx.Client) -> None:
    there = routes(home)
    by_route: dict[str, set[str]] = {}
    for path, method in operations(told):
        by_route.setdefault(route_of(there, path).path, set()).add(method)
    assert set(by_route) == {route.path for route in there}
    taken = dict.fromkeys(by_route, frozenset[str]())
    for route in there:
        for method in ("GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PURGE"):
            # Dataverse's routes take every method, to refuse in its own words those that do not fit.
            if client.request(method, address(route.path)).status_code != 405:
                taken[route.path] |= {method}
                assert not route.methods or method in route.methods
    assert taken == by_route


def test_head_goes_where_get_does(told: JsonDict, client: httpx.Client) -> None:
    for path, method in operations(told):
        head, other = client.head(address(path)), client.request(method, address(path))
        assert head.content == b""
        if method == "GET":
            assert head.status_code == other.status_code, path
    assert "head" not in {method for _, method in operations(told)}


def test_who_may_is_as_it_is_told(told: JsonDict, jobctl: Jobctl, serve: StartServe) -> None:
    served = serve()
    tokens = {scope: make_token(jobctl, scope, scope) for scope in ("read", "submit", "manage")}
    for (path, method), said in operations(told).items():
        wanted = {scope for requirement in said["security"] for scopes in requirement.values() for scope in scopes}
        assert {name for requirement in said["security"] for name in requirement} <= {"token", "bearer"}
        with served.client() as client:
            assert (client.request(method, address(path)).status_code == 401) == bool(wanted), path
        for scope, token in tokens.items():
            with served.client(token) as client:
                refused = client.request(method, address(path)).status_code == 403
                assert refused == (bool(wanted) and scope not in wanted), (path, method, scope)


def test_all_that_is_named_is_there(told: JsonDict) -> None:
    names = [said["operationId"] for said in operations(told).values()]
    assert len(names) == len(set(names))
    for dialect in DIALECTS:
        if dialect.description is not None:
            assert dialect.description.error in dialect.description.schemas()
            assert not set(dialect.description.schemas()) - set(told["components"]["schemas"])
    # Those of one form of failures are one family: its addresses may be several.
    families = {one.error: one.schemas() for dialect in DIALECTS if (one := dialect.description)}
    named = [name for schemas in families.values() for name in schemas]
    assert len(named) == len(set(named)), "two dialects have a schema of one name"


# The failures


class Checked:
    """Answers held against the document."""

    def __init__(self, told: JsonDict) -> None:
        self.told = told
        self.seen: set[tuple[str, int]] = set()

    def __call__(self, path: str, method: str, status: int, kind: str, body: Any) -> None:
        """A failure at a path of the document, or of none."""
        said = self.told["paths"].get(path, {}).get(method.lower(), {}).get("responses", {})
        prefix = max((one for one in DIALECTS if one.owns(path)), key=lambda one: len(one.prefix))
        assert prefix.description is not None
        response = said.get(str(status))
        if response is None:
            assert status in (404, 405), f"{method} {path} does not tell of {status}"
            response = {"$ref": f"#/components/responses/{prefix.description.error}{status}"}
        if "$ref" in response:
            response = self.told["components"]["responses"][response["$ref"].rpartition("/")[2]]
        media = response["content"][kind.partition(";")[0]]
        Draft202012Validator({**media["schema"], "components": self.told["components"]}).validate(body)
        self.seen.add((prefix.prefix, status))

    def raw(self, path: str, method: str, answer: bytes) -> None:
        head, _, body = answer.partition(b"\r\n\r\n")
        status = int(head.split()[1])
        kind = re.search(rb"(?i)\r\ncontent-type: ([^\r]*)", head)
        assert kind is not None
        self(path, method, status, kind[1].decode(), json.loads(body))

    def ask(self, client: httpx.Client, path: str, place: str, method: str, status: int, **options: Any) -> None:
        answer = client.request(method, place, **options)
        assert answer.status_code == status, (method, place, answer.text)
        self(path, method, status, answer.headers["content-type"], answer.json())


@pytest.fixture
def checked(told: JsonDict) -> Checked:
    return Checked(told)


KEYED = "/api/data/v9.0/asyncoperations({key})"
TARGETS = (
    ("", "/metrics", "/metrics", "GET"),
    ("/async-process", ASYNC, f"{ASYNC}?process=noop", "POST"),
    ("/api/data", KEYED, ROWS, "PATCH"),
    ("/azure", "/azure/jobs/{job}", "/azure/jobs/nightly", "PUT"),
    ("/subscriptions", f"{LONG}/{{job}}", f"{COLLECTION}/nightly?api-version=2016-03-01", "PUT"),
)
"""Of each dialect: its prefix, a path of the document, an address there, and its method."""
COMMON = {400, 401, 403, 404, 405, 408, 413, 415, 503}
"""What every dialect answers; 500, 505 and 507 cannot be brought about here at will."""


def test_every_failure_is_as_it_is_told(
    checked: Checked, jobctl: Jobctl, serve: StartServe, home: Path, tmp_path: Path
) -> None:
    assert {prefix for prefix, *_ in TARGETS} == {one.prefix for one in DIALECTS if one.description is not None}
    jobctl("add", "noop", "--", "true", expect=0)
    token, nothing = make_token(jobctl), make_token(jobctl, "narrow", "submit")
    served = serve(bounds={"body_timeout": 0.5})
    with served.client(token) as client:
        for target in TARGETS:
            refused_by_the_gate(checked, client, served, token, *target)
        checked.ask(client, "/metrics", "/metrics", "GET", 403, headers={"X-TOKEN": nothing})
        checked.ask(client, KEYED, ROWS, "PATCH", 403, headers={"X-TOKEN": nothing})
        refused_by_the_dialects(checked, client)
        home.rename(tmp_path / "away")
        for _, path, place, method in (*TARGETS, ("", "/healthz", "/healthz", "GET")):
            unavailable(checked, client, path, place, method)
        (tmp_path / "away").rename(home)
    assert {status for _, status in checked.seen} == set(REFUSALS) - {500, 505, 507} | {412}
    assert checked.seen >= {(prefix, status) for prefix, *_ in TARGETS for status in COMMON}


def refused_by_the_gate(
    checked: Checked, client: httpx.Client, served: Served, token: str, prefix: str, path: str, place: str, method: str
) -> None:
    for status, headers in (
        (401, {"X-TOKEN": ""}),
        (403, {"Host": "evil.example"}),
        (403, {"Origin": "https://evil.example"}),
        (415, {"Content-Encoding": "gzip"}),
    ):
        checked.ask(client, path, place, method, status, headers=headers)
    checked.ask(client, path, place, "OPTIONS", 405)
    checked.ask(client, f"{prefix}/nothing/at/all", f"{prefix}/nothing/at/all", "GET", 404)
    for lines, body in (
        (("Content-Length: 3000000",), b"{"),
        (("Content-Length: 10",), b"{"),
        (("Content-Length: 2", "Transfer-Encoding: chunked"), b"{}"),
    ):
        rest = post(served.port, token, *lines, body=body).partition(b"\r\n")[2]
        checked.raw(path, method, exchange(served.port, f"{method} {place} HTTP/1.1\r\n".encode() + rest))


def refused_by_the_dialects(checked: Checked, client: httpx.Client) -> None:
    guid = UUID("3f2504e0-4f89-41d3-9a0c-0305e82c3301")
    queue = f"{ASYNC}?process=noop&run_id={guid}"
    assert client.post(queue).status_code == 202
    checked.ask(client, ASYNC, queue, "POST", 409, json=[])
    checked.ask(client, ASYNC, f"{ASYNC}?process=nope", "POST", 404)
    checked.ask(client, ASYNC, ASYNC, "POST", 400)
    checked.ask(client, "/async-process/{id}", f"{ASYNC}{KEY}", "GET", 404)
    checked.ask(client, "/async-process/sse/{id}", f"{ASYNC}sse/{KEY}", "GET", 404)
    there = ROWS.replace(KEY, str(guid))
    checked.ask(client, KEYED, there, "DELETE", 412, headers={"If-Match": "x"})
    checked.ask(client, KEYED, there, "PATCH", 409, json={"statecode": 0, "statuscode": 0})
    checked.ask(client, KEYED, ROWS, "PATCH", 404, json={"statecode": 0})


def unavailable(checked: Checked, client: httpx.Client, path: str, place: str, method: str) -> None:
    """Each thread looks once a second whether its store is still there."""
    answer = wait_until(lambda: (found := client.request(method, place)).status_code == 503 and found)
    assert "retry-after" in answer.headers
    checked(path, method, 503, answer.headers["content-type"], answer.json())
