"""The way of a system job that began or is over, in the order of time: who touched it, and what it waited for."""

from __future__ import annotations

from typing import Final

from jobctl.clock import MICROSECONDS
from jobctl.model import Overlap, Reason, SystemJob
from jobctl.rows import system_job_from
from jobctl.saying import say
from jobctl.store import Event
from jobctl.why.daemons import absences, jumps, standstills
from jobctl.why.facts import NOTICE, Case, Fact, coded, length, listed, named, period, recorded, said, when
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
        number = len(told) - MOST
        left = say("{number} things happened before; see: jobctl show {sequence}", number=number, sequence=row.sequence)
        told = [Fact("more", left), *told[-MOST:]]
    return [lateness(end, begin), *told] if begun_late else told


def expected(row: SystemJob, happened: list[Dated]) -> int:
    """When it should have begun: when it was due, was there, and had what it waited for."""
    conditions = [at for at, fact in happened if fact.code in ("event", "after")]
    return max(row.due_at, row.created_on, *conditions)


def lateness(at: int, due: int) -> Fact:
    text = say("it began at {at}, {late} after it was due", at=when(at), late=length(at - due))
    return Fact("late_start", text, details={"at": at, "seconds": (at - due) / MICROSECONDS})


def origin(row: SystemJob) -> list[Dated]:
    """Who asked for it, unless its schedule did."""
    if row.plan is not None:
        return []
    who, at = row.created_by, when(row.created_on)
    text = say("{actor} submitted it at {at}", actor=who, at=at)
    if row.rerun_of is not None:
        text = say("{actor} had {number} run again at {at}", actor=who, number=row.rerun_of, at=at)
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
            return say("{actor} postponed it at {at}, until {until}", actor=who, at=at, until=when(detail["until"]))
        case "pause":
            return say("{actor} asked at {at} to pause it", actor=who, at=at)
        case "paused":
            return say("it stood still from {at} on", at=at)
        case "resume":
            was = coded(str(detail.get("was") or "waiting"))
            return say("{actor} let it go on at {at} (it was {was})", actor=who, at=at, was=was)
        case "retry":
            failed = "attempt {number} failed at {at}{ended}; the next was due after {seconds:g} s"
            ended, seconds = said(recorded(detail)), detail["after_seconds"]
            return say(failed, number=attempt, at=at, ended=ended, seconds=seconds)
        case "lost":
            return say("attempt {number} was lost at {at}: its runner or its machine was gone", number=attempt, at=at)
        case "adopted":
            return say("another daemon took it over at {at}", at=at)
        case "event":
            return say("{actor} emitted the event {event!r} at {at}", actor=who, event=detail.get("event"), at=at)
    return None


def met(case: Case, row: SystemJob) -> list[Dated]:
    """The ends it waited for."""
    found = []
    for wait in case.store.waits(row.sequence):
        other = case.store.find_system_job(wait.after)
        if wait.met_on is not None and wait.met_on > row.created_on:
            whom = str(wait.after) if other is None else named(other)
            text = say("it came after {other}, which ended at {at}", other=whom, at=when(wait.met_on))
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
        text = say("no daemon was at work before {at}", at=when(until))
        if since is not None:
            absent = "no daemon was at work {period} ({span})"
            text = say(absent, period=period(since, until), span=length(until - since))
        found.append((since or begin, Fact("daemon_absent", text, details={"since": since, "until": until})))
    for since, until in standstills(case.store, begin, end):
        still = "the daemon or its machine stood still {period} ({span})"
        text = say(still, period=period(since, until), span=length(until - since))
        found.append((since, Fact("daemon_stood_still", text, details={"since": since, "until": until})))
    for at, seconds, held_for in jumps(case.store, begin - 1, end):
        held = say(": planned runs were held back for {seconds:g} s", seconds=held_for) if held_for else ""
        jumped = "the clock jumped back by {span} at {at}{held}"
        if seconds > 0:
            jumped = "the clock jumped ahead by {span} at {at}{held}"
        text = say(jumped, span=length(round(abs(seconds)) * MICROSECONDS), at=when(at), held=held)
        found.append((at, Fact("clock_jump", text, details={"at": at, "seconds": seconds})))
    return found


def queued(case: Case, row: SystemJob, end: int, known: bool) -> list[Dated]:
    """How long it was ready, and what ended in that time; nothing if that was nothing and another cause is known."""
    since = row.ready_on
    if since is None or end - since <= NOTICE or row.reason is Reason.LOST:
        return []
    ended: list[SystemJob] = []
    words = say("others ran")
    if row.dependency_token is not None and row.token_seq is not None:
        of = {"token": row.dependency_token, "token_seq": row.token_seq}
        ended = meanwhile(case, row, since, end, limit=1, **of)
        words = say("its token {token!r} was taken", token=row.dependency_token)
    if not ended and one_at_a_time(case, row):
        ended = meanwhile(case, row, since, end, limit=1, job_id=row.job_id)
        words = say("another of {job} was active", job=row.job)
    if not ended:
        ended, words = meanwhile(case, row, since, end), say("others ran")
    if known and not ended:
        return []
    details = {"since": since, "seconds": (end - since) / MICROSECONDS, "system_jobs": [one.sequence for one in ended]}
    waited = say("it was ready from {at} on and waited {span}", at=when(since), span=length(end - since))
    if ended:
        last = when(ended[-1].completed_on or end)
        more = "{waited}; meanwhile {what}: {others}, until {at}"
        waited = say(more, waited=waited, what=words, others=listed(ended), at=last)
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
