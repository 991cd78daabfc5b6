"""What is told of a job and its history, from what is recorded."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any, Final

from jobctl import scheduling
from jobctl.clock import from_datetime, to_datetime
from jobctl.errors import BadInput
from jobctl.friendly import friendly_message
from jobctl.model import Job, JsonDict, Reason
from jobctl.store import Store
from jobctl.web.azure import actions, jobs
from jobctl.web.azure.addresses import Address
from jobctl.web.azure.documents import ENABLED, WHEN
from jobctl.web.azure.jobs import AzureJob
from jobctl.web.azure.paging import Asked

COUNTED: Final = 10_000
"""Of a job's occurrences, and of the runs beside them, so many of the newest are counted."""
HISTORY: Final = jobs.RECENT
TICK: Final = timedelta(microseconds=1)


def job_document(store: Store, address: Address, found: AzureJob) -> JsonDict:
    """The resource, with its counters."""
    job = store.job_by_id(found.job_id)
    shown = {**described(job, found.state), "status": status(store, job, found)}
    return address.document(found.name, shown)


def described(job: Job, state: str) -> JsonDict:
    """All that can be set; a schedule that was given in another notation since has no recurrence."""
    spec = jobs.plan_of(job).spec
    when: JsonDict = {name: spec[name] for name in WHEN if name in spec} if spec["notation"] == "azure" else {}
    return {**when, "action": actions.document(job.name, job.version.definition), "state": state}


def status(store: Store, job: Job, found: AzureJob) -> JsonDict:
    parameters = {"job_id": job.id, "since": found.since, "most": COUNTED}
    (row,) = store.database.run_composed("azure_counts", {"kept": jobs.kept(store)}, parameters)
    again, ended, failed, faulted, last = row
    times = {"lastExecutionTime": last, "nextExecutionTime": next_execution(store, job, found)}
    return {
        "executionCount": again + ended,
        "failureCount": again + failed,
        "faultedCount": faulted,
        **{name: instant(at) for name, at in times.items() if at is not None},
        "schedule": words(job),
    }


def words(job: Job) -> str:
    """The schedule for people; Azure has no such element."""
    try:
        return scheduling.schedule_of(jobs.plan_of(job)).describe()
    except BadInput as error:  # its time zone may have vanished from this machine
        return f"cannot be read: {error}"


def next_execution(store: Store, job: Job, found: AzureJob) -> int | None:
    """None when nothing is to come: disabled, over, or its last occurrence is under way."""
    pending = store.pending_occurrence(job.id) if found.state == ENABLED else None
    if pending is None or pending.reason is not Reason.SCHEDULED:
        return None
    rests_until = jobs.plan_of(job).paused_until or 0
    if rests_until <= store.clock.now():
        return pending.due_at
    following = scheduling.schedule_of(jobs.plan_of(job)).next_after(to_datetime(rests_until) - TICK)
    return None if following is None else from_datetime(following)


def history(store: Store, address: Address, found: AzureJob, asked: Asked) -> tuple[list[JsonDict], bool]:
    """A page of it, newest first, and whether there is more."""
    plan = jobs.plan_of(store.job_by_id(found.job_id))
    parameters = {
        "job_id": found.job_id,
        "since": found.since,
        "most": HISTORY,
        "plan": plan.number,
        "fired": plan.fired,
        "statuses": None if asked.chosen is None else json.dumps(asked.chosen),
        "limit": asked.top + 1,
        "skip": asked.skip,
    }
    rows = store.database.run_composed("azure_history", {"kept": jobs.kept(store)}, parameters)
    return [entry_document(store, address, found, *row) for row in rows[: asked.top]], len(rows) > asked.top


def entry_document(
    store: Store,
    address: Address,
    found: AzureJob,
    sequence: int,
    part: int,
    status: str,
    begun: int,
    ended: int | None,
    expected: int,
    retry: int,
    ordinal: int,
    message: str | None,
) -> JsonDict:
    """One attempt; `ordinal` is the occurrence's, 0 for a run beside the schedule."""
    if message is None:
        row = store.system_job(sequence)
        message = row.message or friendly_message(row)
    shown: dict[str, Any] = {
        "startTime": instant(begun),
        **({} if ended is None else {"endTime": instant(ended)}),
        "expectedExecutionTime": instant(expected),
        "actionName": "MainAction",
        "status": status,
        "message": message,
        "retryCount": retry,
        "repeatCount": ordinal,
    }
    return address.document(found.name, shown, "history", f"{sequence}-{part}")


def instant(at: int) -> str:
    """`2026-03-02T06:00:00Z`, with a fraction of the second where there is one."""
    return to_datetime(at).isoformat().replace("+00:00", "Z")
