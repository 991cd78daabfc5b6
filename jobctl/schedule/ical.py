"""The days of an iCalendar file's whole-day events (RFC 5545), as calendars of public holidays hold them.

The library reads the file; jobctl's own RRULE notation expands the rules, as it refuses what never comes and never
searches without end.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING, Any

from jobctl.errors import BadInput
from jobctl.schedule.skip import FIRST, Days, shown

if TYPE_CHECKING:
    from icalendar import Component

    from jobctl.schedule.rrule_parts import Parts

LAST = date(2100, 12, 31)
"""Rules are expanded up to here."""
MOST_OCCURRENCES = 20_000
"""Of all rules of a file."""
DAY = timedelta(days=1)
WEEKDAYS = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")
FREQUENCIES = ("YEARLY", "MONTHLY", "WEEKLY", "DAILY")
READ = ("DTSTART", "DTEND", "DURATION", "RRULE", "RDATE", "EXDATE", "RECURRENCE-ID")
BEGIN = re.compile("^BEGIN:VCALENDAR", re.IGNORECASE | re.MULTILINE)
TIME_OF_DAY = "it has a time of day; only whole days can be skipped"


@dataclass(frozen=True, slots=True)
class Event:
    """A VEVENT of whole days."""

    uid: str
    component: Component
    start: date
    days: int
    replaces: date | None
    """The occurrence of the event with the same UID in whose place it stands."""


def days_of(text: str) -> list[Days]:
    """The days of all events that are not cancelled; BadInput names the event that is no whole day, or is broken."""
    components = _components(text)
    if not components:
        raise BadInput("the calendar holds no events")
    replaced: set[tuple[str, date]] = set()
    events = []
    for component in components:
        cancelled = _text(component, "STATUS").upper() == "CANCELLED"
        with _about(component):
            _check(component)
            replaces = _replaces(component)
            if replaces is not None:
                replaced.add((_text(component, "UID"), replaces))
            if not cancelled:
                events.append(_event(component, replaces))
    found: list[Days] = []
    for event in events:
        with _about(event.component):
            starts = _starts(event, MOST_OCCURRENCES - len(found))
        found += [
            Days(start.toordinal(), start.toordinal() + event.days - 1)
            for start in starts
            if event.replaces is not None or (event.uid, start) not in replaced
        ]
    return found


def _components(text: str) -> list[Component]:
    from icalendar import Calendar

    try:
        calendars = Calendar.from_ical(text, multiple=True)
        events = [event for calendar in calendars for event in calendar.walk("VEVENT")]
    except Exception as error:  # the library promises no kind of error
        detail = f": {shown(str(error))}" if isinstance(error, ValueError) else ""
        raise BadInput(f"the iCalendar file is broken{detail}") from None
    if len(calendars) < len(BEGIN.findall(text)):
        raise BadInput("the iCalendar file is cut short or broken: some BEGIN has no END")
    return events


@contextmanager
def _about(component: Component) -> Iterator[None]:
    """What is wrong is said of this event, by its name."""
    try:
        yield
    except BadInput as error:
        name = _text(component, "SUMMARY") or _text(component, "UID")
        raise BadInput(f"the event {shown(name) if name else 'without a name'}: {error}") from None


def _text(component: Component, name: str) -> str:
    value = component.get(name, "")
    return str(value[0] if isinstance(value, list) else value)


def _check(component: Component) -> None:
    """Raise BadInput for what the library could not read, and for what has no place here."""
    for name, fault in component.errors:
        if name is None or name in READ:
            raise BadInput(f"its {name or 'text'} cannot be read: {shown(fault)}")
    if "EXRULE" in component:
        raise BadInput("EXRULE, which RFC 5545 no longer has, is not supported")


def _event(component: Component, replaces: date | None) -> Event:
    start = _value(component, "DTSTART")
    if not isinstance(start, date):
        raise BadInput("it has no DTSTART" if start is None else "its DTSTART is no single date")
    days = _days(start, _value(component, "DTEND"), _value(component, "DURATION"))
    return Event(_text(component, "UID"), component, _whole(start), days, replaces)


def _value(component: Component, name: str) -> Any:
    """What a property holds, as Python has it."""
    value = component.get(name)
    return value if value is None else getattr(value, "dt", value)


def _whole(moment: object) -> date:
    """The date of a date, or of a midnight as it is written."""
    if isinstance(moment, datetime):
        if moment.time() != time():
            raise BadInput(TIME_OF_DAY)
        return moment.date()
    if isinstance(moment, date):
        return moment
    raise BadInput("one of its dates is a period or no date at all")


def _days(start: date, end: object, duration: object) -> int:
    """How many days an event lasts; one where nothing is said (RFC 5545 section 3.6.1)."""
    if end is not None and duration is not None:
        raise BadInput("it has both DTEND and DURATION")
    if end is not None:
        if not isinstance(end, date) or isinstance(end, datetime) != isinstance(start, datetime):
            raise BadInput("its DTEND is no date of the same kind as its DTSTART")
        length = _wall(end) - _wall(start)
    elif duration is None:
        length = timedelta(0)
    elif isinstance(duration, timedelta):
        length = duration
    else:
        raise BadInput("its DURATION cannot be read")
    if length < timedelta(0):
        raise BadInput("it ends before it begins")
    if length % DAY or (not length and isinstance(start, datetime)):
        raise BadInput(TIME_OF_DAY)
    return max(length // DAY, 1)  # some write the same date twice for one day


def _wall(moment: date) -> datetime:
    """As it is written, whatever its zone."""
    return moment.replace(tzinfo=None) if isinstance(moment, datetime) else datetime.combine(moment, time())


def _replaces(component: Component) -> date | None:
    value = component.get("RECURRENCE-ID")
    if value is None:
        return None
    if getattr(value, "params", {}).get("RANGE"):
        raise BadInput("RECURRENCE-ID with RANGE is not supported; the calendar must list each changed occurrence")
    return _whole(getattr(value, "dt", value))


def _starts(event: Event, most: int) -> set[date]:
    """The first days of an event's occurrences, at most so many."""
    rule = event.component.get("RRULE")
    if isinstance(rule, list):
        raise BadInput("it has several RRULEs; RFC 5545 allows one")
    found = {event.start} if rule is None else set(_expand(rule.to_ical().decode(), event, most))
    return (found | set(_listed(event.component, "RDATE"))) - set(_listed(event.component, "EXDATE"))


def _listed(component: Component, name: str) -> Iterator[date]:
    value = component.get(name, [])
    for each in value if isinstance(value, list) else [value]:
        if not hasattr(each, "dts"):
            raise BadInput(f"its {name} cannot be read")
        yield from (_whole(one.dt) for one in each.dts)


def _expand(text: str, event: Event, most: int) -> Iterator[date]:
    from jobctl.schedule import build
    from jobctl.schedule.rrule_parts import parse

    parts = parse(text)
    if parts.frequency not in FREQUENCIES or parts.hours or parts.minutes or parts.seconds:
        raise BadInput(f"its rule {shown(parts.text)} repeats within the day; only whole days can be skipped")
    start, end, left = event.start, _end(parts, event), parts.count
    if start < FIRST:
        if left is not None or parts.interval > 1:
            raise BadInput(f"its rule counts from {start}, which lies before {FIRST}")
        start = FIRST
    kept = [part for part in parts.text.split(";") if not part.startswith(("COUNT=", "UNTIL="))]
    spec = {"notation": "rrule", "rule": ";".join([*kept, *_implied(parts, event.start)])}
    if end < start:
        return
    anchor, last = (datetime.combine(day, time(), UTC) for day in (start, end))
    schedule = build(spec, time_zone="UTC", start=anchor, end=last, anchor=anchor)
    moment = schedule.first(anchor)
    while moment is not None and left != 0:
        if most == 0:
            raise BadInput(f"the calendar's rules give more than {MOST_OCCURRENCES} dates up to {LAST.year}")
        yield moment.date()
        moment = schedule.next_after(moment)
        most, left = most - 1, None if left is None else left - 1


def _implied(parts: Parts, start: date) -> list[str]:
    """What the first day says where the rule says nothing; written out, a month that lacks the day is left out."""
    if parts.frequency == "WEEKLY":
        return [] if parts.weekdays else [f"BYDAY={WEEKDAYS[start.weekday()]}"]
    if parts.frequency == "DAILY" or parts.weekdays or parts.month_days or parts.year_days:
        return []
    if parts.week_numbers:
        return [f"BYDAY={WEEKDAYS[start.weekday()]}"]
    month = [f"BYMONTH={start.month}"] if parts.frequency == "YEARLY" and not parts.months else []
    return [*month, f"BYMONTHDAY={start.day}"]


def _end(parts: Parts, event: Event) -> date:
    """The last day of a rule; UNTIL is read in the zone of DTSTART."""
    until = parts.until
    if isinstance(until, datetime):
        zone = getattr(_value(event.component, "DTSTART"), "tzinfo", None)
        until = (until.astimezone(zone) if until.tzinfo and zone else until).date()
    return min(until or LAST, LAST)
