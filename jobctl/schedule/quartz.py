"""Quartz cron of six or seven fields: `{"notation": "quartz", "expression": "0 0 16 ? * 7L *"}`.

The fields are those of Quartz' CronTrigger tutorial; where it leaves a case open, they are read as Quartz 2.5 does.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import lru_cache

from jobctl.errors import BadInput
from jobctl.schedule import words
from jobctl.schedule.cron_fields import ITEM, MONTHS, NTH_WEEKDAY, VALUE, WEEKDAYS, Field, in_lower_case
from jobctl.schedule.cron_pattern import ALL_YEARS, CronDays, Pattern, Reading
from jobctl.schedule.cron_words import describe
from jobctl.schedule.recurring import Recurring, Terms

SECOND = Field("second", 0, 59, 60, 59)
MINUTE = Field("minute", 0, 59, 60, 59)
HOUR = Field("hour", 0, 23, 24, 23)
DAY = Field("day-of-month", 1, 31, 31, 31)
MONTH = Field("month", 1, 12, 12, 12, MONTHS)
WEEKDAY = Field("day-of-week", 1, 7, 7, 7, {name: number for number, name in enumerate(WEEKDAYS, 1)})
YEAR = Field("year", 1970, 2099, 130, 129)
ORDER = "second minute hour day-of-month month day-of-week [year]"

FROM_LAST_DAY = re.compile("l(?:-([0-9]{1,4}))?(w?)")
NEAREST_WEEKDAY = re.compile("([0-9]{1,4})w")
LAST_WEEKDAY = re.compile(f"({VALUE})l")
MOST_BACK = 30


def build(spec: Mapping[str, object], terms: Terms) -> Recurring:
    """The schedule of a spec; BadInput names the field that is wrong."""
    return parse(str(spec.get("expression"))).under(terms)


@lru_cache(maxsize=1024)
def parse(text: str) -> Reading:
    """What an expression says."""
    texts = _fields(text)
    seconds, minutes, hours = map(_numbers, (SECOND, MINUTE, HOUR), texts)
    calendar = replace(
        _by_weekday(texts[5]) if texts[3] == "?" else _by_day(texts[3]),
        months=_numbers(MONTH, texts[4]),
        years=_numbers(YEAR, texts[6]) if texts[6] != "*" else ALL_YEARS,
    )
    if not calendar.ever():
        raise BadInput(_never(texts))
    keeps_pace = any(part[0] in "*/" for part in texts[:3])
    pattern = Pattern(hours, minutes, seconds, calendar, keeps_pace)
    return Reading.of(pattern, describe(pattern, f"quartz {' '.join(text.split())}"))


def _fields(text: str) -> list[str]:
    """The seven fields in lower case, just one day field restricted."""
    texts = in_lower_case(text, "quartz")
    shown = text.split()
    if texts and texts[0].startswith("@"):
        raise BadInput(f"Quartz has no {shown[0]!r}; nicknames are Unix cron, write --cron")
    if len(texts) not in (6, 7):
        unix = f"; five fields are Unix cron, write --cron {' '.join(shown)!r}" if len(texts) == 5 else ""
        raise BadInput(f"Quartz takes six or seven fields ({ORDER}), not {len(texts) or 'none'}{unix}")
    for field, part in zip((SECOND, MINUTE, HOUR, None, MONTH, None, YEAR), texts, strict=False):
        if field and part == "?":
            raise BadInput(f"the {field.name} field cannot be '?', which is for day-of-month or day-of-week; write *")
    day, weekday = texts[3], texts[5]
    for field, part in ((DAY, day), (WEEKDAY, weekday)):
        if "?" in part and part != "?":
            raise BadInput(f"the {field.name} field cannot be {part!r}: '?' stands alone, for any day")
    if (day == "?") == (weekday == "?"):
        raise BadInput(_one_question_mark(shown, day, weekday))
    return [*texts, "*"][:7]


def _one_question_mark(shown: list[str], day: str, weekday: str) -> str:
    rule = "Quartz takes ? in exactly one of the fields day-of-month and day-of-week"
    if day != weekday and "*" not in (day, weekday):
        return (
            f"{rule} and cannot combine day-of-month {day!r} with day-of-week {weekday!r}; put ? for one of them, "
            "or write --cron with five fields, where either counts"
        )
    if day == "?":
        right = [*shown[:3], "*", *shown[4:]]
    else:
        right = [*shown[:3], "?", *shown[4:]] if weekday != "*" else [*shown[:5], "?", *shown[6:]]
    return f"{rule}; write {' '.join(right)!r}"


def _numbers(field: Field, text: str) -> tuple[int, ...]:
    """The numbers of a field without special days, increasing."""
    return tuple(sorted({number for item in text.split(",") for number in _item(field, item)}))


def _item(field: Field, item: str) -> Sequence[int]:
    match = ITEM.fullmatch(f"*{item}" if item.startswith("/") else item)
    if match is None:
        raise BadInput(f"the {field.name} field cannot be {item!r}: {_reason(field, item)}")
    star, low, high, step = match.groups()
    pace = field.step(item, step)
    if star:
        return range(field.low, field.high + 1, pace)
    first = field.number(low)
    last = field.number(high) if high else field.high if step else first
    if field is YEAR and first > last:
        raise BadInput(f"the year field cannot be {item!r}: years do not begin anew, write {last}-{first}")
    return field.between(first, last, pace)


def _by_day(text: str) -> CronDays:
    """The days of a day-of-month field."""
    if text == "*":
        return CronDays()
    days, nearest = set[int](), set[int]()
    for item in text.split(","):
        if match := FROM_LAST_DAY.fullmatch(item):
            back = int(match[1] or 0)
            if back > MOST_BACK:
                raise BadInput(f"the day-of-month field cannot be {item!r}; it goes back to L-{MOST_BACK}")
            (nearest if match[2] else days).add(-1 - back)
        elif match := NEAREST_WEEKDAY.fullmatch(item):
            nearest.add(DAY.number(match[1]))
        else:
            days |= set(_item(DAY, item))
    return CronDays(days=frozenset(days), nearest=frozenset(nearest))


def _by_weekday(text: str) -> CronDays:
    """The days of a day-of-week field."""
    items = text.split(",")
    for item in items:
        if ("l" in item or "#" in item) and len(items) > 1:
            raise BadInput(
                f"the day-of-week field cannot be {text!r}: Quartz takes {item!r} only by itself; "
                "--cron with five fields takes lists of them"
            )
    if text == "l":
        return CronDays(weekdays=frozenset({_monday_first(WEEKDAY.high)}))
    special = None
    if match := NTH_WEEKDAY.fullmatch(text):
        special = WEEKDAY.nth(match[1], match[2])
    elif match := LAST_WEEKDAY.fullmatch(text):
        special = WEEKDAY.number(match[1]), -1
    if special:
        nth_weekdays = frozenset({(_monday_first(special[0]), special[1])})
        return CronDays(weekdays=frozenset(), nth_weekdays=nth_weekdays)
    return CronDays(weekdays=frozenset(map(_monday_first, _numbers(WEEKDAY, text))))


def _monday_first(number: int) -> int:
    """Quartz' Sunday = 1 to our Monday = 0."""
    return (number + 5) % 7


def _reason(field: Field, item: str) -> str:
    special = field in (DAY, WEEKDAY)
    if not item:
        return "something is missing beside a comma"
    if item.startswith(("h", "r")):
        return "there are no random or hashed values, choose a number"
    if "w" in item and field is DAY:
        return "W goes with one day, as 15W for the weekday nearest the 15th, or LW for the month's last"
    if "l" in item and special:
        example = "L or L-3" if field is DAY else "6L or FRIL for the last Friday of the month"
        return f"write the last one as {example}"
    if "#" in item and field is WEEKDAY:
        return "# goes with one weekday, as MON#2 for the second Monday of the month"
    if item[-1] == "c" and special:
        return "calendars (C) are not supported"
    if any(each in item for each in "lw#") and not field.numbers:
        return "L, W and # are for days"
    return "write *, numbers, names or ranges, with /step if need be"


def _never(texts: list[str]) -> str:
    day, month, weekday, year = texts[3:]
    parts = [f"day-of-month {day!r}" if weekday == "?" else f"day-of-week {weekday!r}", f"month {month!r}"]
    if year != "*":
        parts.append(f"year {year!r}")
    return f"nothing would ever run: no date has {words.listed(parts)}"
