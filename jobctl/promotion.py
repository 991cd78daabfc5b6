"""What becomes of an occurrence whose instant has come: run, put behind another, skipped, missed, late or paused."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from datetime import datetime

from jobctl import alarms, ledger, moves
from jobctl.clock import from_datetime, to_datetime
from jobctl.errors import BadInput
from jobctl.ledger import TICK
from jobctl.model import MISSED_AFTER, CatchUp, Overlap, Plan, Reason, State, Status, SystemJob
from jobctl.records import replace
from jobctl.schedule import Schedule
from jobctl.store import Transaction

BATCH = 200
"""How many due system jobs one transaction promotes, so that others get their turn."""
MOST_CAUGHT_UP = 100
"""Occurrences of one gap that catch-up `all` runs."""


def promote(tx: Transaction) -> int:
    """Make ready, or decide otherwise on, what is due; the number of system jobs looked at."""
    looked = _make_plain_ready(tx)
    # A schedule that comes round within one turn is due again at once: each of its instants is decided in order.
    while looked < BATCH and (rows := tx.due(BATCH - looked)):
        closed = [row for row in rows if _guarded(tx, row, close_gap)]
        if closed:  # what took their place may lie in a gap, too
            looked += len(closed)
            continue
        moves.join_planned(tx)  # only now: what runs for a gap joins at its own instant
        looked += len(rows)
        for row in rows:
            _guarded(tx, row, _decide)
    moves.join_planned(tx)
    return looked + _end_late(tx)


def _make_plain_ready(tx: Transaction) -> int:
    """All at once what is due and neither of a plan nor in a token's queue; how many that were."""
    tx.database.run("make_due_ready", {**tx.stamp, "limit": BATCH})
    return tx.database.changes()


def join_planned(tx: Transaction) -> None:
    """Let occurrences take their places in token queues before somebody else joins: gaps are closed first."""
    for row in tx.due(BATCH):
        if row.dependency_token is not None:
            _guarded(tx, row, close_gap)
    moves.join_planned(tx)


def _guarded(tx: Transaction, row: SystemJob, step: Callable[[Transaction, SystemJob], bool]) -> bool:
    """Take the step; a schedule that cannot be computed any more holds only its own job, with the reason."""
    try:
        return step(tx, row)
    except (BadInput, OverflowError) as error:
        message = f"the schedule cannot be computed: {error}"
        row = tx.system_job(row.sequence)
        alarms.notice(tx, moves.suspend(tx, replace(row, message=message), Reason.HELD))
        return False


def _end_late(tx: Transaction) -> int:
    """Cancel what waited for a slot, a token or another run until it was too late to begin."""
    rows = [tx.system_job(sequence) for sequence in tx.late()]
    for row in rows:
        moves.complete(tx, row, Status.CANCELED, Reason.LATE, _late_message(tx, row))
    return len(rows)


def _late_message(tx: Transaction, row: SystemJob) -> str:
    assert row.start_by is not None
    return f"not run: it could not begin by {_local(tx, row.job_id, row.start_by)}"


# Gaps: instants that passed while nobody looked, or while the schedule was paused


def close_gap(tx: Transaction, row: SystemJob) -> bool:
    """Decide all instants from this one's on that are over and are not run; whether it was replaced by a later one."""
    if row.plan is None or row.reason is not Reason.SCHEDULED:
        return False
    plan = tx.plan(row.job_id)
    assert plan is not None and row.occurrence_at is not None
    if plan.number != row.plan:
        return False
    if ledger.in_pause(plan, row.occurrence_at):
        return _close_pause(tx, plan, row)
    if tx.now - row.due_at <= MISSED_AFTER or plan.spec["notation"] in ("once", ledger.BY_BOOT):
        return False
    return _close_missed(tx, plan, row)


def end_pause(tx: Transaction, job_id: int) -> None:
    """Decide what a pause held back, if it is over."""
    row = tx.pending_occurrence(job_id)
    if row is not None and row.reason is Reason.SCHEDULED and row.due_at <= tx.now:
        plan = tx.plan(job_id)
        assert plan is not None and row.occurrence_at is not None
        if plan.number == row.plan and ledger.in_pause(plan, row.occurrence_at):
            _guarded(tx, row, close_gap)


def _close_pause(tx: Transaction, plan: Plan, row: SystemJob) -> bool:
    assert row.occurrence_at is not None and plan.paused_until is not None
    last = to_datetime(plan.paused_until) - TICK
    dropped = ledger.schedule_of(plan).count_between(to_datetime(row.occurrence_at) - TICK, last)
    why = f": {plan.pause_reason}" if plan.pause_reason else ""
    until = _local(tx, plan.job_id, plan.paused_until)
    message = f"{_times(dropped or 1)} not run: the schedule was paused until {until}{why}"
    _drop(tx, row, Reason.PAUSED_SCHEDULE, dropped or 1, from_datetime(last), message)
    ledger.plan_following(tx, row.job_id, from_datetime(last))
    return True


def _close_missed(tx: Transaction, plan: Plan, row: SystemJob) -> bool:
    """One run for the gap, all of it, or none, as the plan says; the rest is one record with its number."""
    assert row.occurrence_at is not None
    schedule, head = ledger.schedule_of(plan), to_datetime(row.occurrence_at)
    passed = tx.now - (row.due_at - row.occurrence_at)
    if plan.paused_from is not None and row.occurrence_at < plan.paused_from:
        passed = min(passed, plan.paused_from - 1)
    last = schedule.last_before(to_datetime(passed) + TICK)
    if last is None or last < head:
        last = head
    run = _first_to_run(tx, plan, schedule, head, last)
    if run == head:
        return False
    through = last if run is None else schedule.last_before(run)
    assert through is not None
    dropped = schedule.count_between(head - TICK, through)
    first, end = (_local(tx, plan.job_id, from_datetime(moment)) for moment in (head, through))
    span = f"from {first} to {end}" if dropped > 1 else f"of {first}"
    message = f"{_times(dropped)} missed, {span}: no daemon started {'them' if dropped > 1 else 'it'} in time"
    _drop(tx, row, Reason.MISSED, dropped, from_datetime(through), message)
    if run is None:
        ledger.plan_following(tx, plan.job_id, from_datetime(last))
    else:
        ledger.create(tx, tx.job_by_id(plan.job_id), plan, from_datetime(run))
    return True


def _first_to_run(tx: Transaction, plan: Plan, schedule: Schedule, head: datetime, last: datetime) -> datetime | None:
    """The first instant of the gap from `head` to `last` that is still run; None when none is."""
    if plan.catch_up is CatchUp.NONE:
        # The first run of a plan that starts at once is due when it is made: it waits for the daemon, it is not missed.
        return head if from_datetime(head) == plan.activated_at else None
    first = last
    if plan.catch_up is CatchUp.ALL:
        first = _nth_last(schedule, head, last, MOST_CAUGHT_UP)
    if plan.catch_up_window is not None:
        earliest = to_datetime(max(tx.now - plan.catch_up_window, 0))
        if last < earliest:
            return None
        if first < earliest:
            first = schedule.next_after(earliest - TICK) or last
    return first


def _nth_last(schedule: Schedule, head: datetime, last: datetime, number: int) -> datetime:
    """The instant from which on there are `number` ones until `last`, but not before `head`."""
    if schedule.count_between(head - TICK, last) <= number:
        return head
    moment = last
    for _ in range(number - 1):
        moment = schedule.last_before(moment) or head
    return moment


def _drop(tx: Transaction, row: SystemJob, reason: Reason, dropped: int, through: int, message: str) -> None:
    ledger.pass_by(tx, row, through)
    moves.complete(tx, tx.save(row, replace(row, dropped=dropped)), Status.CANCELED, reason, message)


def _times(number: int) -> str:
    return f"{number} occurrence{'s' if number != 1 else ''}"


def _local(tx: Transaction, job_id: int, instant: int) -> str:
    """An instant in the zone of the job's schedule."""
    from jobctl.schedule.zones import zone

    plan = tx.plan(job_id)
    name = plan.time_zone if plan is not None else "UTC"
    with suppress(BadInput):
        return f"{to_datetime(instant).astimezone(zone(name)):%Y-%m-%d %H:%M:%S} {name}"
    return f"{to_datetime(instant):%Y-%m-%d %H:%M:%S} UTC"


# One instant


def _decide(tx: Transaction, row: SystemJob) -> bool:
    if row.plan is None or row.reason is not Reason.SCHEDULED:
        ledger.begin_early(tx, row)
        return True
    plan = tx.plan(row.job_id)
    assert plan is not None and row.occurrence_at is not None
    ledger.schedule_of(plan)  # if it cannot be computed any more, nothing has been changed yet
    if row.start_by is not None and row.start_by < tx.now:
        ledger.pass_by(tx, row)
        moves.complete(tx, row, Status.CANCELED, Reason.LATE, _late_message(tx, row))
    else:
        parameters = {"job_id": row.job_id, "sequence": row.sequence}
        active = [tx.system_job(sequence) for (sequence,) in tx.database.run("active_of_schedule", parameters)]
        _overlap(tx, plan, row, active)
    ledger.plan_following(tx, row.job_id, row.occurrence_at)
    return True


def _overlap(tx: Transaction, plan: Plan, row: SystemJob, active: list[SystemJob]) -> None:
    """Run it, or what the plan says while others of the schedule are active."""
    caught_up = plan.catch_up is CatchUp.ALL and tx.now - row.due_at > MISSED_AFTER
    if not active or plan.overlap is Overlap.ALLOW:
        _run(tx, row)
    elif caught_up:  # each in order, whatever may overlap: they do not skip or replace one another
        _run_behind(tx, row, active[-1])
    elif plan.overlap is Overlap.QUEUE and len(active) == 1:
        _run_behind(tx, row, active[0])
    elif plan.overlap is Overlap.REPLACE:
        for other in active:
            moves.cancel(tx, other, Reason.REPLACED, f"replaced by #{row.sequence}, the next occurrence")
        living = [other for other in active if tx.system_job(other.sequence).state is not State.COMPLETED]
        if living:
            _run_behind(tx, row, living[0])
        else:
            _run(tx, row)
    else:
        _skip(tx, row, active)


def _run(tx: Transaction, row: SystemJob) -> None:
    ledger.count_if_first(tx, row)
    moves.make_ready(tx, row)


def _run_behind(tx: Transaction, row: SystemJob, other: SystemJob) -> None:
    """Ready once the other has ended. What already waits for another token's holder cannot wait for two."""
    ahead = tx.blocked_by(row.sequence)
    same_queue = row.dependency_token is not None and row.dependency_token == other.dependency_token
    if ahead is not None and not same_queue:
        return _skip(tx, row, [other])
    _run(tx, row)
    if not same_queue:
        tx.database.run("wait_behind", {"sequence": row.sequence, "behind": other.sequence})


def _skip(tx: Transaction, row: SystemJob, active: list[SystemJob]) -> None:
    ledger.pass_by(tx, row)
    state = active[0].status.label.replace("_", " ")
    waiting = f", and #{active[1].sequence} waits already" if len(active) > 1 else ""
    message = f"not run: #{active[0].sequence} of the same schedule was still active ({state}){waiting}"
    moves.complete(tx, row, Status.CANCELED, Reason.OVERLAP, message)
