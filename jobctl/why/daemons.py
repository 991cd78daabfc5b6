"""When there was a daemon: now, and in a period that is over."""

from __future__ import annotations

import json
from typing import Any, Final

from jobctl import control, presence
from jobctl.clock import MICROSECONDS
from jobctl.records import dataclass
from jobctl.store import Store

SHORTEST: Final = MICROSECONDS
"""A restart that takes less is no absence."""


@dataclass(frozen=True, slots=True)
class Presence:
    """Whether a daemon runs, and since when not. Instants are microseconds UTC."""

    running: bool
    pid: int = 0
    slots: int = 0
    absent_since: int | None = None
    """None while it runs, or if there never was one."""
    left_word: bool = True
    """Whether the last one wrote down that it left; else it was killed, and this is its last sign of life."""
    standing_since: int | None = None
    """It holds the home, but has taken no turn since then."""
    stopping_since: int | None = None
    """It was told to stop, and waits for what runs."""


def presence_of(store: Store, now: int) -> Presence:
    """The daemon of this home as it is now."""
    config, newest = store.database.config, store.daemon()
    seen = presence.last_seen(config)
    if not control.daemon_running(config):
        if newest is None:
            return Presence(False)
        left = newest.stopped_on is not None
        since = newest.stopped_on or max(newest.started_on, seen or 0)
        return Presence(False, absent_since=min(since, now), left_word=left)
    holder = presence.holder_of(config)
    if newest is None or holder is None or holder.pid != newest.pid:  # one that is just starting
        return Presence(True, slots=newest.slots if newest else 0)
    still = seen is not None and now - seen > presence.STANDSTILL * MICROSECONDS
    return Presence(
        True,
        newest.pid,
        newest.slots,
        standing_since=seen if still else None,
        stopping_since=newest.stopped_on,
    )


def absences(store: Store, after: int, before: int) -> list[tuple[int | None, int]]:
    """The times without a daemon that touch the period and are over; the first may have had no beginning."""
    parameters = {"after": after, "before": before, "shortest": SHORTEST}
    return [(since, until) for since, until in store.database.run("absences", parameters)]


def standstills(store: Store, after: int, before: int) -> list[tuple[int, int]]:
    """The times in the period in which a daemon held the home but took no turn."""
    found = _events(store, after, before, "stood_still")
    return [(detail["since"], detail["until"]) for _, detail in found]


def jumps(store: Store, after: int, before: int) -> list[tuple[int, float, float]]:
    """The clock's jumps in the period: when, by how many seconds, and for how many seconds planned runs were held."""
    found = _events(store, after, before, "clock_jump")
    return [(at, detail["seconds"], detail.get("held_for", 0)) for at, detail in found]


def _events(store: Store, after: int, before: int, kind: str) -> list[tuple[int, dict[str, Any]]]:
    rows = store.database.run("events_of_the_daemon", {"after": after, "before": before})
    return [(at, json.loads(detail)) for at, of, detail in rows if of == kind]
