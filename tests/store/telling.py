"""What was told of a world's jobs, and how it comes to be told."""

from __future__ import annotations

import json
from typing import Any

from jobctl import alarms, control
from jobctl.alarms import NOTIFICATIONS
from jobctl.model import SystemJob
from tests.store.world import SECOND, World

HOOK = "https://hooks.example.com/T0/B1/secret"


def told(world: World) -> list[str]:
    """The events told so far, oldest first."""
    return [document(world, row)["event"] for row in notifications(world)]


def notifications(world: World) -> list[SystemJob]:
    return [row for row in world.rows() if row.job == NOTIFICATIONS]


def document(world: World, row: SystemJob) -> dict[str, Any]:
    data, _ = world.store.payload(row.sequence)
    assert data is not None
    found: dict[str, Any] = json.loads(data)
    return found


def run(world: World, well: bool = True, name: str = "backup") -> int:
    """Submit one, let it end; its number. What tells is left where it is."""
    row = control.submit(world.store, name)
    while (claimed := world.claim()) is not None and claimed.sequence != row.sequence:
        world.end(claimed.sequence)
    world.begin(row.sequence)
    world.clock.advance(SECOND)
    world.end(row.sequence) if well else world.fail(row.sequence)
    return row.sequence


def ring(world: World) -> int:
    with world.store.write() as tx:
        return alarms.ring(tx)


def default(world: World, *targets: str) -> None:
    with world.store.write() as tx:
        alarms.set_default(tx, targets)
