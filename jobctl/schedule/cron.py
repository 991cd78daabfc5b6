"""Five-field Unix cron: `{"notation": "cron", "expression": "0 9 * * mon-fri"}`.

croniter reads the fields; what it reads otherwise than cron does is refused or written out before it sees them.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache

from jobctl.errors import BadInput
from jobctl.schedule.cron_fields import ITEM, MONTHS, NTH_WEEKDAY, VALUE, WEEKDAYS, Field, in_lower_case
from jobctl.schedule.cron_pattern import CronDays, Pattern, Reading
from jobctl.schedule.cron_words import describe
from jobctl.schedule.recurring import Recurring, Terms

NICKNAMES = {
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
    "@monthly": "0 0 1 * *",
    "@weekly": "0 0 * * 0",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@hourly": "0 * * * *",
}

MINUTE = Field("minute", 0, 59, 60, 60)
HOUR = Field("hour", 0, 23, 24, 24)
DAY = Field("day-of-month", 1, 31, 31, 31)
MONTH = Field("month", 1, 12, 12, 12, MONTHS)
WEEKDAY = Field("day-of-week", 0, 7, 7, 7, {name: number for number, name in enumerate(WEEKDAYS)})
FIELDS = (MINUTE, HOUR, DAY, MONTH, WEEKDAY)

LAST_WEEKDAY = re.compile(rf"l({VALUE})|({VALUE})l")


def build(spec: Mapping[str, object], terms: Terms) -> Recurring:
    """The schedule of a spec; BadInput names the field that is wrong."""
    return parse(str(spec.get("expression"))).under(terms)


@lru_cache(maxsize=1024)
def parse(text: str) -> Reading:
    """What an expression says. Its two day fields decide together when one begins with a star, else either."""
    texts = _five_fields(text)
    items = [[_written_out(each, item) for item in part.split(",")] for each, part in zip(FIELDS, texts, strict=True)]
    nth_weekdays = frozenset(item for item in items[4] if isinstance(item, tuple))
    plain = [[item for item in each if isinstance(item, str)] for each in items]
    minutes, hours, days, months, weekdays = _expand([",".join(each) for each in plain], text)
    calendar = CronDays(
        days=frozenset(days) | ({-1} if "l" in plain[2] else set()),
        weekdays=frozenset(map(_monday_first, weekdays)),
        nth_weekdays=nth_weekdays,
        months=tuple(months),
        both=texts[2][0] == "*" or texts[4][0] == "*",
    )
    if not calendar.ever():
        raise BadInput(_never(texts))
    keeps_pace = texts[0][0] == "*" or texts[1][0] == "*"
    pattern = Pattern(tuple(hours), tuple(minutes), (0,), calendar, keeps_pace)
    return Reading.of(pattern, describe(pattern, f"cron {' '.join(text.split())}"))


def _five_fields(text: str) -> list[str]:
    """The fields in lower case, nicknames resolved."""
    texts = in_lower_case(text, "cron")
    nickname = texts[0] if texts else ""
    if nickname.startswith("@"):
        if len(texts) == 1 and nickname in NICKNAMES:
            return NICKNAMES[nickname].split()
        if nickname == "@every":
            interval = " ".join(texts[1:])
            every = interval if interval and interval.isprintable() else "5m"
            raise BadInput(f"{' '.join(texts)!r} is an interval, not cron; write --every {every}")
        if nickname == "@reboot":
            raise BadInput("@reboot names no time of the calendar; write --on-start")
        raise BadInput(f"cron has no {text.strip()!r}; there are: {', '.join(NICKNAMES)}")
    if len(texts) != 5:
        quartz = f"; seconds and years are Quartz, write --quartz {' '.join(text.split())!r}"
        raise BadInput(
            f"cron takes five fields (minute hour day-of-month month day-of-week), not {len(texts) or 'none'}"
            + (quartz if len(texts) in (6, 7) else "")
        )
    return texts


def _written_out(field: Field, item: str) -> str | tuple[int, int]:
    """An item as croniter reads it rightly; a weekday within the month as (weekday, nth), where -1 is the last."""
    if field is DAY and item == "l":
        return item
    if field is WEEKDAY and (match := NTH_WEEKDAY.fullmatch(item)):
        weekday, nth = field.nth(match[1], match[2])
        return _monday_first(weekday), nth
    if field is WEEKDAY and (match := LAST_WEEKDAY.fullmatch(item)):
        return _monday_first(field.number(match[1] or match[2])), -1
    match = ITEM.fullmatch(item)
    if match is None:
        raise BadInput(_unreadable(field, item))
    star, low, high, step = match.groups()
    pace = field.step(item, step)
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
    values = field.between(first, last, pace)
    return ",".join(str(value % 7 if field is WEEKDAY else value) for value in values)


def _monday_first(number: int) -> int:
    """Cron's Sunday = 0 or 7 to our Monday = 0."""
    return (number + 6) % 7


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
