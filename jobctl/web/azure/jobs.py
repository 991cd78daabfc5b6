"""The jobs: what is known of one, and what may be asked of it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Final

from jobctl import scheduling, submitting
from jobctl.clock import from_datetime, to_datetime
from jobctl.errors import BadInput, NotFound, Refused
from jobctl.model import Definition, Job, JsonDict, Plan, Status
from jobctl.schedule.daylight import LATEST
from jobctl.store import Store
from jobctl.views import has_ended
from jobctl.web.azure import asking
from jobctl.web.azure.asking import OWN_TYPE, Page, Retry

NOTATION: Final = "azure"
COUNTED: Final = 100_000
"""Executions that are counted, the newest."""
KEPT: Final = 1000
"""Executions that the history tells of, as the original's."""
HISTORY: Final = ("Completed", "Failed", "Postponed")
FOREVER: Final = from_datetime(LATEST)


@dataclass(frozen=True, slots=True)
class Known:
    """One job, as it is answered."""

    job: Job
    plan: Plan
    state: str
    status: JsonDict


# Reading


def known(store: Store, name: str) -> Known:
    """Raises NotFound for a job without a schedule of this kind."""
    job = store.job(name)
    plan = plan_of(job)
    if plan is None:
        notation = job.plan.spec["notation"] if job.plan is not None and has_other(job) else None
        other = f"; its schedule is in another notation, {notation}" if notation else ""
        raise NotFound(f"the job {name!r} has no recurrence{other}")
    return _known(store, job, plan)


def plan_of(job: Job) -> Plan | None:
    """The schedule of this kind that is in force, or has come to its end; None once it was deleted."""
    plan = job.plan
    if plan is None or plan.spec["notation"] != NOTATION or plan.ended_by == "unscheduled":
        return None
    return plan


def has_other(job: Job) -> bool:
    return job.plan is not None and job.plan.active and job.plan.spec["notation"] != NOTATION


def _known(store: Store, job: Job, plan: Plan) -> Known:
    asked = {"job_id": job.id, "since": plan.activated_at, "most": COUNTED}
    ((begun, failures, faulted, last, result),) = store.database.run("executions_counted", asked)
    state = _state(store, job, plan, result)
    pending = store.pending_occurrence(job.id) if state == "Enabled" else None
    return Known(
        job,
        plan,
        state,
        {
            "executionCount": begun,
            "failureCount": failures,
            "faultedCount": faulted,
            "lastExecutionTime": instant(last),
            "nextExecutionTime": None if pending is None else instant(pending.due_at),
        },
    )


def _state(store: Store, job: Job, plan: Plan, result: int | None) -> str:
    if has_ended(store, job):
        return "Completed" if result in (None, Status.SUCCEEDED) else "Faulted"
    return "Disabled" if (plan.paused_until or 0) > store.clock.now() else "Enabled"


def listed(store: Store, page: Page) -> tuple[list[Known], bool]:
    """A page of them by name, and whether there are more."""
    found = list(islice(_chosen(store, page.only), page.skip, page.skip + page.top + 1))
    return found[: page.top], len(found) > page.top


def _chosen(store: Store, only: str | None) -> Iterator[Known]:
    for (name,) in store.database.run("recurrences"):
        one = known(store, name)
        if only in (None, one.state.lower()):
            yield one


def history(store: Store, name: str, page: Page) -> tuple[list[JsonDict], bool]:
    """A page of its executions, the newest first, and whether there are more."""
    one = known(store, name)
    asked = {"job_id": one.job.id, "since": one.plan.activated_at, "most": KEPT, "counted": COUNTED, "only": page.only}
    rows = store.database.run("executions", {**asked, "limit": page.top + 1, "skip": page.skip})
    return [_execution(*row) for row in rows[: page.top]], len(rows) > page.top


def _execution(
    ordinal: int, status: str, began: int, ended: int | None, expected: int, message: str | None, retries: int
) -> JsonDict:
    return {
        "startTime": instant(began),
        "endTime": instant(ended),
        "expectedExecutionTime": instant(expected),
        "actionName": "MainAction",
        "status": status,
        "message": message,
        "retryCount": retries,
        "repeatCount": ordinal,
    }


def properties(one: Known) -> JsonDict:
    """The elements of a job; what was asked for comes back as it was."""
    document = {name: value for name, value in one.plan.spec.items() if name in ("startTime", "recurrence")}
    action = {"type": OWN_TYPE, "job": one.job.name, "retryPolicy": _retry_policy(one.job.version.definition)}
    return {**document, "action": action, "state": one.state, "status": one.status}


def _retry_policy(definition: Definition) -> JsonDict:
    if not definition.retries:
        return {"retryType": "None"}
    return {
        "retryType": "Fixed",
        "retryInterval": f"PT{definition.retry_delay:.6f}".rstrip("0").rstrip(".") + "S",
        "retryCount": definition.retries,
    }


def instant(value: int | None) -> str | None:
    return None if value is None else to_datetime(value).isoformat().replace("+00:00", "Z")


# Changing


def put(store: Store, name: str, elements: JsonDict) -> bool:
    """Make or replace it; whether it was made. The same once more changes nothing.

    Raises JobNotFound, BadInput, and Refused for one that is final, or whose job has a schedule of another kind.
    """
    job = store.job(name)
    _check_retries(job, asking.action(_without_own_retries(job, elements), name))
    state, plan = asking.state(elements), plan_of(job)
    if has_other(job):
        raise Refused(f"the job {name!r} has a schedule in another notation; end that first: jobctl unschedule {name}")
    _check_not_final(store, job, "replaced")
    wanted = asking.planned(asking.schedule_document(elements))
    if plan is None:
        scheduling.schedule(store, name, wanted)
    elif plan.spec != wanted.spec:
        scheduling.reschedule(store, name, wanted)
    set_state(store, name, state or "Enabled")
    return plan is None


def patch(store: Store, name: str, elements: JsonDict) -> None:
    """Change the elements that are named; null takes one away. Raises as `put`, and NotFound."""
    one = known(store, name)
    _check_not_final(store, one.job, "changed")
    before = {**properties(one), "state": one.state}
    put(store, name, {**before, **elements})


def _without_own_retries(job: Job, elements: JsonDict) -> JsonDict:
    """What was answered may come back, also where the original would not take it: jobctl's jobs may retry sooner."""
    action = elements.get("action")
    if not isinstance(action, dict) or action.get("retryPolicy") != _retry_policy(job.version.definition):
        return elements
    return {**elements, "action": {name: value for name, value in action.items() if name != "retryPolicy"}}


def _check_retries(job: Job, retry: Retry | None) -> None:
    definition = job.version.definition
    if retry is not None and not retry.fits(definition):
        has = (
            f"{definition.retries} retries, {definition.retry_delay:g} s apart" if definition.retries else "no retries"
        )
        raise BadInput(
            f"action.retryPolicy is not that of the job {job.name!r}, which has {has};"
            f" change that with: jobctl edit {job.name} --retries N --retry-delay DURATION"
        )


def _check_not_final(store: Store, job: Job, verb: str) -> None:
    plan = plan_of(job)
    if plan is not None and has_ended(store, job):
        state = _known(store, job, plan).state
        raise Refused(
            f"the job {job.name!r} is {state}, which is final: it cannot be {verb}; delete it, and make it anew"
        )


def set_state(store: Store, name: str, state: str) -> None:
    """Let its occurrences rest, or go on from now: what was missed meanwhile is recorded, and not made up for."""
    plan, now = store.job(name).plan, store.clock.now()
    if plan is None or not plan.active:
        return  # its last occurrence runs
    if (state == "Disabled") != ((plan.paused_until or 0) > now):
        scheduling.pause_schedule(store, name, FOREVER if state == "Disabled" else now, f"{state.lower()} over HTTP")


def delete(store: Store, name: str) -> None:
    """End its schedule, or forget one that has ended. What runs goes on, and the job's definition stays."""
    known(store, name)
    scheduling.forget(store, name)


def run(store: Store, name: str) -> None:
    """Once, now, beside the schedule and its count. Raises Refused for a final one."""
    _check_not_final(store, known(store, name).job, "run")
    submitting.submit(store, name, message_name="http")
