"""`jobctl monitor --timeline`: the runs of each job on an axis of time."""

from __future__ import annotations

from itertools import islice, takewhile
from typing import Final

from jobctl.coming import cells_of, foreseen
from jobctl.commands.context import App, note, note_daemon
from jobctl.commands.filters import check_known
from jobctl.document import instant
from jobctl.model import JsonDict, Status
from jobctl.output import Output
from jobctl.output.calendar_view import terminal_size
from jobctl.output.timeline import Timeline, draw, room
from jobctl.store import Filter, Store
from jobctl.timeline import MOST, Bar, Window, bars, window_of

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


def names_of(store: Store, chosen: Filter, window: Window, limit: int) -> set[str]:
    return {bar.name for bar in bars(store, chosen, window, 1, limit)}


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
