"""What a person may ask of a system job: the operations of the command line, as forms."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Final

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from jobctl import control, texts
from jobctl.clock import MICROSECONDS, from_datetime
from jobctl.errors import BadInput, JobctlError, NotFound
from jobctl.model import SystemJob
from jobctl.schedule.daylight import LATEST
from jobctl.schedule.instants import parse_duration, parse_instant
from jobctl.store import Store
from jobctl.web import payloads
from jobctl.web.callers import Scope, caller, needs
from jobctl.web.failures import failure_of
from jobctl.web.page import one
from jobctl.web.page.rendering import PREFIX, Page
from jobctl.web.services import write

Move = Callable[[Store, int], SystemJob]
MOVES: Final[Mapping[str, Move]] = {
    "pause": control.pause,
    "resume": control.resume,
    "cancel": control.cancel,
    "rerun": control.rerun,
}


@needs(Scope.MANAGE)
async def move(request: Request) -> Response:
    """Do it and show what became of it; what is refused is shown where it was asked for."""
    sequence, verb = int(request.path_params["sequence"]), request.path_params["verb"]
    if verb not in one.OFFERED:
        raise NotFound("nothing is found at this address")
    page, fields = Page(request), await payloads.form(request)
    try:
        chosen = MOVES.get(verb) or postponed(page, fields)
        row = await write(request, partial(_moved, chosen, sequence))
    except JobctlError as error:
        if isinstance(error, NotFound) or not caller(request).may(Scope.READ):
            raise
        return await one.shown(request, sequence, failure_of(error), fields)
    return RedirectResponse(f"{PREFIX}/{row.sequence}?done={verb}&of={sequence}", 303)


def _moved(chosen: Move, sequence: int, store: Store) -> SystemJob:
    return chosen(store, sequence)


def postponed(page: Page, fields: Mapping[str, str]) -> Move:
    """Until an instant, or by a duration. Raises BadInput."""
    until, length = (texts.clean(fields.get(name, ""), name).strip() for name in ("until", "for"))
    if bool(until) == bool(length):
        raise BadInput("give either an instant until which, or a duration for which it is postponed")
    if until:
        return partial(_until, parse_instant(until, page.show.now, page.zone))
    seconds = parse_duration(length).total_seconds()
    if seconds <= 0:
        raise BadInput("it can be postponed only for a duration above zero")
    return partial(_later, round(seconds * MICROSECONDS))


def _until(instant: int, store: Store, sequence: int) -> SystemJob:
    return control.postpone(store, sequence, instant)


def _later(length: int, store: Store, sequence: int) -> SystemJob:
    target = max(store.system_job(sequence).due_at, store.clock.now()) + length
    if target > from_datetime(LATEST):
        raise BadInput("the duration reaches beyond the year 9999")
    return control.postpone(store, sequence, target)
