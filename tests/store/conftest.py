"""Worlds for the tests of the store: a fresh home each, a clock that stands still."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.store.world import Template, World


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    for name in ("JOBCTL_ID", "JOBCTL_DEPTH"):
        monkeypatch.delenv(name, raising=False)
    made = World.new(tmp_path / "home")
    yield made
    made.close()


@pytest.fixture(scope="session")
def template() -> Iterator[Template]:
    made = Template()
    yield made
    made.remove()
