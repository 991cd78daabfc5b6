"""The monitor on a terminal: short local instants, and the columns that fit."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence

from jobctl.clock import to_datetime
from jobctl.model import Reason, State, Status, SystemJob
from jobctl.output.columns import SYSTEM_JOB_COLUMNS, elapsed, status_style, status_words
from jobctl.output.tables import Column, View
from jobctl.output.text import relative, span

WIDE = 120
"""Columns of a terminal from which due, start and end each have one of their own."""

KNOWN = {column.title: column for column in SYSTEM_JOB_COLUMNS}


def columns(width: int | None = None) -> Sequence[Column[SystemJob]]:
    """What a terminal of that width shows of a system job."""
    wide = (width or shutil.get_terminal_size().columns) >= WIDE
    instants = (DUE, START, END) if wide else (WHEN,)
    return (KNOWN["number"], KNOWN["job"], STATUS, *instants, TOOK, TRY, MESSAGE)


def short(instant: int, now: int) -> str:
    """`09:00:05` today, `Nov 20 09:00` this year, else the date."""
    moment, today = to_datetime(instant).astimezone(), to_datetime(now).astimezone()
    if moment.date() == today.date():
        return moment.strftime("%H:%M:%S")
    if moment.year == today.year:
        return f"{moment:%b} {moment.day} {moment:%H:%M}"
    return moment.strftime("%Y-%m-%d")


def instant_text(get: Callable[[SystemJob], int | None]) -> Callable[[SystemJob, View], str]:
    def text(system_job: SystemJob, view: View) -> str:
        instant = get(system_job)
        return "" if instant is None else short(instant, view.now)

    return text


def due(system_job: SystemJob, view: View) -> str:
    ahead = system_job.state is not State.COMPLETED and 0 < system_job.due_at - view.now < 86_400_000_000
    return relative(system_job.due_at, view.now) if ahead else short(system_job.due_at, view.now)


def when(system_job: SystemJob, view: View) -> str:
    """The instant that matters now: of the end, the start, or when it is due."""
    instant = system_job.completed_on or system_job.due_at
    if system_job.state is State.LOCKED:
        instant = system_job.started_on or system_job.due_at
    if abs(instant - view.now) >= 86_400_000_000:
        return short(instant, view.now)
    return relative(instant, view.now)


def status(system_job: SystemJob, view: View) -> str:
    """As elsewhere, but a suspended one only says what it waits for."""
    if system_job.status is Status.WAITING and system_job.reason is not None:
        return {Reason.WAITING_FOR_EVENT: "waiting for event"}.get(system_job.reason, system_job.reason.value)
    return status_words(system_job)


def took(system_job: SystemJob, view: View) -> str:
    seconds = elapsed(system_job, view.now)
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
DUE: Column[SystemJob] = Column("due", lambda one: one.due_at, due)
START: Column[SystemJob] = Column("start", lambda one: one.started_on, instant_text(lambda one: one.started_on))
END: Column[SystemJob] = Column("end", lambda one: one.completed_on, instant_text(lambda one: one.completed_on))
WHEN: Column[SystemJob] = Column("when", lambda one: one.due_at, when)
TOOK: Column[SystemJob] = Column("took", lambda one: None, took, right=True)
TRY: Column[SystemJob] = Column("try", lambda one: one.attempt, lambda one, view: str(one.attempt or ""), right=True)
MESSAGE: Column[SystemJob] = Column("message", lambda one: one.message, message, flexible=True)
