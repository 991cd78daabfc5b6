"""A schedule without the occurrences on some local dates: `"skip": ["2026-12-25", …]` beside any notation.

A skipped day lasts from the first instant at which the local clock reads its midnight, or later, to the same of the
next day.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from typing import TYPE_CHECKING

from jobctl.errors import BadInput
from jobctl.schedule.daylight import EARLIEST, LATEST, TICK, first_reading, reached
from jobctl.schedule.words import listed

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

    from jobctl.schedule import Schedule
    from jobctl.schedule.recurring import Terms

DATE = re.compile("[0-9]{4}-[0-9]{2}-[0-9]{2}")
FIRST = date(1970, 1, 1)
LAST = date(9999, 12, 30)
"""No schedule has an occurrence after it."""
MOST_LISTED = 4
LONGEST = 40


@dataclass(frozen=True, slots=True)
class Days:
    """Consecutive dates, both ends included, as proleptic Gregorian ordinals."""

    first: int
    last: int

    @property
    def number(self) -> int:
        return self.last - self.first + 1

    def dates(self) -> Iterator[date]:
        return map(date.fromordinal, range(self.first, self.last + 1))

    def words(self) -> Iterator[str]:
        """One text for a stretch of three days or more, else one for each."""
        if self.number < 3:
            return (day.isoformat() for day in self.dates())
        return iter([f"{date.fromordinal(self.first)} to {date.fromordinal(self.last)}"])


@dataclass(frozen=True, slots=True)
class Without:
    """The Schedule `inner` without what falls on the skipped days."""

    inner: Schedule
    zone: ZoneInfo
    skipped: tuple[Days, ...]
    """In order, with at least a day between each and the next."""

    @classmethod
    def under(cls, terms: Terms, schedule: Schedule, dates: object) -> Without:
        """`schedule` without `dates`, a list of ISO dates of the plan's zone; BadInput names one that is none."""
        if not isinstance(dates, list):
            raise BadInput(f"skip is a list of dates such as 2026-12-25, not {shown(dates)}")
        days = [parse_date(each).toordinal() for each in dates]
        return cls(schedule, terms.zone, tuple(joined(Days(each, each) for each in days)))

    def first(self, created: datetime) -> datetime | None:
        return self._onward(self.inner.first(created))

    def next_after(self, i: datetime) -> datetime | None:
        return self._onward(self.inner.next_after(i))

    def last_before(self, i: datetime) -> datetime | None:
        found = self.inner.last_before(i)
        while found is not None and (days := self._holding(found)) is not None:
            found = self.inner.last_before(self._midnight(days.first))
        return found

    def count_between(self, a: datetime, b: datetime) -> int:
        low, high = max(a.astimezone(UTC), EARLIEST - TICK), min(b.astimezone(UTC), LATEST)
        if high <= low:
            return 0
        total = self.inner.count_between(low, high)
        last = self._date(high)
        for index in range(self._index(self._date(low)), len(self.skipped)):
            days = self.skipped[index]
            if total == 0 or days.first > last:
                break
            start, end = self._midnight(days.first) - TICK, self._midnight(days.last + 1) - TICK
            total -= self.inner.count_between(max(low, start), min(high, end))
        return total

    def describe(self) -> str:
        texts = [text for days in self.skipped for text in days.words()]
        number = sum(days.number for days in self.skipped)
        return f"{self.inner.describe()}, not on {listed(texts) if len(texts) <= MOST_LISTED else f'{number} dates'}"

    def note(self, i: datetime) -> str:
        return self.inner.note(i)

    def _onward(self, found: datetime | None) -> datetime | None:
        """`found`, or the first occurrence after the skipped days it falls on."""
        while found is not None and (days := self._holding(found)) is not None:
            found = self.inner.next_after(self._midnight(days.last + 1) - TICK)
        return found

    def _holding(self, instant: datetime) -> Days | None:
        """The skipped days an instant falls on."""
        today = self._date(instant)
        index = self._index(today)
        return self.skipped[index] if index < len(self.skipped) and self.skipped[index].first <= today else None

    def _index(self, today: int) -> int:
        """The first of the skipped days that does not end before `today`."""
        return bisect_left(self.skipped, today, key=lambda days: days.last)

    def _date(self, instant: datetime) -> int:
        """The day that lasts at an instant: the latest one whose midnight has been read or passed."""
        return (reached(self.zone, instant + TICK) - TICK).toordinal()

    def _midnight(self, day: int) -> datetime:
        return first_reading(self.zone, datetime.combine(date.fromordinal(day), time()))


def parse_date(text: object) -> date:
    """The date a text names; BadInput unless it is ISO 8601 and lies in 1970-01-01 to 9999-12-30."""
    if not isinstance(text, str) or not DATE.fullmatch(text):
        raise BadInput(f"{shown(text)} is no date; write one like 2026-12-25")
    try:
        found = date.fromisoformat(text)
    except ValueError as error:
        raise BadInput(f"there is no {text} ({error}); write a date like 2026-12-25") from None
    if not FIRST <= found <= LAST:
        raise BadInput(f"{text} lies outside {FIRST} to {LAST}")
    return found


def joined(stretches: Iterable[Days]) -> list[Days]:
    """The same dates in order, each once; what touches or overlaps becomes one stretch."""
    found: list[Days] = []
    for days in sorted(stretches, key=lambda each: each.first):
        if found and days.first <= found[-1].last + 1:
            found[-1] = Days(found[-1].first, max(found[-1].last, days.last))
        else:
            found.append(days)
    return found


def shown(value: object) -> str:
    """A value as an error names it: quoted, and not too long."""
    text = repr(value)
    return text if len(text) <= LONGEST else text[: LONGEST - 1] + "…"
