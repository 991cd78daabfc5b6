"""The table of system jobs, and its changes while somebody looks on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from jobctl import control
from jobctl.errors import JobctlError
from jobctl.filtering import NAMES, ORIGINS, REASONS, STATES, STATUSES, TYPES, check_known
from jobctl.model import SystemJob
from jobctl.store import Store
from jobctl.web import events, payloads
from jobctl.web.callers import Scope, needs
from jobctl.web.failures import failure_of
from jobctl.web.page.listing import PARAMETERS, Asked, Listed, asked_for, listed
from jobctl.web.page.rendering import Page
from jobctl.web.services import read

CHOICES = {"state": tuple(STATES), "status": tuple(STATUSES), "reason": tuple(REASONS)}
OTHERS = ("token", "owner", "tag", "since", "until")
UNUSED = Listed([], None, True)


@needs(Scope.READ)
async def table(request: Request) -> Response:
    page = Page(request)
    given = payloads.query(request, *PARAMETERS)
    try:
        asked = asked_for(given, page.show.now, page.zone)
        found, totals, daemon = await read(request, lambda store: looked_up(store, asked))
    except JobctlError as error:
        failure = failure_of(error)
        empty = Shown(given, None, UNUSED, (0, 0), True, failure.message)
        return page.answer("table.html", failure.status, failure.headers, **empty.context())
    return page.answer("table.html", **Shown(given, asked, found, totals, daemon, None).context())


@dataclass(frozen=True, slots=True)
class Shown:
    """What the table is made of; without `asked` only the form of the filters and the message."""

    given: Mapping[str, str]
    asked: Asked | None
    found: Listed
    totals: tuple[int, int]
    daemon: bool
    message: str | None

    def context(self) -> dict[str, Any]:
        own = {field.name: getattr(self, field.name) for field in fields(self)}
        return {**own, **form_context()}


def form_context() -> dict[str, Any]:
    """What the fields of the filters offer."""
    return {"choices": CHOICES, "others": OTHERS, "types": tuple(TYPES), "origins": ORIGINS, "names": NAMES}


def looked_up(store: Store, asked: Asked) -> tuple[Listed, tuple[int, int], bool]:
    """The page, how many run and wait in all, and whether a daemon is at work."""
    found = listed(store, asked)
    if not found.rows:
        check_known(store, asked.chosen.job)
    return found, totals_of(store), control.daemon_running(store.database.config)


def totals_of(store: Store) -> tuple[int, int]:
    counts = [(state, number) for state, _, _, number in store.database.run("live_counts")]
    running = sum(number for state, number in counts if state == 2)
    return running, sum(number for _, number in counts) - running


@needs(Scope.READ)
async def live(request: Request) -> Response:
    """Events `rows`: the order of the numbers, and each row that is not as it was told before."""
    given = payloads.query(request, *PARAMETERS)
    return await events.stream(request, Told(request, given).look)


class Told:
    """What a stream has told so far."""

    def __init__(self, request: Request, given: dict[str, str]) -> None:
        self.request = request
        self.given = given
        self.order: list[int] = []
        self.marks: dict[int, SystemJob] = {}
        self.totals = (-1, -1)
        self.daemon: bool | None = None

    def look(self, store: Store) -> events.Look:
        page = Page(self.request)
        asked = asked_for(self.given, page.show.now, page.zone)
        found, totals, daemon = looked_up(store, asked)
        order = [row.sequence for row in found.rows]
        fresh = [row for row in found.rows if self.marks.get(row.sequence) != row]
        if not fresh and (order, totals, daemon) == (self.order, self.totals, self.daemon):
            return events.Look()
        first = not self.marks and self.daemon is None
        told = [] if first else [row for row in fresh if self._other_status(row)]
        self.order, self.totals, self.daemon = order, totals, daemon
        self.marks = {row.sequence: row for row in found.rows}
        document = {
            "order": order,
            "rows": {row.sequence: page.text("row.html", row=row) for row in fresh},
            "told": [announced(page, row) for row in told],
            "pieces": {"totals": page.text("totals.html", totals=totals, daemon=daemon)},
        }
        return events.Look([events.Event(document, name="rows")])

    def _other_status(self, row: SystemJob) -> bool:
        before = self.marks.get(row.sequence)
        return before is None or before.status is not row.status


def announced(page: Page, row: SystemJob) -> str:
    return page.words("live.announce", number=row.sequence, name=row.name, status=page.show.status(row))
