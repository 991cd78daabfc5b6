"""Fixed intervals: `{"notation": "every", "every": "5m"}`.

Seconds, minutes and hours keep their real pace in UTC; days, weeks, months and years keep the local time of their
anchor, which is the plan's start, else the moment of scheduling. frequency.py chooses days and times among them.
"""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from bisect import bisect_left
from calendar import monthrange
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from jobctl.errors import BadInput
from jobctl.schedule.daylight import LATEST, TICK, FixedTimes, Rule, changes, last_change, offset_at
from jobctl.schedule.instants import format_duration, parse_duration
from jobctl.schedule.recurring import Recurring, Terms
from jobctl.schedule.wall import Wall
from jobctl.schedule.words import amount

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

FORMS = "write 30s, 5m, 2h30m, 90 seconds, day, 2 weeks, month or year"
LONGEST = 64
DAY = timedelta(days=1)
LAST_WALL = LATEST.replace(tzinfo=None)

# ASCII: case is ignored, and the long s and the Kelvin sign are cases of s and k.
WORDS = re.compile(r"(?:([0-9]{1,9}) ?)?(second|minute|hour|day|week|month|year)s?", re.IGNORECASE | re.ASCII)
SHORT_DATE_UNITS = re.compile(r"([0-9]{1,9}) ?([dw])|P([0-9]{1,9})([DWMY])")
ON_DAYS = re.compile(r"(?:mon|tues|wednes|thurs|fri|satur|sun|week)day|weekend", re.IGNORECASE | re.ASCII)
LETTERS = {"d": "day", "w": "week", "D": "day", "W": "week", "M": "month", "Y": "year"}
FIXED = {"second": timedelta(seconds=1), "minute": timedelta(minutes=1), "hour": timedelta(hours=1)}
DAYS = {"day": 1, "week": 7}
MONTHS = {"month": 1, "year": 12}


@dataclass(frozen=True, slots=True)
class Interval:
    """So many of one unit: the largest that holds a length of real time, else the one that was named."""

    number: int
    unit: str

    @classmethod
    def read(cls, value: object) -> Interval:
        """The interval a text names; BadInput when it is not understood or shorter than a second."""
        text = str(value).strip()
        if match := WORDS.fullmatch(text):
            number, unit = int(match[1] or 1), match[2].lower()
        elif match := SHORT_DATE_UNITS.fullmatch(text):
            number, unit = int(match[1] or match[3]), LETTERS[match[2] or match[4]]
        else:
            number, unit = _seconds(text), "second"
        if number == 0:
            raise BadInput(f"an interval of {text} never ends; the shortest is 1s")
        for larger in ("hour", "minute"):
            seconds = int(FIXED[larger].total_seconds())
            if unit == "second" and number % seconds == 0:
                number, unit = number // seconds, larger
        return cls(number, unit)

    @property
    def pace(self) -> timedelta | None:
        """Its real length; None for days and longer, which keep the local time instead."""
        return self.number * FIXED[self.unit] if self.unit in FIXED else None

    @property
    def words(self) -> str:
        """`every minute`, `every 2 weeks`, `every 2h 30m`."""
        if self.pace is not None and self.number > 90:
            return f"every {format_duration(self.pace.total_seconds())}"
        return amount(self.number, self.unit)

    def wall(self, origin: datetime) -> MonthsFrom | DayCycle:
        """The Wall of the local time `origin` every so many days, weeks, months or years."""
        if self.unit in MONTHS:
            return MonthsFrom(origin, self.number * MONTHS[self.unit])
        return DayCycle(origin, self.number * DAYS[self.unit])


def build(spec: Mapping[str, object], terms: Terms) -> Recurring:
    """The schedule of a spec; BadInput when the interval is not understood or shorter than a second."""
    interval = Interval.read(spec.get("every"))
    anchor = terms.start or terms.anchor
    if interval.pace is not None:
        return Recurring.under(terms, RealPaceFrom(anchor, interval.pace), interval.words, anchor)
    wall = interval.wall(anchor.replace(tzinfo=None) + offset_at(terms.zone, anchor))
    return Recurring.under(terms, Anchored(anchor, FixedTimes(wall, terms.zone)), interval.words, anchor)


def _seconds(text: str) -> int:
    try:
        length = parse_duration(text)
    except BadInput:
        shown = text if len(text) <= LONGEST else text[: LONGEST - 1] + "…"
        forms = "write --every week with --on, as --on mon,fri" if ON_DAYS.fullmatch(text) else FORMS
        raise BadInput(f"the interval {shown!r} is not understood; {forms}") from None
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
class RealPaceFrom(Numbered):
    """A Rule: the instant `origin` and every whole `step` after it."""

    origin: datetime
    step: timedelta

    def member(self, number: int) -> datetime | None:
        fits = number <= (LATEST - self.origin) // self.step
        return self.origin + number * self.step if fits else None

    def number_from(self, moment: datetime) -> int:
        return max(0, -((self.origin - moment) // self.step))

    def note(self, instant: datetime) -> str:
        return ""


@dataclass(frozen=True, slots=True)
class DayCycle(Numbered):
    """A Wall: `offsets` days after the local time `origin`, and again every `length` days."""

    origin: datetime
    length: int
    offsets: tuple[int, ...] = (0,)
    """Increasing, from 0 to less than `length`."""

    def member(self, number: int) -> datetime | None:
        turn, place = divmod(number, len(self.offsets))
        days = turn * self.length + self.offsets[place]
        return self.origin + timedelta(days) if days <= (LAST_WALL - self.origin).days else None

    def number_from(self, moment: datetime) -> int:
        if moment <= self.origin:
            return 0
        days = -((self.origin - min(moment, LAST_WALL)) // DAY)
        turn, rest = divmod(days, self.length)
        return turn * len(self.offsets) + bisect_left(self.offsets, rest)


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
        return found if found < LAST_WALL else None

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
    rule: Rule

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


@dataclass(frozen=True, slots=True)
class PaceOnDays:
    """A Rule: those instants of a pace whose local date is one of `days`."""

    pace: RealPaceFrom
    days: Wall
    """Midnights, from one or more before the first instant: a fold may bring the date back."""
    zone: ZoneInfo

    def at_or_after(self, instant: datetime) -> datetime | None:
        found = self.pace.at_or_after(instant)
        while found is not None:
            offset = offset_at(self.zone, found)
            midnight = midnight_of(found.replace(tzinfo=None) + offset)
            day = self.days.at_or_after(midnight)
            if day == midnight:
                return found
            if day is None:
                return None
            begins = day.replace(tzinfo=UTC) - offset
            change = next(changes(self.zone, found + TICK, begins), None)
            found = self.pace.at_or_after(change.at if change else begins)
        return None

    def before(self, instant: datetime) -> datetime | None:
        found = self.pace.before(instant)
        while found is not None:
            offset = offset_at(self.zone, found)
            midnight = midnight_of(found.replace(tzinfo=None) + offset)
            day = self.days.before(midnight + TICK)
            if day == midnight:
                return found
            if day is None:
                return None
            ended = day.replace(tzinfo=UTC) + DAY - offset
            change = last_change(self.zone, found + TICK, back_to=ended)
            found = self.pace.before(max(ended, change.at) if change else ended)
        return None

    def count(self, low: datetime, high: datetime) -> int:
        total = 0
        for change in changes(self.zone, low + TICK, high):
            total += self._count(low, change.at, change.earlier)
            low = change.at
        return total + self._count(low, high, offset_at(self.zone, low))

    def note(self, instant: datetime) -> str:
        return ""

    def _count(self, low: datetime, high: datetime, offset: timedelta) -> int:
        """Where the offset is one and the same: day by day."""
        total = 0
        day = self.days.at_or_after(midnight_of(low.replace(tzinfo=None) + offset))
        while day is not None:
            begins = day.replace(tzinfo=UTC) - offset
            if begins >= high:
                break
            total += self.pace.count(max(low, begins), min(high, begins + DAY))
            day = self.days.at_or_after(day + TICK)
        return total


def midnight_of(moment: datetime) -> datetime:
    """The first local time of its day."""
    return datetime(moment.year, moment.month, moment.day)
