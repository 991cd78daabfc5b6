"""Azure's jobs in the store: each is a name for the schedule of one job, which has at most one."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, replace
from typing import Any, Final

from jobctl import ledger, scheduling, submitting, texts
from jobctl.clock import FOREVER, from_datetime, to_datetime
from jobctl.errors import BadInput, NotFound, Refused
from jobctl.model import Job, JobVersion, Plan
from jobctl.schedule import own_terms
from jobctl.scheduling import Planned, Policies
from jobctl.states import CatchUp
from jobctl.store import Store, Transaction
from jobctl.web.azure import actions
from jobctl.web.azure.documents import DISABLED, FINAL, Wanted

RUN: Final = "azure"
"""The message name of what is run beside the schedule; an index finds it by that."""
RECENT: Final = 1000
"""Azure keeps the last 1000 executions; the newest of them tells how a job ended."""
RESTS: Final = "disabled as an Azure job"
JOB_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}", re.ASCII)


@dataclass(frozen=True, slots=True)
class AzureJob:
    name: str
    job_id: int
    since: int
    """The last system job there was when it was made."""
    state: str

    @property
    def final(self) -> bool:
        return self.state in FINAL


def find(store: Store, name: str) -> AzureJob | None:
    rows = _rows(store, "azure_job_by_name", name=name)
    return rows[0] if rows else None


def one(store: Store, name: str) -> AzureJob:
    """Raises NotFound."""
    found = find(store, name)
    if found is None:
        raise NotFound(f"there is no Azure job {name!a} here; PUT makes one")
    return found


def listed(store: Store, states: tuple[str, ...] | None, limit: int, skip: int) -> list[AzureJob]:
    """By name, those in one of the states."""
    chosen = None if states is None else json.dumps(states)
    return _rows(store, "azure_any_job", states=chosen, limit=limit, skip=skip)


def _rows(store: Store, which: str, **given: Any) -> list[AzureJob]:
    database = store.database
    parts = {"which": database.fragment(which), "kept": kept(store, "a.job_id")}
    parameters = {"forever": FOREVER, "most": RECENT, "name": None, "states": None, "limit": 1, "skip": 0, **given}
    return [AzureJob(*row) for row in database.run_composed("azure_jobs", parts, parameters)]


def kept(store: Store, job: str = ":job_id") -> str:
    """The fragment that finds the newest system jobs of a job's schedule, and of the runs beside it."""
    return store.database.fragment("azure_kept", job=job)


# Changing


def put(store: Store, name: str, wanted: Wanted) -> bool:
    """Make it, or make it so; whether it is new. Raises BadInput or Refused."""
    found = find(store, name)
    if found is None:
        if not JOB_NAME.fullmatch(name):
            raise BadInput(f"{name[:100]!a} is no name of a job: letters, digits, '.', '_' and '-', at most 100")
        create(store, name, wanted)
        return True
    change(store, found, wanted, "replaced")
    return False


def create(store: Store, name: str, wanted: Wanted) -> None:
    version = definition(store, wanted)
    with store.write() as tx:
        job = tx.job(version.job)
        if others := tx.database.run("azure_name_of", {"job_id": job.id}):
            raise Refused(f"job {job.name!r} has a schedule already, the Azure job {others[0][0]!r}; a job has one")
        if job.plan and job.plan.active:
            raise Refused(f"job {job.name!r} has a schedule already; end it first with: jobctl unschedule {job.name}")
        ((since,),) = tx.database.run("greatest_sequence")
        plan_anew(tx, job, wanted, "schedule")
        tx.database.run("save_azure_job", {"name": name, "job_id": job.id, "since": since})


def change(store: Store, found: AzureJob, wanted: Wanted, verb: str) -> None:
    """Change what differs: the same again leaves the schedule with its phase and count. Raises BadInput or Refused."""
    refuse_final(found, verb)
    version = definition(store, wanted)
    job = store.job_by_id(found.job_id)
    if version.job_id != job.id:
        delete(store, found)
        create(store, found.name, replace(wanted, spec=wanted.spec or taken_along(job)))
    elif wanted.spec is not None and wanted.spec != plan_of(job).spec:
        with store.write() as tx:
            plan_anew(tx, tx.job_by_id(job.id), wanted, "reschedule")
    elif wanted.state != found.state:
        if wanted.state != DISABLED:
            enable(store, job)
        elif plan_of(job).active:
            scheduling.pause_schedule(store, job.name, FOREVER, RESTS)
        else:
            raise Refused(f"the last run of the Azure job {found.name!r} is under way: nothing is left to disable")


def taken_along(job: Job) -> dict[str, Any]:
    """The schedule of a job, for another one. Raises Refused for one that Azure has no words for."""
    spec = plan_of(job).spec
    if spec["notation"] != "azure":
        raise Refused(
            f"the schedule of {job.name!r} was given in another notation since: "
            "give startTime or recurrence with the action"
        )
    return spec


def plan_anew(tx: Transaction, job: Job, wanted: Wanted, kind: str) -> None:
    assert wanted.spec is not None
    if job.plan and job.plan.active:
        ledger.end_plan(tx, job.plan, "unscheduled", "the job was rescheduled")
    job = scheduling.plan_job(tx, job, planned(wanted.spec, tx.now), kind)
    if wanted.state == DISABLED:
        # From the very instant of its making, so that nothing of it is run.
        ledger.pause(tx, job, plan_of(job), FOREVER, RESTS)


def enable(store: Store, job: Job) -> None:
    """What fell due meanwhile is not made up for; without a startTime, one that was never enabled begins now."""
    plan = plan_of(job)
    made_disabled = plan.start_at is None and plan.paused_from == plan.activated_at
    if made_disabled or not plan.active:
        scheduling.reschedule(store, job.name, None)
    else:
        scheduling.pause_schedule(store, job.name, 0)


def delete(store: Store, found: AzureJob) -> None:
    """The name and the schedule; the job and its history stay, and a run that has begun goes on."""
    job = store.job_by_id(found.job_id)
    if plan_of(job).active:
        scheduling.unschedule(store, job.name, "deleted as an Azure job")
    with store.write() as tx:
        tx.database.run("delete_azure_job", {"name": found.name})


def run_now(store: Store, name: str) -> None:
    """Beside its schedule: it neither counts nor moves it. Raises NotFound, and Refused for one that is over."""
    found = one(store, name)
    refuse_final(found, "run")
    with store.write() as tx:
        submitting.submit_within(tx, tx.job_by_id(found.job_id).version, submitting.Request(), RUN)


def refuse_final(found: AzureJob, verb: str) -> None:
    if found.final:
        raise Refused(
            f"the Azure job {found.name!r} is {found.state}, which is final: it can only be deleted, not {verb}"
        )


def definition(store: Store, wanted: Wanted) -> JobVersion:
    """The definition of the job that the action names. Raises BadInput, and Refused for another retry policy."""
    name = wanted.action.job
    try:
        if not texts.is_name(name):
            raise NotFound(f"no job named {name[:100]!a}")
        version = store.version_in_force(name)
    except NotFound as error:
        raise BadInput(f"action.job: {error}") from None
    actions.check_policy(wanted.action, version.definition)
    return version


def planned(spec: dict[str, Any], now: int) -> Planned:
    """As `jobctl schedule --recurrence` plans it. Raises BadInput for an endTime that is over."""
    own = own_terms(spec, None)
    start = None if own.start is None else from_datetime(own.start)
    end = None if own.end is None else from_datetime(own.end)
    if end is not None and end < now:
        given = json.dumps(spec["recurrence"]["endTime"])
        here = f"{to_datetime(now):%Y-%m-%dT%H:%M:%SZ}"
        raise BadInput(
            f"recurrence.endTime {given} lies in the past: it is {here}; a date alone is its first moment, UTC"
        )
    policies = Policies() if own.catch_up is None else Policies(catch_up=CatchUp(own.catch_up))
    return Planned(spec, own.time_zone or "UTC", start, end, own.count, policies)


def plan_of(job: Job) -> Plan:
    assert job.plan is not None  # an Azure job is made with it, and it stays when it has ended
    return job.plan
