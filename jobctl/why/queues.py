"""What a ready system job stands behind: its token's queue, an earlier occurrence, its job's limit, the slots."""

from __future__ import annotations

from jobctl.model import Status, SystemJob
from jobctl.saying import say
from jobctl.why.facts import Case, Fact, listed, named, operation

FARTHEST = 100
"""How many that stand behind one another are followed one by one."""
MOST_COUNTED = 1000
"""How many that the claim takes before are counted; of more it is only told that they are more."""


def behind(case: Case, row: SystemJob) -> Fact:
    """What `blocked_by` names, and who is first in that queue."""
    number = row.blocked_by or 0
    ahead = case.store.find_system_job(number)
    doing = f"{number}"
    if ahead is not None:
        doing = say("{other}, which is {doing}", other=named(ahead), doing=case.doing(ahead))
    if ahead is None or row.token_seq is None or ahead.dependency_token != row.dependency_token:
        text = say("it waits for the end of {other}: an earlier occurrence of the same schedule", other=doing)
        return Fact("overlap", text, details={"behind": row.blocked_by})
    parameters = {"token": row.dependency_token, "token_seq": row.token_seq}
    ((_, before, first),) = case.store.database.run("token_queue", parameters)
    text = say("it waits for the token {token!r} behind {other}", token=row.dependency_token, other=doing)
    if before > 1:
        holder = case.store.system_job(first)
        more = "{waits}; {number} are before it, and {holder} has the token, {doing}"
        text = say(more, waits=text, number=before, holder=named(holder), doing=case.doing(holder))
    details = {"token": row.dependency_token, "behind": row.blocked_by, "holder": first, "before": before}
    return Fact("token", text, details=details)


def first_of_chain(case: Case, row: SystemJob) -> SystemJob | None:
    """The one that has to end before all others that stand before this one can."""
    found: SystemJob | None = row
    for _ in range(FARTHEST):
        if found is None or found.blocked_by is None:
            return found
        if found.token_seq is not None:
            parameters = {"token": found.dependency_token, "token_seq": found.token_seq}
            ((_, before, first),) = case.store.database.run("token_queue", parameters)
            if before:
                found = case.store.find_system_job(first)
                continue
        found = case.store.find_system_job(found.blocked_by or 0)
    return found


def room(case: Case, row: SystemJob) -> list[Fact]:
    """What of its job's limit and of the daemon's slots is taken, and by whom; or that it may begin at any moment."""
    found = []
    version = case.store.job_version(row.job_version_id)
    limit = limit_of(case, row)
    same = [one for one in case.running if one.job_id == row.job_id]
    if limit is not None and len(same) >= limit:
        same_job = "no more than {limit} of {job} run at a time, and {others} do"
        if len(same) == 1:
            same_job = "no more than {limit} of {job} run at a time, and {others} does"
        text = say(same_job, limit=limit, job=version.job, others=listed(same))
        details = {"limit": limit, "running": [one.sequence for one in same]}
        found.append(Fact("concurrency", text, to_pause(same), details))
    holders = holders_of_slots(case.running)
    slots = case.presence.slots
    before = ready_before(case, row)
    if slots and len(holders) >= slots:
        taken = "all {slots} slots are taken, by {others}{before}"
        text = say(taken, slots=slots, others=listed(holders), before=before_words(before))
        details = {"slots": slots, "running": [one.sequence for one in holders], **before_details(before)}
        found.append(Fact("slots", text, to_pause(holders), details))
    elif not found:
        free = say("the daemon is just starting")
        if slots:
            free = say("{free} of {slots} slots are free", free=slots - len(holders), slots=slots)
        text = say(
            "{free}{before}: it begins at one of the daemon's next turns", free=free, before=before_words(before)
        )
        found.append(Fact("about_to_begin", text, details=before_details(before)))
    return found


def holders_of_slots(locked: list[SystemJob]) -> list[SystemJob]:
    """The one that each runner runs: what else it was handed waits there for its turn, and holds no slot."""
    found: dict[str | None, SystemJob] = {}
    for one in locked:
        if (one.message or "").startswith("stuck:"):
            continue
        held = found.setdefault(one.runner_id, one)
        if held.started_on is None and one.started_on is not None:
            found[one.runner_id] = one
    return list(found.values())


def limit_of(case: Case, row: SystemJob) -> int | None:
    """How many of its job may run at a time now."""
    rows = case.store.database.run("job_limit", {"id": row.job_id})
    return rows[0][0] if rows else None


def ready_before(case: Case, row: SystemJob) -> int:
    """How many ready ones the claim takes before it; above MOST_COUNTED it is not known how many."""
    place = {"priority": row.priority, "ready_on": row.ready_on, "sequence": row.sequence}
    ((before,),) = case.store.database.run("ready_before", {**place, "most": MOST_COUNTED})
    return int(before)


def before_details(before: int) -> dict[str, int | bool]:
    if before > MOST_COUNTED:
        return {"before": MOST_COUNTED, "more_before": True}
    return {"before": before}


def before_words(before: int) -> str:
    if not before:
        return ""
    if before > MOST_COUNTED:
        return say("; more than {number} ready ones are before it", number=MOST_COUNTED)
    one = "; {number} ready one is before it"
    return say(one if before == 1 else "; {number} ready ones are before it", number=before)


def to_pause(rows: list[SystemJob]) -> str | None:
    """The command that makes room and loses nothing: the least urgent one that runs stands still for a while."""
    if any(one.status in (Status.PAUSING, Status.CANCELING) for one in rows):
        return None  # room is being made
    running = [one for one in rows if one.started_on is not None and not one.platform]
    least = min(running, key=lambda one: (one.priority, -(one.started_on or 0)), default=None)
    return None if least is None else operation("pause", least)
