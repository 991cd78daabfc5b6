"""A browser's session: made from a token, kept as a digest, over with it; its cookie alone changes nothing."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable
from pathlib import Path

import httpx
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from jobctl import clock, config, control, tokens
from jobctl.model import Definition
from jobctl.store import Store
from jobctl.web import app, payloads, sessions
from jobctl.web.callers import Scope, caller, needs, public
from jobctl.web.dialects import Dialect
from jobctl.web.services import Services, read, write
from jobctl.web.settings import Settings
from tests.conftest import ClockFile

PLACE = "http://127.0.0.1"


@public
async def enter(request: Request) -> Response:
    fields = await payloads.form(request)
    response = JSONResponse({})
    if not await sessions.sign_in(request, response, fields.get("token", "")):
        return JSONResponse({}, 401)
    return response


@needs(Scope.READ)
async def leave(request: Request) -> Response:
    response = JSONResponse({})
    await sessions.sign_out(request, response)
    return response


@needs(Scope.READ)
async def who(request: Request) -> Response:
    jobs = await read(request, lambda store: store.job_names())
    return JSONResponse({"name": caller(request).name, "key": sessions.form_key(request), "jobs": jobs})


@needs(Scope.MANAGE)
async def define(request: Request) -> Response:
    """Two operations, of which the second may fail."""
    fields = await payloads.form(request)

    def both(store: Store) -> None:
        for name in fields["names"].split(","):
            control.add_job(store, name, Definition(argv=("true",)))

    await write(request, both)
    return JSONResponse({}, 201)


def page() -> list[Route]:
    post = ["POST"]
    return [
        Route("/page/enter", enter, methods=post),
        Route("/page/leave", leave, methods=post),
        Route("/page/define", define, methods=post),
        Route("/page/who", who),
    ]


def served(
    steps: Callable[[httpx.AsyncClient, Store], Awaitable[None]], base: str = PLACE, *, behind_tls: bool = False
) -> None:
    """Run the steps against an application with a page that has these routes."""
    own, now = config.load(os.environ), clock.system_clock()

    async def run() -> None:
        with Store.open(own, now, "user:alice") as store:
            services = Services(own, now, Settings(behind_tls=behind_tls))
            application = app.Application(services, (*app.DIALECTS, Dialect("/page", page)))
            services.start()
            transport = httpx.ASGITransport(application)
            try:
                async with httpx.AsyncClient(transport=transport, base_url=base) as client:
                    await steps(client, store)
            finally:
                services.stop()

    asyncio.run(run())


async def sign_in(client: httpx.AsyncClient, token: str) -> httpx.Response:
    return await client.post("/page/enter", data={"token": token})


def test_a_person_signs_in_changes_something_and_leaves(home: Path) -> None:
    async def steps(client: httpx.AsyncClient, store: Store) -> None:
        _, token = tokens.create(store, "alice", ["read", "manage"])
        assert (await client.get("/page/who")).status_code == 401
        assert (await sign_in(client, token[:-1] + "~")).status_code == 401
        entered = await sign_in(client, f" {token}\n")
        cookie = entered.headers["set-cookie"].lower()
        assert "httponly" in cookie and "samesite=strict" in cookie and "path=/" in cookie and "secure" not in cookie
        session = client.cookies["jobctl_session"]
        assert token not in session and session.encode() not in (home / "jobctl.db-wal").read_bytes()
        known = (await client.get("/page/who")).json()
        assert known["name"] == "alice" and known["key"] and known["key"] not in session
        form = {"names": "one"}
        assert (await client.post("/page/define", data=form)).status_code == 403
        assert (await client.post("/page/define", data={**form, "form_key": "x" * 64})).status_code == 403
        assert (await client.post("/page/define", data={**form, "form_key": "é"})).status_code == 403
        others = tokens.form_key(str(tokens.sign_in(store, token.encode())))  # of another session of the same token
        assert (await client.post("/page/define", data={**form, "form_key": others})).status_code == 403
        assert (await client.post("/page/define", data={**form, "form_key": known["key"]})).status_code == 201
        by_script = await client.post("/page/define", data={"names": "two"}, headers={"X-Form-Key": known["key"]})
        assert by_script.status_code == 201
        assert store.job_names() == ["one", "two"] and store.job("one").created_by == "token:alice"
        elsewhere = {"Origin": "https://evil.example"}
        refused = await client.post("/page/define", data={"names": "x", "form_key": known["key"]}, headers=elsewhere)
        assert refused.status_code == 403
        assert (await client.post("/page/leave", headers={"X-Form-Key": known["key"]})).status_code == 200
        assert (await client.get("/page/who", headers={"Cookie": f"jobctl_session={session}"})).status_code == 401

    served(steps)


def test_a_session_is_over_with_its_token_or_its_time(home: Path, clock_file: ClockFile) -> None:
    async def steps(client: httpx.AsyncClient, store: Store) -> None:
        _, token = tokens.create(store, "alice")
        _, brief = tokens.create(store, "brief", expires_on=store.clock.now() + 3600 * 1_000_000)
        await sign_in(client, token)
        assert (await client.get("/page/who")).status_code == 200
        tokens.revoke(store, "alice")
        assert (await client.get("/page/who")).status_code == 401
        await sign_in(client, brief)
        assert (await client.get("/page/who")).status_code == 200
        clock_file.advance(3601)
        assert (await client.get("/page/who")).status_code == 401
        _, lasting = tokens.create(store, "lasting")
        await sign_in(client, lasting)
        clock_file.advance(12 * 3600 + 1)
        assert (await client.get("/page/who")).status_code == 401

    served(steps)


def test_over_tls_the_cookie_travels_on_it_alone(home: Path) -> None:
    async def steps(client: httpx.AsyncClient, store: Store) -> None:
        _, token = tokens.create(store, f"alice{len(tokens.list_tokens(store))}")
        assert "; secure" in (await sign_in(client, token)).headers["set-cookie"].lower()

    served(steps, "https://localhost")
    served(steps, behind_tls=True)


def test_what_one_request_changes_is_whole_or_not_at_all(home: Path) -> None:
    async def steps(client: httpx.AsyncClient, store: Store) -> None:
        _, token = tokens.create(store, "ci", ["manage"])
        headers = {"X-TOKEN": token}

        async def define_all(names: str) -> int:
            return (await client.post("/page/define", data={"names": names}, headers=headers)).status_code

        asked = ["one", "two,one,three", "four,Five", "six,not a name", "seven", "eight,eight", "nine"]
        answers = await asyncio.gather(*(define_all(names) for names in asked))
        assert answers == [201, 409, 201, 400, 201, 409, 201]
        assert store.job_names() == ["Five", "four", "nine", "one", "seven"]
        for name in store.job_names():
            assert store.job(name).version.job == name  # no version was taken for another's

    served(steps)
