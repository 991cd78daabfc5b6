"""FetchXML's words for stretches of time, as instants in UTC: `last-x-days`, `this-month`, `older-than-x-hours`.

Weeks begin on Monday. Hours and minutes count from now; days and longer ones from the beginning of the day.
"""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from typing import Final

from dateutil.relativedelta import relativedelta

from jobctl.clock import from_datetime, to_datetime
from jobctl.errors import BadInput

DAY: Final = relativedelta(days=1)
NAMED: Final = re.compile(r"(this|last|next)-(week|month|year)")
COUNTED: Final = re.compile(r"(last|next|older-than)-x-(minutes|hours|days|weeks|months|years)")
MOST: Final = {"minutes": 52_560_000, "hours": 876_000, "days": 36_500, "weeks": 5_200, "months": 1_200, "years": 100}
"""A century of each."""
Stretch = tuple[int | None, int | None]
"""Its beginning, and the first instant after it; None: without limit."""


def is_counted(operator: str) -> bool:
    """Whether a number goes with it."""
    match = COUNTED.fullmatch(operator)
    return match is not None and (match[2] != "minutes" or match[1] == "older-than")


def stretch(operator: str, number: int | None, now: int) -> Stretch | None:
    """What the operator means at the instant `now`; None if it is no such word. Raises BadInput."""
    moment = to_datetime(now)
    today = moment.replace(hour=0, minute=0, second=0, microsecond=0)
    days = {
        "yesterday": (-1, 0),
        "today": (0, 1),
        "tomorrow": (1, 2),
        "last-seven-days": (-7, 1),
        "next-seven-days": (0, 8),
    }
    if operator in days:
        first, after = days[operator]
        return _instants(today + first * DAY, today + after * DAY)
    if match := NAMED.fullmatch(operator):
        step = relativedelta(**{f"{match[2]}s": 1})  # type: ignore[arg-type]
        begin = _beginning(today, match[2]) + {"last": -1, "this": 0, "next": 1}[match[1]] * step
        return _instants(begin, begin + step)
    if not is_counted(operator) or number is None:
        return None
    return _counted(operator, number, moment, today)


def _counted(operator: str, number: int, moment: datetime, today: datetime) -> Stretch:
    direction, unit = operator.rsplit("-x-", 1)
    if not 1 <= number <= MOST[unit]:
        raise BadInput(f"{operator} takes a number from 1 to {MOST[unit]}, not {number}")
    length = relativedelta(**{unit: number})  # type: ignore[arg-type]
    if direction == "older-than":
        return _instants(None, moment - length)
    tick = timedelta(microseconds=1)
    if direction == "last":
        return _instants((moment if unit == "hours" else today) - length, moment + tick)
    return _instants(moment, moment + length + tick if unit == "hours" else today + length + DAY)


def _beginning(today: datetime, unit: str) -> datetime:
    if unit == "week":
        return today - timedelta(days=today.weekday())
    return today.replace(day=1) if unit == "month" else today.replace(month=1, day=1)


def _instants(begin: datetime | None, end: datetime) -> Stretch:
    return None if begin is None else from_datetime(begin), from_datetime(end)
