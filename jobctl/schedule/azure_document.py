"""The document of an Azure Scheduler job: `{"startTime": …, "recurrence": {"frequency", "interval", …}}`.

Read strictly: a refusal names the element by its path, such as `recurrence.schedule.hours[1]`, and what is right.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Container, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from jobctl.clock import to_datetime
from jobctl.errors import BadInput, near_miss
from jobctl.schedule.instants import parse_instant
from jobctl.schedule.words import WEEKDAYS, listed

LONGEST = 65_536
LONGEST_SHOWN = 40
LARGEST_COUNT = 2**63 - 1

FREQUENCIES = {"minute": 1000, "hour": 1000, "day": 548, "week": 78, "month": 18}
"""The largest interval of each."""
ONLY_WITH = {"weekDays": "week", "monthDays": "month", "monthlyOccurrences": "month"}
DAY_NUMBERS = {name.lower(): number for number, name in enumerate(WEEKDAYS)}

DOCUMENT = ("startTime", "recurrence")
RECURRENCE = ("frequency", "interval", "count", "endTime", "schedule")
SCHEDULE = ("minutes", "hours", "weekDays", "monthDays", "monthlyOccurrences")
OCCURRENCE = ("day", "occurrence")
PLACES = {
    **dict.fromkeys(DOCUMENT, "at the top of the document"),
    **dict.fromkeys(RECURRENCE, "in recurrence"),
    **dict.fromkeys(SCHEDULE, "in recurrence.schedule"),
    **dict.fromkeys(OCCURRENCE, "in recurrence.schedule.monthlyOccurrences"),
}

FINER = "less than a minute takes an interval of jobctl's own, as every 30s"
INSTEAD_OF_FREQUENCY = {
    "year": "every year is month with interval 12",
    "yearly": "every year is month with interval 12",
    "second": FINER,
    "secondly": FINER,
    "minutely": "write minute",
    "hourly": "write hour",
    "daily": "write day",
    "weekly": "write week",
    "monthly": "write month",
}
INSTEAD_OF_ELEMENT = {
    "action": "what runs is the job's own command or callable, and its retries are the retryPolicy",
    "state": "a schedule is enabled by making it, and disabled by ending it",
    "status": "it can only be read",
    "properties": "give what it holds, startTime and recurrence",
    "month": "months come from frequency month and interval; a cron expression can name them",
    "months": "months come from frequency month and interval; a cron expression can name them",
    "second": f"occurrences carry the seconds of startTime; {FINER}",
    "seconds": f"occurrences carry the seconds of startTime; {FINER}",
}

DATED = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}(?:[T ].*)?")
FINER_THAN_MICROSECONDS = re.compile(r"(\.[0-9]{6})[0-9]+")


@dataclass(frozen=True, slots=True)
class Slots:
    """A `schedule`; None where it is silent."""

    minutes: tuple[int, ...] | None
    hours: tuple[int, ...] | None
    weekdays: tuple[int, ...] | None
    """Monday is 0."""
    month_days: tuple[int, ...] | None
    """-1 is the last day."""
    nth_weekdays: tuple[tuple[int, int | None], ...] | None
    """(weekday, which one of the month): -1 is the last one, None every one."""


@dataclass(frozen=True, slots=True)
class Recurrence:
    """A `recurrence`; `slots` is None where it has no schedule, or an empty one."""

    frequency: str
    interval: int
    count: int | None
    end: datetime | None
    """UTC."""
    slots: Slots | None


@dataclass(frozen=True, slots=True)
class Document:
    """A document, checked."""

    start: datetime | None
    """UTC."""
    recurrence: Recurrence | None
    """None for what runs once."""


def parse(text: str) -> dict[str, Any]:
    """The document that JSON text holds, its frequency in lower case; a recurrence alone is one without startTime.

    Raises BadInput.
    """
    if len(text) > LONGEST:
        raise BadInput(f"a recurrence has at most {LONGEST} characters, not {len(text)}")
    try:
        found = json.loads(
            text.removeprefix("\ufeff"), parse_int=_integer, parse_constant=_refuse_constant, object_pairs_hook=_unique
        )
    except RecursionError:
        raise BadInput("the recurrence is nested too deeply") from None
    except ValueError as error:
        hint = "; JSON has no comments" if "//" in text else ""
        raise BadInput(f"the recurrence is not valid JSON: {error}{hint}") from None
    if isinstance(found, dict) and "frequency" in found and not found.keys() & {*DOCUMENT}:
        found = {"recurrence": found}
    recurrence = check(found).recurrence
    if recurrence is not None:
        found["recurrence"] = {**found["recurrence"], "frequency": recurrence.frequency}
    return dict(found)


def check(document: object) -> Document:
    """What a document means. Raises BadInput."""
    elements = _object(document, "", DOCUMENT)
    start = _instant(elements["startTime"], "startTime") if "startTime" in elements else None
    recurrence = _recurrence(elements["recurrence"]) if "recurrence" in elements else None
    if start and recurrence and recurrence.end and recurrence.end < start:
        end = _shown(elements["recurrence"]["endTime"])
        raise BadInput(
            f"recurrence.endTime {end} lies before startTime {_shown(elements['startTime'])}; "
            "a date alone is its first moment, UTC"
        )
    return Document(start, recurrence)


def _recurrence(value: object) -> Recurrence:
    elements = _object(value, "recurrence", RECURRENCE)
    if "frequency" not in elements:
        raise BadInput(f"recurrence.frequency is missing; it is one of {listed(FREQUENCIES, 'or')}")
    if "count" in elements and "endTime" in elements:
        raise BadInput("recurrence has both count and endTime; give one of them, or neither to go on for ever")
    frequency = _frequency(elements["frequency"])
    most = FREQUENCIES[frequency]
    interval = _whole(range(1, most + 1), f"with frequency {frequency} it is a whole number from 1 to {most}")
    count = _whole(range(1, LARGEST_COUNT + 1), f"it is a whole number from 1 to {LARGEST_COUNT}")
    return Recurrence(
        frequency,
        interval(elements.get("interval", 1), "recurrence.interval"),
        count(elements["count"], "recurrence.count") if "count" in elements else None,
        _instant(elements["endTime"], "recurrence.endTime") if "endTime" in elements else None,
        _slots(elements["schedule"], frequency) if "schedule" in elements else None,
    )


def _frequency(value: object) -> str:
    word = value.lower() if isinstance(value, str) and value.isascii() else ""
    if word in FREQUENCIES:
        return word
    instead = INSTEAD_OF_FREQUENCY.get(word)
    hint = f"; {instead}" if instead else near_miss(word[:LONGEST_SHOWN], FREQUENCIES)
    raise BadInput(f"recurrence.frequency cannot be {_shown(value)}; it is one of {listed(FREQUENCIES, 'or')}{hint}")


def _slots(value: object, frequency: str) -> Slots | None:
    elements = _object(value, "recurrence.schedule", SCHEDULE)
    for name, only in ONLY_WITH.items():
        if name in elements and frequency != only:
            raise BadInput(f"recurrence.schedule.{name} goes with frequency {only}, not with {frequency}")
    found = Slots(*(_entries(elements, name, read) for name, read in zip(SCHEDULE, ENTRIES, strict=True)))
    return found if elements else None


def _entries(elements: dict[str, Any], name: str, read: Callable[[object, str], Any]) -> tuple[Any, ...] | None:
    """The entries of one element of the schedule, which may be a single one."""
    if name not in elements:
        return None
    value, path = elements[name], f"recurrence.schedule.{name}"
    if not isinstance(value, list):
        if name == "monthlyOccurrences":
            right = 'it is an array such as [{"day": "friday", "occurrence": -1}]'
            raise BadInput(f"{path} cannot be {_shown(value)}; {right}")
        return (read(value, path),)
    if not value:
        raise BadInput(f"{path} is empty; name at least one, or leave it out")
    if name == "weekDays" and len(value) > 7:
        raise BadInput(f"{path} has {len(value)} entries; it has at most 7")
    return tuple(read(entry, f"{path}[{number}]") for number, entry in enumerate(value))


def _whole(valid: Container[int], right: str) -> Callable[[object, str], int]:
    """Reads a whole number; JSON's true and 1.0 are none."""

    def read(value: object, path: str) -> int:
        if type(value) is int and value in valid:
            return value
        raise BadInput(f"{path} cannot be {_shown(value)}; {right}")

    return read


def _weekday(value: object, path: str) -> int:
    number = DAY_NUMBERS.get(value.lower()) if isinstance(value, str) else None
    if number is None:
        hint = near_miss(value[:LONGEST_SHOWN].lower(), DAY_NUMBERS) if isinstance(value, str) else ""
        raise BadInput(f"{path} cannot be {_shown(value)}; it is one of {listed(DAY_NUMBERS, 'or')}{hint}")
    return number


def _nth_weekday(value: object, path: str) -> tuple[int, int | None]:
    elements = _object(value, path, OCCURRENCE)
    if "day" not in elements:
        raise BadInput(f"{path}.day is missing; it is one of {listed(DAY_NUMBERS, 'or')}")
    nth = NTH(elements["occurrence"], f"{path}.occurrence") if "occurrence" in elements else None
    return _weekday(elements["day"], f"{path}.day"), nth


NTH = _whole(
    {*range(-5, 0), *range(1, 6)}, "it is 1 to 5, -1 to -5 counted from the month's end, or left out for every one"
)
ENTRIES = (
    _whole(range(60), "a minute is a whole number from 0 to 59"),
    _whole(range(24), "an hour is a whole number from 0 to 23"),
    _weekday,
    _whole({*range(-31, 0), *range(1, 32)}, "a day of the month is 1 to 31, or -1 to -31 counted from its end"),
    _nth_weekday,
)
"""What reads an entry of each element of SCHEDULE."""


def _instant(value: object, path: str) -> datetime:
    """A date and time, without an offset UTC; a date alone is its first moment."""
    try:
        if isinstance(value, str) and DATED.fullmatch(value):
            text = FINER_THAN_MICROSECONDS.sub(r"\1", value)
            return to_datetime(parse_instant(text, 0, UTC))
    except BadInput:
        pass  # it names forms that are none here
    raise BadInput(
        f"{path} cannot be {_shown(value)}; write a date and time of 1970 to 9999 by ISO 8601, as 2015-04-07T14:00Z"
    )


def _object(value: object, path: str, known: tuple[str, ...]) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise BadInput(f"{path or 'the document'} cannot be {_shown(value)}; it is an object with {listed(known)}")
    for name in value:
        if name not in known:
            raise BadInput(f"{path or 'the document'} has no element {_shown(name)}{_instead(name, known)}")
    return value


def _instead(name: str, known: Iterable[str]) -> str:
    """What to do instead of using that element here."""
    exact = {each.lower(): each for each in known}.get(name.lower())
    if exact:
        return f"; did you mean {exact!r}?"
    if name in PLACES:
        return f"; it belongs {PLACES[name]}"
    if name in INSTEAD_OF_ELEMENT:
        return f"; {INSTEAD_OF_ELEMENT[name]}"
    return near_miss(name[:LONGEST_SHOWN], known) or f"; it has {listed(known)}"


def _shown(value: object) -> str:
    if isinstance(value, (dict, list)):
        return "an object" if isinstance(value, dict) else "an array"
    text = json.dumps(value, default=repr)
    return text if len(text) <= LONGEST_SHOWN else f"{text[:LONGEST_SHOWN]}…"


def _integer(text: str) -> int:
    if len(text) > LONGEST_SHOWN:
        raise ValueError(f"a number has {len(text)} digits")
    return int(text)


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is not a JSON number")


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in pairs:
        if name in found:
            raise ValueError(f"the element {_shown(name)} appears twice")
        found[name] = value
    return found
