"""Azure recurrences in plain words."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from jobctl.schedule.azure_document import Recurrence, Slots
from jobctl.schedule.words import MOST_LISTED, WEEKDAYS, amount, days_of_month, listed, ordinal, times, weekdays


def described(recurrence: Recurrence, local: datetime, seconds: Sequence[int]) -> str:
    """`at 05:15 and 17:15 on the 3rd Wednesday of each month`.

    `local` is the anchor. `seconds` are the schedule's times of day; not looked at where it has no schedule.
    """
    slots, number, unit = recurrence.slots, recurrence.interval, recurrence.frequency
    if unit in ("minute", "hour"):
        if slots is None:
            return amount(number, unit)
        return _daily(seconds, 1) if number == 1 else amount(number, unit) + _limits(unit, slots, local)
    if slots is None:
        seconds = [local.hour * 3600 + local.minute * 60 + local.second]
    if unit == "day":
        return _daily(seconds, number)
    each = "" if number == 1 else f", {amount(number, unit)}"
    if unit == "week":
        days = set((slots and slots.weekdays) or [local.weekday()])
        return times(seconds) + (" " if len(days) == 7 else " on ") + weekdays(days) + each
    of = "" if each else " of each month"
    if slots is None or (slots.month_days is None and slots.nth_weekdays is None):
        clamped = " or else the last day" if local.day > 28 else ""
        return f"{times(seconds)} on the {ordinal(local.day)}{clamped}{of}{each}"
    return f"{times(seconds)} on {month_days(slots, of)}{each}"


def month_days(slots: Slots, of: str = "") -> str:
    """`the 1st and last day`, `the 1st and last Friday`, `the 13th where that is a Friday`; `of` follows the days."""
    if slots.nth_weekdays is None:
        return days_of_month(slots.month_days or ()) + of
    if slots.month_days is None:
        return _nth_weekdays(slots.nth_weekdays, "every") + of
    return f"{days_of_month(slots.month_days)}{of} where that is {_nth_weekdays(slots.nth_weekdays, 'a', 'or')}"


def _nth_weekdays(entries: Iterable[tuple[int, int | None]], any_of: str, last: str = "and") -> str:
    groups: dict[int, set[int | None]] = {}
    for weekday, nth in sorted(entries, key=lambda entry: entry[0]):
        groups.setdefault(weekday, set()).add(nth)
    texts = []
    for weekday, found in groups.items():
        numbers = sorted((nth for nth in found if nth is not None), key=lambda nth: (nth < 0, nth))
        which = any_of if None in found else f"the {listed(map(ordinal, numbers), last)}"
        texts.append(f"{which} {WEEKDAYS[weekday]}")
    return listed(texts, last)


def _daily(seconds: Sequence[int], number: int) -> str:
    text = times(seconds)
    if number > 1:
        return f"{text} on every {ordinal(number)} day" if text.startswith("every") else f"{text} every {number} days"
    every_hour = len({second // 3600 for second in seconds}) == 24
    return text if every_hour or " a day " in text else f"{text} every day"


def _limits(unit: str, slots: Slots, local: datetime) -> str:
    """What becomes of an interval of hours or minutes."""
    minutes = slots.minutes or ([local.minute] if unit == "hour" else [])
    text = ", only" if unit == "minute" and minutes else ""
    if minutes:
        numbers = sorted(set(minutes))
        text += f" at {listed(map(str, numbers)) if len(numbers) <= MOST_LISTED else f'{len(numbers)} minutes'} past"
    if slots.hours:
        hours = sorted(set(slots.hours))
        names = [f"{hour:02}" for hour in hours]
        stretch = len(hours) > 2 and hours[-1] - hours[0] == len(hours) - 1
        text += f", only in the hour{'s' * (len(hours) > 1)} "
        text += f"{names[0]} to {names[-1]}" if stretch else listed(names)
    return text
