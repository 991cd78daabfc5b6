"""The text of an RRULE, read and checked part by part (RFC 5545 section 3.3.10)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import lru_cache

from jobctl.errors import BadInput, near_miss

LONGEST = 1000
MOST_TIMES = 1440

UNITS = {
    "SECONDLY": "second",
    "MINUTELY": "minute",
    "HOURLY": "hour",
    "DAILY": "day",
    "WEEKLY": "week",
    "MONTHLY": "month",
    "YEARLY": "year",
}
"""Frequency: its unit."""
SECONDS = {"SECONDLY": 1, "MINUTELY": 60, "HOURLY": 3600}
"""Length of the units that are shorter than a day."""
WEEKDAYS = {"MO": 0, "TU": 1, "WE": 2, "TH": 3, "FR": 4, "SA": 5, "SU": 6}

LONGEST_INTERVAL = 99_999_999  # so many weeks still fit a timedelta
COUNTED = {"INTERVAL": LONGEST_INTERVAL, "COUNT": 999_999_999}

NUMBERS = {
    "BYSECOND": ("seconds", 0, 60),
    "BYMINUTE": ("minutes", 0, 59),
    "BYHOUR": ("hours", 0, 23),
    "BYMONTH": ("months", 1, 12),
    "BYMONTHDAY": ("month_days", 1, 31),
    "BYYEARDAY": ("year_days", 1, 366),
    "BYWEEKNO": ("week_numbers", 1, 53),
    "BYSETPOS": ("positions", 1, 366),
}
"""Part: the field of `Parts`, its least and its greatest value."""
FROM_THE_END = {"BYMONTHDAY", "BYYEARDAY", "BYWEEKNO", "BYSETPOS"}
NAMES = ("FREQ", "INTERVAL", "COUNT", "UNTIL", "WKST", "BYDAY", *NUMBERS)

NOT_WITH = {
    "BYWEEKNO": set(UNITS) - {"YEARLY"},
    "BYYEARDAY": {"DAILY", "WEEKLY", "MONTHLY"},
    "BYMONTHDAY": {"WEEKLY"},
}
ELSEWHERE = {
    "DTSTART": "DTSTART is no part of the rule here; give the first moment with --start",
    "DTEND": "DTEND is no part of a rule; give the last moment with --end or UNTIL",
    "TZID": "TZID is no part of the rule here; give the time zone with --tz",
    "RDATE": "RDATE is not supported: a plan has one rule",
    "EXRULE": "EXRULE is not supported: a plan has one rule; leave out single days with --skip",
    "EXDATE": "EXDATE is no part of the rule here; leave out days with --skip",
    "RSCALE": "RSCALE (RFC 7529) is not supported; the calendar is the Gregorian one",
    "SKIP": "SKIP (RFC 7529) is not supported; a day that a month lacks is left out",
    "BYEASTER": "BYEASTER is not in RFC 5545 and not supported",
}

ORDINAL_WEEKDAY = re.compile(r"([+-]?[0-9]{1,2})?([A-Z]{2})")
UNTIL = re.compile(r"([0-9]{4})([0-9]{2})([0-9]{2})(?:T([0-9]{2})([0-9]{2})([0-9]{2})(Z?))?")


@dataclass(frozen=True, slots=True)
class Parts:
    """A rule as it is written; an empty set where the part is missing."""

    text: str
    """In capitals, without prefix and last semicolon."""
    frequency: str
    interval: int = 1
    count: int | None = None
    until: date | datetime | None = None
    """A day, a local time (naive), or an instant (UTC)."""
    week_start: int = 0
    weekdays: frozenset[tuple[int, int]] = frozenset()
    """(weekday, ordinal), where 0 is every one and -1 the last."""
    months: frozenset[int] = frozenset()
    month_days: frozenset[int] = frozenset()
    year_days: frozenset[int] = frozenset()
    week_numbers: frozenset[int] = frozenset()
    hours: frozenset[int] = frozenset()
    minutes: frozenset[int] = frozenset()
    seconds: frozenset[int] = frozenset()
    positions: frozenset[int] = frozenset()

    @property
    def is_interval(self) -> bool:
        """Whether the rule says only how often."""
        return not (self.weekdays or any(getattr(self, name) for name, *_ in NUMBERS.values()))


@lru_cache(maxsize=1024)
def parse(text: str) -> Parts:
    """The parts of a rule; BadInput names the one that is wrong."""
    given = _given(_clean(text))
    frequency = given.get("FREQ")
    if frequency is None:
        raise BadInput("the rule has no FREQ; write for example FREQ=DAILY;INTERVAL=3")
    if frequency not in UNITS:
        raise BadInput(
            f"FREQ cannot be {_shown(frequency)}{near_miss(frequency, UNITS)}; there are: {', '.join(UNITS)}"
        )
    if "COUNT" in given and "UNTIL" in given:
        raise BadInput("COUNT and UNTIL exclude each other (RFC 5545); leave one of them out")
    parts = Parts(
        text=";".join(f"{name}={value}" for name, value in given.items()),
        frequency=frequency,
        interval=_counted("INTERVAL", given.get("INTERVAL", "1")),
        count=_counted("COUNT", given["COUNT"]) if "COUNT" in given else None,
        until=_until(given["UNTIL"]) if "UNTIL" in given else None,
        week_start=_weekday("WKST", given.get("WKST", "MO")),
        weekdays=_weekdays(given),
        **{field: _numbers(name, given[name]) for name, (field, _, _) in NUMBERS.items() if name in given},
    )
    _check(parts, given)
    return parts


def _clean(text: str) -> str:
    """The rule in capitals, without prefix and last semicolon."""
    if len(text) > LONGEST:
        raise BadInput(f"a rule has at most {LONGEST} characters, not {len(text)}")
    clean = text.strip().upper()
    for name in ("DTSTART", "DTEND", "EXDATE", "RDATE", "EXRULE"):
        if re.search(rf"(?<![A-Z]){name}\b", clean):
            raise BadInput(ELSEWHERE[name])
    if not (text.isascii() and clean.isprintable()):
        raise BadInput(f"the rule {_shown(text)} holds characters a rule cannot have; write FREQ=DAILY;INTERVAL=3")
    clean = clean.removeprefix("RRULE:").strip().removesuffix(";").rstrip()
    if not clean:
        raise BadInput("an empty rule is no recurrence; write for example FREQ=DAILY, or plan a single run with --at")
    return clean


def _given(clean: str) -> dict[str, str]:
    """Values by part, in the order of the text."""
    given: dict[str, str] = {}
    for part in clean.split(";"):
        name, equals, value = (piece.strip() for piece in part.partition("="))
        if name in ELSEWHERE:
            raise BadInput(ELSEWHERE[name])
        if not part.strip():
            raise BadInput("there is nothing between two semicolons of the rule; leave one out")
        if name not in NAMES:
            raise BadInput(
                f"a rule has no part {_shown(name)}{near_miss(name[:20], NAMES)}; there are: {', '.join(NAMES)}"
            )
        if not equals or not value:
            raise BadInput(f"{name} has no value; write it as in FREQ=DAILY;INTERVAL=3")
        if name in given:
            raise BadInput(f"the rule says {name} twice; give it once, several values with commas")
        given[name] = value
    return given


def _counted(name: str, value: str) -> int:
    most = COUNTED[name]
    if re.fullmatch("[0-9]{1,9}", value) and 1 <= int(value) <= most:
        return int(value)
    raise BadInput(f"{name} cannot be {_shown(value)}; it is a whole number from 1 to {most}")


def _numbers(name: str, value: str) -> frozenset[int]:
    _, low, high = NUMBERS[name]
    sign = "[+-]?" if name in FROM_THE_END else ""
    found = set()
    for item in _items(name, value):
        if not re.fullmatch(f"{sign}[0-9]{{1,3}}", item) or not low <= abs(int(item)) <= high:
            signed = f", or from the end -{low} to -{high}" if sign else ""
            raise BadInput(f"{name} cannot be {_shown(item)}; it goes from {low} to {high}{signed}")
        found.add(int(item))
    # RFC 5545 section 3.3.12: a clock without leap seconds takes the second 60 for 59.
    return frozenset(min(each, 59) for each in found) if name == "BYSECOND" else frozenset(found)


def _weekdays(given: dict[str, str]) -> frozenset[tuple[int, int]]:
    if "BYDAY" not in given:
        return frozenset()
    most = 53 if given["FREQ"] == "YEARLY" and "BYMONTH" not in given else 5
    found = set()
    for item in _items("BYDAY", given["BYDAY"]):
        match = ORDINAL_WEEKDAY.fullmatch(item)
        weekday = _weekday("BYDAY", match[2] if match else item)
        ordinal = int(match[1]) if match and match[1] else None
        if ordinal is None:
            found.add((weekday, 0))
            continue
        _check_ordinal(item, ordinal, most, given)
        found.add((weekday, ordinal))
    return frozenset(found)


def _check_ordinal(item: str, ordinal: int, most: int, given: dict[str, str]) -> None:
    frequency = given["FREQ"]
    if frequency not in ("MONTHLY", "YEARLY"):
        raise BadInput(f"BYDAY cannot be {item!r} with FREQ={frequency}: only a month or a year numbers its weekdays")
    if "BYWEEKNO" in given:
        raise BadInput(f"BYDAY cannot be {item!r} beside BYWEEKNO: a week has each weekday once, write {item[-2:]}")
    if not 1 <= abs(ordinal) <= most:
        span = "year" if most > 5 else "month"
        raise BadInput(f"BYDAY cannot be {item!r}; the weekdays of a {span} go from 1 to {most}, or from -1 to -{most}")


def _weekday(name: str, text: str) -> int:
    if text not in WEEKDAYS:
        hint = f"; did you mean {text[:2]}?" if len(text) > 2 and text[:2] in WEEKDAYS else ""
        raise BadInput(f"{name} cannot be {_shown(text)}{hint or '; the weekdays are ' + ', '.join(WEEKDAYS)}")
    return WEEKDAYS[text]


def _items(name: str, value: str) -> list[str]:
    items = [item.strip() for item in value.split(",")]
    if not all(items):
        raise BadInput(f"something is missing beside a comma of {name}={_shown(value)[1:-1]}")
    return items


def _until(value: str) -> date | datetime:
    match = UNTIL.fullmatch(value)
    try:
        if match is None:
            raise ValueError("it is not written as 20261231, 20261231T090000 or 20261231T080000Z")
        year, month, day = int(match[1]), int(match[2]), int(match[3])
        if match[4] is None:
            return date(year, month, day)
        second = min(int(match[6]), 59) if match[6] == "60" else int(match[6])
        return datetime(year, month, day, int(match[4]), int(match[5]), second, tzinfo=UTC if match[7] else None)
    except ValueError as error:
        raise BadInput(f"UNTIL cannot be {_shown(value)}: {error}") from None


def _check(parts: Parts, given: dict[str, str]) -> None:
    """What each part may be alone but not together."""
    for name, frequencies in NOT_WITH.items():
        if name in given and parts.frequency in frequencies:
            allowed = ", ".join(each for each in UNITS if each not in frequencies)
            raise BadInput(f"{name} cannot go with FREQ={parts.frequency} (RFC 5545), only with {allowed}")
    if parts.positions and not any(name in given for name in ("BYDAY", *NUMBERS) if name != "BYSETPOS"):
        raise BadInput("BYSETPOS chooses among what another BY part names, and there is none")
    times = max(1, len(parts.hours)) * max(1, len(parts.minutes)) * max(1, len(parts.seconds))
    if times > MOST_TIMES:
        raise BadInput(
            f"BYHOUR, BYMINUTE and BYSECOND name {times} times of a day and at most {MOST_TIMES} are possible; "
            "write FREQ=MINUTELY or FREQ=SECONDLY"
        )


def _shown(text: str) -> str:
    return repr(text if len(text) <= 40 else text[:39] + "…")
