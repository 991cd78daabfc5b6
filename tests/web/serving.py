"""A real `jobctl serve` on a free port, and clients for it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import httpx

from tests.conftest import SOURCE, Jobctl

BODY = {"Content-Type": "application/json"}
SCOPES = ("read", "submit", "manage")
ENVIRONMENT = {"PYTHONPATH": str(SOURCE), "PYTHONDONTWRITEBYTECODE": "1"}


class Served:
    """A `jobctl serve` process that listens."""

    def __init__(
        self,
        jobctl: Jobctl,
        args: tuple[object, ...],
        log: Path,
        env: Mapping[str, str] | None = None,
        bounds: Mapping[str, object] | None = None,
    ) -> None:
        self.log = log
        command = jobctl.command("serve", "--port", "0", "--json", *map(str, args))
        if bounds is not None:
            command = [sys.executable, "-m", "tests.web.bounded", json.dumps(bounds)]
        with log.open("ab") as errors:
            self.process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=errors,
                cwd="/",
                env={**jobctl.environment, **(env or {})},
                start_new_session=True,
                text=True,
            )
        assert self.process.stdout is not None
        said = self.process.stdout.readline()
        assert said, f"serve ended at once:\n{self.output}"
        self.url = str(json.loads(said)["serve"]["url"])

    @property
    def port(self) -> int:
        return int(self.url.rpartition(":")[2])

    @property
    def output(self) -> str:
        """What it wrote on stderr so far."""
        return self.log.read_text(encoding="utf-8", errors="replace")

    def client(self, token: str | None = None, **options: Any) -> httpx.Client:
        headers = {} if token is None else {"X-TOKEN": token}
        return httpx.Client(base_url=self.url, headers=headers, timeout=30, **options)

    def send(self, number: int) -> None:
        self.process.send_signal(number)

    def stop(self, number: int = signal.SIGTERM, timeout: float = 20.0) -> int:
        """Its exit code."""
        self.send(number)
        return self.process.wait(timeout)

    def end(self) -> None:
        """Whatever state it is in."""
        if self.process.poll() is None:
            self.send(signal.SIGCONT)
            self.send(signal.SIGTERM)
            with suppress(subprocess.TimeoutExpired):
                self.process.wait(10)
        self.process.kill()
        self.process.wait()
        assert self.process.stdout is not None
        self.process.stdout.close()


def make_token(jobctl: Jobctl, name: str = "ci", *scopes: str) -> str:
    """A token with these scopes; all of them when none is named."""
    chosen = [word for scope in scopes or SCOPES for word in ("--scope", scope)]
    return jobctl("token", "create", name, *chosen, expect=0).stdout.strip()


class Dataverse:
    """A client of the service at `base`."""

    def __init__(self, base: str, headers: Mapping[str, str] = {}) -> None:
        self.base = base
        self.headers = dict(headers)
        self.client = httpx.Client(base_url=base, headers=self.headers, timeout=30)

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


@contextmanager
def listening(home: Path) -> Iterator[Dataverse]:
    """A server for that home, and a client with a token that may do everything."""
    jobctl = Jobctl({"PATH": os.environ["PATH"], "LANG": "C.UTF-8", "JOBCTL_HOME": str(home), **ENVIRONMENT})
    token = make_token(jobctl)
    served = Served(jobctl, (), home / "serve.log")
    found = Dataverse(f"{served.url}/api/data/v9.0/", {"X-TOKEN": token})
    try:
        yield found
        found.client.close()
    finally:
        served.end()


def serve(home: Path) -> Iterator[Dataverse]:
    """As `listening`, for fixtures and loops."""
    with listening(home) as found:
        yield found
