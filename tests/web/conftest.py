"""Homes that the web's tests share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from jobctl.web.dataverse.attributes import ATTRIBUTES
from tests.cli.history import Past
from tests.web.dialect import Dialect, Entity, fill


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
