"""The Dataverse dialect behind a real server, in a process of its own."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import httpx

from tests.conftest import SOURCE, wait_until

BODY = {"Content-Type": "application/json"}


class Dataverse:
    """A client of the service at `base`."""

    def __init__(self, base: str, headers: Mapping[str, str] = {}) -> None:
        self.base = base
        self.client = httpx.Client(base_url=base, headers=dict(headers), timeout=30)

    def get(self, address: str = "", **headers: str) -> httpx.Response:
        return self.send("GET", address, **headers)

    def send(self, method: str, address: str, body: object = None, **headers: str) -> httpx.Response:
        """`body` is sent as JSON; underscores in the names of headers become hyphens."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        content = None if body is None else json.dumps(body)
        return self.client.request(method, address, content=content, headers={**(BODY if content else {}), **named})

    def row(self, sequence: int) -> dict[str, Any]:
        """A system job by its number."""
        (found,) = self.get(f"asyncoperations?$filter=sequence eq {sequence}").json()["value"]
        return dict(found)

    def address(self, sequence: int) -> str:
        return f"asyncoperations({self.row(sequence)['asyncoperationid']})"


def serve(home: Path) -> Iterator[Dataverse]:
    """Until it is closed, a server for that home."""
    with socket.socket(proto=socket.IPPROTO_TCP) as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(64)
        port = listener.getsockname()[1]
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.web.serving", str(listener.fileno())],
            pass_fds=[listener.fileno()],
            env={**os.environ, "JOBCTL_HOME": str(home), "PYTHONPATH": str(SOURCE)},
            cwd=SOURCE,
        )
    try:
        found = Dataverse(f"http://127.0.0.1:{port}/api/data/v9.0/")
        wait_until(lambda: process.poll() is None and found.get().status_code == 200, what="the server is up")
        yield found
        found.client.close()
    finally:
        process.terminate()
        process.wait(30)


def main() -> None:
    """The server itself, on the descriptor it is given."""
    import uvicorn
    from starlette.applications import Starlette
    from starlette.concurrency import run_in_threadpool
    from starlette.requests import Request

    from jobctl import clock, config
    from jobctl.store import Store
    from jobctl.web.dataverse.answers import Answer
    from jobctl.web.dataverse.routes import Work, routes

    own = threading.local()

    def act(work: Work) -> Answer:
        if not hasattr(own, "store"):
            own.store = Store.open(config.load(os.environ), clock.system_clock(), "token:ci")
        return work(own.store)

    async def beside(request: Request, work: Work) -> Answer:
        return await run_in_threadpool(act, work)

    app = Starlette(routes=routes(beside))
    settings = uvicorn.Config(app, log_level="warning", timeout_graceful_shutdown=1)
    # A socket that knows its protocol: asyncio only then sends small answers at once.
    uvicorn.Server(settings).run(sockets=[socket.socket(fileno=int(sys.argv[1]))])


if __name__ == "__main__":
    main()
