"""What holds a system job that is not completed: first what decides now, then what will after that."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from jobctl import ledger
from jobctl.clock import MICROSECONDS
from jobctl.errors import BadInput
from jobctl.model import NOT_STARTED, Plan, Reason, State, Status, SystemJob
from jobctl.output.text import until
from jobctl.records import replace
from jobctl.saying import Recorded, say
from jobctl.why.daemons import jumps
from jobctl.why.facts import (
    Case,
    Fact,
    first_command,
    length,
    message_of,
    named,
    operation,
    quoted,
    recorded,
    resume,
    said,
    when,
)
from jobctl.why.queues import behind, first_of_chain, room

DEEPEST: Final = 20
"""How far one that waits for one that waits is followed."""
MOST_NAMED: Final = 3
"""How many predecessors are told of one by one."""


def standing(case: Case, row: SystemJob, depth: int = 0) -> list[Fact]:
    """The facts about one that is not completed."""
    if row.sequence not in case.told:  # many may wait for the same one
        case.told[row.sequence] = locked(case, row) if row.state is State.LOCKED else waiting(case, row, depth)
    return list(case.told[row.sequence])


def waiting(case: Case, row: SystemJob, depth: int) -> list[Fact]:
    found = ready(case, row, depth) if row.state is State.READY else suspended(case, row, depth)
    if row.start_by is not None and row.attempt == 0:
        text = say("it is not run unless it begins by {at}", at=case.ago(row.start_by))
        found.append(Fact("late_limit", text, details={"by": row.start_by}))
    absent = no_daemon(case)
    if absent is not None and all(fact.code != absent.code for fact in found):
        found.append(absent)
    return found


def no_daemon(case: Case) -> Fact | None:
    """That nobody acts on what is due or ready, if so."""
    there = case.presence
    if there.running and there.standing_since is not None:
        since = there.standing_since
        still = "the daemon (pid {pid}) has taken no turn {since}: it or its machine was stopped"
        text = say(still, pid=there.pid, since=case.since(since))
        return Fact("daemon_stands_still", text, "jobctl daemon --takeover", {"since": since, "pid": there.pid})
    if there.running and there.stopping_since is not None:
        since = there.stopping_since
        stopping = "the daemon was told to stop and starts nothing more {since}; the next one goes on"
        text = say(stopping, since=case.since(since))
        return Fact("daemon_stopping", text, details={"since": since, "pid": there.pid})
    if there.running:
        return None
    if there.absent_since is None:
        return Fact("no_daemon", "no daemon has ever run here", "jobctl daemon", {"since": None})
    gone = "no daemon is running; the last one was last seen alive at {at}"
    if there.left_word:
        gone = "no daemon is running; the last one stopped at {at}"
    text = say(gone, at=case.ago(there.absent_since))
    return Fact("no_daemon", text, "jobctl daemon", {"since": there.absent_since})


# Suspended


def suspended(case: Case, row: SystemJob, depth: int) -> list[Fact]:
    assert row.reason is not None
    if row.reason in (Reason.AFTER, Reason.WAITING_FOR_EVENT):
        found = conditions(case, row, depth)
    else:
        found = [*OF_REASON[row.reason](case, row)]
    if row.blocked_by is not None:
        found.append(behind(case, row).without_command())
    return found


def conditions(case: Case, row: SystemJob, depth: int) -> list[Fact]:
    """The ends and the event it waits for, and its time, which comes after them."""
    found: list[Fact] = []
    waits = [wait for wait in case.store.waits(row.sequence) if wait.met_on is None]
    for wait in waits[:MOST_NAMED]:
        found += after(case, row, wait.after, wait.condition, depth)
    if len(waits) > MOST_NAMED:
        more = "and after {number} more; see: jobctl show {sequence}"
        found.append(Fact("more", say(more, number=len(waits) - MOST_NAMED, sequence=row.sequence)))
    if row.event is not None:
        text = say("it waits for the event {event!r} {since}", event=row.event, since=case.since(row.created_on))
        dash = "-- " if row.event.startswith("-") else ""
        command = None if found else f"jobctl emit {dash}{quoted(row.event)}"
        found.append(Fact("waits_for_event", text, command, {"event": row.event}))
    if row.due_at > case.now:
        text = say("and not before {at}", at=case.ago(row.due_at))
        found.append(Fact("not_due", text, details={"at": row.due_at}))
    return found


def after(case: Case, row: SystemJob, number: int, condition: str, depth: int) -> list[Fact]:
    """One predecessor and what holds that, which is to be changed; if it runs, only the condition can be waived."""
    wanted = say({"success": "succeed", "failure": "fail"}.get(condition, "end"))
    details = {"after": number, "condition": condition}
    other, absent = case.store.find_system_job(number), no_daemon(case)
    if other is None or depth > DEEPEST:
        text = say("it comes after {other}, which must {wanted} first", other=number, wanted=wanted)
        return [Fact("after", text, resume(row), details)]
    comes = "it comes after {other}, which must {wanted} first: that is {doing}"
    text = say(comes, other=named(other), wanted=wanted, doing=case.doing(other))
    if other.state is State.LOCKED:
        # It ends by itself, but only a daemon can take note of it.
        return [Fact("after", text, resume(row) if absent is None else absent.command, details)]
    facts = standing(case, other, depth + 1)
    found = Fact("after", text, first_command(facts) or resume(row), details)
    return [
        found,
        *(fact.of(other).without_command() for fact in facts[:1] if absent is None or fact.code != absent.code),
    ]


def timed(case: Case, row: SystemJob) -> list[Fact]:
    """It waits for an instant, which may have come without anybody there to see it."""
    origin = [REASONS_OF_TIME[row.reason or Reason.SCHEDULED](case, row), *broken_schedule(case, row)]
    if row.due_at > case.now:
        return origin
    held = no_daemon(case) or clock_hold(case)
    if held is None:
        text = say("it is due since {at}, and the daemon decides on it at its next turn", at=when(row.due_at))
        held = Fact("due", text, details={"since": row.due_at})
    return [held, *origin]


def clock_hold(case: Case) -> Fact | None:
    """That the clock has just jumped, and nothing planned is believed yet."""
    for at, seconds, held_for in reversed(jumps(case.store, case.now - 3600 * MICROSECONDS, case.now)):
        until = at + round(held_for * MICROSECONDS)
        if until > case.now:
            far = length(round(abs(seconds)) * MICROSECONDS)
            jumped = "the clock jumped ahead by {span} at {at}: what is planned is held back until {until}"
            text = say(jumped, span=far, at=when(at), until=when(until))
            return Fact("clock_jump", text, details={"at": at, "until": until, "seconds": seconds})
    return None


def scheduled(case: Case, row: SystemJob) -> Fact:
    plan = case.plan_of(row)
    if row.occurrence_at is None:
        text = say("{actor} submitted it for {at}", actor=row.created_by, at=case.ago(row.due_at))
    elif plan is not None and ledger.in_pause(plan, row.occurrence_at):
        return rests(case, plan, row)
    else:
        text = say("its schedule planned it for {at}", at=case.ago(row.occurrence_at))
        if row.due_at > row.occurrence_at:
            text = say("{planned}, its jitter delays it until {at}", planned=text, at=when(row.due_at))
    if row.due_at > case.now:
        return Fact("not_due", say("not due yet: {planned}", planned=text), resume(row), {"at": row.due_at})
    return Fact("planned", text, resume(row), {"at": row.due_at})


def rests(case: Case, plan: Plan, row: SystemJob) -> Fact:
    """Its schedule rests. What has fallen due meanwhile is not run at its end: a person can only run it now."""
    end = plan.paused_until or 0
    asked = [event for event in case.store.events(job_id=row.job_id) if event.detail.get("until") == end]
    actor = asked[0].actor if asked else "somebody"
    text = say(
        "its schedule rests {until}{why}, as {actor} asked",
        until=until(end, case.ago(end)),
        why=said(plan.pause_reason),
        actor=actor if asked else say(actor),
    )
    ahead = row.occurrence_at is not None and row.occurrence_at > case.now
    command = f"jobctl unschedule {row.job} --until now" if ahead else resume(row)
    return Fact("schedule_rests", text, command, {"since": plan.paused_from, "until": end, "actor": actor})


def postponed(case: Case, row: SystemJob) -> Fact:
    event = case.last_event(row, "postpone")
    actor, at = (event.actor, event.at) if event else (row.modified_by, row.modified_on)
    text = say("{actor} postponed it at {at}, until {until}", actor=actor, at=when(at), until=case.ago(row.due_at))
    if row.has_process:
        text = say("{postponed}; its processes stand still", postponed=text)
    return Fact("postponed", text, resume(row), {"at": at, "until": row.due_at, "actor": actor})


def retrying(case: Case, row: SystemJob) -> Fact:
    event = case.last_event(row, "retry", "lost")
    if event is None or event.kind == "lost":
        gone = "attempt {number} was lost with its runner; the next one is due {at}"
        text = say(gone, number=row.attempt, at=case.ago(row.due_at))
    else:
        retries = case.store.job_version(row.job_version_id).definition.retries
        text = say(
            "attempt {number} failed{ended}; retry {retry} of {retries} is due {at}",
            number=row.attempt,
            ended=said(recorded(event.detail)),
            retry=row.retry_count,
            retries=retries,
            at=case.ago(row.due_at),
        )
    return Fact("retry", text, resume(row), {"until": row.due_at, "attempt": row.attempt, "retry": row.retry_count})


def broken_schedule(case: Case, row: SystemJob) -> list[Fact]:
    """That its schedule cannot be computed here any more, which will hold it."""
    plan = case.plan_of(row)
    if row.reason is not Reason.SCHEDULED or plan is None:
        return []
    try:
        ledger.schedule_of(plan)
    except BadInput as error:
        text = say("its schedule cannot be computed on this machine: {error}", error=Recorded(error))
        return [Fact("schedule_broken", text)]
    return []


def paused(case: Case, row: SystemJob) -> list[Fact]:
    event = case.last_event(row, "pause")
    actor, at = (event.actor, event.at) if event else (row.modified_by, row.modified_on)
    ran = say(", after it had run {span}", span=length(row.run_time)) if row.run_time else ""
    text = say("{actor} paused it at {at}{ran}", actor=actor, at=case.ago(at), ran=ran)
    return [Fact("paused", text, resume(row), {"at": at, "actor": actor})]


def being_canceled(case: Case, row: SystemJob) -> list[Fact]:
    event = case.last_event(row, "cancel", "delete")
    asked: str = message_of(row) or say("it is being canceled")
    if event:
        asked = say("{actor} canceled it at {at}", actor=event.actor, at=when(event.at))
    grace = case.store.job_version(row.job_version_id).definition.grace
    text = say("{asked}: its processes are being ended, and killed after {grace:g} s", asked=asked, grace=grace)
    details = {"at": event.at, "actor": event.actor} if event else {}
    return [Fact("canceling", text, details=details)]


def held(case: Case, row: SystemJob) -> list[Fact]:
    if row.lost_count:
        event = case.last_event(row, "lost")
        last = say(", last at {at}", at=when(event.at)) if event else ""
        text = say(
            "it was lost {number} times{last}, and is held for a person to decide", number=row.lost_count, last=last
        )
        return [Fact("held_lost", text, resume(row), {"losses": row.lost_count})]
    message = message_of(row) or say("its schedule failed")
    advice = "it is held: {message}; run it now, or give the job another schedule with jobctl reschedule {job}"
    return [Fact("held_schedule", say(advice, message=message, job=row.job), resume(row))]


# Ready and locked


def ready(case: Case, row: SystemJob, depth: int) -> list[Fact]:
    words = "it is ready to go on where it stood {since}" if row.has_process else "it is ready {since}"
    told = say(words, since=case.since(row.ready_on or row.due_at))
    since = Fact("ready", told, details={"since": row.ready_on})
    if row.message and row.message.startswith(NOT_STARTED) and no_daemon(case) is None:
        text = say("it {message}; it is tried again every second", message=message_of(row))
        return [Fact("not_started", text), since]
    if row.blocked_by is not None:
        return [*in_line(case, row, depth), since]
    found = no_daemon(case)
    return [*([found] if found else room(case, row)), since]


def in_line(case: Case, row: SystemJob, depth: int) -> list[Fact]:
    """It stands behind others: what holds the first of those is to be changed, or that one ended."""
    waits, first, absent = behind(case, row), first_of_chain(case, row), no_daemon(case)
    if first is None or depth >= DEEPEST:
        return [waits]
    facts = standing(case, first, depth + 1)
    if first.state is not State.LOCKED:
        change = first_command(facts) or operation("cancel", first)
    elif absent is not None or first.status is Status.CANCELING:
        change = None if absent is None else absent.command  # it ends by itself, and only a daemon can take note of it
    else:
        change = operation("cancel", first)
    found = [replace(waits, command=change)]
    if facts[0].code != "running":
        found.append(facts[0].of(first).without_command())
    return found if absent is None or facts[0].code == absent.code else [*found, absent]


def locked(case: Case, row: SystemJob) -> list[Fact]:
    absent = no_daemon(case)
    if row.status is Status.CANCELING:
        return [*being_canceled(case, row), *([absent] if absent else [])]
    if row.status is Status.PAUSING:
        event = case.last_event(row, "pause", "postpone")
        actor, at = (event.actor, event.at) if event else (row.modified_by, row.modified_on)
        until = "" if row.pause_until is None else say(" until {at}", at=when(row.pause_until))
        asked = "{actor} asked at {at} to pause it{until}: its processes are being stopped"
        text = say(asked, actor=actor, at=when(at), until=until)
        return [Fact("pausing", text, details={"at": at, "actor": actor}), *([absent] if absent else [])]
    if row.started_on is None:
        text = say("it was handed to a runner at {at} and is about to begin", at=when(row.modified_on))
        return [Fact("handed_over", text, details={"since": row.modified_on}), *([absent] if absent else [])]
    attempt = say(", attempt {number}", number=row.attempt) if row.attempt > 1 else ""
    details = {"since": row.started_on, "attempt": row.attempt}
    if absent is not None and not case.presence.running:
        began = "it began at {at}{attempt}, and without a daemon its end is not recorded"
        text = say(began, at=case.ago(row.started_on), attempt=attempt)
        return [Fact("running", text, details=details), absent]
    text = say("it is running {since}{attempt}", since=case.since(row.started_on), attempt=attempt)
    found = [Fact("running", text, details=details)]
    if row.message and row.message.startswith("stuck:"):
        found.append(Fact("stuck", Recorded(row.message)))
    return found


REASONS_OF_TIME: Final[Mapping[Reason, Callable[[Case, SystemJob], Fact]]] = {
    Reason.SCHEDULED: scheduled,
    Reason.POSTPONED: postponed,
    Reason.RETRYING: retrying,
}
OF_REASON: Final[Mapping[Reason, Callable[[Case, SystemJob], list[Fact]]]] = {
    **dict.fromkeys(REASONS_OF_TIME, timed),
    Reason.PAUSED: paused,
    Reason.CANCELING: being_canceled,
    Reason.HELD: held,
}
