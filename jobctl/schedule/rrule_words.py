"""An RRULE in plain words; what cannot be said shortly is quoted."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from jobctl.schedule.every import Interval
from jobctl.schedule.rrule_parts import SECONDS, UNITS, Parts
from jobctl.schedule.words import (
    MONTHS,
    MOST_LISTED,
    WEEKDAYS,
    amount,
    clock,
    days_of_month,
    listed,
    months,
    ordinal,
    times,
    weekdays,
)

WORKING_DAYS = {0, 1, 2, 3, 4}


def interval_words(interval: Interval, start: datetime) -> str:
    """A rule of only FREQ and INTERVAL, from its local start: `every 3 days at 09:00`."""
    if interval.pace is not None:
        return interval.words
    words = f"{interval.words} at {clock(start.hour * 3600 + start.minute * 60 + start.second)}"
    if interval.unit == "week":
        return f"{words} on {WEEKDAYS[start.weekday()]}"
    if interval.unit == "month":
        return f"{words} on the {ordinal(start.day)}" + (" or the month's last day" if start.day > 28 else "")
    if interval.unit == "year":
        leap_day = (start.month, start.day) == (2, 29)
        return f"{words} on {start.day} {MONTHS[start.month - 1]}" + (" or the month's last day" if leap_day else "")
    return words


def rule_words(parts: Parts, seconds: Sequence[int]) -> str:
    """A completed rule with BY parts and its times of day: `at 09:00 on the 2nd Tuesday of each month`."""
    found = _pace_words(parts) if parts.frequency in SECONDS else _day_words(parts, seconds)
    every = amount(parts.interval, UNITS[parts.frequency])
    return found or f"{every} where its parts allow (RRULE {parts.text})"


def _day_words(parts: Parts, seconds: Sequence[int]) -> str | None:
    by_month = parts.frequency in ("MONTHLY", "YEARLY")
    days = _days(parts) if not parts.positions or (by_month and len(seconds) == 1) else None
    if days is None:
        return None
    when, unit = times(seconds), UNITS[parts.frequency]
    each = amount(parts.interval, unit)
    if parts.frequency == "DAILY" and parts.interval > 1:
        return None if days or parts.months else f"{when} {each}"
    if parts.frequency == "MONTHLY" and parts.interval > 1:
        return None if parts.months or not days else f"{when} {days} of every {ordinal(parts.interval)} month"
    of_month = by_month or parts.month_days
    if parts.months:
        period = f" {'of' if of_month and days.startswith('on the') else 'in'} {months(parts.months)}"
    else:
        period = " of each month" if of_month and days.startswith("on the") else ""
    return f"{when} {days or 'every day'}{period}" + (f", {each}" if parts.interval > 1 else "")


def _days(parts: Parts) -> str | None:
    """Which days: `on Monday`, `on the 1st and 15th`, `on the last Friday`; "" for all, None where it takes longer."""
    if parts.year_days or parts.week_numbers or (parts.weekdays and parts.month_days):
        return None
    if parts.month_days:
        return None if parts.positions else f"on {days_of_month(parts.month_days)}"
    plain = {weekday for weekday, number in parts.weekdays if number == 0}
    numbered = {(number < 0, number, weekday) for weekday, number in parts.weekdays if number}
    if parts.positions:
        name = "weekday" if plain == WORKING_DAYS else WEEKDAYS[min(plain)] if len(plain) == 1 else None
        in_month = parts.frequency == "MONTHLY"
        places = sorted(parts.positions, key=lambda place: (place < 0, place))
        return f"on the {listed(map(ordinal, places))} {name}" if name and in_month and not numbered else None
    if numbered and (plain or (parts.frequency == "YEARLY" and not parts.months)):
        return None
    if numbered:
        return f"on the {listed(f'{ordinal(number)} {WEEKDAYS[weekday]}' for _, number, weekday in sorted(numbered))}"
    return f"on {weekdays(plain)}" if 0 < len(plain) < 7 else ""


def _pace_words(parts: Parts) -> str | None:
    if parts.positions or parts.month_days or parts.year_days:
        return None
    words = amount(parts.interval, UNITS[parts.frequency])
    hours = sorted(parts.hours)
    if parts.frequency == "HOURLY":
        if len(parts.minutes) > MOST_LISTED or len(parts.seconds) > 1:
            return None
        seconds_past = f":{min(parts.seconds):02}" if any(parts.seconds) else ""
        words += f" at {listed(f'{minute}{seconds_past}' for minute in sorted(parts.minutes))} past"
    elif parts.minutes or (parts.frequency == "SECONDLY" and parts.seconds) or len(parts.seconds) > 1:
        return None
    if hours and hours[-1] - hours[0] != len(hours) - 1:
        return None
    if hours:
        words += f" between {clock(hours[0] * 3600)} and {clock(hours[-1] * 3600 + 3600)}"
    if 0 < len(parts.weekdays) < 7:
        words += f" on {weekdays(weekday for weekday, _ in parts.weekdays)}"
    return words + (f" in {months(parts.months)}" if parts.months else "")
