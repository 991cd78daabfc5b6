"""The timeline: the runs of each job on an axis of time, drawn by the server."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import Response

from jobctl.coming import cells_of, foreseen
from jobctl.errors import JobctlError, TimedOut
from jobctl.filtering import NAMES, check_known
from jobctl.output.timeline import MARKS, ticks
from jobctl.paging import LIMIT, limited
from jobctl.store import Store
from jobctl.timeline import Bar, Window, bars, window_of
from jobctl.web import payloads
from jobctl.web.callers import Scope, needs
from jobctl.web.failures import failure_of
from jobctl.web.page.listing import Asked, asked_for
from jobctl.web.page.rendering import Page
from jobctl.web.services import read

CELLS: Final = 480
"""Parts of the axis that are told apart."""
NARROW: Final = 100
"""In how many parts its names have to fit."""
JOBS: Final = 40
MOST_TOLD: Final = 300
"""Bars that the table tells of."""
SPANS: Final = ("1h", "6h", "1d", "7d", "30d")


@dataclass(frozen=True, slots=True)
class Drawn:
    """A bar, its place in per cent of the axis."""

    kind: str
    x: float
    width: float
    bar: Bar | None = None


@dataclass(frozen=True, slots=True)
class Line:
    name: str
    job: str | None
    """The job whose page tells more; None for a command that was run without one."""
    drawn: list[Drawn]


@dataclass(frozen=True, slots=True)
class Drawing:
    window: Window
    now: float | None
    """Where the present is, if it is on the axis."""
    ticks: list[tuple[float, str]]
    lines: list[Line]
    kinds: list[str]
    left_out: int

    @property
    def told(self) -> list[Bar]:
        """What the table tells, the newest first."""
        found = [one.bar for line in self.lines for one in line.drawn if one.bar is not None]
        return sorted(found, key=lambda bar: -bar.begins)[:MOST_TOLD]


@needs(Scope.READ)
async def timeline(request: Request) -> Response:
    page = Page(request)
    given = payloads.query(request, *NAMES, "limit")
    try:
        asked = asked_for(given, page.show.now, page.zone)
        drawing = await read(request, lambda store: in_time(store, asked, page.show.now))
    except JobctlError as error:
        failure = failure_of(error)
        context: dict[str, Any] = {"given": given, "drawing": None, "message": failure.message, "spans": SPANS}
        return page.answer("timeline.html", failure.status, failure.headers, **context)
    return page.answer("timeline.html", given=given, drawing=drawing, message=None, spans=SPANS)


def in_time(store: Store, asked: Asked, now: int) -> Drawing:
    """Raises TimedOut when so much happened that drawing it takes too long."""
    try:
        with limited(store):
            return drawn(store, asked, now)
    except TimedOut:
        raise TimedOut(f"drawing it takes longer than {LIMIT:g} s; choose a shorter time, or one job") from None


def drawn(store: Store, asked: Asked, now: int) -> Drawing:
    limit = asked.limit if "limit" in asked.given else JOBS
    window = window_of(store, asked.chosen, now)
    found = bars(store, asked.chosen, window, CELLS, limit)
    if not found:
        check_known(store, asked.chosen.job)
    coming = {name: cells_of(each, window, CELLS) for name, each in foreseen(store, found)}
    names = sorted({bar.name for bar in found})
    lines = [line(name, found, coming.get(name, [])) for name in names]
    kinds = {one.kind for each in lines for one in each.drawn}
    place = (now - window.start) / (window.end - window.start) * 100
    return Drawing(
        window=window,
        now=place if 0 <= place <= 100 else None,
        ticks=[(percent(window.cell(at, CELLS)), text) for at, text in ticks(window, NARROW)],
        lines=lines,
        kinds=[kind for kind in MARKS if kind in kinds],
        left_out=max(found[0].names - limit, 0) if found else 0,
    )


def line(name: str, found: list[Bar], coming: list[int]) -> Line:
    own = sorted((bar for bar in found if bar.name == name), key=rank)
    ahead = [Drawn("next", percent(cell), percent(1)) for cell in coming]
    return Line(name, next((bar.job for bar in own if bar.job == name), None), [*ahead, *placed(own)])


def rank(bar: Bar) -> int:
    """Of two in one place the higher is seen; one that still stands still must not hide those that run meanwhile."""
    return list(MARKS).index("waiting" if bar.kind == "paused" and bar.open else bar.kind)


def placed(own: list[Bar]) -> Iterator[Drawn]:
    """Within the axis; nothing is narrower than a part of it."""
    for bar in own:
        first, last = max(bar.first, 0), min(bar.last, CELLS - 1)
        if first <= last:
            yield Drawn(bar.kind, percent(first), percent(last - first + 1), bar)


def percent(cells: int) -> float:
    return round(cells / CELLS * 100, 3)
