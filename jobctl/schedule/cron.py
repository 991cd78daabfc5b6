"""Five-field Unix cron: `{"notation": "cron", "expression": "0 9 * * mon-fri"}`.

croniter reads the fields; what it reads otherwise than cron does is refused or written out before it sees them.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from functools import lru_cache

from jobctl.errors import BadInput
from jobctl.schedule.daylight import FixedTimes, RealPace
from jobctl.schedule.recurring import Recurring, Terms
from jobctl.schedule.wall import Grid

LONGEST = 256
NICKNAMES = {
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
    "@monthly": "0 0 1 * *",
    "@weekly": "0 0 * * 0",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@hourly": "0 * * * *",
}
NAMES = {"month": "jan feb mar apr may jun jul aug sep oct nov dec", "day-of-week": "sun mon tue wed thu fri sat"}


@dataclass(frozen=True)
class Field:
    """One of the five fields and the values it takes."""

    name: str
    low: int
    high: int
    size: int
    """How many different values there are: Sunday is both 0 and 7."""
    numbers: Mapping[str, int] = field(default_factory=dict)

    def number(self, text: str) -> int:
        """The value of a number or name; BadInput naming the field."""
        value = int(text) if text.isdigit() else self.numbers.get(text)
        if value is None or not self.low <= value <= self.high:
            names = f" or {next(iter(self.numbers))} to {list(self.numbers)[-1]}" if self.numbers else ""
            raise BadInput(f"the {self.name} field cannot be {text!r}; it goes from {self.low} to {self.high}{names}")
        return value


def _names(of: str, first: int) -> dict[str, int]:
    return {name: number for number, name in enumerate(NAMES[of].split(), first)}


MINUTE = Field("minute", 0, 59, 60)
HOUR = Field("hour", 0, 23, 24)
DAY = Field("day-of-month", 1, 31, 31)
MONTH = Field("month", 1, 12, 12, _names("month", 1))
WEEKDAY = Field("day-of-week", 0, 7, 7, _names("day-of-week", 0))
FIELDS = (MINUTE, HOUR, DAY, MONTH, WEEKDAY)

VALUE = "[0-9]{1,4}|[a-z]{3}"
ITEM = re.compile(rf"(?:(\*)|({VALUE})(?:-({VALUE}))?)(?:/([0-9]{{1,4}}))?")
NTH_WEEKDAY = re.compile(rf"({VALUE})#([0-9]+)")
LAST_WEEKDAY = re.compile(rf"l({VALUE})|({VALUE})l")


@dataclass(frozen=True)
class CronDays:
    """The Days of an expression; both day fields decide, together when one begins with a star, else either."""

    days: frozenset[int]
    last_day: bool
    months: frozenset[int]
    weekdays: frozenset[int]
    """0 is Sunday."""
    nth_weekdays: frozenset[tuple[int, int]]
    """(weekday, 1 to 5), or (weekday, -1) for the last of the month."""
    both: bool
    known: dict[tuple[int, int, int], tuple[int, ...]] = field(default_factory=dict, compare=False, repr=False)
    """Days by month, its length and its first weekday: there are no more than 91 different months."""

    def in_month(self, year: int, month: int) -> tuple[int, ...]:
        if month not in self.months:
            return ()
        first = date(year, month, 1)
        length = (date(year + month // 12, month % 12 + 1, 1) - first).days if year + month // 12 < 10_000 else 31
        return self.in_shape(month, length, first.isoweekday() % 7)

    def in_shape(self, month: int, length: int, first_weekday: int) -> tuple[int, ...]:
        """Days of any such month of that length whose 1st falls on `first_weekday`."""
        shape = (month, length, first_weekday)
        if shape not in self.known:
            days = range(1, length + 1)
            self.known[shape] = tuple(day for day in days if self._matches(day, length, (first_weekday + day - 1) % 7))
        return self.known[shape]

    def ever(self) -> bool:
        """Whether there is such a day in any year."""
        longest = {month: 31 - (month in (4, 6, 9, 11)) - 2 * (month == 2) for month in self.months}
        return any(
            self.in_shape(month, length, weekday)
            for month in self.months
            for length in {longest[month], 28 if month == 2 else longest[month]}
            for weekday in range(7)
        )

    def _matches(self, day: int, length: int, weekday: int) -> bool:
        by_day = day in self.days or (self.last_day and day == length)
        nth = (weekday, (day + 6) // 7) in self.nth_weekdays
        last = day + 7 > length and (weekday, -1) in self.nth_weekdays
        by_weekday = weekday in self.weekdays or nth or last
        return (by_day and by_weekday) if self.both else (by_day or by_weekday)


def build(spec: Mapping[str, object], terms: Terms) -> Recurring:
    """The schedule of a spec; BadInput names the field that is wrong."""
    text = str(spec.get("expression"))
    grid, keeps_pace = parse(text)
    rule = RealPace(grid, terms.zone) if keeps_pace else FixedTimes(grid, terms.zone)
    return Recurring.under(terms, rule, f"cron {' '.join(text.split())}")


@lru_cache(maxsize=1024)
def parse(text: str) -> tuple[Grid, bool]:
    """The local times of an expression, and whether it keeps its real pace: its minute or hour begins with a star."""
    texts = _five_fields(text)
    items = [[_written_out(each, item) for item in part.split(",")] for each, part in zip(FIELDS, texts, strict=True)]
    nth_weekdays = frozenset(item for item in items[4] if isinstance(item, tuple))
    plain = [[item for item in each if isinstance(item, str)] for each in items]
    minutes, hours, days, months, weekdays = _expand([",".join(each) for each in plain], text)
    calendar = CronDays(
        days=frozenset(days),
        last_day="l" in plain[2],
        months=frozenset(months),
        weekdays=frozenset(weekdays),
        nth_weekdays=nth_weekdays,
        both=texts[2][0] == "*" or texts[4][0] == "*",
    )
    if not calendar.ever():
        raise BadInput(_never(texts))
    times = tuple(hour * 3600 + minute * 60 for hour in hours for minute in minutes)
    return Grid(calendar, times), texts[0][0] == "*" or texts[1][0] == "*"


def _five_fields(text: str) -> list[str]:
    """The fields in lower case, nicknames resolved."""
    if len(text) > LONGEST:
        raise BadInput(f"a cron expression has at most {LONGEST} characters, not {len(text)}")
    if not text.isascii():
        raise BadInput(f"the cron expression {text!r} holds characters outside ASCII; digits are 0 to 9")
    texts = text.lower().split()
    nickname = texts[0] if texts else ""
    if nickname.startswith("@"):
        if len(texts) == 1 and nickname in NICKNAMES:
            return NICKNAMES[nickname].split()
        if nickname == "@every":
            raise BadInput(f"{text.strip()} is an interval, not cron; write --every {' '.join(texts[1:]) or '5m'}")
        if nickname == "@reboot":
            raise BadInput(
                "@reboot names no time and a plan needs one; write five cron fields, or one of @hourly, @daily"
            )
        raise BadInput(f"cron has no {text.strip()!r}; there are: {', '.join(NICKNAMES)}")
    if len(texts) != 5:
        seconds = "; without seconds or years, and below a minute write --every 30s" if len(texts) in (6, 7) else ""
        raise BadInput(
            f"cron takes five fields (minute hour day-of-month month day-of-week), not {len(texts) or 'none'}{seconds}"
        )
    return texts


def _written_out(field: Field, item: str) -> str | tuple[int, int]:
    """An item as croniter reads it rightly; a weekday within the month as (weekday, nth), where -1 is the last."""
    if field is DAY and item == "l":
        return item
    if field is WEEKDAY and (match := NTH_WEEKDAY.fullmatch(item)):
        if not 1 <= int(match[2]) <= 5:
            raise BadInput(f"the day-of-week field cannot be {item!r}; a weekday of a month is #1 to #5")
        return field.number(match[1]) % 7, int(match[2])
    if field is WEEKDAY and (match := LAST_WEEKDAY.fullmatch(item)):
        return field.number(match[1] or match[2]) % 7, -1
    match = ITEM.fullmatch(item)
    if match is None:
        raise BadInput(_unreadable(field, item))
    star, low, high, step = match.groups()
    _check_step(field, item, step)
    if star:
        return item
    first = field.number(low)
    last = field.number(high) if high else field.high if step else first
    if field is not WEEKDAY and (first < last or not high):
        return item
    # Left to croniter: equal ends are the whole cycle, a step loses its pace where a range wraps round, and a
    # weekday's start with a step never comes to 7.
    if first > last and field is WEEKDAY:
        first %= 7
    values = list(range(first, last + 1))
    if first > last:
        values = [*range(first, field.low + field.size), *range(field.low, last + 1)]
    return ",".join(str(value % 7 if field is WEEKDAY else value) for value in values[:: int(step or 1)])


def _check_step(field: Field, item: str, step: str | None) -> None:
    if step is None or 1 <= int(step) <= field.size:
        return
    unit = {"minute": "m", "hour": "h"}.get(field.name)
    instead = f"; write --every {int(step)}{unit}" if unit and int(step) else ""
    raise BadInput(
        f"the {field.name} field cannot step by {int(step)} in {item!r}; it has {field.size} values{instead}"
    )


def _unreadable(field: Field, item: str) -> str:
    reason = "write *, numbers, names or ranges, with /step if need be"
    if not item:
        reason = "something is missing beside a comma"
    elif item.startswith(("r", "h")):
        reason = "cron takes no random or hashed values, choose a number"
    elif item == "?":
        reason = "'?' is Quartz, write *"
    elif "w" in item and field is DAY:
        reason = "the nearest weekday is Quartz, Unix cron has none"
    elif "l" in item and field is DAY:
        reason = "L stands alone, for the last day of the month"
    elif "l" in item and field is WEEKDAY:
        reason = "L goes with one weekday, as 5L for the last Friday of the month"
    elif "#" in item and field is WEEKDAY:
        reason = "# goes with one weekday, as mon#2 for the second Monday of the month"
    return f"the {field.name} field cannot be {item!r}: {reason}"


def _expand(fields: list[str], text: str) -> list[list[int]]:
    """The numbers of each field, increasing; none for an empty one. croniter reads them."""
    from croniter import croniter

    try:
        expanded, _ = croniter.expand(" ".join(each or "*" for each in fields))
    except ValueError as error:
        raise BadInput(f"the cron expression {text!r} cannot be read: {error}") from None
    values = []
    for each, written, found in zip(FIELDS, fields, expanded, strict=True):
        if "*" in found:
            found = [*range(each.low, each.low + each.size)] if written else []
        values.append([value for value in found if isinstance(value, int)])
    return values


def _never(texts: list[str]) -> str:
    day, month, weekday = texts[2:]
    if weekday == "*":
        return f"nothing would ever run: the day-of-month field {day!r} never comes in the month field {month!r}"
    return f"nothing would ever run: no date has day-of-month {day!r}, month {month!r} and day-of-week {weekday!r}"
