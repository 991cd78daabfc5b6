"""The columns of a preview of instants."""

from __future__ import annotations

from collections.abc import Sequence

from jobctl.clock import MICROSECONDS, to_datetime
from jobctl.document import instant
from jobctl.output.columns import Occurrence
from jobctl.output.tables import Column, View
from jobctl.output.text import relative


def columns(occurrences: Sequence[Occurrence], view: View) -> Sequence[Column[Occurrence]]:
    """What to show of them: the job where they are of several, the zone once where it is the same on a terminal."""
    jobs = any(occurrence.job is not None for occurrence in occurrences)
    zones = {occurrence.time_zone for occurrence in occurrences}
    seconds = any(occurrence.at % (60 * MICROSECONDS) for occurrence in occurrences)
    title = f"local ({zones.pop()})" if view.terminal and len(zones) == 1 else "local"
    found: list[Column[Occurrence]] = [
        Column(title, lambda o: o.local, lambda o, view: short(o, seconds) if view.terminal else o.local),
        Column("utc", lambda o: instant(o.at), lambda o, view: utc(o, seconds, view), optional=jobs),
        Column("in", lambda o: (o.at - view.now) // MICROSECONDS, distance),
        Column("note", lambda o: o.note or None, flexible=True),
    ]
    if jobs:
        found.insert(0, Column("job", lambda o: o.job, flexible=True))
    return found


def short(occurrence: Occurrence, seconds: bool) -> str:
    """On the clock of its schedule: `Sun 2027-03-28 03:00 CEST`."""
    from jobctl.schedule.words import WEEKDAYS
    from jobctl.schedule.zones import zone

    moment = to_datetime(occurrence.at).astimezone(zone(occurrence.time_zone))
    clock = "%H:%M:%S" if seconds else "%H:%M"
    return f"{WEEKDAYS[moment.weekday()][:3]} {moment:%Y-%m-%d {clock}} {moment.tzname()}"


def utc(occurrence: Occurrence, seconds: bool, view: View) -> str:
    text = (instant(occurrence.at) or "")[:19].replace("T", " ")
    return text[: 19 if seconds else 16] if view.terminal else f"{text}Z"


def distance(occurrence: Occurrence, view: View) -> str:
    text = relative(occurrence.at, view.now)
    return text.removeprefix("in ") if view.terminal else text
