"""`jobctl monitor --watch`: a live table on a terminal, changed rows in a pipe."""

from __future__ import annotations

import json
import os
import select
import signal
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Literal

from jobctl import control
from jobctl.commands.context import App
from jobctl.commands.filters import check_known
from jobctl.commands.monitor_columns import DEFAULT, chosen_columns, documents_of
from jobctl.commands.monitor_view import MESSAGE, columns, message
from jobctl.commands.waiting import Changes, rest
from jobctl.document import SCHEMA, system_job_document
from jobctl.model import SystemJob
from jobctl.output import Output
from jobctl.output.sparkline import can_draw, progress_bar
from jobctl.output.tables import Column, View, fit, width
from jobctl.records import dataclass, replace
from jobctl.selection import Feed, Screen, screen
from jobctl.store import Filter

if TYPE_CHECKING:
    from rich.console import Console, RenderableType

SHORTEST = 0.3
"""Seconds between two drawings at least."""
SHARE = 10
"""A look at the store is followed by a rest of so many times its length: the daemon needs the machine more."""
TICK = 1.0
"""Seconds after which the durations of what runs are drawn anew; `IDLE`: the relative instants of what waits."""
IDLE = 10.0
AROUND = 4
"""Lines of the screen that hold no row."""
NARROW = 20
"""Columns of a cell up to which the column keeps the width it once had."""


@dataclass(frozen=True, slots=True)
class Shown:
    """What to show of which system jobs."""

    chosen: Filter
    limit: int
    names: Sequence[str] | None
    """The columns asked for."""
    times: str | None


def watch_changes(
    app: App, output: Output, chosen: Filter, limit: int, names: Sequence[str] | None, times: str | None
) -> None:
    """Show the list and keep it up to date: until q on a terminal, else until interrupted or the pipe is closed."""
    check_known_unless_any(app, chosen)
    shown = Shown(chosen, limit, names, times)
    if output.kind == "rich" and sys.stdout.isatty():
        with keys() as descriptor:
            return live(app, output, shown, descriptor)
    follow(app, output, shown)


def check_known_unless_any(app: App, chosen: Filter) -> None:
    if chosen.job is not None and not app.store().system_jobs(Filter(job=chosen.job), 1):
        check_known(app.store(), chosen.job)


# In a pipe


def follow(app: App, output: Output, shown: Shown) -> None:
    """One line for each row, oldest first, then one whenever a row changed."""
    if sys.stdout is None:
        return
    store = app.store()
    changes, feed = Changes(store), Feed(store, shown.chosen)
    cells = chosen_columns(store, shown.names or DEFAULT, shown.times)
    rows = feed.first(shown.limit)
    while True:
        looked = app.clock.monotonic()
        for one in rows:
            output.line(json_line(app, shown, one) if output.json else text_line(app, cells, one))
        sys.stdout.flush()
        rest(min((app.clock.monotonic() - looked) * SHARE, TICK))
        while not changes.wait(app.clock.monotonic() + TICK):
            if closed(sys.stdout.fileno()):
                return
        rows = feed.changed()


def text_line(app: App, cells: Sequence[Column[SystemJob]], system_job: SystemJob) -> str:
    """Its cells, separated by tabs."""
    view = View(app.clock.now(), terminal=False)
    return "\t".join(column.human(system_job, view) for column in cells)


def json_line(app: App, shown: Shown, system_job: SystemJob) -> str:
    """Its JSON document on one line."""
    if shown.names is None:
        document = system_job_document(system_job, *app.store().payload(system_job.sequence))
    else:
        (document,) = documents_of(app.store(), shown.names, [system_job])
    return json.dumps({"schema": SCHEMA, "system_job": document}).replace("\x7f", "\\u007f")


def closed(descriptor: int) -> bool:
    """Whether nobody reads the pipe any more."""
    poll = select.poll()
    poll.register(descriptor, 0)
    return any(event & (select.POLLERR | select.POLLNVAL) for _, event in poll.poll(0))


# On a terminal


def live(app: App, output: Output, shown: Shown, descriptor: int | None) -> None:
    """Draw whenever something changed, but never often enough to be in the daemon's way."""
    from rich.console import Console
    from rich.live import Live

    console = Console(no_color=not output.color, highlight=False, markup=False, emoji=False)
    store = app.store()
    changes, picture = Changes(store), Picture(app, console, shown)
    wake = [] if descriptor is None else [descriptor]
    with ended_by_signals(), Live(console=console, screen=True, auto_refresh=False) as drawing:
        while True:
            looked = app.clock.monotonic()
            found = screen(store, shown.chosen, min(shown.limit, max(console.size.height - AROUND, 1)))
            drawing.update(picture.of(found), refresh=True)
            size, drawn = console.size, app.clock.monotonic()
            pause = max(SHORTEST, (drawn - looked) * SHARE)
            tick = max(TICK if found.running else IDLE, pause)
            while app.clock.monotonic() < drawn + tick and console.size == size:
                changed = changes.wait(min(app.clock.monotonic() + SHORTEST, drawn + tick), wake)
                if descriptor is not None and pressed(descriptor) in (b"q", b"Q", b"\x04"):
                    return
                if changed:
                    tick = pause  # not before, but then


class Picture:
    """Draws the live table; its narrow columns never shrink, so that nothing moves from one drawing to the next."""

    def __init__(self, app: App, console: Console, shown: Shown) -> None:
        self.app, self.console, self.shown = app, console, shown
        self.blocks = can_draw()  # asked now: the live display puts itself in the place of stdout
        self.widest: dict[str, int] = {}

    def columns(self) -> Sequence[Column[SystemJob]]:
        if self.shown.names is not None:
            return chosen_columns(self.app.store(), self.shown.names, self.shown.times)
        found = columns(self.console.size.width, self.shown.times)
        return [replace(one, text=self.message) if one is MESSAGE else one for one in found]

    def message(self, system_job: SystemJob, view: View) -> str:
        """As elsewhere, with a bar for what tells how far it is."""
        text = message(system_job, view)
        if system_job.progress is None or not system_job.has_process:
            return text
        return f"{progress_bar(system_job.progress, blocks=self.blocks)} {text}"

    def of(self, found: Screen) -> RenderableType:
        """The table, and a line about what it may have no room for: `2 running · 14 waiting · q quits`."""
        from rich.console import Group
        from rich.text import Text

        parts = [f"{found.running:,} running", f"{found.waiting:,} waiting", "q quits"]
        if not control.daemon_running(self.app.config):
            parts.insert(0, "no daemon is running")
        return Group(self.table(found.rows), Text("\n" + " · ".join(parts), style="dim"))

    def table(self, rows: list[SystemJob]) -> RenderableType:
        from rich import box
        from rich.table import Table
        from rich.text import Text

        view = View(self.app.clock.now(), terminal=True)
        shown = self.columns()
        cells = [[column.human(row, view) for column in shown] for row in rows]
        drawn = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, 1, 0, 0), header_style="bold")
        for column, room in zip(shown, self.widths(shown, cells), strict=True):
            side: Literal["left", "right"] = "right" if column.right else "left"
            drawn.add_column(column.title, justify=side, no_wrap=True, overflow="ellipsis", width=room)
        for row, texts in zip(rows, cells, strict=True):
            styles = (column.style(row) if column.style else "" for column in shown)
            drawn.add_row(*(Text(text, style=style) for text, style in zip(texts, styles, strict=True)))
        return drawn

    def widths(self, shown: Sequence[Column[SystemJob]], cells: list[list[str]]) -> list[int]:
        """Those at which the columns fit, the narrow ones no narrower than before."""
        floor = []
        for index, column in enumerate(shown):
            widest = max((width(line[index]) for line in cells), default=0)
            if not column.flexible and widest <= NARROW:
                self.widest[column.title] = max(self.widest.get(column.title, 0), widest)
            floor.append(" " * self.widest.get(column.title, 0))
        return fit(shown, [*cells, floor], self.console.size.width)


@contextmanager
def keys() -> Iterator[int | None]:
    """The descriptor on which single keys arrive, or None where there is no keyboard."""
    if sys.stdin is None or not sys.stdin.isatty():
        yield None
        return
    import termios
    import tty

    descriptor = sys.stdin.fileno()
    before = termios.tcgetattr(descriptor)
    try:
        tty.setcbreak(descriptor)
        yield descriptor
    finally:
        termios.tcsetattr(descriptor, termios.TCSADRAIN, before)


def pressed(descriptor: int) -> bytes:
    """The key that was pressed, if any; a closed keyboard counts as Ctrl-D."""
    if not select.select([descriptor], [], [], 0)[0]:
        return b""
    return os.read(descriptor, 1) or b"\x04"


@contextmanager
def ended_by_signals() -> Iterator[None]:
    """SIGTERM and SIGHUP leave as Ctrl-C does, so that the terminal is put back in order."""

    def leave(number: int, frame: object) -> None:
        raise SystemExit(128 + number)

    numbers = (signal.SIGTERM, signal.SIGHUP)
    before = [signal.signal(number, leave) for number in numbers]
    try:
        yield
    finally:
        for number, handler in zip(numbers, before, strict=True):
            signal.signal(number, handler)
