"""`jobctl monitor --timeline`: the runs of each job on an axis of time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice, takewhile
from typing import TYPE_CHECKING, Final

from jobctl.commands.coming import Coming, of_job
from jobctl.commands.context import App, note, note_daemon
from jobctl.commands.filters import check_known
from jobctl.document import instant
from jobctl.errors import BadInput
from jobctl.model import JsonDict, Status
from jobctl.output import Output
from jobctl.output.calendar_view import terminal_size
from jobctl.output.timeline import Timeline, draw, room
from jobctl.store import Filter, Store
from jobctl.timeline import HOUR, MOST, Bar, Window, bars, fitted

if TYPE_CHECKING:
    from jobctl.model import Job

MOST_COMING: Final = 1000
"""Occurrences of one job that JSON foretells."""
OPEN: Final = frozenset({"running", "paused", "waiting"})


def show(app: App, output: Output, chosen: Filter, limit: int) -> None:
    """Draw the timeline, or print its intervals as JSON; `limit`: how many names at most."""
    store = app.store()
    with store.snapshot():
        window = window_of(store, chosen, app.clock.now())
        if output.json:
            return print_intervals(store, output, chosen, window, limit)
        columns, _ = terminal_size()
        longest = max(map(len, names_of(store, chosen, window, limit)), default=0)
        label, cells = room(columns, longest)
        found = bars(store, chosen, window, cells, limit)
        coming = {name: cells_of(each, window, cells) for name, each in foreseen(store, found)}
    if not found:
        if chosen.job is not None and not store.system_jobs(Filter(job=chosen.job), 1):
            check_known(store, chosen.job)
        return note(f"no system job between {instant(window.start)} and {instant(window.end)}")
    draw(output, Timeline(window, cells, found, coming), label)
    if found[0].names > limit:
        note(f"{found[0].names - limit} more are left out; --limit shows more, --job one")
    if output.kind == "rich" and any(bar.kind in OPEN for bar in found):
        note_daemon(app)


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
        raise BadInput("--until is not after --since: there is nothing between them")
    return Window(start, end, now)


def names_of(store: Store, chosen: Filter, window: Window, limit: int) -> set[str]:
    return {bar.name for bar in bars(store, chosen, window, 1, limit)}


def foreseen(store: Store, found: Sequence[Bar]) -> Iterator[tuple[str, Coming]]:
    """What is to come of the schedules of the jobs that are shown, without the occurrence that waits already."""
    for name in {bar.name for bar in found if bar.name == bar.job}:
        job = store.find_job(name)
        coming = None if job is None else plan_of(store, job)
        if coming is not None:
            yield name, coming


def plan_of(store: Store, job: Job) -> Coming | None:
    try:
        return of_job(store, job)
    except BadInput:  # its time zone may have vanished from this machine: `list` says so
        return None


def cells_of(coming: Coming, window: Window, cells: int) -> list[int]:
    """The cells after now in which something is to come."""
    bounds = [window.start + (window.end - window.start) * cell // cells for cell in range(cells + 1)]
    first = max(window.cell(window.now, cells), 0)
    if first >= cells:
        return []
    counts = coming.counts([max(bound, window.now) for bound in bounds[first:]])
    return [first + index for index, count in enumerate(counts) if count]


def print_intervals(store: Store, output: Output, chosen: Filter, window: Window, limit: int) -> None:
    found = bars(store, chosen, window, 1, limit, each=True)
    intervals = [interval(bar) for bar in found]
    for name, coming in foreseen(store, found):
        later = takewhile(lambda one: one.at <= window.end, coming.occurrences())
        ahead = [
            one for one in islice(later, 1, MOST_COMING) if one.at > window.now and not one.note.startswith("paused")
        ]
        intervals += [planned(name, one.at) for one in ahead]
    axis = {"from": instant(window.start), "to": instant(window.end), "now": instant(window.now)}
    more = max(found[0].names - limit, 0) if found else 0
    output.document(timeline=axis, intervals=intervals, jobs_left_out=more, truncated=len(found) == MOST)


def interval(bar: Bar) -> JsonDict:
    """One run, or a part of it, as JSON: `to` is null while it goes on."""
    return {
        "job": bar.job,
        "name": bar.name,
        "sequence": bar.sequence,
        "kind": bar.kind,
        "status": Status(bar.status).label,
        "reason": bar.reason,
        "from": instant(bar.begins),
        "to": None if bar.open else instant(bar.ends),
    }


def planned(name: str, at: int) -> JsonDict:
    """An occurrence that has no system job yet."""
    return {
        "job": name,
        "name": name,
        "sequence": None,
        "kind": "next",
        "status": None,
        "reason": None,
        "from": instant(at),
        "to": instant(at),
    }
