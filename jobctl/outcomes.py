"""What becomes of a system job when an attempt has ended: completed, tried again, or held for a person."""

from __future__ import annotations

from jobctl import alarms, moves
from jobctl.clock import MICROSECONDS, from_datetime
from jobctl.model import MAX_LOSSES, Outcome, Reason, State, Status, SystemJob
from jobctl.records import replace
from jobctl.schedule.daylight import LATEST
from jobctl.store import Transaction

NOT_RETRIED = frozenset({Reason.SPAWN, Reason.IMPORT, Reason.ARGUMENTS, Reason.RESULT_TOO_LARGE})
"""Failures that trying again cannot mend."""


def settle(tx: Transaction, row: SystemJob, outcome: Outcome) -> SystemJob | None:
    """Record how the attempt ended; None when the row was deleted, as had been asked."""
    ended = replace(
        row,
        exit_code=outcome.exit_code,
        signal=outcome.signal,
        error_code=outcome.exit_code if outcome.status is Status.FAILED else None,
        message=outcome.message if outcome.message is not None else row.message,
        run_time=outcome.run_time,
        log_bytes=(row.log_bytes or 0) + outcome.log_bytes,
        progress=outcome.progress if outcome.progress is not None else row.progress,
        stage=outcome.stage if outcome.stage is not None else row.stage,
    )
    if row.delete_requested:
        moves.remove(tx, row)
        return None
    if canceling(row):
        reason = row.cancel_reason or Reason.USER
        if outcome.status is Status.CANCELED and outcome.reason is Reason.DAEMON_STOPPED:
            reason = outcome.reason
        if reason is Reason.REPLACED:
            ended = replace(ended, message=row.message)
        if outcome.result is not None:
            tx.save_result(row.sequence, outcome.result)
        return _complete(tx, row, ended, Status.CANCELED, reason, outcome.ended_on)
    if outcome.status is Status.FAILED and outcome.reason is Reason.LOST:
        return _lost(tx, row, ended)
    if outcome.status is Status.FAILED and _may_retry(tx, row, outcome):
        return _retry(tx, row, ended)
    if outcome.result is not None:
        tx.save_result(row.sequence, outcome.result)
    return _complete(tx, row, ended, outcome.status, outcome.reason, outcome.ended_on)


def canceling(row: SystemJob) -> bool:
    return row.status is Status.CANCELING or row.reason is Reason.CANCELING


def _complete(
    tx: Transaction, row: SystemJob, ended: SystemJob, status: Status, reason: Reason | None, ended_on: int
) -> SystemJob:
    done = replace(
        ended,
        state=State.COMPLETED,
        status=status,
        reason=reason,
        completed_on=ended_on or tx.now,
        blocked_by=None,
        runner_id=None,
    )
    with moves.leaving(tx, row):
        return alarms.notice(tx, tx.save(row, done))


def _may_retry(tx: Transaction, row: SystemJob, outcome: Outcome) -> bool:
    definition = tx.job_version(row.job_version_id).definition
    return outcome.reason not in NOT_RETRIED and row.retry_count < definition.retries


def _retry(tx: Transaction, row: SystemJob, ended: SystemJob) -> SystemJob:
    retry = row.retry_count + 1
    delay = tx.job_version(row.job_version_id).definition.retry_after(retry)
    begun = {"started_on": row.started_on}  # the next attempt's start takes its column
    tx.event("retry", sequence=row.sequence, retry=retry, after_seconds=delay, message=ended.message, **begun)
    waiting = replace(ended, runner_id=None, retry_count=retry)
    due_at = min(tx.now + round(delay * MICROSECONDS), from_datetime(LATEST))
    return _suspend(tx, row, waiting, *_again(row, due_at))


def _again(row: SystemJob, due_at: int) -> tuple[Reason, int]:
    """As what it waits for its next attempt: what a person asked for holds for that one too."""
    if row.status is Status.PAUSING:
        reason, until = _pause_of(row)
        return reason, max(until, due_at)
    if row.reason in (Reason.PAUSED, Reason.POSTPONED):
        return row.reason, max(row.due_at, due_at)
    return Reason.RETRYING, due_at


def _lost(tx: Transaction, row: SystemJob, ended: SystemJob) -> SystemJob:
    """Its runner or its machine went away in the middle: a second start is the person's decision, or the job's."""
    losses = row.lost_count + 1
    tx.event("lost", sequence=row.sequence, losses=losses, message=ended.message, started_on=row.started_on)
    ended = replace(ended, lost_count=losses, runner_id=None)
    if tx.job_version(row.job_version_id).definition.on_lost == "fail":
        return _complete(tx, row, ended, Status.FAILED, Reason.LOST, tx.now)
    if losses >= MAX_LOSSES:
        return alarms.notice(tx, _suspend(tx, row, ended, Reason.HELD, row.due_at))
    return _suspend(tx, row, ended, *_again(row, tx.now))


def _suspend(tx: Transaction, row: SystemJob, ended: SystemJob, reason: Reason, due_at: int) -> SystemJob:
    waiting = replace(
        ended, state=State.SUSPENDED, status=Status.WAITING, reason=reason, due_at=due_at, pause_until=None
    )
    return tx.save(row, waiting)


def hand_back(tx: Transaction, row: SystemJob) -> SystemJob | None:
    """Handed over but never begun: it is ready again, as if nobody had claimed it, unless it shall be gone."""
    if row.delete_requested:
        moves.remove(tx, row)
        return None
    free = replace(row, runner_id=None)
    if canceling(row):
        return _complete(tx, row, free, Status.CANCELED, row.cancel_reason or Reason.USER, tx.now)
    if row.status is Status.PAUSING:
        return _suspend(tx, row, free, *_pause_of(row))
    return tx.save(row, replace(free, state=State.READY, status=Status.WAITING_FOR_RESOURCES))


def pause_took_effect(tx: Transaction, row: SystemJob, run_time: int) -> SystemJob:
    """The whole tree stands still. A pause with an instant (postpone) ends by itself."""
    tx.event("paused", sequence=row.sequence)
    return _suspend(tx, row, replace(row, run_time=run_time), *_pause_of(row))


def _pause_of(row: SystemJob) -> tuple[Reason, int]:
    """As what it waits, and until when, once a pause or a postponement took effect."""
    if row.pause_until is None:
        return Reason.PAUSED, row.due_at
    return Reason.POSTPONED, row.pause_until
