"""The moves of a system job that several rules share: becoming ready, ending, keeping a token's queue."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

from jobctl.model import Reason, State, Status, SystemJob
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
def leaving_token(tx: Transaction, row: SystemJob) -> Iterator[None]:
    """Around what ends it: whoever stands behind it, in the token's queue or its schedule's, moves up."""
    ahead = tx.blocked_by(row.sequence)  # as it is now: the row may have been read before others left the queue
    yield
    parameters = {"sequence": row.sequence, "token": row.dependency_token, "blocked_by": ahead}
    tx.database.run("leave_queue", parameters)


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
    with leaving_token(tx, row):
        return tx.save(row, done)


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
    with leaving_token(tx, row):
        tx.delete(row.sequence)
