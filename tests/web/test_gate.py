"""Nobody passes without a valid token; what each token may is what it was given; slow clients hold up nobody."""

from __future__ import annotations

import asyncio
import os
import re
import socket
import threading
import time
from contextlib import suppress
from pathlib import Path

import httpx
import pytest
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from jobctl import clock, config
from jobctl.web.app import Application, create_app
from jobctl.web.azure import dialect as azure
from jobctl.web.callers import access, public
from jobctl.web.dialects import Dialect
from jobctl.web.services import Services
from jobctl.web.settings import Settings
from tests.conftest import ClockFile, Jobctl, wait_until
from tests.web.conftest import StartServe
from tests.web.raw import connect, drain, exchange, post, statuses
from tests.web.serving import make_token

PUBLIC = {"/healthz"}
"""All that answers programs without a token."""
OF_THE_PAGE = {"/", "/monitor/sign-in", "/monitor/sign-out", "/monitor/static/{name}"}
"""What people need to sign in; test_page_reading.py looks at what it shows."""
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PROPFIND", "PURGE")
REFUSAL = "a valid token is needed, in X-TOKEN or Authorization: Bearer"


@pytest.fixture
def application(home: Path) -> Application:
    return create_app(config.load(os.environ), clock.system_clock(), Settings())


def test_what_nobody_foresaw_is_answered_in_the_dialects_form_and_tells_nothing(
    home: Path, caplog: pytest.LogCaptureFixture
) -> None:
    @public
    async def errs(request: Request) -> Response:
        raise RuntimeError("the secret is 42")

    dialect = Dialect("", lambda: [Route("/errs", errs)], azure.render)
    found = Application(Services(config.load(os.environ), clock.system_clock(), Settings()), [dialect])

    async def ask() -> httpx.Response:
        transport = httpx.ASGITransport(found, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
            return await client.get("/errs")

    answer = asyncio.run(ask())
    assert answer.status_code == 500 and answer.headers["x-ms-request-id"]
    error = {"code": "InternalError", "message": "an error inside jobctl; its log says more"}
    assert answer.json() == {"error": error} and "the secret" in caplog.text


def addresses(application: Application) -> list[str]:
    """One address of each route."""
    return [re.sub(r"\{[^}]*\}", "1", route.path) for route in application.routes if route.path not in OF_THE_PAGE]


def test_no_route_answers_without_a_token(application: Application, serve: StartServe) -> None:
    with serve().client() as client:
        found = addresses(application)
        base = str(client.base_url).rstrip("/")
        assert len(found) > 10
        assert {method for route in application.routes for method in route.methods or ()} <= set(METHODS)
        odd = ["/nothing", "/async-process/x/y", f"{base}//healthz", "/healthz/", "/%2e%2e/healthz", "/monitor/"]
        for address in [*found, *odd, "/monitor/static/x/y"]:
            for method in METHODS:
                answer = client.request(method, address)
                if address in PUBLIC and method in ("GET", "HEAD"):
                    assert answer.status_code == 200
                else:
                    assert answer.status_code in (401, 405), (method, address, answer.text)
                    assert answer.status_code == 401 or address in PUBLIC
                    assert answer.headers["www-authenticate"].startswith("Bearer") or address in PUBLIC


def test_every_route_says_who_may(application: Application) -> None:
    said = {route.path: access(route) for route in application.routes}
    assert {path for path, who in said.items() if who == "public"} == PUBLIC | OF_THE_PAGE
    assert None not in said.values()


def test_wrong_tokens_are_refused_alike(jobctl: Jobctl, serve: StartServe) -> None:
    jobctl("add", "noop", "--", "true", expect=0)
    right = make_token(jobctl)
    served = serve()
    handle, secret = right.split("_", 2)[1:]
    wrong = [b"", b"x", b"caf\xe9", b"\xff" * 50, right[:-1].encode(), (right + "x").encode(), right.upper().encode()]
    wrong += [f"jobctl_{handle}_{'A' * 43}".encode(), f"jobctl_{'0' * 12}_{secret}".encode(), b"'; --", b"y" * 8000]
    bodies = set()
    for token in wrong:
        for header in (b"X-TOKEN: " + token, b"Authorization: Bearer " + token, b"Authorization: Basic " + token):
            request = b"GET /metrics HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n" + header + b"\r\n\r\n"
            answer = exchange(served.port, request)
            assert statuses(answer) == [401], (header, answer)
            bodies.add(answer.rpartition(b"\r\n\r\n")[2])
    assert len(bodies) == 1 and REFUSAL.encode() in bodies.pop()
    with served.client() as client:
        for headers in (
            [("X-TOKEN", right), ("X-TOKEN", right)],
            [("X-TOKEN", right), ("Authorization", f"Bearer {right}")],
            [("Authorization", right)],
            [("Authorization", f"Token {right}")],
            [("Cookie", f"jobctl_session={right}")],
        ):
            assert client.get("/metrics", headers=headers).status_code == 401, headers
        assert client.get("/metrics", params={"token": right}).status_code == 401
        for name, value in (
            ("X-TOKEN", right),
            ("Authorization", f"Bearer {right}"),
            ("authorization", f"bearer {right}"),
        ):
            assert client.get("/metrics", headers={name: value}).status_code == 200
    assert right not in served.output and secret not in served.output


def test_a_token_may_what_it_was_given(jobctl: Jobctl, serve: StartServe) -> None:
    jobctl("add", "noop", "--", "true", expect=0)
    served = serve()
    wanted = {
        ("POST", "/async-process/?process=noop"): "submit",
        ("GET", "/async-process/latest"): "read",
        ("GET", "/metrics"): "read",
        ("GET", "/api/data/v9.0/asyncoperations"): "read",
        ("DELETE", "/api/data/v9.0/asyncoperations(00000000-0000-0000-0000-000000000000)"): "manage",
    }
    for scope in ("read", "submit", "manage"):
        with served.client(make_token(jobctl, scope, scope)) as client:
            for (method, address), needed in wanted.items():
                answer = client.request(method, address)
                assert (answer.status_code == 403) == (scope != needed), (scope, method, address, answer.text)
                if scope != needed:
                    assert f"this needs the scope {needed}" in answer.json()["error"]["message"]


def test_a_revoked_or_expired_token_is_refused_from_then_on(
    jobctl: Jobctl, serve: StartServe, clock_file: ClockFile
) -> None:
    brief = jobctl("token", "create", "brief", "--expires", "1h", expect=0).stdout.strip()
    lasting = make_token(jobctl, "lasting")
    with serve().client() as client:

        def status(token: str) -> int:
            return client.get("/metrics", headers={"X-TOKEN": token}).status_code

        assert (status(brief), status(lasting)) == (200, 200)
        clock_file.advance(3601)
        assert (status(brief), status(lasting)) == (401, 200)
        jobctl("token", "revoke", "lasting", expect=0)
        assert status(lasting) == 401
        assert status(make_token(jobctl, "lasting")) == 200  # the name is free; the old text stays refused
        assert status(lasting) == 401


def test_use_is_noted_now_and_then(jobctl: Jobctl, serve: StartServe, clock_file: ClockFile, token: str) -> None:
    def last_used() -> str | None:
        (found,) = jobctl("token", "list", "--json", expect=0).json["tokens"]
        used: str | None = found["last_used_on"]
        return used

    assert last_used() is None
    with serve().client(token) as client:
        client.get("/metrics")
        first = wait_until(last_used)
        client.get("/metrics")
        assert "jobctl_http_changes_total 1\n" in client.get("/metrics").text
        clock_file.advance(61)
        client.get("/metrics")
        wait_until(lambda: last_used() != first)


def test_no_token_is_stored_or_logged(jobctl: Jobctl, serve: StartServe, home: Path, token: str) -> None:
    jobctl("add", "noop", "--", "env", expect=0)
    served = serve()
    with served.client(token) as client:
        assert client.post("/async-process/?process=noop", json={}).status_code == 202
        client.get("/async-process/latest")
    served.stop()
    secret = token.split("_", 2)[2].encode()
    for path in [*home.rglob("*"), served.log]:
        assert not path.is_file() or secret not in path.read_bytes(), path


def test_slow_clients_are_let_go_and_hold_up_nobody(jobctl: Jobctl, serve: StartServe, token: str) -> None:
    bounds = {"head_timeout": 1.0, "body_timeout": 1.0, "max_connections": 600}
    served = serve(bounds=bounds)
    half = b"GET /metrics HTTP/1.1\r\nHost: localhost\r\n"
    slow = [connect(served.port) for _ in range(300)]
    for connection in slow[:200]:
        connection.sendall(half)
    with served.client(token) as client:
        begun = time.monotonic()
        assert client.get("/healthz").status_code == 200
        assert time.monotonic() - begun < 1.0
    for connection in slow:
        assert drain(connection) == b""  # closed by the server, within the timeout of the socket
        connection.close()
    late = exchange(served.port, post(served.port, token, "Content-Length: 10", body=b"{"))
    assert statuses(late) == [408] and b"connection: close" in late.lower()
    with connect(served.port) as dripping:
        until = time.monotonic() + 10
        try:
            while time.monotonic() < until:  # a byte now and then does not help
                dripping.sendall(b"GET"[:1])
                threading.Event().wait(0.2)
        except OSError:
            pass
        assert time.monotonic() < until


def test_a_body_that_drips_is_not_waited_for(jobctl: Jobctl, serve: StartServe, token: str) -> None:
    """The time is for all of it, not from one byte to the next."""
    jobctl("add", "noop", "--", "true", expect=0)
    served = serve(bounds={"body_timeout": 1.0})
    for header, part in (("Content-Length: 1000000", b"1"), ("Transfer-Encoding: chunked", b"1\r\n1\r\n")):
        with connect(served.port) as connection:
            connection.sendall(post(served.port, token, header))
            connection.settimeout(0.1)
            answer, until = b"", time.monotonic() + 10
            while not answer and time.monotonic() < until:
                with suppress(TimeoutError):
                    answer = connection.recv(65536)
                with suppress(OSError):
                    connection.sendall(part)
            assert statuses(answer) == [408], (header, answer)
    assert jobctl("monitor", "--json", expect=0).json["system_jobs"] == []


def test_more_connections_than_allowed_are_closed_at_once(serve: StartServe, token: str) -> None:
    served = serve(bounds={"max_connections": 5, "head_timeout": 30.0})
    held = [connect(served.port) for _ in range(5)]
    with served.client(token) as client:
        with pytest.raises(httpx.TransportError):
            client.get("/healthz")
        held.pop().close()
        wait_until(lambda: answers(client), what="there is room again")
    for connection in held:
        connection.close()


def answers(client: httpx.Client) -> bool:
    try:
        return client.get("/healthz").status_code == 200
    except httpx.TransportError:
        return False


def test_a_body_that_ends_too_early_starts_nothing(jobctl: Jobctl, serve: StartServe, token: str) -> None:
    jobctl("add", "noop", "--", "true", expect=0)
    served = serve()
    with connect(served.port) as connection:
        connection.sendall(post(served.port, token, "Content-Length: 100", body=b'{"a": 1}'))
        connection.shutdown(socket.SHUT_WR)
        drain(connection)
    assert jobctl("monitor", "--json", expect=0).json["system_jobs"] == []
    assert "Traceback" not in served.output
