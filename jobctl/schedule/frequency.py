"""Chosen days and times of day: `{"notation": "frequency", "every": "week", "on": "mon,fri", "at": "06:00,18:00"}`.

`every` is an interval as in every.py; `on` chooses days, `at` local times of day; one of the two may be left out. All
is counted from the start, which is the plan's, else the moment of scheduling:

* days from its date; weeks from its week, which begins on Monday (ISO 8601); months from its month.
* `on` goes with weeks and days as `mon`, `friday`, `sat-mon`, `weekdays`, `weekends`; with months as `1`, `10-15`, `-1`
  (the last day), `first-mon` to `fifth-mon` and `last-fri`. What a list names is united. A month without such a day
  is skipped.
* Without `on` the start's own day is kept: its weekday, or its day of the month, on the last day of shorter months.
* Without `at` the start's own time of day is kept, and the start occurs if its day is chosen.
* Seconds, minutes and hours keep their real pace from the start, on the days that `on` chooses by local date.

Nothing occurs before the start.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from calendar import monthrange
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, time, timedelta
from math import gcd

from jobctl.errors import BadInput, near_miss
from jobctl.schedule.daylight import LATEST, TICK, FixedTimes, Rule, offset_at
from jobctl.schedule.every import DAY, LAST_WALL, Anchored, DayCycle, Interval, PaceOnDays, RealPaceFrom, midnight_of
from jobctl.schedule.recurring import Recurring, Terms
from jobctl.schedule.wall import Wall
from jobctl.schedule.words import MONTHS, MOST_LISTED, WEEKDAYS, clock, days_of_month, listed, times, weekdays

LONGEST = 1000
"""Characters of a list."""
LAST_MONTH = LAST_WALL.year * 12 + LAST_WALL.month - 1

WEEKDAY_NUMBERS = {name: number for number, full in enumerate(WEEKDAYS) for name in (full[:3].lower(), full.lower())}
GROUPS = {"weekday": range(5), "weekdays": range(5), "weekend": range(5, 7), "weekends": range(5, 7)}
NTH = {"first": 1, "second": 2, "third": 3, "fourth": 4, "fifth": 5, "last": -1}
NTH_WORDS = {number: word for word, number in NTH.items()}

NAME = "|".join(WEEKDAY_NUMBERS)
WEEKDAY = re.compile(rf"({NAME})(?:-({NAME}))?")
NTH_WEEKDAY = re.compile(rf"({'|'.join(NTH)})-({NAME})")
MONTH_DAY = re.compile(r"(-?[0-9]{1,2})(?:-([0-9]{1,2}))?")
TIME = re.compile(r"([01][0-9]|2[0-3]):([0-5][0-9])(?::([0-5][0-9]))?")

ON_FORMS = (
    "write days of the week as mon, friday, mon-fri, weekdays or weekends, or days of the month as 1, 15, "
    "-1 (the last), first-mon to fifth-mon or last-fri"
)


@dataclass(frozen=True)
class MonthDays:
    """The Days of a month by number, from its end by negative ones, or as the nth of a weekday."""

    numbers: frozenset[int]
    nth_weekdays: frozenset[tuple[int, int]]
    """(1 to 5, weekday), or (-1, weekday) for the last of the month; Monday is 0."""
    known: dict[tuple[int, int], tuple[int, ...]] = field(default_factory=dict, compare=False, repr=False)
    """Days by the weekday of the 1st and the length: there are no more than 28 different months."""

    def in_month(self, year: int, month: int) -> tuple[int, ...]:
        shape = monthrange(year, month)
        if shape not in self.known:
            self.known[shape] = tuple(day for day in range(1, shape[1] + 1) if self._matches(day, *shape))
        return self.known[shape]

    def _matches(self, day: int, first_weekday: int, length: int) -> bool:
        weekday = (first_weekday + day - 1) % 7
        last = day + 7 > length and (-1, weekday) in self.nth_weekdays
        nth = last or ((day + 6) // 7, weekday) in self.nth_weekdays
        return nth or day in self.numbers or day - length - 1 in self.numbers


@dataclass(frozen=True, slots=True)
class EveryMonths:
    """A Wall of midnights: the days of every so many months from the one numbered `first` (year * 12 + month - 1)."""

    first: int
    step: int
    days: MonthDays

    def at_or_after(self, moment: datetime) -> datetime | None:
        index = max(self.first, _month(moment))
        index += (self.first - index) % self.step
        while index <= LAST_MONTH:
            days = self._days(index)
            place = self._passed(index, moment)
            if place < len(days):
                return datetime(index // 12, index % 12 + 1, days[place])
            index += self.step
        return None

    def before(self, moment: datetime) -> datetime | None:
        index = _month(moment)
        index -= (index - self.first) % self.step
        while index >= self.first:
            place = self._passed(index, moment)
            if place:
                return datetime(index // 12, index % 12 + 1, self._days(index)[place - 1])
            index -= self.step
        return None

    def count(self, low: datetime, high: datetime) -> int:
        total = 0
        index = max(self.first, _month(low))
        index += (self.first - index) % self.step
        for each in range(index, _month(high) + 1, self.step):
            total += self._passed(each, high) - self._passed(each, low)
        return total

    def _days(self, index: int) -> tuple[int, ...]:
        days = self.days.in_month(index // 12, index % 12 + 1)
        # The last day of all has no room for a zone's offset.
        return days[:-1] if index == LAST_MONTH and days[-1:] == (31,) else days

    def _passed(self, index: int, moment: datetime) -> int:
        """How many days of that month begin before `moment`."""
        ahead = index - _month(moment)
        if ahead > 0:
            return 0
        days = self._days(index)
        return len(days) if ahead else bisect_left(days, moment.day + (moment.time() != time.min))


@dataclass(frozen=True, slots=True)
class AtTimes:
    """A Wall: the same times of day on each day of another one, whose members are midnights."""

    days: Wall
    times: Sequence[timedelta]
    """Since midnight, increasing, never empty."""

    def at_or_after(self, moment: datetime) -> datetime | None:
        midnight, passed = self._place(moment)
        day = self.days.at_or_after(midnight if passed < len(self.times) else midnight + TICK)
        return None if day is None else day + self.times[passed if day == midnight else 0]

    def before(self, moment: datetime) -> datetime | None:
        midnight, passed = self._place(moment)
        day = self.days.before(midnight + TICK if passed else midnight)
        return None if day is None else day + self.times[passed - 1 if day == midnight else -1]

    def count(self, low: datetime, high: datetime) -> int:
        if high <= low:
            return 0
        (first, before_low), (last, before_high) = self._place(low), self._place(high)
        total = self.days.count(first, last) * len(self.times)
        return total + before_high * _has(self.days, last) - before_low * _has(self.days, first)

    def _place(self, moment: datetime) -> tuple[datetime, int]:
        """Its midnight, and how many times of day lie before it."""
        midnight = midnight_of(moment)
        return midnight, bisect_left(self.times, moment - midnight)


@dataclass(frozen=True, slots=True)
class On:
    """The days an `on` names: of the week or of the month, not both."""

    weekdays: frozenset[int]
    """Monday is 0."""
    of_month: MonthDays
    example: str
    """One of its items, as it was written."""

    @classmethod
    def read(cls, value: object) -> On:
        """The days of a list; BadInput names the item that is wrong."""
        week: set[int] = set()
        month: set[int] = set()
        nth: set[tuple[int, int]] = set()
        items = list(_items(value, "on"))
        for item in items:
            if item in GROUPS:
                week.update(GROUPS[item])
            elif match := WEEKDAY.fullmatch(item):
                first, last = WEEKDAY_NUMBERS[match[1]], WEEKDAY_NUMBERS[match[2] or match[1]]
                week.update((first + days) % 7 for days in range((last - first) % 7 + 1))
            elif match := NTH_WEEKDAY.fullmatch(item):
                nth.add((NTH[match[1]], WEEKDAY_NUMBERS[match[2]]))
            elif match := MONTH_DAY.fullmatch(item):
                month.update(_month_days(item, int(match[1]), int(match[2] or match[1])))
            else:
                raise BadInput(_unreadable(item))
        if week and (month or nth):
            raise BadInput(
                f"--on {_shown(','.join(items))} mixes days of the week with days of the month; write one kind"
            )
        return cls(frozenset(week), MonthDays(frozenset(month), frozenset(nth)), items[0])

    @property
    def words(self) -> str:
        """`Monday and Friday`, `the 1st and last day`, `the first Monday and the 15th`."""
        if self.weekdays:
            return "all days" if len(self.weekdays) == 7 else weekdays(self.weekdays)
        numbers = self.of_month.numbers
        order = sorted(self.of_month.nth_weekdays, key=lambda each: (each[0] < 0, each))
        nth = [f"the {NTH_WORDS[number]} {WEEKDAYS[weekday]}" for number, weekday in order]
        return listed([*nth, days_of_month(numbers)] if numbers else nth)


def build(spec: Mapping[str, object], terms: Terms) -> Recurring:
    """The schedule of a spec; BadInput names what is wrong in `every`, `on` or `at`."""
    interval = Interval.read(spec.get("every"))
    on = None if spec.get("on") is None else On.read(spec["on"])
    at = None if spec.get("at") is None else _times_of_day(spec["at"])
    if on is None and at is None:
        raise BadInput("a frequency needs --on, its days, or --at, its times of day; write at least one of them")
    start = terms.start or terms.anchor
    local = start.replace(tzinfo=None) + offset_at(terms.zone, start)
    midnight = midnight_of(local)
    if interval.pace is not None:
        paced = PaceOnDays(RealPaceFrom(start, interval.pace), _days_of_pace(interval, on, at, midnight), terms.zone)
        return Recurring.under(terms, paced, _words(interval, on, (), midnight), start)
    days = _days(interval, on, midnight)
    fixed = FixedTimes(AtTimes(days, at or (local - midnight,)), terms.zone)
    rule: Rule = Anchored(start, fixed) if at is None and _has(days, midnight) else fixed
    words = _words(interval, on, at or (local - midnight,), midnight)
    told = start if at is None or interval.number > 1 else None
    return Recurring(rule, terms.words(words, told), start, terms.end or LATEST, anchored=at is None)


def _days(interval: Interval, on: On | None, midnight: datetime) -> Wall:
    """The midnights of days, weeks, months or years counted from the start's."""
    number, unit = interval.number, interval.unit
    if on is None:
        return interval.wall(midnight)
    if unit == "year":
        raise BadInput(
            "--on has no days of a year; leave it out to keep the start's date, "
            "or write --rrule 'FREQ=YEARLY;BYMONTH=12;BYMONTHDAY=24'"
        )
    if unit == "month":
        if on.weekdays:
            raise BadInput(
                f"--on {_shown(on.example)} is every week; write --every week with it, "
                "or for one in the month first-mon to fifth-mon or last-mon"
            )
        return _days_of_months(interval, on, midnight)
    if not on.weekdays:
        raise BadInput(f"--on {_shown(on.example)} is a day of the month; it goes with --every month, not {unit}")
    if unit == "week":
        return DayCycle(midnight - midnight.weekday() * DAY, 7 * number, tuple(sorted(on.weekdays)))
    turns = range(7 // gcd(7, number))
    offsets = tuple(turn * number for turn in turns if (midnight.weekday() + turn * number) % 7 in on.weekdays)
    if not offsets:
        since = f"{WEEKDAYS[midnight.weekday()]} {midnight:%Y-%m-%d}"
        raise BadInput(
            f"nothing would ever run: {interval.words} from {since} never comes to {on.words}; write --every week"
        )
    return DayCycle(midnight, len(turns) * number, offsets)


def _days_of_months(interval: Interval, on: On, midnight: datetime) -> EveryMonths:
    wall = EveryMonths(_month(midnight), interval.number, on.of_month)
    if wall.at_or_after(midnight) is None:
        since = f"{MONTHS[midnight.month - 1]} {midnight.year}"
        raise BadInput(f"nothing would ever run: {interval.words} from {since}, {on.words} never comes")
    return wall


def _days_of_pace(interval: Interval, on: On | None, at: object, midnight: datetime) -> Wall:
    """The days on which seconds, minutes and hours keep their pace."""
    if on is None or at is not None:
        raise BadInput(
            "--at names times of day, which go with days, weeks, months and years; "
            f"{interval.words} keeps its own pace: write --start for its first moment, or --cron"
        )
    if interval.pace is not None and interval.pace > DAY:
        raise BadInput(f"--on goes with at most 24h of real time; write days in place of {interval.words}, as 2 days")
    if on.weekdays:
        return DayCycle(midnight - (midnight.weekday() + 7) * DAY, 7, tuple(sorted(on.weekdays)))
    return EveryMonths(_month(midnight) - 12, 1, on.of_month)


def _words(interval: Interval, on: On | None, at: Sequence[timedelta], midnight: datetime) -> str:
    """`at 06:00 and 18:00 on Monday and Friday, every 2 weeks`."""
    number, unit, every = interval.number, interval.unit, interval.words
    days = on.words if on else _own_day(unit, midnight)
    if interval.pace is not None:
        return f"{every} on {days}" + ("" if on and on.weekdays else " of every month")
    seconds = [each // timedelta(seconds=1) for each in at]
    clocks = f"at {listed(map(clock, seconds))}" if len(seconds) <= MOST_LISTED else times(seconds)
    if unit == "year":
        return f"{clocks} on {days} {every}"
    if not days:
        return f"{clocks} {every}" if clocks.startswith("at") else f"{clocks}, {every}"
    if number > 1:
        return f"{clocks} on {days}, {'counting ' if unit == 'day' else ''}{every}"
    return f"{clocks} on {days}" + (" of every month" if unit == "month" else "")


def _own_day(unit: str, start: datetime) -> str:
    """Which day of its week, month or year the start's is."""
    if unit == "week":
        return WEEKDAYS[start.weekday()]
    if unit == "month":
        return days_of_month([start.day]) + (" or else last day" if start.day > 28 else "")
    if unit == "year":
        return f"{start.day} {MONTHS[start.month - 1]}" + (" or else 28" if (start.month, start.day) == (2, 29) else "")
    return ""


def _times_of_day(value: object) -> tuple[timedelta, ...]:
    """The times of a list, in order, since midnight."""
    found = set()
    for item in _items(value, "at"):
        match = TIME.fullmatch(item)
        if match is None:
            raise BadInput(
                f"--at cannot be {_shown(item)}; write times of day from 00:00 to 23:59:59, as 06:00,18:30:15"
            )
        found.add(timedelta(hours=int(match[1]), minutes=int(match[2]), seconds=int(match[3] or 0)))
    return tuple(sorted(found))


def _items(value: object, option: str) -> list[str]:
    """The parts of a list with commas, in lower case, none of them empty."""
    if not isinstance(value, str):
        raise BadInput(f"--{option} is a text with commas, not {_shown(value)}")
    if len(value) > LONGEST:
        raise BadInput(f"--{option} has at most {LONGEST} characters, not {len(value)}")
    items = [item.strip(" ").lower() for item in value.split(",")]
    if "" in items:
        wrong = "names nothing" if items == [""] else f"misses something beside a comma in {_shown(value)}"
        raise BadInput(f"--{option} {wrong}; write {'mon,fri or 1,-1' if option == 'on' else '06:00,18:00'}")
    return items


def _month_days(item: str, first: int, last: int) -> range:
    if first == last and 1 <= abs(first) <= 31:
        return range(first, first + 1)
    if 1 <= first < last <= 31:
        return range(first, last + 1)
    raise BadInput(f"--on cannot be {_shown(item)}; days of the month are 1 to 31, or -1 to -31 from its end")


def _unreadable(item: str) -> str:
    if item in ("l", "last", "last-day"):
        return f"--on cannot be {_shown(item)}; the last day of the month is -1"
    return f"--on cannot be {_shown(item)}{near_miss(item[:20], [*WEEKDAY_NUMBERS, *GROUPS]) or '; ' + ON_FORMS}"


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 40 else text[:39] + "…"


def _has(days: Wall, midnight: datetime) -> bool:
    return days.count(midnight, midnight + TICK) > 0


def _month(moment: datetime) -> int:
    return moment.year * 12 + moment.month - 1
