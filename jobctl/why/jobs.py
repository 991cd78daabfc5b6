"""Why a job is not running: what there is of it, its schedule, and what became of the last times."""

from __future__ import annotations

from typing import Final

from jobctl import ledger
from jobctl.clock import from_datetime, to_datetime
from jobctl.errors import BadInput
from jobctl.model import Job, Plan, SystemJob
from jobctl.records import replace
from jobctl.rows import system_job_from
from jobctl.saying import Recorded, say
from jobctl.why.ending import ending
from jobctl.why.facts import Case, Fact, said, when
from jobctl.why.standing import no_daemon, standing

OF_DAEMON: Final = frozenset({"no_daemon", "daemon_stands_still", "daemon_stopping"})
MOST_LIVE: Final = 3
LAST: Final = 3
"""How many system jobs of each kind are told of."""


def about_job(case: Case, job: Job) -> list[Fact]:
    """What keeps it from running now, when it is next, and what became of the last ones."""
    pending = case.store.pending_occurrence(job.id)
    parameters = {"job_id": job.id, "but": None if pending is None else pending.sequence, "limit": MOST_LIVE}
    live = case.store.database.run("live_of_job", parameters)
    found: list[Fact] = []
    for sequence, _ in live:
        row = case.store.system_job(sequence)
        facts = standing(case, row)
        found += about(row, f"{row.sequence}", facts[:1] if found else facts)
    if live and live[0][1] > MOST_LIVE:
        more = "{number} more wait or run: jobctl monitor --job {job}"
        found.append(Fact("more", say(more, number=live[0][1] - MOST_LIVE, job=job.name)))
    if pending is not None:
        facts = [*standing(case, pending), *left_out(job, pending)]
        facts = [fact.without_command() for fact in facts] if live else facts
        found += about(pending, say("next, {number}", number=pending.sequence), facts)
    else:
        found += without_next(case, job, busy=bool(live))
    return [*once_each(found), *last_ones(case, job)]


def about(row: SystemJob, label: str, facts: list[Fact]) -> list[Fact]:
    """Facts of one of its system jobs; the daemon's are everybody's."""
    return [fact if fact.code in OF_DAEMON else fact.of(row, label) for fact in facts]


def once_each(facts: list[Fact]) -> list[Fact]:
    return [fact for index, fact in enumerate(facts) if all(fact.text != other.text for other in facts[:index])]


def without_next(case: Case, job: Job, busy: bool) -> list[Fact]:
    """Why nothing of it is planned."""
    plan = job.plan
    run = None if busy else f"jobctl run {job.name}"
    if plan is None:
        return [Fact("no_schedule", "it has no schedule: it runs when somebody submits it", run)]
    if plan.ended_by == "unscheduled":
        return [taken_away(case, job, plan, busy)]
    if plan.ended_by == "finished":
        return [over(case, job, plan, busy)]
    if plan.spec["notation"] == ledger.BY_BOOT:
        return [Fact("next_boot", "its schedule runs it after the next start of the machine", run)]
    try:
        ledger.schedule_of(plan)
    except BadInput as error:
        broken = "its schedule cannot be computed on this machine, so that nothing is planned: {error}"
        text = say(broken, error=Recorded(error))
        return [Fact("schedule_broken", text, run)]
    if plan.count is not None:
        text = say("all {count} of its --count are made, and not all of them are over", count=plan.count)
        return [Fact("count_used_up", text, details={"count": plan.count, "fired": plan.fired})]
    absent = no_daemon(case)
    command = None if absent is None else absent.command
    return [Fact("nothing_planned", "its next occurrence is planned once a daemon starts", command)]


def taken_away(case: Case, job: Job, plan: Plan, busy: bool) -> Fact:
    """Who ended its schedule."""
    asked = [
        event for event in case.store.events(job_id=job.id) if event.kind == "unschedule" and event.at == plan.ended_on
    ]
    actor = asked[0].actor if asked else job.modified_by
    reason = said(asked[0].detail.get("reason")) if asked else ""
    at = plan.ended_on or case.now
    command = None if busy else f"jobctl reschedule {job.name}"
    text = say("{actor} ended its schedule at {at}{reason}", actor=actor, at=case.ago(at), reason=reason)
    return Fact("unscheduled", text, command, {"at": at, "actor": actor})


def over(case: Case, job: Job, plan: Plan, busy: bool) -> Fact:
    """Its schedule has come to its own end."""
    at = plan.ended_on or case.now
    run = None if busy else f"jobctl run {job.name}"
    if plan.count is not None and plan.fired >= plan.count:
        ended = plan.end_at is not None and plan.end_at < case.now
        command = run if ended or busy else f"jobctl reschedule {job.name}"
        used = "its schedule is over since {at}: all {count} of its --count have run"
        text = say(used, at=when(at), count=plan.count)
        return Fact("count_used_up", text, command, {"since": at, "count": plan.count})
    if plan.spec["notation"] == "once":
        text = say("its schedule was for once, and is over since {at}", at=when(at))
        return Fact("was_once", text, run, {"since": at})
    text = say("its schedule is over since {at}", at=when(at))
    if plan.end_at is not None:
        text = say("{over}: it had nothing left before its --end, {end}", over=text, end=when(plan.end_at))
    return Fact("window_passed", text, run, {"since": at, "until": plan.end_at})


def left_out(job: Job, pending: SystemJob) -> list[Fact]:
    """That --skip leaves out instants just before the next one."""
    plan = job.plan
    if plan is None or not plan.spec.get("skip") or pending.occurrence_at is None:
        return []
    bare = {name: value for name, value in plan.spec.items() if name != "skip"}
    try:
        kept, every = ledger.schedule_of(plan), ledger.schedule_of(replace(plan, spec=bare))
    except BadInput:
        return []
    next_at, made = to_datetime(pending.occurrence_at), to_datetime(plan.activated_at)
    previous = max(kept.last_before(next_at) or made, made)
    number = every.count_between(previous, next_at - ledger.TICK)
    first = every.next_after(previous)
    if not number or first is None:
        return []
    at = from_datetime(first)
    text = say("--skip leaves out {at}", at=when(at))
    if number > 1:
        text = say("{first} and {number} more", first=text, number=number - 1)
    return [Fact("skipped_date", text, details={"at": at, "number": number})]


def last_ones(case: Case, job: Job) -> list[Fact]:
    """What became of the newest that are over, newest first; what to do about them is asked by their number."""
    rows = case.store.database.run("completed_of_job", {"job_id": job.id, "limit": LAST})
    labels = ("last, {number}", "before, {number}", "before, {number}")
    return [
        ending(case, row)[0].of(row, say(label, number=row.sequence)).without_command()
        for label, row in zip(labels, map(system_job_from, rows), strict=False)
    ]
