"""A job's schedule: given, replaced, changed, paused and ended. Every door calls this; it raises, never prints."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from jobctl import ledger, processes, promotion
from jobctl.clock import from_datetime, to_datetime
from jobctl.errors import BadInput, Refused
from jobctl.model import CatchUp, Job, Overlap, Plan
from jobctl.records import asdict, dataclass, fields, replace
from jobctl.schedule import Schedule
from jobctl.store import Store, Transaction


@dataclass(frozen=True, slots=True)
class Policies:
    """What a schedule says of overlapping and late occurrences; durations are microseconds."""

    overlap: Overlap = Overlap.SKIP
    catch_up: CatchUp = CatchUp.LATEST
    catch_up_window: int | None = None
    late_limit: int | None = None
    jitter: int = 0

    @classmethod
    def of(cls, plan: Plan) -> Policies:
        return cls(*(getattr(plan, field.name) for field in fields(cls)))


@dataclass(frozen=True, slots=True)
class Planned:
    """A schedule as asked for; instants are microseconds UTC."""

    spec: dict[str, Any]
    time_zone: str
    start_at: int | None = None
    end_at: int | None = None
    count: int | None = None
    policies: Policies = Policies()


def schedule(store: Store, name: str, planned: Planned) -> Job:
    """Give the job a schedule. Raises Refused if it has one, BadInput if it can never occur."""
    with store.write() as tx:
        job = tx.job(name)
        if job.plan and job.plan.active:
            raise Refused(
                f"job {name!r} has a schedule already{_words(job.plan)}; replace it with: jobctl reschedule {name} …"
            )
        return plan_job(tx, job, planned, "schedule")


def _words(plan: Plan) -> str:
    try:
        return f" ({ledger.schedule_of(plan).describe()})"
    except BadInput:
        return ""


def reschedule(store: Store, name: str, planned: Planned | None) -> Job:
    """Replace the schedule, or without a new one make the last one again from now."""
    with store.write() as tx:
        job = tx.job(name)
        if planned is None:
            planned = _renewed(tx, job)
        if job.plan and job.plan.active:
            ledger.end_plan(tx, job.plan, "unscheduled", "the job was rescheduled")
        return plan_job(tx, job, planned, "reschedule")


def _renewed(tx: Transaction, job: Job) -> Planned:
    plan = job.plan
    if plan is None:
        raise Refused(f"job {job.name!r} never had a schedule; make one with: jobctl schedule {job.name} …")
    spec = plan.spec
    if spec["notation"] == "once" and from_datetime(datetime.fromisoformat(spec["at"])) <= tx.now:
        spec = {**spec, "at": to_datetime(tx.now).isoformat()}
    return Planned(spec, plan.time_zone, plan.start_at, plan.end_at, plan.count, Policies.of(plan))


def change_policies(store: Store, name: str, changes: Mapping[str, Any]) -> Job:
    """Change what an active schedule says of late and overlapping occurrences; its instants stay.

    `changes` names fields of Policies. Raises Refused if there is no schedule.
    """
    with store.write() as tx:
        job, plan = _scheduled(tx, name)
        changed = replace(plan, **changes)
        _check(changed.spec, Policies.of(changed))
        tx.save_plan(changed)
        ledger.refresh_pending(tx, job, changed)
        tx.event("reschedule", job_id=job.id, **changes)
        return tx.job(name)


def _check(spec: Mapping[str, Any], policies: Policies) -> None:
    limited = policies.catch_up_window is not None
    if spec["notation"] in ("once", ledger.BY_BOOT) and (limited or policies.catch_up is not CatchUp.LATEST):
        raise BadInput("catching up is for a schedule that repeats; this one runs once, however late")
    if limited and policies.catch_up is CatchUp.NONE:
        raise BadInput("a window limits what is made up for, and catch-up none makes up for nothing")


def plan_job(tx: Transaction, job: Job, planned: Planned, kind: str) -> Job:
    old = job.plan
    if planned.end_at is not None and planned.end_at < tx.now:
        raise BadInput("the end of the schedule is in the past; give a later one")
    _check(planned.spec, planned.policies)
    plan = Plan(
        job_id=job.id,
        number=old.number + 1 if old else 1,
        spec=planned.spec,
        time_zone=planned.time_zone,
        start_at=planned.start_at,
        end_at=planned.end_at,
        count=planned.count,
        fired=0,
        activated_at=tx.now,
        planned_through=old.planned_through if old else None,
        active=True,
        ended_on=None,
        ended_by=None,
        boot_id=processes.boot_id(),
        **asdict(planned.policies),
    )
    tx.save_plan(plan)
    if ledger.plan_first(tx, job, plan) is None and planned.spec["notation"] != ledger.BY_BOOT:
        raise BadInput("the schedule has no occurrence left: its end lies before its first instant")
    tx.event(kind, job_id=job.id, spec=planned.spec, plan=plan.number)
    return tx.job(job.name)


def unschedule(store: Store, name: str, why: str | None = None) -> Job:
    """End the schedule; a run that has begun goes on. Raises Refused if there is none."""
    with store.write() as tx:
        job, plan = _scheduled(tx, name)
        because = f": {why}" if why else ""
        ledger.end_plan(tx, plan, "unscheduled", f"the job was unscheduled{because}")
        tx.event("unschedule", job_id=job.id, reason=why)
        return tx.job(name)


def pause_schedule(store: Store, name: str | None, until: int, why: str | None = None) -> list[Job]:
    """Run no occurrence before instant `until`; each is recorded. An instant that has come ends the pause.

    `name` None means every active schedule. Raises Refused if there is none.
    """
    with store.write() as tx:
        names = [name] if name is not None else [found for (found,) in tx.database.run("active_schedules")]
        if not names:
            raise Refused("no job has a schedule")
        for each in names:
            job, plan = _scheduled(tx, each)
            promotion.end_pause(tx, job.id)  # what an earlier rest held back, before that one is forgotten
            ledger.pause(tx, job, tx.plan(job.id) or plan, max(until, tx.now), why)
            promotion.end_pause(tx, job.id)
            tx.event("unschedule", job_id=job.id, until=max(until, tx.now), reason=why)
        return [tx.job(each) for each in names]


def _scheduled(tx: Transaction, name: str) -> tuple[Job, Plan]:
    job = tx.job(name)
    if job.plan is None or not job.plan.active:
        raise Refused(f"job {name!r} has no schedule")
    return job, job.plan


def schedule_of(plan: Plan) -> Schedule:
    return ledger.schedule_of(plan)
