"""Real servers, tokens and homes that the web's tests share.

A test asks for `serve`, `token` and `daemon`, or for `client`: an httpx client of a running `jobctl serve` whose token
may do everything. `serve()` starts one more; all are ended, by pid, with the test.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Protocol

import httpx
import pytest

from jobctl.web.dataverse.attributes import ATTRIBUTES
from tests.cli.history import Past
from tests.conftest import Jobctl
from tests.web.dialect import Dialect, Entity, fill
from tests.web.serving import Dataverse, Served, listening, make_token


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """They are for the thorough run: each starts a service, and most a daemon or a browser, too."""
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.thorough)


@pytest.fixture(scope="module")
def dialect(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Dialect]:
    """A home with forty system jobs in every status."""
    with Past(tmp_path_factory.mktemp("home")) as past:
        fill(past)
        yield Dialect(past)


@pytest.fixture(scope="module")
def everything(dialect: Dialect) -> list[Entity]:
    """All of it, newest first."""
    rows = dialect.rows()
    assert len(rows) == 40 and set(rows[0]) >= set(ATTRIBUTES)
    return rows


@pytest.fixture
def dataverse(home: Path) -> Iterator[Dataverse]:
    """A server for the home of the test."""
    with listening(home) as found:
        yield found


class StartServe(Protocol):
    def __call__(
        self, *args: object, env: Mapping[str, str] | None = None, bounds: Mapping[str, object] | None = None
    ) -> Served:
        """`bounds` (Settings) start the service without the command, with other limits than its own."""


@pytest.fixture(name="serve")
def serve_fixture(jobctl: Jobctl, home: Path, tmp_path: Path) -> Iterator[StartServe]:
    """Starts real `jobctl serve` processes on free ports of the loopback."""
    started: list[Served] = []

    def start(
        *args: object, env: Mapping[str, str] | None = None, bounds: Mapping[str, object] | None = None
    ) -> Served:
        started.append(Served(jobctl, args, tmp_path / "serve.log", env, bounds))
        return started[-1]

    yield start
    for one in started:
        one.end()


@pytest.fixture
def token(jobctl: Jobctl) -> str:
    """The text of a token that may do everything."""
    return make_token(jobctl)


@pytest.fixture
def client(serve: StartServe, token: str) -> Iterator[httpx.Client]:
    with serve().client(token) as found:
        yield found
