"""The columns of the listing commands."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from jobctl.clock import FOREVER, MICROSECONDS
from jobctl.document import instant, job_document
from jobctl.model import Job, JsonDict, State, Status, SystemJob
from jobctl.output.tables import Column, View
from jobctl.output.text import duration, local, relative, shorten
from jobctl.records import dataclass
from jobctl.vocabulary import request_status

STYLES: Final = {
    Status.SUCCEEDED: "green",
    Status.FAILED: "red",
    Status.CANCELED: "yellow",
    Status.IN_PROGRESS: "cyan",
    Status.PAUSING: "magenta",
    Status.CANCELING: "magenta",
}


@dataclass(frozen=True, slots=True)
class JobView:
    """A job with what lists show beside it."""

    job: Job
    words: str | None = None
    """Its schedule in plain words, if it has an active one."""
    next: SystemJob | None = None
    """The occurrence that waits."""
    last: SystemJob | None = None
    """The newest completed system job."""
    ran: SystemJob | None = None
    """The newest completed one that had begun."""
    after_rest: int | None = None
    """The first instant that is run after the schedule's rest."""
    ended: bool = False
    """Whether the schedule and the runs it started are over."""

    @property
    def next_at(self) -> int | None:
        if self.after_rest is not None:
            return self.after_rest
        return None if self.next is None else self.next.due_at

    def document(self) -> JsonDict:
        return job_document(self.job, self.next_at, words=self.words, last=self.last, ran=self.ran, ended=self.ended)


@dataclass(frozen=True, slots=True)
class Occurrence:
    """One instant of a preview."""

    at: int
    time_zone: str
    note: str = ""
    job: str | None = None
    """Whose it is, where several jobs are listed."""

    @property
    def local(self) -> str:
        """On the clock of its schedule: `2026-11-21 09:00:00 +01:00 Europe/Madrid`."""
        from jobctl.schedule.instants import format_local
        from jobctl.schedule.zones import zone

        return f"{format_local(self.at, zone(self.time_zone))} {self.time_zone}"

    def document(self) -> JsonDict:
        of = {} if self.job is None else {"job": self.job}
        return {"at": instant(self.at), "local": self.local, "note": self.note, **of}


def status_words(s: SystemJob) -> str:
    """State and status as people read them: `in progress` (before it began `handed over`), `failed (exit 3)`."""
    words = s.status.label.replace("_", " ")
    if s.status is Status.WAITING_FOR_RESOURCES:
        words = "ready" if s.blocked_by is None else f"ready (behind {s.blocked_by})"
    if s.status is Status.IN_PROGRESS and s.started_on is None:
        return "handed over"
    if s.status is Status.FAILED and s.exit_code:
        return f"{words} (exit {s.exit_code})"
    return f"{words} ({s.reason.value.replace('_', ' ')})" if s.reason is not None else words


def status_style(s: SystemJob) -> str:
    return STYLES.get(s.status, "")


def elapsed(s: SystemJob, now: int) -> float | None:
    """Seconds it ran, or has been running."""
    since = s.continued_on if s.continued_on is not None else s.started_on
    if s.state is not State.LOCKED or since is None:
        return None if s.run_time is None else s.run_time / MICROSECONDS
    return ((s.run_time or 0) + max(now - since, 0)) / MICROSECONDS


def moment(title: str, get: Callable[[SystemJob], int | None]) -> Column[SystemJob]:
    """A column that shows an instant: ISO 8601 in UTC for machines, local time for people."""

    def text(row: SystemJob, view: View) -> str:
        at = get(row)
        return "" if at is None else local(at, offset=not view.terminal)

    return Column(title, lambda row: instant(get(row)), text)


def _duration_text(s: SystemJob, view: View) -> str:
    return duration(elapsed(s, view.now))


def _message(s: SystemJob) -> str | None:
    if s.state is State.LOCKED and (s.progress is not None or s.stage):
        progress = "" if s.progress is None else f"{s.progress:g}%"
        return " ".join(filter(None, (progress, s.stage, s.message)))
    return s.message


SYSTEM_JOB_COLUMNS: Final[Sequence[Column[SystemJob]]] = (
    Column("number", lambda s: s.sequence, right=True),
    Column("job", lambda s: s.name),
    Column("status", lambda s: s.status.label, lambda s, _: status_words(s), status_style),
    moment("due", lambda s: s.due_at),
    moment("start", lambda s: s.started_on),
    moment("end", lambda s: s.completed_on),
    Column("duration", lambda s: None if s.run_time is None else s.run_time / MICROSECONDS, _duration_text, right=True),
    Column("attempt", lambda s: s.attempt, right=True),
    Column("message", _message, flexible=True),
)


def _next_text(row: JobView, view: View) -> str:
    at = row.next_at
    if at is None or at == FOREVER:
        return ""
    text = local(at, offset=False).removesuffix(":00") if view.terminal else local(at)
    return f"{text} ({relative(at, view.now)})"


def _last_text(row: JobView, view: View) -> str:
    if row.last is None:
        return ""
    ended = row.last.completed_on
    return status_words(row.last) + (f", {relative(ended, view.now)}" if ended is not None else "")


def _runs_text(row: JobView, view: View) -> str:
    summary = row.job.version.definition.summary
    return shorten(summary, 48) if view.terminal else summary


def _request_text(row: JobView, view: View) -> str:
    plan, status = row.job.plan, request_status(row.job.plan, row.ran, row.ended)
    paused = plan is not None and plan.active and (plan.paused_until or 0) > view.now
    return f"{status} (paused)" if paused else status


JOB_COLUMNS: Final[Sequence[Column[JobView]]] = (
    Column("job", lambda v: v.job.name),
    Column("status", lambda v: request_status(v.job.plan, v.ran, v.ended), _request_text),
    Column("runs", lambda v: v.job.version.definition.summary, _runs_text, flexible=True, optional=True),
    Column("schedule", lambda v: v.words, flexible=True),
    Column("next", lambda v: instant(v.next_at), _next_text),
    Column(
        "last",
        lambda v: None if v.last is None else v.last.status.label,
        _last_text,
        lambda v: "" if v.last is None else status_style(v.last),
    ),
)
