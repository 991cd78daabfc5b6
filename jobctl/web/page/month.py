"""A month of what is planned, and what comes next."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from heapq import merge
from itertools import islice
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import Response

from jobctl.almanac import LAST_YEAR, calendar
from jobctl.clock import from_datetime
from jobctl.coming import Coming, of_job, plan_of
from jobctl.errors import BadInput, JobctlError, Refused
from jobctl.output.calendar_view import Calendar, Day
from jobctl.output.columns import Occurrence
from jobctl.schedule.daylight import first_reading
from jobctl.store import Store
from jobctl.web import payloads
from jobctl.web.callers import Scope, needs
from jobctl.web.failures import failure_of
from jobctl.web.page.rendering import Page
from jobctl.web.services import read

AHEAD: Final = 15
LEVELS: Final = 4
"""Shades of a day."""
MOST: Final = 500
"""Schedules that are computed at a time."""
MONTH: Final = re.compile("([0-9]{4})-(0[1-9]|1[0-2])", re.ASCII)


@dataclass(frozen=True, slots=True)
class Drawn:
    """A month: `weeks` of days, with what else there is to tell."""

    calendar: Calendar
    weeks: list[Sequence[Day]]
    ahead: list[Occurrence]
    previous: str | None
    next: str | None
    job: str | None

    def level(self, day: Day) -> int:
        """From 0 for nothing to LEVELS for the busiest days."""
        most = max((each.count for each in self.calendar.own_days), default=0)
        return -(-day.count * LEVELS // most) if most else 0

    @property
    def total(self) -> int:
        return sum(day.count for day in self.calendar.own_days)


@needs(Scope.READ)
async def month(request: Request) -> Response:
    page = Page(request)
    given = payloads.query(request, "month", "job")
    try:
        first = first_day(given.get("month", ""), page)
        job = given.get("job", "").strip() or None
        drawn, names = await read(request, lambda store: (of_month(store, page, first, job), store.job_names()[:MOST]))
    except JobctlError as error:
        failure = failure_of(error)
        context: dict[str, Any] = {"given": given, "drawn": None, "names": [], "message": failure.message}
        return page.answer("month.html", failure.status, failure.headers, **context)
    return page.answer("month.html", given=given, drawn=drawn, names=names, message=None)


def first_day(text: str, page: Page) -> date:
    """The first of the month that was asked for, or of this one. Raises BadInput."""
    if not text.strip():
        return page.show.local(page.show.now).date().replace(day=1)
    match = MONTH.fullmatch(text.strip())
    if match is None or not 1970 <= int(match[1]) <= LAST_YEAR:
        raise BadInput(f"month: {text!a} is no month; write it as 2026-12")
    return date(int(match[1]), int(match[2]), 1)


def of_month(store: Store, page: Page, first: date, job: str | None) -> Drawn:
    """Raises JobNotFound, Refused for a job without a schedule."""
    coming = list(of_all(store)) if job is None else [of_one(store, job)]
    noon = from_datetime(first_reading(page.zone, datetime.combine(first, time(12))))
    found = calendar("month", coming, "", noon, page.show.now, page.zone_name)
    ahead = merge(*(each.occurrences() for each in coming), key=lambda one: (one.at, one.job or ""))
    before, after = first - timedelta(days=1), first + timedelta(days=31)
    return Drawn(
        calendar=found,
        weeks=[found.days[index : index + 7] for index in range(0, len(found.days), 7)],
        ahead=list(islice(ahead, AHEAD)),
        previous=f"{before:%Y-%m}" if before.year >= 1970 else None,
        next=f"{after:%Y-%m}" if after.year <= LAST_YEAR else None,
        job=job,
    )


def of_one(store: Store, name: str) -> Coming:
    found = of_job(store, store.job(name))
    if found is None:
        raise Refused(f"job {name!r} has no schedule")
    return replace(found, job=name)


def of_all(store: Store) -> Iterator[Coming]:
    """What is to come of each job; of one whose schedule cannot be read nothing."""
    for (name,) in store.database.run("active_schedules")[:MOST]:
        coming = plan_of(store, store.job(name))
        if coming is not None:
            yield replace(coming, job=name)
