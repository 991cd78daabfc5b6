"""Worlds for the tests of the store: a fresh home each, a clock that stands still."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.store.world import Template, World


@pytest.fixture
def world(template: Template, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    for name in ("JOBCTL_ID", "JOBCTL_DEPTH"):
        monkeypatch.delenv(name, raising=False)
    made = template.world()
    yield made
    template.discard(made)


@pytest.fixture(scope="session")
def template() -> Iterator[Template]:
    made = Template()
    yield made
    made.remove()
