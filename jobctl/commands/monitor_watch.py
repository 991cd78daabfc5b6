"""`jobctl monitor --watch`: a live table on a terminal, changed rows in a pipe."""

from __future__ import annotations

import json
import os
import select
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Literal

from jobctl import control
from jobctl.commands.context import App
from jobctl.commands.monitor_view import columns
from jobctl.commands.waiting import Changes, rest
from jobctl.document import SCHEMA, system_job_document
from jobctl.model import State, SystemJob
from jobctl.output import Output
from jobctl.output.columns import SYSTEM_JOB_COLUMNS
from jobctl.output.tables import View, fit
from jobctl.store import Filter

if TYPE_CHECKING:
    from rich.console import Console, RenderableType

SHORTEST = 0.3
"""Seconds between two drawings at least."""
TICK = 1.0
"""Seconds after which the durations of what runs are drawn anew; `IDLE`: the relative instants of what waits."""
IDLE = 10.0


def watch_changes(app: App, output: Output, chosen: Filter, limit: int) -> None:
    """Show the list and keep it up to date: until q on a terminal, else until interrupted or the pipe is closed."""
    if output.kind == "rich" and sys.stdout.isatty():
        with keys() as descriptor:
            return live(app, output, chosen, limit, descriptor)
    follow(app, output, chosen, limit)


def follow(app: App, output: Output, chosen: Filter, limit: int) -> None:
    """One line for each row, oldest first, then one whenever a row changed."""
    if sys.stdout is None:
        return
    store = app.store()
    changes = Changes(store)
    shown: dict[int, SystemJob] = {}
    while True:
        latest = {one.sequence: one for one in reversed(store.system_jobs(chosen, limit))}
        for sequence, one in latest.items():
            if shown.get(sequence) != one:
                output.line(line(app, output, one))
        shown = latest
        sys.stdout.flush()
        while not changes.wait(app.clock.monotonic() + TICK):
            if closed(sys.stdout.fileno()):
                return


def line(app: App, output: Output, system_job: SystemJob) -> str:
    """A system job on one line: tab-separated cells, or its JSON document."""
    if output.json:
        document = system_job_document(system_job, *app.store().payload(system_job.sequence))
        return json.dumps({"schema": SCHEMA, "system_job": document}).replace("\x7f", "\\u007f")
    view = View(app.clock.now(), terminal=False)
    return "\t".join(column.human(system_job, view) for column in SYSTEM_JOB_COLUMNS)


def closed(descriptor: int) -> bool:
    """Whether nobody reads the pipe any more."""
    poll = select.poll()
    poll.register(descriptor, 0)
    return any(event & (select.POLLERR | select.POLLNVAL) for _, event in poll.poll(0))


def live(app: App, output: Output, chosen: Filter, limit: int, descriptor: int | None) -> None:
    from rich.console import Console
    from rich.live import Live

    console = Console(no_color=not output.color, highlight=False, markup=False, emoji=False)
    store = app.store()
    changes = Changes(store)
    wake = [] if descriptor is None else [descriptor]
    with ended_by_signals(), Live(console=console, screen=True, auto_refresh=False) as screen:
        while True:
            rows = store.system_jobs(chosen, min(limit, max(console.size.height - 5, 1)))
            screen.update(table(app, output, console, rows), refresh=True)
            size, drawn = console.size, app.clock.monotonic()
            tick = TICK if any(one.state is State.LOCKED for one in rows) else IDLE
            while app.clock.monotonic() < drawn + tick and console.size == size:
                changed = changes.wait(min(app.clock.monotonic() + SHORTEST, drawn + tick), wake)
                if descriptor is not None and pressed(descriptor) in (b"q", b"Q", b"\x04"):
                    return
                if changed:
                    rest(max(drawn + SHORTEST - app.clock.monotonic(), 0))
                    break


def table(app: App, output: Output, console: Console, rows: list[SystemJob]) -> RenderableType:
    from rich import box
    from rich.console import Group
    from rich.table import Table
    from rich.text import Text

    view = View(app.clock.now(), terminal=True)
    shown = columns(console.size.width)
    cells = [[column.human(row, view) for column in shown] for row in rows]
    drawn = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, 1, 0, 0), header_style="bold")
    for column, room in zip(shown, fit(shown, cells, console.size.width), strict=True):
        side: Literal["left", "right"] = "right" if column.right else "left"
        drawn.add_column(column.title, justify=side, no_wrap=True, overflow="ellipsis", width=room)
    for row, texts in zip(rows, cells, strict=True):
        styles = (column.style(row) if column.style else "" for column in shown)
        drawn.add_row(*(Text(text, style=style) for text, style in zip(texts, styles, strict=True)))
    daemon = "" if control.daemon_running(app.config) else "no daemon is running · "
    return Group(drawn, Text(f"\n{daemon}q quits", style="dim"))


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
