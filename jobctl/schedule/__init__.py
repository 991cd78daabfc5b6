"""When a job runs: every notation becomes one `Schedule`, a pure value without clock, store or cursor."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from importlib import import_module
from typing import TYPE_CHECKING, Protocol

from jobctl.errors import BadInput, near_miss

if TYPE_CHECKING:
    from types import ModuleType

    from jobctl.schedule.recurring import OwnTerms

NOTATIONS = {
    "once": "jobctl.schedule.once",
    "every": "jobctl.schedule.every",
    "frequency": "jobctl.schedule.frequency",
    "cron": "jobctl.schedule.cron",
    "quartz": "jobctl.schedule.quartz",
    "rrule": "jobctl.schedule.rrule",
    "azure": "jobctl.schedule.azure",
    "on_start": "jobctl.schedule.on_start",
}
"""Notation of a spec: the module whose `build(spec, terms)` reads it, imported when first needed."""


class Schedule(Protocol):
    """Planned instants, strictly increasing; aware datetimes in, aware UTC datetimes out."""

    def first(self, created: datetime) -> datetime | None:
        """First occurrence of a plan made at `created`: an anchor equal to it counts, a cron match at it does not."""
        ...

    def next_after(self, i: datetime) -> datetime | None:
        """First occurrence strictly after `i`."""
        ...

    def last_before(self, i: datetime) -> datetime | None:
        """Last occurrence strictly before `i`."""
        ...

    def count_between(self, a: datetime, b: datetime) -> int:
        """Number of occurrences with a < x <= b, found without visiting them."""
        ...

    def describe(self) -> str:
        """The schedule in plain words."""
        ...

    def note(self, i: datetime) -> str:
        """What daylight saving did to the occurrence `i`: "", "shifted out of the gap" or "once of two"."""
        ...


def build(
    spec: Mapping[str, object],
    *,
    time_zone: str,
    start: datetime | None,
    end: datetime | None,
    anchor: datetime,
) -> Schedule:
    """The schedule of a stored spec; BadInput when it is malformed or can never fire.

    `anchor` is the moment of scheduling; `end` is inclusive.
    """
    from jobctl.schedule.recurring import Terms

    terms = Terms.of(time_zone, start, end, anchor)
    schedule: Schedule = _module(spec).build(spec, terms)
    if spec.get("skip"):
        from jobctl.schedule.skip import Without

        schedule = Without.under(terms, schedule, spec["skip"])
    if schedule.first(terms.anchor) is None and spec["notation"] != "on_start":
        raise BadInput(f"nothing would ever run: {schedule.describe()} has no occurrence left in that period")
    return schedule


def own_terms(spec: Mapping[str, object], time_zone: str | None) -> OwnTerms:
    """What the notation says itself of start, end, count, zone and catch-up, as Azure's recurrences and RRULE do.

    `time_zone` is the zone asked for, if any. Raises BadInput as `build` does.
    """
    from jobctl.schedule.recurring import OwnTerms

    found: OwnTerms = getattr(_module(spec), "own_terms", lambda *_: OwnTerms())(spec, time_zone)
    return found


def _module(spec: Mapping[str, object]) -> ModuleType:
    notation = spec.get("notation")
    if notation not in NOTATIONS:
        known = ", ".join(NOTATIONS)
        raise BadInput(f"no schedule notation {notation!r}{near_miss(str(notation), NOTATIONS)}; there are: {known}")
    return import_module(NOTATIONS[str(notation)])
