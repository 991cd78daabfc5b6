"""Recurrence rules: `{"notation": "rrule", "rule": "FREQ=DAILY;INTERVAL=3;"}`.

RFC 5545, and with it the short RFC 2445 patterns of system jobs. The plan's start, else the moment of scheduling, is
the rule's DTSTART. A rule of only FREQ and INTERVAL begins with it and goes to the last day of months too short for
it; with BY parts the start counts where it matches, and a month without a day leaves it out.

No library walks these rules: to count, or to look back, it would have to visit every occurrence.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from itertools import groupby

from jobctl.errors import BadInput
from jobctl.schedule.daylight import TICK, FixedTimes, Rule, first_reading, offset_at
from jobctl.schedule.every import Anchored, Interval, RealPaceFrom
from jobctl.schedule.recurring import OwnTerms, Recurring, Terms, utc
from jobctl.schedule.rrule_days import Calendar, RuleDays, by_time_of_day, local_times
from jobctl.schedule.rrule_pace import Pace
from jobctl.schedule.rrule_parts import SECONDS, UNITS, Parts, parse
from jobctl.schedule.rrule_words import interval_words, rule_words
from jobctl.schedule.zones import local_zone_name, zone

DAY = timedelta(days=1)
NO_END = date(9999, 12, 30)


def build(spec: Mapping[str, object], terms: Terms) -> Recurring:
    """The schedule of a spec; BadInput names the part that is wrong, or says that no day ever matches."""
    parts = parse(_text(spec))
    start = terms.start or terms.anchor
    if parts.is_interval:
        interval = Interval(parts.interval, UNITS[parts.frequency])
        words = interval_words(interval, _local(terms, start))
        return Recurring.under(terms, _interval(interval, terms, start), words, start)
    start += timedelta(microseconds=-start.microsecond % 1_000_000)  # the times of a rule are whole seconds
    parts = completed(parts, _local(terms, start))
    times = times_of_day(parts)
    rule = (_pace if parts.frequency in SECONDS else _fixed)(parts, times, terms, start)
    return Recurring.under(terms, rule, rule_words(parts, times), start)


def own_terms(spec: Mapping[str, object], time_zone: str | None) -> OwnTerms:
    """What COUNT and UNTIL say; a local UNTIL is read in the zone asked for, else the machine's. Raises BadInput."""
    parts = parse(_text(spec))
    return OwnTerms(end=None if parts.until is None else _end(parts.until, time_zone), count=parts.count)


def completed(parts: Parts, start: datetime) -> Parts:
    """A rule with what it leaves open taken from its local start (RFC 5545 section 3.3.10)."""
    frequency = parts.frequency
    found = replace(parts, seconds=parts.seconds or frozenset([start.second] if frequency != "SECONDLY" else []))
    if frequency not in ("SECONDLY", "MINUTELY"):
        found = replace(found, minutes=parts.minutes or frozenset([start.minute]))
    if frequency not in SECONDS:
        found = replace(found, hours=parts.hours or frozenset([start.hour]))
    names_days = parts.weekdays or parts.month_days or parts.year_days
    if names_days or frequency in ("DAILY", *SECONDS):
        return found
    if frequency == "WEEKLY" or parts.week_numbers:
        return replace(found, weekdays=frozenset([(start.weekday(), 0)]))
    if frequency == "YEARLY":
        found = replace(found, months=parts.months or frozenset([start.month]))
    return replace(found, month_days=frozenset([start.day]))


def times_of_day(parts: Parts) -> Sequence[int]:
    """Seconds since midnight that a completed rule lets through; for units below a day, BYSETPOS has chosen."""
    if not (parts.hours or parts.minutes or parts.seconds):
        return range(86_400)
    hours, minutes = sorted(parts.hours) or range(24), sorted(parts.minutes) or range(60)
    seconds = sorted(parts.seconds) or range(60)
    times = tuple([hour * 3600 + minute * 60 + second for hour in hours for minute in minutes for second in seconds])
    if not parts.positions or parts.frequency not in SECONDS:
        return times
    units = (list(unit) for _, unit in groupby(times, key=lambda second: second // SECONDS[parts.frequency]))
    return tuple(
        second
        for unit in units
        for place, second in enumerate(unit)
        if place + 1 in parts.positions or place - len(unit) in parts.positions
    )


def _interval(interval: Interval, terms: Terms, start: datetime) -> Rule:
    if interval.pace is not None:
        return RealPaceFrom(start, interval.pace)
    return Anchored(start, FixedTimes(interval.wall(_local(terms, start)), terms.zone))


def _fixed(parts: Parts, times: Sequence[int], terms: Terms, start: datetime) -> Rule:
    local = _local(terms, start)
    indices = frozenset(index for each in by_time_of_day(parts.positions, len(times)) for index in each)
    calendar = _calendar(parts)
    days = RuleDays(calendar, parts.interval, calendar.number_of(local.date()), indices)
    if not days.ever(local.date()):
        raise BadInput(_never(parts, local))
    wall = local_times(days, times, parts.positions)
    rule = FixedTimes(wall, terms.zone)
    # The start belongs to the rule even as the second pass of a doubled local time.
    return Anchored(start, rule) if wall.at_or_after(local) == local else rule


def _pace(parts: Parts, times: Sequence[int], terms: Terms, start: datetime) -> Rule:
    local = _local(terms, start)
    days = RuleDays(_calendar(parts), 1, 0, frozenset())
    if not times or not days.ever(local.date()):
        raise BadInput(_never(parts, local))
    unit = SECONDS[parts.frequency]
    origin = start - timedelta(seconds=(local.minute * 60 + local.second) % unit)
    return Pace(days, times, unit, parts.interval, origin, terms.zone)


@lru_cache(maxsize=256)
def _calendar(parts: Parts) -> Calendar:
    return Calendar(
        period="DAILY" if parts.frequency in SECONDS else parts.frequency,
        week_start=parts.week_start,
        months=parts.months,
        month_days=parts.month_days,
        year_days=parts.year_days,
        week_numbers=parts.week_numbers,
        weekdays=parts.weekdays,
        ordinals_in_month=parts.frequency == "MONTHLY" or bool(parts.months),
    )


def _never(parts: Parts, local: datetime) -> str:
    return f"nothing would ever run: counted from {local:%Y-%m-%d %H:%M}, no date and time matches {parts.text}"


def _end(until: date | datetime, time_zone: str | None) -> datetime | None:
    """The last instant of UNTIL; None where it is the end of the calendar."""
    day = until.date() if isinstance(until, datetime) else until
    if day >= NO_END:
        return None
    if day.year < 1970:
        raise BadInput(f"UNTIL={day:%Y%m%d} lies before 1970-01-01 UTC")
    if isinstance(until, datetime) and until.tzinfo is UTC:
        return until
    place = zone(time_zone or local_zone_name())
    if isinstance(until, datetime):
        return utc(first_reading(place, until))
    return utc(first_reading(place, datetime.combine(day + DAY, time())) - TICK)


def _local(terms: Terms, instant: datetime) -> datetime:
    return (instant + offset_at(terms.zone, instant)).replace(tzinfo=None)


def _text(spec: Mapping[str, object]) -> str:
    rule = spec.get("rule")
    if not isinstance(rule, str):
        raise BadInput("a recurrence rule is a text such as FREQ=DAILY;INTERVAL=3")
    return rule
