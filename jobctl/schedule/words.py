"""Plain words for the parts of a schedule: times of day, weekdays, days of a month, months."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

DAY = 86_400
WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
MONTHS = (
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
)
MOST_LISTED = 6
"""More times of day than this are summed up."""


def listed(items: Iterable[str], last: str = "and") -> str:
    """`a`, `a and b`, `a, b and c`."""
    *first, end = items
    return f"{', '.join(first)} {last} {end}" if first else end


def ordinal(number: int) -> str:
    """`1st`, `2nd`, `22nd`; from the end for negative ones: `last`, `2nd to last`."""
    if number < 0:
        return "last" if number == -1 else f"{ordinal(-number)} to last"
    ending = "th" if number % 100 in (11, 12, 13) else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number}{ending}"


def clock(second: int) -> str:
    """A second of the day as people write it: `06:00`, `23:59:30`."""
    hours, rest = divmod(second, 3600)
    text = f"{hours:02}:{rest // 60:02}"
    return f"{text}:{rest % 60:02}" if rest % 60 else text


def amount(number: int, unit: str) -> str:
    """`every minute`, `every 5 minutes`."""
    return f"every {unit}" if number == 1 else f"every {number} {unit}s"


def times(seconds: Sequence[int]) -> str:
    """Times of day, increasing seconds since midnight: `at 06:00 and 18:00`, `every 15 minutes from 09:00 to 17:45`."""
    if len(seconds) == 1:
        return f"at {clock(seconds[0])}"
    pace = _pace(seconds)
    if pace is not None and len(seconds) > 2:
        whole = seconds[0] + DAY - seconds[-1] == pace
        if whole and seconds[0] == 0:
            return _every(pace)
        if whole and pace == 3600:
            past = f"at {seconds[0] // 60} past" if seconds[0] % 60 == 0 else f"from {clock(seconds[0])}"
            return f"every hour {past}"
        if len(seconds) > 3:
            return f"{_every(pace)} from {clock(seconds[0])} to {clock(seconds[-1])}"
    if len(seconds) <= MOST_LISTED:
        return f"at {listed(map(clock, seconds))}"
    hourly = _hourly(seconds)
    return hourly or f"{len(seconds)} times a day from {clock(seconds[0])} to {clock(seconds[-1])}"


def weekdays(numbers: Iterable[int]) -> str:
    """Days of the week, Monday = 0: `Monday to Friday`, `Saturday and Sunday`."""
    days = sorted(set(numbers))
    if len(days) == 7:
        return "every day"
    if len(days) > 2 and days[-1] - days[0] == len(days) - 1:
        return f"{WEEKDAYS[days[0]]} to {WEEKDAYS[days[-1]]}"
    return listed(WEEKDAYS[day] for day in days)


def days_of_month(numbers: Iterable[int]) -> str:
    """Days of a month, negative ones from its end: `the 1st and 15th`, `the last day`."""
    days = sorted(set(numbers), key=lambda day: (day < 0, day))
    if len(days) > 2 and days[0] > 0 and days[-1] - days[0] == len(days) - 1:
        return f"the {ordinal(days[0])} to {ordinal(days[-1])}"
    return "the " + listed(ordinal(day) + (" day" if day < 0 else "") for day in days)


def months(numbers: Iterable[int]) -> str:
    """Months, January = 1: `March`, `June to August`."""
    found = sorted(set(numbers))
    if len(found) > 2 and found[-1] - found[0] == len(found) - 1:
        return f"{MONTHS[found[0] - 1]} to {MONTHS[found[-1] - 1]}"
    return listed(MONTHS[month - 1] for month in found)


def _pace(seconds: Sequence[int]) -> int | None:
    """The distance between neighbours, where it is one and the same."""
    steps = {later - earlier for earlier, later in zip(seconds, seconds[1:], strict=False)}
    return steps.pop() if len(steps) == 1 else None


def _every(pace: int) -> str:
    for unit, length in (("hour", 3600), ("minute", 60)):
        if pace % length == 0:
            return amount(pace // length, unit)
    return amount(pace, "second")


def _hourly(seconds: Sequence[int]) -> str | None:
    """The same times in each of some hours: `at 0 and 30 past 09, 12 and 17`."""
    hours = sorted({second // 3600 for second in seconds})
    within = sorted({second % 3600 for second in seconds})
    if len(hours) * len(within) != len(seconds) or len(within) > MOST_LISTED or any(second % 60 for second in within):
        return None
    past = listed(str(second // 60) for second in within)
    if len(hours) == 24:
        return f"every hour at {past} past"
    if len(hours) > 2 and hours[-1] - hours[0] == len(hours) - 1:
        return f"at {past} past every hour from {hours[0]:02} to {hours[-1]:02}"
    return f"at {past} past {listed(f'{hour:02}' for hour in hours)}"
