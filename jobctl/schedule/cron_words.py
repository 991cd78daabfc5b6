"""An expression of either cron dialect in plain words.

Patterns whose words are equal fire alike: what cannot be said in short is not said at all.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from jobctl.schedule import words
from jobctl.schedule.cron_pattern import ALL_DAYS, ALL_MONTHS, ALL_WEEKDAYS, ALL_YEARS, CronDays, Pattern

MOST = 6
"""More than this are not listed one by one."""
LONGEST = 120
"""Longer words than this are no help."""
ONCE = ", each once a day"
"""What sounds like an interval and is fixed times: they keep out of a repeated hour."""
AS_SHOWN = ", as often as the clock shows it"
"""What sounds like fixed times and keeps its pace."""


def describe(pattern: Pattern, expression: str) -> str:
    """`at 03:00 on Monday to Friday (cron 0 3 * * mon-fri)`; the expression alone where it is clearer."""
    words = _words(pattern)
    return f"{words} ({expression})" if words and len(words) <= LONGEST else expression


def _words(pattern: Pattern) -> str | None:
    days, times = _days(pattern.days), _times(pattern)
    if days is None or times is None:
        return None
    text, paced = times
    if not days.startswith(" on") and text.startswith("at ") and "past" not in text:
        text += " every day"
    pace = "" if paced == pattern.keeps_pace else AS_SHOWN if pattern.keeps_pace else ONCE
    return text + days + pace


class Run(NamedTuple):
    """Numbers an equal step apart; a single one has the step 0."""

    first: int
    last: int
    step: int

    @classmethod
    def of(cls, values: Sequence[int]) -> Run | None:
        steps = {later - earlier for earlier, later in zip(values, values[1:], strict=False)}
        return cls(values[0], values[-1], steps.pop() if steps else 0) if len(steps) < 2 else None

    def fills(self, cycle: int) -> bool:
        """Whether the step goes on from one cycle into the next."""
        return self.step > 0 and self.first + cycle - self.last == self.step


def _within(outer: Run | None, inner: Run | None, cycle: int) -> Run | None:
    """The numbers of `inner` in each of `outer`, which counts cycles."""
    if outer is None or inner is None:
        return None
    first, last = outer.first * cycle + inner.first, outer.last * cycle + inner.last
    if inner.step == 0:
        return Run(first, last, outer.step * cycle)
    if outer.step == 0 or (outer.step == 1 and inner.fills(cycle)):
        return Run(first, last, inner.step)
    return None


def _times(pattern: Pattern) -> tuple[str, bool] | None:
    """Times of day, and whether these words are those of what keeps its pace."""
    hours, minutes, seconds = pattern.hours, pattern.minutes, pattern.seconds
    hour = _within(Run.of(minutes), Run.of(seconds), 60)
    day = _within(Run.of(hours), hour, 3600)
    few = len(hours) * len(minutes) * len(seconds) <= MOST
    if day is not None and day.fills(words.DAY) and not (few and not pattern.keeps_pace):
        return _all_day(day), True
    if day is None or day.step == 0 or (few and not pattern.keeps_pace):
        in_hours = _in_hours(hours, minutes, seconds, hour)
        if few and not (pattern.keeps_pace and in_hours is not None and in_hours[1]):
            clocks = (h * 3600 + m * 60 + s for h in hours for m in minutes for s in seconds)
            return f"at {words.listed(map(words.clock, clocks))}", False
        return in_hours
    return f"{_every(day.step)} from {words.clock(day.first)} to {words.clock(day.last)}", day.step < 3600


def _all_day(day: Run) -> str:
    if day.first == 0:
        return _every(day.step)
    if day.step == 3600:
        return f"every hour at {_past(day.first)} past"
    if day.step == 60:
        return f"every minute at {day.first} seconds past"
    return f"{_every(day.step)} from {words.clock(day.first)}"


def _in_hours(
    hours: Sequence[int], minutes: Sequence[int], seconds: Sequence[int], hour: Run | None
) -> tuple[str, bool] | None:
    """The same times in several hours."""
    run = Run.of(hours)
    among = _hours(hours, run)
    if among is None:
        return None
    if hour is not None and hour.first == 0 and hour.fills(3600):
        return f"{_every(hour.step)} of {'the hours ' if among[0].isdigit() else ''}{among}", True
    if len(minutes) * len(seconds) <= MOST:
        past = words.listed(_past(minute * 60 + second) for minute in minutes for second in seconds)
        if len(hours) == 24:
            return f"every hour at {past} past", True
        return f"at {past} past {among}", run is not None and run.fills(24)
    if hour is not None:
        return f"{_every(hour.step)} from {_past(hour.first)} to {_past(hour.last)} past {among}", True
    return None


def _hours(hours: Sequence[int], run: Run | None) -> str | None:
    if len(hours) == 24:
        return "every hour"
    if run is not None and len(hours) > 2:
        every = "every" if run.step == 1 else f"every {words.ordinal(run.step)}"
        return f"{every} hour from {run.first:02} to {run.last:02}"
    return words.listed(f"{hour:02}" for hour in hours) if len(hours) <= MOST else None


def _every(step: int) -> str:
    for unit, length in (("hour", 3600), ("minute", 60)):
        if step % length == 0:
            return words.amount(step // length, unit)
    return words.amount(step, "second")


def _past(second: int) -> str:
    """A moment within the hour: `5`, `5:30`."""
    return f"{second // 60}:{second % 60:02}" if second % 60 else str(second // 60)


def _days(days: CronDays) -> str | None:
    """The days with a blank before them, none for every day."""
    years = _years(days.years)
    if years is None:
        return None
    of, during = _months(days.months)
    any_day, any_weekday = days.days >= ALL_DAYS, days.weekdays == ALL_WEEKDAYS
    if (any_day and any_weekday) or (not days.both and (any_day or any_weekday)):
        return during + years
    by_day = f" on {_by_day(days)}{of}"
    if any_weekday:
        return by_day + years
    by_weekday = _by_weekday(days, of, during)
    if any_day:
        return f" {by_weekday}{years}"
    return (f"{by_day} if it is {_weekday_alternatives(days)}" if days.both else f"{by_day} or {by_weekday}") + years


def _months(months: tuple[int, ...]) -> tuple[str, str]:
    """The months after a day of theirs, and after every day or a weekday."""
    if months == ALL_MONTHS:
        return " of each month", ""
    shown = words.months(months)
    if " to " in shown:
        return f" of each month from {shown}", f" from {shown}"
    return f" of {shown}", f" in {shown}"


def _by_day(days: CronDays) -> str:
    """`the 1st and 15th`, `every 2nd day from the 1st to the 31st`."""
    parts = []
    counted = sorted(day for day in days.days if day > 0)
    others = set(days.days)
    run = Run.of(counted) if len(counted) > 3 else None
    if run is not None and run.step > 1:
        first, last = words.ordinal(run.first), words.ordinal(run.last)
        parts.append(f"every {words.ordinal(run.step)} day from the {first} to the {last}")
        others -= set(counted)
    if others:
        parts.append(words.days_of_month(others))
    for day in sorted(days.nearest, key=lambda day: (day < 0, day)):
        to = f"the {words.ordinal(day)}{' day' if day < 0 else ''}"
        parts.append("the last working day" if day == -1 else f"the working day nearest {to}")
    return words.listed(parts)


def _by_weekday(days: CronDays, of: str, during: str) -> str:
    """`on Monday to Friday`, `on the last Friday of each month`."""
    parts = []
    if days.weekdays:
        parts.append(f"on {words.weekdays(days.weekdays)}{during}")
    if days.nth_weekdays:
        parts.append(f"on {words.listed(_nth_weekdays(days))}{of}")
    return " and ".join(parts)


def _weekday_alternatives(days: CronDays) -> str:
    """`Monday to Friday`, `Monday or the last Friday`."""
    run = Run.of(sorted(days.weekdays)) if len(days.weekdays) > 2 else None
    if run is not None and run.step == 1:
        plain = [words.weekdays(days.weekdays)]
    else:
        plain = [words.WEEKDAYS[day] for day in sorted(days.weekdays)]
    return words.listed([*plain, *_nth_weekdays(days)], "or")


def _nth_weekdays(days: CronDays) -> Iterable[str]:
    for weekday, nth in sorted(days.nth_weekdays, key=lambda each: (each[1] < 0, each[1], each[0])):
        yield f"the {words.ordinal(nth)} {words.WEEKDAYS[weekday]}"


def _years(years: Sequence[int]) -> str | None:
    if years == ALL_YEARS:
        return ""
    run = Run.of(years)
    if run is not None and len(years) > 2:
        every = "the years" if run.step == 1 else f"every {words.ordinal(run.step)} year from"
        return f" in {every} {run.first} to {run.last}"
    return f" in {words.listed(map(str, years))}" if len(years) <= MOST else None
