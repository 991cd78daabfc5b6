"""What ran, waits and comes next on an axis of time."""

from __future__ import annotations

from typing import Final

from jobctl.clock import MICROSECONDS
from jobctl.errors import BadInput
from jobctl.records import dataclass, replace
from jobctl.states import State
from jobctl.store import Filter, Store

HOUR: Final = 3600 * MICROSECONDS
SHORTEST: Final = 60 * MICROSECONDS
LEAST_PAUSE: Final = 10_000
"""Microseconds: what is shorter is the difference between two clocks."""
MOST: Final = 100_000


@dataclass(frozen=True, slots=True)
class Window:
    """The axis: instants in microseconds UTC."""

    start: int
    end: int
    now: int

    def cell(self, instant: int, cells: int) -> int:
        """In which of so many equal parts an instant lies; below 0 or from `cells` on outside."""
        return (instant - self.start) * cells // (self.end - self.start)


@dataclass(frozen=True, slots=True)
class Bar:
    """Some runs, or moments, of one kind that look the same: of one job, or of one command run without a job."""

    name: str
    kind: str
    """succeeded, failed, canceled, not_run, running, paused, waiting or next."""
    first: int
    last: int
    """Cells of the axis."""
    count: int
    begins: int
    ends: int
    """Instants: from the first to the last of them; what goes on ends now."""
    names: int
    """How many names there are in all."""
    sequence: int
    job: str
    status: int
    reason: str | None
    open: bool
    """Whether it goes on."""


def bars(store: Store, chosen: Filter, window: Window, cells: int, limit: int, *, each: bool = False) -> list[Bar]:
    """What lies in the window, of the `limit` names that were active last; with `each` every run by itself.

    The filter's `since` and `until` play no part. At most MOST are told of, the earliest.
    """
    parameters = {
        **chosen.parameters(),
        "from": window.start,
        "to": window.end,
        "now": window.now,
        "cells": cells,
        "each": each,
        "unit": 1 if (window.end - window.start) * cells < 2**63 else 1000,
        "limit": limit,
        "most": MOST,
        "pause": LEAST_PAUSE if each else max(LEAST_PAUSE, (window.end - window.start) // cells // 2),
    }
    for name in ("since", "until"):
        del parameters[name]
    return [Bar(*row) for row in store.database.run("timeline", parameters)]


def fitted(store: Store, chosen: Filter, now: int) -> Window:
    """The last hour, or the part of it in which there is something, else back to what ended last; and a sixth ahead."""
    found = bars(store, chosen, Window(now - HOUR, now, now), 1, MOST)
    begun = [bar.begins for bar in found if bar.kind != "next"]
    if begun:
        start = max(min(begun), now - HOUR)
    else:
        newest = store.system_jobs(replace(chosen, states=(State.COMPLETED,)), 1)
        start = min((newest[0].started_on or newest[0].due_at if newest else now - HOUR), now - SHORTEST)
    past = max(now - start, SHORTEST)
    return Window(now - past * 21 // 20, now + past // 5, now)


def window_of(store: Store, chosen: Filter, now: int) -> Window:
    """The axis that --since and --until say, or what suits. Raises BadInput for one that ends before it begins."""
    if chosen.since is None and chosen.until is None:
        return fitted(store, chosen, now)
    start, end = chosen.since, chosen.until
    if start is None:
        assert end is not None
        start = min(end, now) - HOUR
    if end is None:
        end = now + max(now - start, 0) // 5
    if end - start < 1000:
        raise BadInput("until is not after since: there is nothing between them")
    return Window(start, end, now)
