"""How a system job ended, or why it never began."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Final

from jobctl.clock import MICROSECONDS
from jobctl.model import MISSED_AFTER, Reason, Status, SystemJob
from jobctl.outcomes import NOT_RETRIED
from jobctl.saying import say
from jobctl.why.facts import Case, Fact, coded, length, message_of, named, said, when, whose

AT_START: Final = frozenset({Reason.SPAWN, Reason.IMPORT, Reason.ARGUMENTS})
NUMBER: Final = re.compile(r"#([0-9]{1,18})")
"""How messages name another system job."""


def ending(case: Case, row: SystemJob) -> list[Fact]:
    """What became of one that is completed: the fact itself, and what it came from."""
    assert row.completed_on is not None
    if row.status is Status.SUCCEEDED:
        attempt = say(", at attempt {number}", number=row.attempt) if row.attempt > 1 else ""
        at, ran = case.ago(row.completed_on), after_running(row)
        text = say("it succeeded at {at}{ran}{attempt}", at=at, ran=ran, attempt=attempt)
        return [Fact("succeeded", text, details={"at": row.completed_on, "attempt": row.attempt})]
    if row.status is Status.FAILED:
        return failed(case, row)
    assert row.reason is not None
    return OF_REASON[row.reason](case, row)


def after_running(row: SystemJob) -> str:
    if row.run_time is None:
        return ""
    short = 1000 <= row.run_time < MICROSECONDS
    return say(" after running {span}", span=f"{row.run_time // 1000}ms" if short else length(row.run_time))


def again(case: Case, row: SystemJob) -> str | None:
    """The command that runs it once more, if its job is still there."""
    return f"jobctl rerun {row.sequence}" if case.job_exists(row) else None


def failed(case: Case, row: SystemJob) -> list[Fact]:
    assert row.reason is not None and row.completed_on is not None
    at, details = case.ago(row.completed_on), {"at": row.completed_on, "reason": row.reason.value}
    message = message_of(row) or coded(row.reason.value)
    if row.reason in AT_START:
        fit = row.reason is Reason.ARGUMENTS and case.job_exists(row)
        command = f"jobctl run {row.job} --data JSON" if fit else again(case, row)
        mend = say("give it data that fits" if fit else "mend that first")
        text = say("it could not start at {at}: {message}; {mend}", at=at, message=message, mend=mend)
        found = [Fact("refused_at_start", text, command, details)]
    elif row.reason is Reason.LOST:
        text = say("it was lost at {at}: its runner or its machine was gone, and nothing tells how it ended", at=at)
        found = [Fact("lost", text, again(case, row), details)]
    else:
        text = say("it failed at {at}{ran}: {message}", at=at, ran=after_running(row), message=message)
        found = [Fact("failed", text, again(case, row), details)]
    return [*found, *retried(case, row)]


def retried(case: Case, row: SystemJob) -> list[Fact]:
    """What of its retries there was."""
    retries = case.store.job_version(row.job_version_id).definition.retries
    if not retries:
        return []
    details = {"retries": retries, "retried": row.retry_count}
    if row.reason in NOT_RETRIED:
        return [Fact("not_retried", "it was not retried: trying again cannot mend that", details=details)]
    if row.retry_count >= retries:
        text = say("its retry was used up")
        if retries > 1:
            text = say("all {number} retries were used up", number=retries)
        return [Fact("retries_used_up", text, details=details)]
    return []


def by_person(case: Case, row: SystemJob) -> list[Fact]:
    """Canceled by somebody, or with its job."""
    assert row.completed_on is not None
    event = case.last_event(row, "cancel", "delete")
    actor = event.actor if event else row.modified_by
    told = row.message or ""
    because = "" if told.startswith("canceled by") else said(message_of(row))
    at = case.ago(event.at if event else row.completed_on)
    text = say("{actor} canceled it at {at}{because}", actor=actor, at=at, because=because)
    details = {"at": row.completed_on, "actor": actor}
    return [Fact("canceled", text, again(case, row), details)]


def unscheduled(case: Case, row: SystemJob) -> list[Fact]:
    assert row.completed_on is not None
    message, at = message_of(row) or say("the schedule ended"), case.ago(row.completed_on)
    text = say("not run: {message}, by {actor} at {at}", message=message, actor=row.modified_by, at=at)
    details = {"at": row.completed_on, "actor": row.modified_by}
    return [Fact("unscheduled", text, again(case, row), details)]


def stopped(case: Case, row: SystemJob) -> list[Fact]:
    assert row.completed_on is not None
    at, ran = case.ago(row.completed_on), after_running(row)
    text = say("the daemon was told twice to stop, and ended it at {at}{ran}", at=at, ran=ran)
    return [Fact("daemon_stopped", text, again(case, row), {"at": row.completed_on})]


def told(code: str) -> Callable[[Case, SystemJob], list[Fact]]:
    """What its message says, and what the system job is doing that the message names."""

    def facts(case: Case, row: SystemJob) -> list[Fact]:
        assert row.completed_on is not None
        message = message_of(row) or coded(code)
        numbers = [int(number) for number in NUMBER.findall(message)]
        details = {"at": row.completed_on, "system_jobs": numbers}
        text = say("{message} (at {at})", message=message, at=when(row.completed_on))
        found = [Fact(code, text, again(case, row), details)]
        others = [other for number in numbers if (other := case.store.find_system_job(number)) is not None]
        return [*found, *(Fact("other", whose(other, life(case, other))) for other in others)]

    return facts


def life(case: Case, row: SystemJob) -> str:
    """When another one ran, in a few words."""
    if row.started_on is None or row.completed_on is None:
        return case.doing(row)
    status, at = say(row.status.label), when(row.completed_on)
    return say("began {began}, {status} {at}", began=when(row.started_on), status=status, at=at)


def missed(case: Case, row: SystemJob) -> list[Fact]:
    """Its instants passed with nobody there to see them; perhaps the last of them was made up for."""
    assert row.completed_on is not None
    number = row.dropped or 1
    details = {"at": row.completed_on, "number": number}
    message, looked = message_of(row) or say("missed"), when(row.completed_on)
    late = length(MISSED_AFTER)
    text = say("{message} (looked at {at}, more than {late} late)", message=message, at=looked, late=late)
    parameters = {"job_id": row.job_id, "plan": row.plan, "occurrence_at": row.occurrence_at}
    following = [case.store.system_job(found) for (found,) in case.store.database.run("following", parameters)]
    made_up = [one for one in following if one.ready_on == row.completed_on]
    found = [Fact("missed", text, again(case, row), details)]
    for one in made_up:
        text = say("{other} was run for the instants missed: {life}", other=named(one), life=life(case, one))
        found.append(Fact("caught_up", text, details={"system_job": one.sequence}))
    return found


def rested(case: Case, row: SystemJob) -> list[Fact]:
    """Its schedule rested then, as somebody had asked."""
    assert row.completed_on is not None
    found = told("schedule_rested")(case, row)
    for event in case.store.events(job_id=row.job_id):
        if event.kind == "unschedule" and event.detail.get("until") and event.at <= row.completed_on:
            why = said(event.detail.get("reason"))
            words = say("{actor} asked for it at {at}{why}", actor=event.actor, at=when(event.at), why=why)
            return [*found, Fact("asked", words, details={"at": event.at, "actor": event.actor})]
    return found


OF_REASON: Final[Mapping[Reason, Callable[[Case, SystemJob], list[Fact]]]] = {
    Reason.USER: by_person,
    Reason.UNSCHEDULED: unscheduled,
    Reason.DAEMON_STOPPED: stopped,
    Reason.MISSED: missed,
    Reason.OVERLAP: told("overlap"),
    Reason.REPLACED: told("replaced"),
    Reason.LATE: told("late"),
    Reason.PAUSED_SCHEDULE: rested,
    Reason.DEPENDENCY: told("dependency"),
}
