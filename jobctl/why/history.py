"""The way of a system job that began or is over, in the order of time: who touched it, and what it waited for."""

from __future__ import annotations

from typing import Final

from jobctl.clock import MICROSECONDS
from jobctl.model import Overlap, Reason, SystemJob
from jobctl.rows import system_job_from
from jobctl.store import Event
from jobctl.why.daemons import absences, jumps, standstills
from jobctl.why.facts import NOTICE, Case, Fact, length, listed, named, period, said, when
from jobctl.why.queues import limit_of

MOST: Final = 8
"""Facts told of one way; the newest."""
LOOKED_AT: Final = 3
"""How many that ran meanwhile are named."""

Dated = tuple[int, Fact]


def history(case: Case, row: SystemJob) -> list[Fact]:
    """What happened on the way, oldest first; little for one that ran when it was due and was left alone."""
    found = [*origin(row), *own_events(case, row), *met(case, row)]
    begin = expected(row, found)
    end = row.started_on or row.completed_on or case.now
    begun_late = row.started_on is not None and end - begin > NOTICE
    if begun_late or row.reason in (Reason.MISSED, Reason.LATE, Reason.LOST):
        causes = outages(case, row, end)
        found += [*causes, *queued(case, row, end, known=bool(causes))]
    told = [fact for _, fact in sorted(found, key=lambda dated: dated[0])]
    if len(told) > MOST:
        left = f"{len(told) - MOST} things happened before; see: jobctl show {row.sequence}"
        told = [Fact("more", left), *told[-MOST:]]
    return [lateness(end, begin), *told] if begun_late else told


def expected(row: SystemJob, happened: list[Dated]) -> int:
    """When it should have begun: when it was due, was there, and had what it waited for."""
    conditions = [at for at, fact in happened if fact.code in ("event", "after")]
    return max(row.due_at, row.created_on, *conditions)


def lateness(at: int, due: int) -> Fact:
    text = f"it began at {when(at)}, {length(at - due)} after it was due"
    return Fact("late_start", text, details={"at": at, "seconds": (at - due) / MICROSECONDS})


def origin(row: SystemJob) -> list[Dated]:
    """Who asked for it, unless its schedule did."""
    if row.plan is not None:
        return []
    text = f"{row.created_by} submitted it at {when(row.created_on)}"
    if row.rerun_of is not None:
        text = f"{row.created_by} had {row.rerun_of} run again at {when(row.created_on)}"
    return [(row.created_on, Fact("submitted", text, details={"at": row.created_on, "actor": row.created_by}))]


# What people, events and runners did


def own_events(case: Case, row: SystemJob) -> list[Dated]:
    found = []
    attempt = 0
    for event in case.store.events(sequence=row.sequence):
        attempt += event.kind in ("retry", "lost")
        words = in_words(event, attempt)
        if words is not None:
            details = {"at": event.at, "actor": event.actor, "attempt": attempt or None}
            details = {name: value for name, value in details.items() if value is not None}
            found.append((event.at, Fact(event.kind, words, details=details)))
    return found


def in_words(event: Event, attempt: int) -> str | None:
    """An event of its own as a sentence; None for what is told elsewhere."""
    who, at, detail = event.actor, when(event.at), event.detail
    match event.kind:
        case "postpone":
            return f"{who} postponed it at {at}, until {when(detail['until'])}"
        case "pause":
            return f"{who} asked at {at} to pause it"
        case "paused":
            return f"it stood still from {at} on"
        case "resume":
            was = str(detail.get("was") or "waiting").replace("_", " ")
            return f"{who} let it go on at {at} (it was {was})"
        case "retry":
            ended = said(detail.get("message"))
            return f"attempt {attempt} failed at {at}{ended}; the next was due after {detail['after_seconds']:g} s"
        case "lost":
            return f"attempt {attempt} was lost at {at}: its runner or its machine was gone"
        case "adopted":
            return f"another daemon took it over at {at}"
        case "event":
            return f"{who} emitted the event {detail.get('event')!r} at {at}"
    return None


def met(case: Case, row: SystemJob) -> list[Dated]:
    """The ends it waited for."""
    found = []
    for wait in case.store.waits(row.sequence):
        other = case.store.find_system_job(wait.after)
        if wait.met_on is not None and wait.met_on > row.created_on:
            whom = str(wait.after) if other is None else named(other)
            text = f"it came after {whom}, which ended at {when(wait.met_on)}"
            found.append((wait.met_on, Fact("after", text, details={"after": wait.after, "at": wait.met_on})))
    return found


# What kept it waiting


def outages(case: Case, row: SystemJob, end: int) -> list[Dated]:
    """When nobody was there to see what is due: no daemon, a daemon that stood still, a clock not to be believed."""
    begin = min(row.occurrence_at or row.due_at, row.due_at)
    if row.reason is Reason.LOST:
        begin, end = row.started_on or row.due_at, row.completed_on or case.now
    found: list[Dated] = []
    for since, until in absences(case.store, begin, end):
        text = f"no daemon was at work before {when(until)}"
        if since is not None:
            text = f"no daemon was at work {period(since, until)} ({length(until - since)})"
        found.append((since or begin, Fact("daemon_absent", text, details={"since": since, "until": until})))
    for since, until in standstills(case.store, begin, end):
        text = f"the daemon or its machine stood still {period(since, until)} ({length(until - since)})"
        found.append((since, Fact("daemon_stood_still", text, details={"since": since, "until": until})))
    for at, seconds, held_for in jumps(case.store, begin - 1, end):
        held = f": planned runs were held back for {held_for:g} s" if held_for else ""
        way = "ahead" if seconds > 0 else "back"
        text = f"the clock jumped {way} by {length(round(abs(seconds)) * MICROSECONDS)} at {when(at)}{held}"
        found.append((at, Fact("clock_jump", text, details={"at": at, "seconds": seconds})))
    return found


def queued(case: Case, row: SystemJob, end: int, known: bool) -> list[Dated]:
    """How long it was ready, and what ended in that time; nothing if that was nothing and another cause is known."""
    since = row.ready_on
    if since is None or end - since <= NOTICE or row.reason is Reason.LOST:
        return []
    ended: list[SystemJob] = []
    words = "others ran"
    if row.dependency_token is not None and row.token_seq is not None:
        of = {"token": row.dependency_token, "token_seq": row.token_seq}
        ended, words = meanwhile(case, row, since, end, limit=1, **of), f"its token {row.dependency_token!r} was taken"
    if not ended and one_at_a_time(case, row):
        ended, words = meanwhile(case, row, since, end, limit=1, job_id=row.job_id), f"another of {row.job} was active"
    if not ended:
        ended, words = meanwhile(case, row, since, end), "others ran"
    if known and not ended:
        return []
    details = {"since": since, "seconds": (end - since) / MICROSECONDS, "system_jobs": [one.sequence for one in ended]}
    waited = f"it was ready from {when(since)} on and waited {length(end - since)}"
    if ended:
        last = ended[-1].completed_on or end
        waited += f"; meanwhile {words}: {listed(ended)}, until {when(last)}"
    return [(since, Fact("waited", waited, details=details))]


def one_at_a_time(case: Case, row: SystemJob) -> bool:
    """Whether others of its job may keep it waiting: through the job's limit, or as its schedule says."""
    plan = case.plan_of(row)
    return limit_of(case, row) is not None or (plan is not None and plan.overlap is not Overlap.ALLOW)


def meanwhile(
    case: Case, row: SystemJob, after: int, before: int, *, limit: int = LOOKED_AT, **of: object
) -> list[SystemJob]:
    """Those that ended in that period, the last ones, in order."""
    parameters = {"after": after, "before": before, "sequence": row.sequence, "limit": limit}
    none = {"token": None, "token_seq": None, "job_id": None}
    return [system_job_from(values) for values in case.store.database.run("ended_before", {**none, **parameters, **of})]
