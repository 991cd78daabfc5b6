"""The monitor on a terminal: short local instants, and the columns that fit."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence

from jobctl.clock import MICROSECONDS, to_datetime
from jobctl.model import Reason, State, Status, SystemJob
from jobctl.output.columns import SYSTEM_JOB_COLUMNS, elapsed, status_style, status_words
from jobctl.output.tables import Column, View
from jobctl.output.text import local, relative, span

WIDE = 120
"""Columns of a terminal from which due, start and end each have one of their own."""

DAY = 86_400 * MICROSECONDS

KNOWN = {column.title: column for column in SYSTEM_JOB_COLUMNS}


def columns(width: int | None = None, times: str | None = None) -> Sequence[Column[SystemJob]]:
    """What a terminal of that width shows of a system job; `times` is `absolute`, `relative` or None."""
    wide = (width or terminal_width()) >= WIDE
    if not wide:
        instants = [Column("when", deciding_instant, when(times))]
    else:
        instants = [
            Column(
                "due", lambda one: one.due_at, due if times is None else instant_text(lambda one: one.due_at, times)
            ),
            Column("start", lambda one: one.started_on, instant_text(lambda one: one.started_on, times)),
            Column("end", lambda one: one.completed_on, instant_text(lambda one: one.completed_on, times)),
        ]
    return (KNOWN["number"], KNOWN["job"], STATUS, *instants, TOOK, TRY, MESSAGE)


def terminal_width() -> int:
    """Columns of the terminal, or what COLUMNS says; as shutil finds them, which brings archives along."""
    given = os.environ.get("COLUMNS", "")
    if given.isdecimal() and int(given):
        return int(given)
    try:
        return os.get_terminal_size(sys.__stdout__.fileno()).columns or 80  # type: ignore[union-attr]
    except (AttributeError, OSError, ValueError):
        return 80


def short(instant: int, now: int) -> str:
    """`09:00:05` today, `Nov 20 09:00` this year, else the date."""
    moment, today = to_datetime(instant).astimezone(), to_datetime(now).astimezone()
    if moment.date() == today.date():
        return moment.strftime("%H:%M:%S")
    if moment.year == today.year:
        return f"{moment:%b} {moment.day} {moment:%H:%M}"
    return moment.strftime("%Y-%m-%d")


def written(instant: int, view: View, times: str | None) -> str:
    """An instant as asked for; else short on a terminal and complete in a pipe."""
    if times == "relative":
        return relative(instant, view.now)
    if times is None and view.terminal:
        return short(instant, view.now)
    return local(instant, offset=not view.terminal)


def instant_text(get: Callable[[SystemJob], int | None], times: str | None) -> Callable[[SystemJob, View], str]:
    def text(system_job: SystemJob, view: View) -> str:
        instant = get(system_job)
        return "" if instant is None else written(instant, view, times)

    return text


def due(system_job: SystemJob, view: View) -> str:
    ahead = system_job.state is not State.COMPLETED and 0 < system_job.due_at - view.now < DAY
    return relative(system_job.due_at, view.now) if ahead else short(system_job.due_at, view.now)


def deciding_instant(system_job: SystemJob) -> int:
    """The instant that matters now: of the end, the start, or when it is due."""
    if system_job.state is State.LOCKED:
        return system_job.started_on or system_job.due_at
    return system_job.completed_on or system_job.due_at


def when(times: str | None) -> Callable[[SystemJob, View], str]:
    """That instant as a distance where nothing else is asked for, but not over days or in a pipe."""

    def text(system_job: SystemJob, view: View) -> str:
        instant = deciding_instant(system_job)
        near = times is None and view.terminal and abs(instant - view.now) < DAY
        return relative(instant, view.now) if near else written(instant, view, times)

    return text


def status(system_job: SystemJob, view: View) -> str:
    """As elsewhere, but a suspended one only says what it waits for."""
    if system_job.status is Status.WAITING and system_job.reason is not None:
        return {Reason.WAITING_FOR_EVENT: "waiting for event"}.get(system_job.reason, system_job.reason.value)
    return status_words(system_job)


def took(system_job: SystemJob, view: View) -> str:
    return amount(elapsed(system_job, view.now))


def amount(seconds: float | None) -> str:
    """A length in a few characters: `12ms`, `4.2s`, `3m 5s`."""
    if seconds is None:
        return ""
    if seconds < 1:
        return f"{seconds * 1000:.0f}ms"
    return f"{seconds:.1f}s" if seconds < 10 else span(int(seconds))


def message(system_job: SystemJob, view: View) -> str:
    """What it says of itself while a process of it lives, else how it ended."""
    if not system_job.has_process:
        return system_job.message or ""
    progress = "" if system_job.progress is None else f"{system_job.progress:g}%"
    return " ".join(filter(None, (progress, system_job.stage, system_job.message)))


STATUS: Column[SystemJob] = Column("status", lambda one: one.status.label, status, status_style)
TOOK: Column[SystemJob] = Column("took", lambda one: None, took, right=True)
TRY: Column[SystemJob] = Column("try", lambda one: one.attempt, lambda one, view: str(one.attempt or ""), right=True)
MESSAGE: Column[SystemJob] = Column("message", lambda one: one.message, message, flexible=True)
