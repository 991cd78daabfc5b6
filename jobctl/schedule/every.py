"""Fixed intervals: `{"notation": "every", "every": "5m"}`.

Seconds, minutes and hours keep their real pace in UTC; days, weeks, months and years keep the local time of their
anchor, which is the plan's start, else the moment of scheduling.
"""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from calendar import monthrange
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from jobctl.errors import BadInput
from jobctl.schedule.daylight import LATEST, TICK, FixedTimes, offset_at
from jobctl.schedule.instants import format_duration, parse_duration
from jobctl.schedule.recurring import Recurring, Terms

FORMS = "write 30s, 5m, 2h30m, 90 seconds, day, 2 weeks, month or year"

WORDS = re.compile(r"(?:([0-9]{1,9}) ?)?(second|minute|hour|day|week|month|year)s?", re.IGNORECASE)
SHORT_DATE_UNITS = re.compile(r"([0-9]{1,9}) ?([dw])|P([0-9]{1,9})([DWMY])")
LETTERS = {"d": "day", "w": "week", "D": "day", "W": "week", "M": "month", "Y": "year"}
FIXED = {"second": timedelta(seconds=1), "minute": timedelta(minutes=1), "hour": timedelta(hours=1)}
DAYS = {"day": 1, "week": 7}
MONTHS = {"month": 1, "year": 12}


def build(spec: Mapping[str, object], terms: Terms) -> Recurring:
    """The schedule of a spec; BadInput when the interval is not understood or shorter than a second."""
    number, unit = _interval(str(spec.get("every")).strip())
    anchor = terms.start or terms.anchor
    words = f"every {unit}" if number == 1 else f"every {number} {unit}s"
    if unit in FIXED:
        step = number * FIXED[unit]
        if number > 90:
            words = f"every {format_duration(step.total_seconds())}"
        return Recurring.under(terms, RealPaceFrom(anchor, step), words, anchor)
    local = (anchor + offset_at(terms.zone, anchor)).replace(tzinfo=None)
    wall = MonthsFrom(local, number * MONTHS[unit]) if unit in MONTHS else DaysFrom(local, number * DAYS[unit])
    return Recurring.under(terms, Anchored(anchor, FixedTimes(wall, terms.zone)), words, anchor)


def _interval(text: str) -> tuple[int, str]:
    """Number and unit, the largest one that holds the interval."""
    if match := WORDS.fullmatch(text):
        number, unit = int(match[1] or 1), match[2].lower()
    elif match := SHORT_DATE_UNITS.fullmatch(text):
        number, unit = int(match[1] or match[3]), LETTERS[match[2] or match[4]]
    else:
        number, unit = _duration(text), "second"
    if number == 0:
        raise BadInput(f"an interval of {text} never ends; the shortest is 1s")
    for fixed in ("hour", "minute"):
        seconds = int(FIXED[fixed].total_seconds())
        if unit == "second" and number % seconds == 0:
            number, unit = number // seconds, fixed
    return number, unit


def _duration(text: str) -> int:
    try:
        length = parse_duration(text)
    except BadInput:
        raise BadInput(f"the interval {text!r} is not understood; {FORMS}") from None
    if set("dwDW") & set(text):
        raise BadInput(f"{text} mixes days, which keep the local time, with real time; write 36h, or 2 days")
    if length % timedelta(seconds=1):
        raise BadInput(f"the interval {text} is not in whole seconds; the shortest is 1s")
    return length // timedelta(seconds=1)


class Numbered(ABC):
    """Members numbered from 0, where both the number and the member can be computed."""

    @abstractmethod
    def member(self, number: int) -> datetime | None:
        """That member; None past the end of the calendar."""

    @abstractmethod
    def number_from(self, moment: datetime) -> int:
        """How many members lie before `moment`, which is the number of the first one at or after it."""

    def at_or_after(self, moment: datetime) -> datetime | None:
        return self.member(self.number_from(moment))

    def before(self, moment: datetime) -> datetime | None:
        number = self.number_from(moment)
        return self.member(number - 1) if number else None

    def count(self, low: datetime, high: datetime) -> int:
        return self.number_from(high) - self.number_from(low)


@dataclass(frozen=True, slots=True)
class Steps(Numbered):
    """`origin` and every whole `step` after it."""

    origin: datetime
    step: timedelta

    def member(self, number: int) -> datetime | None:
        last = LATEST.replace(tzinfo=self.origin.tzinfo)
        fits = number <= (last - self.origin) // self.step
        return self.origin + number * self.step if fits else None

    def number_from(self, moment: datetime) -> int:
        return max(0, -((self.origin - moment) // self.step))


class RealPaceFrom(Steps):
    """A Rule: the origin is an instant."""

    __slots__ = ()

    def note(self, instant: datetime) -> str:
        return ""


class DaysFrom(Steps):
    """A Wall: the origin is a local time."""

    __slots__ = ()

    def __init__(self, origin: datetime, days: int) -> None:
        super().__init__(origin, timedelta(days=days))


@dataclass(frozen=True, slots=True)
class MonthsFrom(Numbered):
    """A Wall: the local time `origin` every so many months, on the month's last day where it is too short."""

    origin: datetime
    months: int

    def member(self, number: int) -> datetime | None:
        # Counted from the origin each time: a short month does not shorten those after it.
        year, month = divmod(self.origin.year * 12 + self.origin.month - 1 + number * self.months, 12)
        if year > LATEST.year:
            return None
        day = min(self.origin.day, monthrange(year, month + 1)[1])
        found = self.origin.replace(year=year, month=month + 1, day=day)
        return found if found < LATEST.replace(tzinfo=None) else None

    def number_from(self, moment: datetime) -> int:
        if moment <= self.origin:
            return 0
        months = (moment.year - self.origin.year) * 12 + moment.month - self.origin.month
        number = months // self.months
        found = self.member(number)
        return number + 1 if found is not None and found < moment else number


@dataclass(frozen=True, slots=True)
class Anchored:
    """A Rule from its anchor on; the anchor belongs to it even as the second pass of a doubled local time."""

    anchor: datetime
    rule: FixedTimes

    def at_or_after(self, instant: datetime) -> datetime | None:
        return self.anchor if instant <= self.anchor else self.rule.at_or_after(instant)

    def before(self, instant: datetime) -> datetime | None:
        found = self.rule.before(instant) if instant > self.anchor else None
        if found is not None and found > self.anchor:
            return found
        return self.anchor if instant > self.anchor else None

    def count(self, low: datetime, high: datetime) -> int:
        after = self.anchor + TICK
        at_anchor = int(low <= self.anchor < high)
        return at_anchor + (self.rule.count(max(low, after), high) if high > after else 0)

    def note(self, instant: datetime) -> str:
        return self.rule.note(instant)
