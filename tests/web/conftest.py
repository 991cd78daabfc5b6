"""Homes that the web's tests share."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from jobctl.web.dataverse.attributes import ATTRIBUTES
from tests.cli.history import Past
from tests.web.dialect import Dialect, Entity, fill
from tests.web.serving import Dataverse, serve


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """They are for the thorough run, for as long as no command serves what they test."""
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
    yield from serve(home)
