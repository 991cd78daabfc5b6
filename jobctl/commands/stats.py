"""`jobctl stats`."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Final

import click

from jobctl.clock import MICROSECONDS
from jobctl.commands.context import NAME, PAST, App, format_option, note, pass_app
from jobctl.commands.monitor_view import amount
from jobctl.document import instant
from jobctl.model import Status
from jobctl.output.columns import STYLES
from jobctl.output.details import at, fields, heading
from jobctl.output.sparkline import can_draw, sparkline
from jobctl.output.tables import GAP, Column, View, width
from jobctl.output.text import local, relative
from jobctl.statistics import Ended, JobStatistics, Spread, measure

if TYPE_CHECKING:
    from jobctl.model import JsonDict
    from jobctl.output import Output

WINDOW: Final = 7 * 86400 * MICROSECONDS
SHOWN: Final = 12
"""Runs that a sparkline shows on a narrow terminal; elsewhere `SHOWN_WIDE`."""
SHOWN_WIDE: Final = 20


@click.command()
@click.argument("names", type=NAME, nargs=-1, metavar="[NAME]...")
@click.option("--since", type=PAST, metavar="INSTANT", help="What ended then or later.  [default: 7 days ago]")
@format_option
@pass_app
def stats(app: App, names: tuple[str, ...], since: int | None, as_json: bool, format: str | None) -> None:
    """Show how the jobs did: how many ended how, how long they took, how late they began, what comes next.

    Durations are of those that succeeded or failed, without pauses; late is from when the last attempt might begin
    until it began. p95: 95 of 100 were as fast, or faster. The last column has the most recent ones, the newest on the
    right: the higher, the longer; x is a failure, o was canceled or not run.

    \b
    jobctl stats
    jobctl stats backup --since "30 days ago"
    jobctl stats --format csv
    """
    now = app.clock.now()
    start = now - WINDOW if since is None else since
    output = app.output(as_json, format)
    found = measure(app.store(), names, start)
    if output.json:
        window = {"from": instant(start), "to": instant(now)}
        return output.document(window=window, statistics=[document(one) for one in found])
    if output.kind == "rich" and not found:
        return note("no job yet; define one: jobctl add NAME -- COMMAND")
    if output.kind == "rich" and len(names) == 1:
        return page(output, found[0], start)
    output.table(columns(output, found), found)


def columns(output: Output, rows: Sequence[JobStatistics]) -> Sequence[Column[JobStatistics]]:
    """All of them in a file, and on a terminal as many as it has room for."""
    p50, p95, longest = DURATIONS
    late_p50, late_p95, _ = LATENESS
    full = [*COUNTS, *DURATIONS, *LATENESS, NEXT, LAST, recent(SHOWN_WIDE)]
    if output.kind != "rich":
        return full
    few = recent(SHOWN)
    choices = (
        full,
        [*COUNTS, *DURATIONS, late_p50, late_p95, NEXT, LAST, recent(SHOWN_WIDE)],
        [NAMED, ENDED, RATE, p50, p95, longest, late_p50, late_p95, NEXT, LAST, few],
        [NAMED, ENDED, RATE, p50, p95, longest, late_p95, NEXT, LAST, few],
        [NAMED, ENDED, RATE, p50, p95, late_p95, NEXT, LAST, few],
        [NAMED, ENDED, RATE, p50, p95, longest, late_p50, late_p95, NEXT, few],
        [NAMED, ENDED, RATE, p50, p95, longest, late_p95, NEXT, few],
    )
    room = shutil.get_terminal_size().columns
    narrow = [NAMED, ENDED, RATE, p50, p95, late_p95, NEXT, few]
    return next((choice for choice in choices if natural_width(choice, rows, output.view) <= room), narrow)


def natural_width(chosen: Sequence[Column[JobStatistics]], rows: Sequence[JobStatistics], view: View) -> int:
    """Columns of a terminal that the table takes with nothing shortened."""
    cells = ([column.title, *(column.human(row, view) for row in rows)] for column in chosen)
    return sum(max(map(width, texts)) for texts in cells) + GAP * (len(chosen) - 1)


def page(output: Output, one: JobStatistics, since: int) -> None:
    """Everything about one job."""
    view = output.view
    counts = f"{one.succeeded:,} succeeded, {one.failed:,} failed, {one.canceled:,} canceled or not run"
    retried = f"; {one.retries:,} retries" if one.retries else ""
    marks = sparkline([mark(ended) for ended in one.recent], blocks=can_draw())
    heading(output, one.job, f"since {local(since)}")
    fields(
        output,
        [
            ("ended", counts + retried),
            ("failure rate", percent(one)),
            ("duration", spread_text(one.duration)),
            ("late", spread_text(one.lateness)),
            ("next", at(output, one.next_at)),
            ("last", f"{one.last.sequence}: {last_text(one, view)}" if one.last else None),
            ("recent", marks),
        ],
    )


def spread_text(found: Spread | None) -> str | None:
    """`p50 1.2s, p95 3.0s, at most 4.1s`."""
    if found is None:
        return None
    p50, p95, longest = (amount(seconds(part)) for part in (found.p50, found.p95, found.max))
    return f"p50 {p50}, p95 {p95}, at most {longest}"


def seconds(microseconds: int | None) -> float | None:
    return None if microseconds is None else microseconds / MICROSECONDS


def spread_columns(
    prefix: str, get: Callable[[JobStatistics], Spread | None]
) -> tuple[Column[JobStatistics], Column[JobStatistics], Column[JobStatistics]]:
    """The median, p95 and the greatest: seconds for machines, units for people."""

    def column(title: str, part: Callable[[Spread], int]) -> Column[JobStatistics]:
        def found(row: JobStatistics) -> int | None:
            spread = get(row)
            return None if spread is None else part(spread)

        return Column(
            prefix + title, lambda row: seconds(found(row)), lambda row, view: amount(seconds(found(row))), right=True
        )

    return (
        column("p50", lambda spread: spread.p50),
        column("p95", lambda spread: spread.p95),
        column("max", lambda spread: spread.max),
    )


def percent(row: JobStatistics) -> str:
    rate = row.failure_rate
    if rate is None:
        return ""
    return f"{rate:.1%}" if 0 < rate < 0.1 else f"{rate:.0%}"


def red_if_failed(row: JobStatistics) -> str:
    return "red" if row.failed else ""


def next_text(row: JobStatistics, view: View) -> str:
    if row.next_at is None:
        return ""
    return relative(row.next_at, view.now) if view.terminal else local(row.next_at)


def last_text(row: JobStatistics, view: View) -> str:
    if row.last is None:
        return ""
    return f"{ending(row.last)}, {relative(row.last.completed_on, view.now)}"


def ending(ended: Ended) -> str:
    """`failed (exit 3)`."""
    if ended.exit_code and ended.status is Status.FAILED:
        return f"{ended.status.label} (exit {ended.exit_code})"
    return f"{ended.status.label} ({ended.reason.value.replace('_', ' ')})" if ended.reason else ended.status.label


def recent(number: int) -> Column[JobStatistics]:
    def marks(row: JobStatistics, blocks: bool) -> str:
        return sparkline([mark(ended) for ended in row.recent[-number:]], blocks=blocks)

    return Column("recent", lambda row: marks(row, False), lambda row, view: marks(row, view.terminal and can_draw()))


def mark(ended: Ended) -> float | str:
    """Its duration if it succeeded, else how it ended."""
    if ended.status is Status.SUCCEEDED:
        return seconds(ended.run_time) or 0.0
    return ended.status.label


NAMED: Column[JobStatistics] = Column("job", lambda row: row.job, flexible=True)
SUCCEEDED: Column[JobStatistics] = Column("succeeded", lambda row: row.succeeded, right=True)
ENDED: Column[JobStatistics] = Column("ended", lambda row: row.succeeded + row.failed + row.canceled, right=True)
RATE: Column[JobStatistics] = Column(
    "failed", lambda row: row.failure_rate, lambda row, view: percent(row), red_if_failed, right=True
)
COUNTS: Final[Sequence[Column[JobStatistics]]] = (
    NAMED,
    SUCCEEDED,
    Column("failed", lambda row: row.failed, None, red_if_failed, right=True),
    Column("canceled", lambda row: row.canceled, right=True),
    Column("failure rate", lambda row: row.failure_rate, lambda row, view: percent(row), right=True),
)
DURATIONS: Final = spread_columns("", lambda row: row.duration)
LATENESS: Final = spread_columns("late ", lambda row: row.lateness)
NEXT: Column[JobStatistics] = Column("next", lambda row: instant(row.next_at), next_text)
LAST: Column[JobStatistics] = Column(
    "last",
    lambda row: None if row.last is None else row.last.status.label,
    last_text,
    lambda row: "" if row.last is None else STYLES.get(row.last.status, ""),
)


def document(row: JobStatistics) -> JsonDict:
    """Everything about one job as JSON; lengths are seconds."""
    return {
        "job": row.job,
        "succeeded": row.succeeded,
        "failed": row.failed,
        "canceled": row.canceled,
        "begun": row.begun,
        "retries": row.retries,
        "failure_rate": row.failure_rate,
        "duration": spread_document(row.duration),
        "lateness": spread_document(row.lateness),
        "next_at": instant(row.next_at),
        "last": None if row.last is None else ended_document(row.last),
        "recent": [ended_document(ended) for ended in row.recent],
    }


def spread_document(found: Spread | None) -> JsonDict | None:
    if found is None:
        return None
    return {"p50": seconds(found.p50), "p95": seconds(found.p95), "max": seconds(found.max)}


def ended_document(ended: Ended) -> JsonDict:
    return {
        "sequence": ended.sequence,
        "status": ended.status.label,
        "reason": None if ended.reason is None else ended.reason.value,
        "exit_code": ended.exit_code,
        "completed_on": instant(ended.completed_on),
        "execution_time_span": seconds(ended.run_time),
    }
