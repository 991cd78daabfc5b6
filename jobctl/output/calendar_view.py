"""A month or a week drawn in text: how many occurrences each day, or each hour of it, has."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator, Sequence
from datetime import date, datetime
from typing import TYPE_CHECKING, Final

from jobctl.model import JsonDict
from jobctl.output.details import heading, paint
from jobctl.output.text import escape
from jobctl.records import dataclass
from jobctl.schedule.words import MONTHS, WEEKDAYS

if TYPE_CHECKING:
    from jobctl.output import Output

WIDTH: Final = 80
"""Columns where there is no terminal to ask."""
WIDEST: Final = 16
LABEL: Final = 6
"""Columns of the hours beside a week."""
AROUND: Final = 10
"""Lines that a week and the prompt take beside the hours."""
QUIET: Final = 3
"""So many hours in a row without an occurrence all week are drawn as one."""
MOST_NAMED: Final = 5
EIGHTHS: Final = "▏▎▍▌▋▊▉█"


@dataclass(frozen=True, slots=True)
class Day:
    """One day: how many occurrences it has, in all or in each of its 24 hours."""

    date: date
    counts: tuple[int, ...]
    changes: bool = False
    """Whether the clocks change, so that it is not 24 hours long."""
    missing: frozenset[int] = frozenset()
    """Hours which the clocks leave out."""

    @property
    def count(self) -> int:
        return sum(self.counts)

    def count_in(self, hours: range) -> int:
        return sum(self.counts[hours.start : hours.stop])


@dataclass(frozen=True, slots=True)
class Calendar:
    """What is drawn. Local times are those of its time zone."""

    unit: str
    """`month` or `week`."""
    words: str
    """Whose occurrences they are."""
    time_zone: str
    days: tuple[Day, ...]
    """Of a month, with the days that fill its first and last week."""
    month: date
    """A day of the month."""
    now: datetime
    """Naive local time."""
    notes: tuple[str, ...] = ()
    """What else there is to say, a line for each."""
    jobs: tuple[tuple[str, int], ...] = ()
    """Jobs with their numbers, the busiest first, where there are several."""

    @property
    def own_days(self) -> list[Day]:
        """Without the days of other months."""
        return [day for day in self.days if self.unit == "week" or day.date.month == self.month.month]

    def holds_now(self, hours: range) -> bool:
        """Whether the present moment lies in those hours of a day that is drawn."""
        return self.now.hour in hours and any(day.date == self.now.date() for day in self.days)

    def document(self) -> JsonDict:
        days: list[JsonDict] = []
        for day in self.own_days:
            hours = {"hours": list(day.counts)} if self.unit == "week" else {}
            days.append({"date": day.date.isoformat(), "count": day.count, **hours})
        jobs = {"jobs": [{"job": name, "count": count} for name, count in self.jobs]} if self.jobs else {}
        return {"unit": self.unit, "time_zone": self.time_zone, "days": days, **jobs}


def draw(out: Output, calendar: Calendar) -> None:
    """Print the calendar, as wide as the terminal allows."""
    columns, lines = terminal_size()
    week = calendar.unit == "week"
    rows = week_rows(calendar, lines) if week else []
    pen = Pen(out, calendar, columns, rows)
    heading(out, f"{title(calendar)}, {calendar.time_zone}")
    out.line(escape(calendar.words))
    out.line("")
    for line in week_lines(pen, rows) if week else month_lines(pen):
        out.line(line.rstrip())
    out.line("")
    for line in legend(calendar):
        out.line(paint(out, escape(line), "dim"))


def terminal_size() -> tuple[int, int | None]:
    """Columns and lines of the terminal; without one, no limit of lines."""
    if sys.stdout is None or not sys.stdout.isatty():
        return WIDTH, None
    columns, lines = shutil.get_terminal_size()
    return columns, lines


def title(calendar: Calendar) -> str:
    if calendar.unit == "month":
        return f"{MONTHS[calendar.month.month - 1]} {calendar.month.year}"
    first, last = calendar.days[0].date, calendar.days[-1].date
    beginning = f"{_day(first)} {MONTHS[first.month - 1]}" if first.month != last.month else _day(first)
    beginning += f" {first.year}" if first.year != last.year else ""
    return f"{beginning} to {_day(last)} {MONTHS[last.month - 1]} {last.year}"


def _day(day: date) -> str:
    return f"{WEEKDAYS[day.weekday()][:3]} {day.day}"


def legend(calendar: Calendar) -> Iterator[str]:
    """The sum, the busiest day and jobs, and the notes."""
    counts = {_day(day.date): day.count for day in calendar.own_days}
    total, most = sum(counts.values()), max(counts.values())
    busiest = [day for day, count in counts.items() if count == most]
    if not total:
        yield f"no occurrences this {calendar.unit}"
    elif most == total:
        yield f"{most} this {calendar.unit}"
    elif len(busiest) > 1:
        yield f"{total} this {calendar.unit}, at most {most} a day"
    else:
        yield f"{total} this {calendar.unit}; the busiest day is {busiest[0]} with {most}"
    yield from calendar.notes
    if calendar.jobs:
        named = ", ".join(f"{name} {count}" for name, count in calendar.jobs[:MOST_NAMED])
        more = len(calendar.jobs) - MOST_NAMED
        yield f"by job: {named}" + (f", and {more} more" if more > 0 else "")


class Pen:
    """Cells, bars and labels: blocks and colours where the terminal has them, else ASCII."""

    def __init__(self, out: Output, calendar: Calendar, columns: int, rows: Sequence[range]) -> None:
        self.out, self.calendar = out, calendar
        self.blocks = out.color and (getattr(sys.stdout, "encoding", None) or "").lower().startswith("utf")
        self.cell = min(WIDEST, max((columns - (LABEL if rows else 0) + 1) // 7 - 1, 4))
        """Columns of one, without the gap."""
        parts = rows or [range(1)]
        self.most = max(day.count_in(hours) for day in calendar.days for hours in parts)
        self.bar = max(self.cell - 1 - max(len(short(self.most, 5)), 2), 0)

    def fill(self, count: int, *, alone: bool = False, dim: bool = False) -> str:
        """A bar and the number, or nothing. Where one stands `alone`, its bar says it all."""
        bar = self.bars(count) if count else ""
        number = "" if not count or (alone and count == 1 and bar) else short(count, min(self.cell, 5))
        text = f"{bar} {number}" if bar and number else bar + number
        painted = paint(self.out, bar, "dim" if dim else "green") if bar else ""
        return painted + text.removeprefix(bar) + self.rest(text)

    def label(self, style: str, *texts: str) -> str:
        """The first of the texts that fits, or what fits of the last."""
        text = next((text for text in texts if len(text) <= self.cell), texts[-1][: self.cell])
        return paint(self.out, text, style) + self.rest(text)

    def rest(self, text: str) -> str:
        return " " * (self.cell - len(text))

    def bars(self, count: int) -> str:
        """One mark for each occurrence where there is room for the most, else in proportion."""
        if not self.bar:
            return ""
        if self.most <= self.bar:
            return ("█" if self.blocks else "#") * count
        if not self.blocks:
            return "#" * max(count * self.bar // self.most, 1)
        whole, rest = divmod(max(count * self.bar * 8 // self.most, 1), 8)
        return "█" * whole + (EIGHTHS[rest - 1] if rest else "")


def short(count: int, width: int) -> str:
    """A number in so many characters, if it can be: `86400`, `86k`, `31M`."""
    texts = (str(count), f"{count // 1000}k", f"{count // 1_000_000}M")
    return next((text for text in texts if len(text) <= width), texts[-1])


# A month: a row of dates for each week, and under it what they hold


def month_lines(pen: Pen) -> Iterator[str]:
    days, own = pen.calendar.days, pen.calendar.own_days
    yield " ".join(pen.label("dim", name, name[:3]) for name in WEEKDAYS)
    for index in range(0, len(days), 7):
        week = days[index : index + 7]
        yield " ".join(_date_label(pen, day, day not in own) for day in week)
        yield " ".join(pen.fill(day.count, dim=day not in own) for day in week)


def _date_label(pen: Pen, day: Day, outside: bool) -> str:
    number, today = str(day.date.day), pen.calendar.now.date()
    text = number + f" {MONTHS[day.date.month - 1][:3]}" * outside + " *" * day.changes
    style = "cyan" if day.date == today else "dim" if outside or day.date < today else "bold"
    return pen.label(style, text + " today" * (day.date == today), text, number)


# A week: a column for each day, a row for each hour


def week_rows(calendar: Calendar, lines: int | None) -> list[range]:
    """The hours, a long quiet stretch of them together; in twos where the terminal is too low."""
    rows = list(_joined(calendar, 1))
    return rows if lines is None or len(rows) + AROUND <= lines else list(_joined(calendar, 2))


def _joined(calendar: Calendar, step: int) -> Iterator[range]:
    first = 0
    while first < 24:
        end = first
        while end < 24 and _quiet(calendar, hours := range(end, end + step)):
            if end > first and calendar.holds_now(hours):
                break
            end += step
        end = end if end - first >= QUIET else first + step
        yield range(first, end)
        first = end


def _quiet(calendar: Calendar, hours: range) -> bool:
    return not any(day.count_in(hours) or day.missing & set(hours) for day in calendar.days)


def week_lines(pen: Pen, rows: Sequence[range]) -> Iterator[str]:
    calendar = pen.calendar
    yield " " * LABEL + " ".join(_column_label(pen, day) for day in calendar.days)
    for hours in rows:
        if calendar.holds_now(hours):
            yield _now_line(pen)
        text = f"{hours[0]:02}:00" if len(hours) == 1 else f"{hours[0]:02}-{hours[-1]:02}"
        cells = (_hour_cell(pen, day, hours) for day in calendar.days)
        yield paint(pen.out, text, "dim") + " " * (LABEL - len(text)) + " ".join(cells)


def _column_label(pen: Pen, day: Day) -> str:
    style = "cyan" if day.date == pen.calendar.now.date() else "bold"
    text = _day(day.date) if pen.cell > 5 else str(day.date.day)
    return pen.label(style, text + " *" * day.changes, text)


def _hour_cell(pen: Pen, day: Day, hours: range) -> str:
    if day.missing.issuperset(hours):
        return pen.label("dim", "no hour", "-")
    return pen.fill(day.count_in(hours), alone=True)


def _now_line(pen: Pen) -> str:
    dash, now = "─" if pen.blocks else "-", pen.calendar.now
    cells = [
        (f"{now:%H:%M}" if day.date == now.date() and pen.cell > 5 else "").center(pen.cell, dash)
        for day in pen.calendar.days
    ]
    return paint(pen.out, "now".ljust(LABEL) + dash.join(cells), "cyan")
