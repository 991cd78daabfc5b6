"""The occurrence ledger: the next occurrence of an active schedule always exists, and each instant is decided once."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from functools import lru_cache

from jobctl import moves
from jobctl.clock import from_datetime, to_datetime
from jobctl.errors import BadInput
from jobctl.model import MISSED_AFTER, Job, Plan, Reason, State, Status, SystemJob
from jobctl.schedule import Schedule, build
from jobctl.store import Transaction

TICK = timedelta(microseconds=1)
BATCH = 500
"""How many due system jobs one transaction promotes, so that others get their turn."""


def schedule_of(plan: Plan) -> Schedule:
    """The calendar of a plan. Raises BadInput, for instance when its time zone has vanished."""
    import json

    return _built(json.dumps(plan.spec), plan.time_zone, plan.start_at, plan.end_at, plan.activated_at)


@lru_cache(maxsize=20_000)
def _built(spec: str, time_zone: str, start_at: int | None, end_at: int | None, activated_at: int) -> Schedule:
    import json

    return build(
        json.loads(spec),
        time_zone=time_zone,
        start=None if start_at is None else to_datetime(start_at),
        end=None if end_at is None else to_datetime(end_at),
        anchor=to_datetime(activated_at),
    )


def first_instant(plan: Plan) -> int | None:
    """The first instant of a new plan: not before its making, and after all that was ever decided."""
    schedule = schedule_of(plan)
    moment = schedule.first(to_datetime(plan.activated_at))
    if moment is not None and plan.planned_through is not None and from_datetime(moment) <= plan.planned_through:
        moment = schedule.next_after(to_datetime(plan.planned_through))
    return None if moment is None else from_datetime(moment)


def plan_first(tx: Transaction, job: Job, plan: Plan) -> SystemJob | None:
    """Create the first occurrence of a plan that has just been stored."""
    return _create(tx, job, plan, first_instant(plan))


def plan_following(tx: Transaction, job_id: int, after: int) -> SystemJob | None:
    """Create the occurrence after instant `after`, unless one is pending or the plan is spent; then the plan ends."""
    plan = tx.plan(job_id)
    if plan is None or not plan.active or tx.pending_occurrence(job_id) is not None:
        return None
    ((uncounted,),) = tx.database.run("uncounted_of_plan", {"job_id": job_id, "plan": plan.number})
    if plan.count is not None and plan.fired + uncounted >= plan.count:
        _finish_if_spent(tx, plan, uncounted)
        return None
    ((last,),) = tx.database.run("last_occurrence_of_plan", {"job_id": job_id, "plan": plan.number})
    after = max(after, plan.planned_through or after, last or after)
    following = schedule_of(plan).next_after(to_datetime(after))
    if following is None:
        _finish_if_spent(tx, plan, uncounted)
        return None
    return _create(tx, tx.job_by_id(job_id), plan, from_datetime(following))


def _finish_if_spent(tx: Transaction, plan: Plan, uncounted: int) -> None:
    if uncounted == 0:
        tx.save_plan(replace(plan, active=False, ended_on=tx.now, ended_by="finished"))


def _create(tx: Transaction, job: Job, plan: Plan, instant: int | None) -> SystemJob | None:
    if instant is None:
        return None
    return tx.insert_system_job(
        job.version,
        state=State.SUSPENDED,
        status=Status.WAITING,
        reason=Reason.SCHEDULED,
        message_name="schedule",
        plan=plan.number,
        occurrence_at=instant,
        due_at=instant,
    )


def promote(tx: Transaction) -> int:
    """Make ready, or decide otherwise on, what is due; the number of system jobs looked at."""
    looked = 0
    # A schedule that comes round within one turn is due again at once: each of its instants is decided in order.
    while looked < BATCH and (rows := tx.due(BATCH - looked)):
        closed = [row for row in rows if _guarded(tx, row, _close_gap)]
        moves.join_planned(tx)  # only now: what runs for a gap joins at its own instant
        if closed:
            rows = tx.due(BATCH - looked)
        looked += len(rows)
        for row in rows:
            _guarded(tx, row, _decide)
    moves.join_planned(tx)
    return looked


def join_planned(tx: Transaction) -> None:
    """Let occurrences take their places in token queues before somebody else joins: gaps are closed first."""
    for row in tx.due(BATCH):
        if row.dependency_token is not None:
            _guarded(tx, row, _close_gap)
    moves.join_planned(tx)


def revive(tx: Transaction) -> None:
    """Give active plans without an occurrence to come their next one: its making may have failed earlier."""
    for (job_id,) in tx.database.run("plans_without_occurrence"):
        with suppress(BadInput):
            plan_following(tx, job_id, 0)


def _guarded(tx: Transaction, row: SystemJob, step: Callable[[Transaction, SystemJob], bool]) -> bool:
    """Take the step; a schedule that cannot be computed any more holds only its own job, with the reason."""
    try:
        return step(tx, row)
    except BadInput as error:
        message = f"the schedule cannot be computed: {error}"
        row = tx.system_job(row.sequence)
        moves.suspend(tx, replace(row, message=message), Reason.HELD)
        return False


def count_if_first(tx: Transaction, row: SystemJob) -> None:
    """An occurrence that becomes ready for the first time counts, and its instant is decided."""
    if row.plan is None or row.ready_on is not None:
        return
    plan = tx.plan(row.job_id)
    assert plan is not None and row.occurrence_at is not None
    if plan.number == row.plan:
        plan = replace(plan, fired=plan.fired + 1)
    tx.save_plan(replace(plan, planned_through=max(row.occurrence_at, plan.planned_through or row.occurrence_at)))


def begin_early(tx: Transaction, row: SystemJob) -> SystemJob:
    """Ready now, whatever its planned instant; an occurrence counts, and the following one takes its place."""
    count_if_first(tx, row)
    ready = moves.make_ready(tx, row)
    leave_plan(tx, row)
    return ready


def _decide(tx: Transaction, row: SystemJob) -> bool:
    if row.plan is None or row.reason is not Reason.SCHEDULED:
        begin_early(tx, row)
        return True
    plan = tx.plan(row.job_id)
    assert plan is not None and row.occurrence_at is not None
    schedule_of(plan)  # if it cannot be computed any more, nothing has been changed yet
    active = tx.database.run("active_of_schedule", {"job_id": row.job_id, "sequence": row.sequence})
    if active:
        _pass(tx, row)
        state = Status(active[0][2]).label.replace("_", " ")
        message = f"not run: #{active[0][0]} of the same schedule was still active ({state})"
        moves.complete(tx, row, Status.CANCELED, Reason.OVERLAP, message)
    else:
        count_if_first(tx, row)
        moves.make_ready(tx, row)
    plan_following(tx, row.job_id, row.occurrence_at)
    return True


def _close_gap(tx: Transaction, row: SystemJob) -> bool:
    """Catch-up `latest`: one run for the whole gap; the rest is one record with their number."""
    if row.plan is None or row.reason is not Reason.SCHEDULED or tx.now - row.due_at <= MISSED_AFTER:
        return False
    plan = tx.plan(row.job_id)
    assert plan is not None and row.occurrence_at is not None
    schedule = schedule_of(plan)
    head, now = to_datetime(row.occurrence_at), to_datetime(tx.now)
    last = schedule.last_before(now + TICK)
    if last is None or last <= head:
        return False
    dropped = schedule.count_between(head - TICK, last) - 1
    _pass(tx, row)
    message = f"missed {dropped} occurrence{'s' if dropped != 1 else ''}: no daemon was running"
    moves.complete(tx, tx.save(row, replace(row, dropped=dropped)), Status.CANCELED, Reason.MISSED, message)
    _create(tx, tx.job_by_id(row.job_id), plan, from_datetime(last))
    return True


def _pass(tx: Transaction, row: SystemJob) -> None:
    """The instant is decided without a run: it does not count."""
    plan = tx.plan(row.job_id)
    assert plan is not None and row.occurrence_at is not None
    through = max(row.occurrence_at, plan.planned_through or row.occurrence_at)
    tx.save_plan(replace(plan, planned_through=through))


def leave_plan(tx: Transaction, row: SystemJob) -> None:
    """A pending occurrence was canceled, deleted, postponed or begun early: the following one takes its place."""
    if row.plan is not None and row.occurrence_at is not None:
        plan = tx.plan(row.job_id)
        if plan is not None and plan.active and plan.number == row.plan:
            # Where it cannot be computed, the next daemon that can makes it.
            with suppress(BadInput):
                plan_following(tx, row.job_id, row.occurrence_at)


def end_plan(tx: Transaction, plan: Plan, ended_by: str, message: str) -> list[SystemJob]:
    """No further occurrences: the pending ones are canceled, what has begun goes on."""
    tx.save_plan(replace(plan, active=False, ended_on=tx.now, ended_by=ended_by))
    pending = [
        row
        for row in tx.live_system_jobs(plan.job_id)
        if row.plan == plan.number
        and row.state is State.SUSPENDED
        and row.reason in (Reason.SCHEDULED, Reason.POSTPONED, Reason.HELD)
        and row.runner_id is None
        and row.attempt == 0
    ]
    return [moves.complete(tx, row, Status.CANCELED, Reason.UNSCHEDULED, message) for row in pending]
