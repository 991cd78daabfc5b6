"""Runs drawn on an axis of time: a row for each job, bars for its runs, dots for what comes next."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from itertools import groupby
from typing import TYPE_CHECKING, Final, NamedTuple

from jobctl.clock import MICROSECONDS, from_datetime, to_datetime
from jobctl.output.details import heading, paint
from jobctl.output.sparkline import can_draw
from jobctl.output.tables import width
from jobctl.output.text import escape, shorten, span
from jobctl.records import dataclass

if TYPE_CHECKING:
    from jobctl.output import Output
    from jobctl.timeline import Bar, Window

WIDE: Final = 120
STEPS: Final = tuple(
    timedelta(seconds=seconds)
    for seconds in (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10800, 21600, 43200)
) + tuple(timedelta(days=days) for days in (1, 2, 7, 14, 28, 91, 182, 364, 3640))
DAY: Final = timedelta(days=1)
LAST: Final = datetime(9999, 12, 31)
"""Of local times: beyond, there is no day left for the offset from UTC."""


class Mark(NamedTuple):
    """How one kind is drawn, with block characters and in ASCII: its bar, and the bar's last cell."""

    blocks: str
    ascii: str
    style: str
    words: str


class Cell(NamedTuple):
    """One place of a row."""

    rank: int
    glyph: str
    style: str
    kind: str = ""


MARKS: Final[Mapping[str, Mark]] = {
    "next": Mark("··", "..", "dim", "next"),
    "waiting": Mark("──", "~~", "dim", "waiting"),
    "succeeded": Mark("█▊", "==", "green", "succeeded"),
    "canceled": Mark("▒○", "cc", "yellow", "canceled"),
    "running": Mark("█▶", ">>", "cyan", "running"),
    "failed": Mark("▓×", "xx", "red", "failed"),
    "paused": Mark("░░", "pp", "magenta", "paused"),
    "not_run": Mark("!!", "!!", "yellow", "not run"),
}
"""In this order: of two in one cell the later one is seen."""
RANKS: Final = {kind: rank for rank, kind in enumerate(MARKS)}
EMPTY: Final = Cell(-1, " ", "")
ON_TOP: Final = frozenset({"failed", "running"})
"""Kinds whose last cell is seen before all others."""


@dataclass(frozen=True, slots=True)
class Timeline:
    """What is drawn on so many cells."""

    window: Window
    cells: int
    bars: Sequence[Bar]
    coming: Mapping[str, Sequence[int]]
    """The cells of further occurrences, by name."""


def room(columns: int, longest: int) -> tuple[int, int]:
    """The width of the names and the number of cells beside them, on so many columns."""
    label = min(longest, 24 if columns >= WIDE else 16)
    return label, max(columns - label - 2, 10)


def draw(out: Output, timeline: Timeline, label: int) -> None:
    """Print the axis, a row for each name, and the legend of what is in them."""
    pen = Pen(out, timeline, label)
    heading(out, title(timeline))
    for line in pen.axis():
        out.line(line.rstrip())
    for name in sorted({bar.name for bar in timeline.bars}):
        out.line(pen.row(name).rstrip())
    out.line("")
    for line in pen.legend():
        out.line(line)


def title(timeline: Timeline) -> str:
    """`2026-11-21 12:00 to 13:12 +00:00, a column is 1m 10s`."""
    window = timeline.window
    start, end = (to_datetime(instant).astimezone() for instant in (window.start, window.end))
    seconds = ":%S" if end - start < timedelta(minutes=10) else ""
    first = f"{start:%Y-%m-%d %H:%M{seconds}}"
    last = f"{end:%H:%M{seconds}}" if start.date() == end.date() else f"{end:%Y-%m-%d %H:%M{seconds}}"
    each = (window.end - window.start) / timeline.cells / MICROSECONDS
    length = span(round(each)) if each >= 2 else f"{each:.1f}s" if each >= 0.1 else f"{each * 1000:.3g}ms"
    return f"{first} to {last} {start.isoformat()[-6:]}, a column is {length}"


class Pen:
    def __init__(self, out: Output, timeline: Timeline, label: int) -> None:
        self.out, self.timeline, self.label = out, timeline, label
        self.blocks = out.color and can_draw()
        self.now = timeline.window.cell(timeline.window.now, timeline.cells)
        self.kinds: set[str] = set()

    def glyph(self, kind: str, last: bool) -> str:
        mark = MARKS[kind]
        return (mark.blocks if self.blocks else mark.ascii)[last]

    def row(self, name: str) -> str:
        cells = [EMPTY] * self.timeline.cells
        if 0 <= self.now < len(cells):
            cells[self.now] = Cell(-1, "│" if self.blocks else "|", "dim")

        def put(cell: int, kind: str, last: bool) -> None:
            rank = RANKS[kind] + (len(RANKS) if last and kind in ON_TOP else 0)
            if cells[cell].rank <= rank:
                cells[cell] = Cell(rank, self.glyph(kind, last), MARKS[kind].style, kind)

        for cell in self.timeline.coming.get(name, ()):
            put(cell, "next", True)
        for bar in self.timeline.bars:
            if bar.name == name:
                for cell in range(bar.first, bar.last + 1):
                    put(cell, bar.kind, cell == bar.last)
        self.kinds.update(cell.kind for cell in cells)
        label = shorten(escape(name), self.label)
        return label + " " * (self.label - width(label) + 1) + "".join(self.painted(cells))

    def painted(self, cells: Sequence[Cell]) -> Iterator[str]:
        """Neighbours of one colour together."""
        for style, some in groupby(cells, key=lambda cell: cell.style):
            yield paint(self.out, "".join(cell.glyph for cell in some), style)

    def axis(self) -> Iterator[str]:
        """The times of day or dates, and below them where they are."""
        window, cells = self.timeline.window, self.timeline.cells
        labels, line = [" "] * (cells + 12), ["─" if self.blocks else "-"] * cells
        free = 0
        for instant, text in ticks(window, cells):
            cell = window.cell(instant, cells)
            line[cell] = "┬" if self.blocks else "+"
            if cell >= free and cell + len(text) <= cells:
                labels[cell : cell + len(text)] = text
                free = cell + len(text) + 1
        if 0 <= self.now < cells:
            word = "now" if self.now + 3 <= cells else ""
            line[self.now : self.now + len(word)] = word
        margin = " " * (self.label + 1)
        yield margin + paint(self.out, "".join(labels[:cells]), "dim")
        yield margin + paint(self.out, "".join(line), "dim")

    def legend(self) -> Iterator[str]:
        """What the rows hold, in words."""
        line, used = "", 0
        for kind, mark in MARKS.items():
            if kind not in self.kinds:
                continue
            size = len(mark.words) + 2
            if used and used + 3 + size > self.label + 1 + self.timeline.cells:
                yield line
                line, used = "", 0
            named = f"{paint(self.out, self.glyph(kind, last=True), mark.style)} {mark.words}"
            line, used = (f"{line}   {named}", used + 3 + size) if used else (named, size)
        yield line


def ticks(window: Window, cells: int) -> Iterator[tuple[int, str]]:
    """Round instants of local time on the axis, far enough apart to be named."""
    each = timedelta(microseconds=(window.end - window.start) / cells)
    step = next((step for step in STEPS if step >= each * (11 if step < timedelta(minutes=1) else 8)), STEPS[-1])
    start = to_datetime(window.start).astimezone().replace(tzinfo=None)
    moment = datetime(start.year, start.month, start.day)
    moment += (start - moment) // step * step
    while moment < LAST - step:
        moment += step
        instant = from_datetime(moment.astimezone())
        if instant >= window.end:
            return
        if instant >= window.start:
            yield instant, tick_label(moment, step)


def tick_label(moment: datetime, step: timedelta) -> str:
    if step >= DAY or (moment.hour, moment.minute, moment.second) == (0, 0, 0):
        return f"{moment:%b} {moment.day}" if step < 91 * DAY else f"{moment:%Y-%m}"
    return f"{moment:%H:%M:%S}" if step < timedelta(minutes=1) else f"{moment:%H:%M}"
