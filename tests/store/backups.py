"""A job `backup` every ten minutes, and what became of each of its instants."""

from __future__ import annotations

from typing import Any

from jobctl import scheduling
from jobctl.model import Plan, SystemJob
from jobctl.scheduling import Planned, Policies
from tests.store.world import MINUTE, START, World, every


def schedule(world: World, interval: str = "10m", start: int | None = START + MINUTE, **policies: Any) -> None:
    """A job `backup` every ten minutes, the first in a minute."""
    asked = every(interval, start)
    count = policies.pop("count", None)
    world.job(**policies.pop("definition", {}))
    terms = Planned(asked.spec, asked.time_zone, asked.start_at, asked.end_at, count, Policies(**policies))
    scheduling.schedule(world.store, "backup", terms)


def at(world: World, minute: float) -> None:
    """Set the clock and let the daemon take its turn."""
    world.clock.instant = START + round(minute * MINUTE)
    world.promote()


def minute_of(row: SystemJob) -> float:
    assert row.occurrence_at is not None
    return (row.occurrence_at - START) / MINUTE


def labels(world: World) -> list[str]:
    """Of each system job its planned minute and how it stands."""
    return [f"{minute_of(row):g} {row.reason or row.status.label}" for row in world.rows()]


def plan(world: World) -> Plan:
    found = world.store.job("backup").plan
    assert found is not None
    return found


def start_head(world: World) -> int:
    at(world, 1)
    return world.start()
