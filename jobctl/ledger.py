"""The occurrence ledger: the next occurrence of an active schedule always exists, and each instant is decided once.

What becomes of an occurrence whose instant has come is decided in `promotion`.
"""

from __future__ import annotations

from contextlib import suppress
from datetime import timedelta
from functools import lru_cache

from jobctl import moves
from jobctl.clock import from_datetime, to_datetime
from jobctl.errors import BadInput
from jobctl.model import Job, Plan, Reason, State, Status, SystemJob
from jobctl.records import replace
from jobctl.schedule import Schedule, build
from jobctl.schedule.daylight import LATEST
from jobctl.store import Transaction

TICK = timedelta(microseconds=1)
BY_BOOT = "on_start"
"""The notation whose instants are no calendar's: its occurrences are made by `after_boot`."""


def schedule_of(plan: Plan) -> Schedule:
    """The calendar of a plan. Raises BadInput, for instance when its time zone has vanished."""
    import json

    return _built(json.dumps(plan.spec), plan.time_zone, plan.start_at, plan.end_at, plan.activated_at)


@lru_cache(maxsize=4096)
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
        return _instant_after(plan, plan.planned_through)
    return None if moment is None else from_datetime(moment)


def plan_first(tx: Transaction, job: Job, plan: Plan) -> SystemJob | None:
    """Create the first occurrence of a plan that has just been stored."""
    instant = first_instant(plan)
    return None if instant is None else create(tx, job, plan, instant)


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
    following = (
        first_instant(plan) if last is None else _instant_after(plan, max(after, plan.planned_through or 0, last))
    )
    if following is None:
        if plan.spec["notation"] != BY_BOOT:
            _finish_if_spent(tx, plan, uncounted)
        return None
    return create(tx, tx.job_by_id(job_id), plan, following)


def _instant_after(plan: Plan, after: int) -> int | None:
    moment = schedule_of(plan).next_after(to_datetime(after))
    return None if moment is None else from_datetime(moment)


def _finish_if_spent(tx: Transaction, plan: Plan, uncounted: int) -> None:
    if uncounted == 0:
        tx.save_plan(replace(plan, active=False, ended_on=tx.now, ended_by="finished"))


def create(tx: Transaction, job: Job, plan: Plan, instant: int) -> SystemJob:
    """The occurrence of that instant, waiting for its time."""
    due_at, start_by = _may_run(job, plan, instant)
    return tx.insert_system_job(
        job.version,
        state=State.SUSPENDED,
        status=Status.WAITING,
        reason=Reason.SCHEDULED,
        message_name="schedule",
        plan=plan.number,
        occurrence_at=instant,
        due_at=due_at,
        start_by=start_by,
        owner=job.created_by,
        utc_offset=_utc_offset(plan, instant),
    )


def offset(job: Job, plan: Plan) -> int:
    """The job's own delay within the plan's jitter: the same for every occurrence, on every start of the daemon."""
    if not plan.jitter:
        return 0
    import hashlib  # only with jitter: it costs start-up time

    digest = hashlib.sha256(f"{job.name} {job.created_on}".encode()).digest()
    return int.from_bytes(digest[:8], "big") % plan.jitter


def in_pause(plan: Plan, instant: int) -> bool:
    """Whether the instant lies in the schedule's last pause."""
    return plan.paused_from is not None and plan.paused_from <= instant < (plan.paused_until or 0)


def pause(tx: Transaction, job: Job, plan: Plan, until: int, why: str | None) -> Plan:
    """Hold back the occurrences from now until just before `until`, which may be now: then the pause is over."""
    holding = plan.paused_from is not None and (plan.paused_until or 0) > tx.now
    why = why or (plan.pause_reason if holding else None)
    paused = replace(plan, paused_from=plan.paused_from if holding else tx.now, paused_until=until, pause_reason=why)
    tx.save_plan(paused)
    refresh_pending(tx, job, paused)
    return paused


def refresh_pending(tx: Transaction, job: Job, plan: Plan) -> None:
    """When the occurrence to come may run, after the plan's pause, jitter or late limit have changed."""
    row = tx.pending_occurrence(plan.job_id)
    if row is not None and row.reason is Reason.SCHEDULED and row.occurrence_at is not None:
        due_at, start_by = _may_run(job, plan, row.occurrence_at)
        tx.save(row, replace(row, due_at=due_at, start_by=start_by))


def _utc_offset(plan: Plan, instant: int) -> int | None:
    """Minutes by which the schedule's zone is east of UTC at that instant."""
    from jobctl.schedule.daylight import offset_at
    from jobctl.schedule.zones import zone

    with suppress(BadInput):
        return offset_at(zone(plan.time_zone), to_datetime(instant)) // timedelta(minutes=1)
    return None


def _may_run(job: Job, plan: Plan, instant: int) -> tuple[int, int | None]:
    """When the occurrence of that instant is due, and by when it has to begin."""
    due_at = min(instant + offset(job, plan), from_datetime(LATEST))
    start_by = None if plan.late_limit is None else due_at + plan.late_limit
    if plan.spec["notation"] == "once" and plan.end_at is not None:
        # Etendo's Run Later names an end: a delayed run may still begin until then.
        start_by = min(plan.end_at, start_by or plan.end_at)
    if in_pause(plan, instant):
        due_at = max(due_at, plan.paused_until or 0)
    return due_at, start_by


def revive(tx: Transaction) -> None:
    """Give active plans without an occurrence to come their next one: its making may have failed earlier."""
    for (job_id,) in tx.database.run("plans_without_occurrence"):
        with suppress(BadInput):
            plan_following(tx, job_id, 0)


def realign(tx: Transaction) -> None:
    """Plan anew what the calendar no longer has: the rules of a time zone have changed since it was planned."""
    for (sequence,) in tx.database.run("planned"):
        row = tx.system_job(sequence)
        plan = tx.plan(row.job_id)
        assert plan is not None and row.occurrence_at is not None
        if plan.spec["notation"] == BY_BOOT:
            continue
        instant = to_datetime(row.occurrence_at)
        with suppress(BadInput):
            if schedule_of(plan).last_before(instant + TICK) != instant:
                moves.remove(tx, row)
                following = plan_following(tx, row.job_id, 0)
                to = None if following is None else following.occurrence_at
                tx.event("moved", job_id=row.job_id, was=row.occurrence_at, to=to)


def recover(tx: Transaction) -> None:
    """Go on from now with the plans that were decided in a wrong future, when the clock is right again."""
    if not tx.database.run("wrong_future", {"now": tx.now}):
        return
    for (job_id,) in tx.database.run("plans_decided_ahead", {"now": tx.now}):
        plan, pending = tx.plan(job_id), tx.pending_occurrence(job_id)
        assert plan is not None
        if pending is not None and pending.reason is Reason.SCHEDULED:
            moves.remove(tx, pending)
        anchor = min(plan.activated_at, tx.now)
        tx.save_plan(replace(plan, number=plan.number + 1, planned_through=tx.now, activated_at=anchor))
        with suppress(BadInput):
            plan_following(tx, job_id, tx.now)
    tx.event("clock_recovered")


def after_boot(tx: Transaction, boot_id: str) -> None:
    """Make the occurrences of the schedules by boot that have not had this boot's."""
    for (job_id,) in tx.database.run("plans_for_boot", {"boot_id": boot_id}):
        plan = tx.plan(job_id)
        assert plan is not None
        tx.save_plan(replace(plan, boot_id=boot_id))
        if tx.pending_occurrence(job_id) is None:
            create(tx, tx.job_by_id(job_id), plan, max(tx.now, (plan.planned_through or 0) + 1))


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


def pass_by(tx: Transaction, row: SystemJob, through: int | None = None) -> None:
    """The instant, and all up to `through`, are decided without a run: they do not count."""
    plan = tx.plan(row.job_id)
    assert plan is not None and row.occurrence_at is not None
    tx.save_plan(replace(plan, planned_through=max(through or row.occurrence_at, plan.planned_through or 0)))


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
