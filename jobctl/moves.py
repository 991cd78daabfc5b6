"""The moves of a system job that several rules share: becoming ready, ending, keeping a token's queue."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from jobctl import alarms
from jobctl.model import Reason, State, Status, SystemJob, Wait
from jobctl.records import replace
from jobctl.store import Transaction


def join_token(tx: Transaction, row: SystemJob) -> SystemJob:
    """Take the place at the end of its token's queue; a place once taken is kept."""
    if row.dependency_token is None or row.token_seq is not None:
        return row
    tail = tx.token_tail(row.dependency_token)
    blocked_by, token_seq = (tail[0], tail[1] + 1) if tail else (None, 1)
    parameters = {"sequence": row.sequence, "token_seq": token_seq, "blocked_by": blocked_by}
    tx.database.run("join_token", parameters)
    return replace(row, token_seq=token_seq, blocked_by=blocked_by)


def join_planned(tx: Transaction) -> None:
    """Occurrences join at their planned instant; those whose instant has passed do so before anyone else."""
    for (sequence,) in tx.database.run("joining", {"now": tx.now}):
        join_token(tx, tx.system_job(sequence))


@contextmanager
def leaving(tx: Transaction, row: SystemJob) -> Iterator[None]:
    """Around what ends it: whoever stands behind it in a queue moves up, and whoever waits for its end hears of it."""
    ahead = tx.blocked_by(row.sequence)  # as it is now: the row may have been read before others left the queue
    yield
    parameters = {"sequence": row.sequence, "token": row.dependency_token, "blocked_by": ahead}
    tx.database.run("leave_queue", parameters)
    tx.ended.append(row.sequence)
    if len(tx.ended) == 1:
        _tell_dependents(tx)


def _tell_dependents(tx: Transaction) -> None:
    """Let go on what waited for the ends there were; what can no longer happen is canceled, and so ends, too."""
    while tx.ended:
        ended = tx.ended[0]
        # Not removed before all have heard of it: what is canceled meanwhile queues up behind.
        for sequence, condition in tx.database.run("dependents", {"after": ended}):
            found = tx.find_system_job(ended)
            dependent, wait = tx.system_job(sequence), Wait(ended, condition)
            if dependent.state is State.COMPLETED:
                continue
            if wait.met_by(Status.CANCELED if found is None else found.status):
                tx.database.run("meet_wait", {"sequence": sequence, "after": ended, "now": tx.now})
                go_on(tx, dependent)
            else:
                complete(tx, dependent, Status.CANCELED, Reason.DEPENDENCY, unmet(wait, found))
        tx.ended.popleft()


def unmet(wait: Wait, ended: SystemJob | None) -> str:
    """Why a dependent can no longer run."""
    how = (
        "was deleted"
        if ended is None
        else {Status.FAILED: "failed", Status.CANCELED: "was canceled"}.get(ended.status, "succeeded")
    )
    wanted = {"success": "succeeded", "failure": "failed"}[wait.condition]
    return f"not run: it was to run once #{wait.after} had {wanted}, and that {how}"


def go_on(tx: Transaction, row: SystemJob) -> SystemJob:
    """One thing it waited for has come: it waits for the next one, for its time, or no longer."""
    if row.reason not in (Reason.AFTER, Reason.WAITING_FOR_EVENT):
        return row
    ((waits,),) = tx.database.run("open_waits", {"sequence": row.sequence})
    if waits:
        return suspend(tx, row, Reason.AFTER)
    if row.event is not None:
        return suspend(tx, row, Reason.WAITING_FOR_EVENT)
    join_planned(tx)  # those planned before now come first in the token's queue
    row = join_token(tx, row)
    return suspend(tx, row, Reason.SCHEDULED) if row.due_at > tx.now else make_ready(tx, row)


def make_ready(tx: Transaction, row: SystemJob) -> SystemJob:
    """It may run now: it waits for a slot, or for what `blocked_by` names."""
    row = join_token(tx, row)
    ready = replace(row, state=State.READY, status=Status.WAITING_FOR_RESOURCES, reason=None, ready_on=tx.now)
    return tx.save(row, ready)


def suspend(tx: Transaction, row: SystemJob, reason: Reason, due_at: int | None = None) -> SystemJob:
    """It waits for its time or for a person; what processes it has stay with their runner."""
    waiting = replace(
        row,
        state=State.SUSPENDED,
        status=Status.WAITING,
        reason=reason,
        due_at=row.due_at if due_at is None else due_at,
        pause_until=None,
    )
    return tx.save(row, waiting)


def complete(
    tx: Transaction, row: SystemJob, status: Status, reason: Reason | None, message: str | None = None
) -> SystemJob:
    """It is over. Only for one whose processes are gone; nothing leaves completed."""
    done = replace(
        row,
        state=State.COMPLETED,
        status=status,
        reason=reason,
        message=message if message is not None else row.message,
        completed_on=tx.now if row.completed_on is None else row.completed_on,
        blocked_by=None,
        runner_id=None,
    )
    with leaving(tx, row):
        return alarms.notice(tx, tx.save(row, done))


def cancel(tx: Transaction, row: SystemJob, reason: Reason, message: str) -> SystemJob:
    """Completed at once, or as soon as its process tree is gone; `reason` and `message` are kept until then."""
    if not row.has_process and row.state is not State.LOCKED:
        return complete(tx, row, Status.CANCELED, reason, message)
    marked = replace(row, cancel_reason=reason, message=message)
    if row.state is State.LOCKED:
        return tx.save(row, replace(marked, status=Status.CANCELING))
    return suspend(tx, marked, Reason.CANCELING)


def remove(tx: Transaction, row: SystemJob) -> None:
    """Delete the row; whoever waited for it in its token's queue moves up."""
    with leaving(tx, row):
        tx.delete(row.sequence)
