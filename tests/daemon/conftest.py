"""A home and those who act on it, in this process."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.daemon.hands import Hands, Hasty, Running
from tests.store.world import World


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    for name in ("JOBCTL_ID", "JOBCTL_DEPTH"):
        monkeypatch.delenv(name, raising=False)
    made = World.new(tmp_path / "home")
    yield made
    made.close()


@pytest.fixture
def hands(world: World) -> Hands:
    return Hands(world, slots=2)


@pytest.fixture
def hasty(world: World) -> Hasty:
    world.store.clock = world.clock = Running()
    return Hasty(world)
