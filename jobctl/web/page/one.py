"""One system job: where it stands and why, its log as it grows, and what may be asked of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from markupsafe import Markup
from starlette.requests import Request
from starlette.responses import Response

from jobctl import control, logs
from jobctl.legality import legal_operations
from jobctl.model import State, SystemJob, Wait
from jobctl.store import Event, Store
from jobctl.web import events, payloads
from jobctl.web.callers import Scope, needs
from jobctl.web.failures import Failure
from jobctl.web.page.output import Part, Reader
from jobctl.web.page.rendering import Page
from jobctl.web.page.table import announced
from jobctl.web.services import read, services
from jobctl.why import Explanation, why_system_job

DONE: Final = ("cancel", "pause", "postpone", "rerun", "resume", "run")
OFFERED: Final = ("rerun", "resume", "pause", "postpone", "cancel")
"""What may be asked of one, in the order in which it is offered."""
MOST_EVENTS: Final = 200
EVERY: Final = 0.5
"""Seconds between two looks at the output, which is not in the database."""


@dataclass(frozen=True, slots=True)
class Known:
    """What the page tells of it."""

    row: SystemJob
    why: Explanation
    data: str | None
    result: str | None
    waits: list[Wait]
    events: list[Event]
    daemon: bool
    defined: bool
    """Whether its job is still there."""


def known(store: Store, sequence: int) -> Known:
    row = store.system_job(sequence)
    data, result = store.payload(sequence)
    why = why_system_job(store, row, store.clock.now())
    found = store.events(sequence=sequence)[-MOST_EVENTS:]
    daemon = control.daemon_running(store.database.config)
    job = store.find_job(row.job)
    defined = job is not None and job.id == row.job_id
    return Known(row, why, data, result, store.waits(sequence), found, daemon, defined)


def offered(row: SystemJob) -> list[str]:
    """What is legal now."""
    legal = legal_operations(row)
    return [verb for verb in OFFERED if verb in legal]


@needs(Scope.READ)
async def one(request: Request) -> Response:
    return await shown(request, int(request.path_params["sequence"]))


async def shown(
    request: Request, sequence: int, failure: Failure | None = None, fields: Mapping[str, str] = {}
) -> Response:
    """The page; with the failure of what was asked of it, and the fields as they were filled in."""
    page = Page(request)
    asked = payloads.query(request, "done", "of") if failure is None else {}
    home = services(request).config.home

    def look(store: Store) -> tuple[Known, list[Part], bool, Reader]:
        found = known(store, sequence)
        reader = Reader(home, sequence)
        parts, cut = reader.last()
        return found, parts, cut, reader

    found, parts, cut, reader = await read(request, look)
    place = f"{reader.attempt}.{reader.offset}"
    return page.answer(
        "one.html",
        200 if failure is None else failure.status,
        None if failure is None else failure.headers,
        output=[*parts, *reader.rest()],
        log_text=marked,
        cut=cut,
        place=place,
        message=None if failure is None else failure.message,
        done=told_done(page, asked, sequence),
        **context(page, found, fields),
    )


def context(page: Page, found: Known, fields: Mapping[str, str] = {}) -> dict[str, Any]:
    """What the pieces of the page are made of."""
    row = found.row
    return {
        "known": found,
        "row": row,
        "offered": offered(row),
        "fields": fields,
        "daemon": found.daemon,
    }


def marked(part: Part) -> Markup:
    """Its text, which has been made visible already but for tabs and the ends of lines, escaped."""
    kind = Markup(' class="stderr"') if part.stderr else Markup("")
    return Markup("<span{}>{}</span>").format(kind, part.text)


def told_done(page: Page, asked: Mapping[str, str], sequence: int) -> str | None:
    """The sentence for what was just done; of words in the address only known ones."""
    verb, of = asked.get("done", ""), asked.get("of", "")
    if verb not in DONE:
        return None
    return page.words(f"done.{verb}", number=of if of.isascii() and of.isdigit() and len(of) < 20 else sequence)


@needs(Scope.READ)
async def log(request: Request) -> Response:
    """All of the output, its very bytes, as a text."""
    payloads.query(request)
    sequence = int(request.path_params["sequence"])
    home = services(request).config.home

    def look(store: Store) -> bytes:
        store.system_job(sequence)
        chunks = (chunk for attempt in logs.attempts(home, sequence) for chunk in logs.read(home, sequence, attempt))
        return b"".join(chunk.data for chunk in chunks)

    found = await read(request, look)
    return Response(found, media_type="text/plain; charset=utf-8")


@needs(Scope.READ)
async def live(request: Request) -> Response:
    """Events `pieces` (parts of the page that are not as they were) and `log` (what was written since `from`)."""
    given = payloads.query(request, "from")
    sequence = int(request.path_params["sequence"])
    place = request.headers.get("last-event-id") or given.get("from", "")
    follower = Follower(request, sequence, place)
    if await read(request, follower.nothing_new):
        return Response(status_code=204)  # tells an EventSource not to come back
    return await events.stream(request, follower.look, EVERY)


class Follower:
    """What a stream has told of one system job."""

    def __init__(self, request: Request, sequence: int, place: str) -> None:
        self.request = request
        self.sequence = sequence
        self.reader = Reader(services(request).config.home, sequence)
        attempt, _, offset = place.partition(".")
        if all(part.isascii() and part.isdigit() and len(part) < 16 for part in (attempt, offset)):
            self.reader.attempt, self.reader.offset = int(attempt), int(offset)
        self.seen: tuple[SystemJob, int] | None = None
        self.looked_at = 0.0
        self.pieces: dict[str, str] = {}
        self.status: object = None

    def nothing_new(self, store: Store) -> bool:
        """Whether a client that was told all of it comes back."""
        row = store.system_job(self.sequence)
        if row.state is not State.COMPLETED or "last-event-id" not in self.request.headers:
            return False
        attempts = logs.attempts(self.reader.home, self.sequence)
        end = logs.size(self.reader.home, self.sequence, attempts[-1]) if attempts else 0
        return not attempts or (self.reader.attempt, self.reader.offset) == (attempts[-1], end)

    def look(self, store: Store) -> events.Look:
        row = store.system_job(self.sequence)
        over = row.state is State.COMPLETED
        written = self.reader.fresh()
        if over and not written:
            written = self.reader.rest()
        elif over:
            over = False  # there may be more than one event takes
        found = [*self._changed(store)] if over or self._moved(store, row) else []
        place = f"{self.reader.attempt}.{self.reader.offset}"
        if written:
            found.append(events.Event([part.document() for part in written], name="log", id=place))
        if over:
            found.append(events.Event("", name="over", id=place))
        return events.Look(found, over=over)

    def _moved(self, store: Store, row: SystemJob) -> bool:
        """Whether it changed, or nobody looked for long: what it waits for may have."""
        seen, now = (row, len(store.events(sequence=self.sequence))), store.clock.monotonic()
        if seen == self.seen and now < self.looked_at + events.QUIET:
            return False
        self.seen, self.looked_at = seen, now
        return True

    def _changed(self, store: Store) -> list[events.Event]:
        page = Page(self.request)
        found = known(store, self.sequence)
        names = ("standing", "actions", "details", "events")
        made = {name: page.text(f"{name}.html", **context(page, found)) for name in names}
        fresh = {name: text for name, text in made.items() if self.pieces.get(name) != text}
        told = [announced(page, found.row)] if self.status not in (None, found.row.status) else []
        self.pieces, self.status = made, found.row.status
        return [events.Event({"pieces": fresh, "told": told}, name="pieces")] if fresh else []
