"""What people and programs ask for, with the rules of each request. Every door calls this; it raises, never prints."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from jobctl import ledger, logs, moves, promotion, scheduling
from jobctl.config import Config
from jobctl.errors import BadInput, Refused
from jobctl.finding import resolve as resolve
from jobctl.jsontext import check_json as check_json
from jobctl.locks import FileLock
from jobctl.model import (
    MAX_DEPTH,
    Definition,
    Job,
    JobVersion,
    Reason,
    State,
    Status,
    SystemJob,
)
from jobctl.scheduling import Planned
from jobctl.store import Store, Transaction

ADHOC = "adhoc"
MAX_NAME = 256
"""Characters of a system job's name (Dataverse: Name)."""
NAME = re.compile(r"[A-Za-z][A-Za-z0-9._-]{0,99}")


@dataclass(frozen=True, slots=True)
class CallerContext:
    """Inside a run: which one, and how deep its submissions are nested."""

    parent: str | None
    depth: int


# Definitions


def add_job(store: Store, name: str, definition: Definition, planned: Planned | None = None) -> Job:
    """Define a job, with a schedule at once if one is given.

    Raises BadInput for a bad name or a schedule that can never occur, Refused if the name is taken.
    """
    check_name(name)
    with store.write() as tx:
        if tx.job_id(name) is not None:
            raise Refused(f"there is a job named {name!r} already; change it with: jobctl edit {name} …")
        job_id = tx.insert_job(name)
        tx.set_job_version(job_id, tx.insert_job_version(job_id, definition))
        tx.event("add", job_id=job_id)
        return tx.job(name) if planned is None else scheduling.plan_job(tx, tx.job(name), planned, "schedule")


def edit_job(store: Store, name: str, changes: Mapping[str, Any]) -> Job:
    """Change fields of the definition; runs that have begun keep theirs."""
    with store.write() as tx:
        job = tx.job(name)
        definition = replace(job.version.definition, **changes)
        if definition != job.version.definition:
            tx.set_job_version(job.id, tx.insert_job_version(job.id, definition))
            retoken = {"job_id": job.id, "token": definition.token, "priority": definition.priority}
            tx.database.run("retoken_pending", retoken)
            tx.event("edit", job_id=job.id, changed=sorted(changes))
        return tx.job(name)


def remove_job(store: Store, name: str) -> tuple[Job, int]:
    """Remove the definition and cancel what is pending; history stays. The job, and how many were canceled."""
    with store.write() as tx:
        job = tx.job(name)
        live = tx.live_system_jobs(job.id)
        if busy := [row for row in live if row.has_process or row.reason is Reason.PAUSED]:
            numbers = ", ".join(str(row.sequence) for row in busy)
            raise Refused(f"job {name!r} is running or paused (system job {numbers}); cancel it first")
        canceled = 0
        if job.plan and job.plan.active:
            canceled = len(ledger.end_plan(tx, job.plan, "unscheduled", "the job was removed"))
        for row in tx.live_system_jobs(job.id):
            moves.complete(tx, row, Status.CANCELED, Reason.USER, "the job was removed")
            canceled += 1
        tx.event("remove", job_id=job.id)
        tx.remove_job(job.id)
        return job, canceled


def check_name(name: str) -> None:
    if not NAME.fullmatch(name):
        raise BadInput(
            f"{name!r} is not a job name: a letter first, then letters, digits, '.', '_' or '-', at most 100"
        )
    if name == ADHOC:
        raise BadInput(f"the name {ADHOC!r} is kept for commands that are run without a definition")


# Submitting


def submit(
    store: Store,
    name: str,
    *,
    data: str | None = None,
    at: int | None = None,
    regarding: str | None = None,
    message_name: str = "run",
) -> SystemJob:
    """One system job of a named job, due now or at instant `at`; `data` is JSON text."""
    with store.write() as tx:
        return _submit(tx, tx.job(name).version, data=data, at=at, regarding=regarding, message_name=message_name)


def submit_adhoc(
    store: Store,
    definition: Definition,
    *,
    data: str | None = None,
    at: int | None = None,
    regarding: str | None = None,
) -> SystemJob:
    """One system job of a command that has no definition of its own; kept under job `adhoc`."""
    with store.write() as tx:
        job_id = tx.job_id(ADHOC) or tx.insert_job(ADHOC)
        version = tx.job_version(tx.insert_job_version(job_id, definition))
        name = definition.summary[:MAX_NAME]
        return _submit(tx, version, name=name, data=data, at=at, regarding=regarding, message_name="run")


def _submit(tx: Transaction, version: JobVersion, *, at: int | None, **columns: Any) -> SystemJob:
    caller = caller_context()
    if caller.depth > MAX_DEPTH:
        raise Refused(f"runs that submit runs are nested {MAX_DEPTH} deep at most; this would be {caller.depth}")
    columns.update(depth=caller.depth, parent=bytes.fromhex(caller.parent) if caller.parent else None)
    if version.definition.token is not None:
        promotion.join_planned(tx)
    if at is not None and at > tx.now:
        columns.update(state=State.SUSPENDED, status=Status.WAITING, reason=Reason.SCHEDULED, due_at=at)
    else:
        columns.update(ready_on=tx.now, due_at=tx.now if at is None else at)
    row = tx.insert_system_job(version, **columns)
    return moves.join_token(tx, row)


def caller_context() -> CallerContext:
    """Who calls, from the environment that a run is given."""
    parent, depth = os.environ.get("JOBCTL_ID"), os.environ.get("JOBCTL_DEPTH", "")
    if not parent or not re.fullmatch("[0-9a-f]{32}", parent):
        return CallerContext(None, 0)
    return CallerContext(parent, int(depth) + 1 if re.fullmatch("[0-9]{1,3}", depth) else 1)


# Operations on system jobs


def pause(store: Store, sequence: int) -> SystemJob:
    """Ask that its process tree stand still. Legal while locked."""
    with store.write() as tx:
        row = tx.system_job(sequence)
        _require(row, "pause", row.status in (Status.IN_PROGRESS, Status.PAUSING), person_only=True)
        tx.event("pause", sequence=sequence)
        return tx.save(row, replace(row, status=Status.PAUSING, pause_until=None))


def resume(store: Store, sequence: int) -> SystemJob:
    """Ready now: a paused one goes on where it was, one that waits for its time waits no longer."""
    with store.write() as tx:
        if tx.system_job(sequence).dependency_token is not None:
            promotion.join_planned(tx)
        row = tx.system_job(sequence)
        legal = row.state is State.SUSPENDED and row.reason is not Reason.CANCELING
        _require(row, "resume", legal, person_only=True)
        tx.event("resume", sequence=sequence, was=row.reason)
        message = None if row.reason is Reason.HELD else row.message
        early = replace(row, due_at=min(row.due_at, tx.now), start_by=None, lost_count=0, message=message)
        return ledger.begin_early(tx, tx.save(row, early))


def cancel(store: Store, sequence: int, reason: Reason = Reason.USER) -> SystemJob:
    """Canceled at once, or as soon as its process tree is gone. Legal until it is completed."""
    with store.write() as tx:
        row = tx.system_job(sequence)
        _require(row, "cancel", row.state is not State.COMPLETED, person_only=True)
        tx.event("cancel", sequence=sequence)
        return _cancel(tx, row, reason)


def _cancel(tx: Transaction, row: SystemJob, reason: Reason) -> SystemJob:
    canceled = moves.cancel(tx, row, reason, f"canceled by {tx.actor}")
    if canceled.state is State.COMPLETED:
        ledger.leave_plan(tx, row)
    return canceled


def postpone(store: Store, sequence: int, until: int) -> SystemJob:
    """Not before instant `until`; a running one is paused until then. Raises BadInput if that is not in the future."""
    with store.write() as tx:
        row = tx.system_job(sequence)
        if until <= tx.now:
            raise BadInput("postpone needs an instant in the future; to run it now: jobctl resume")
        legal = row.state is State.READY or row.status in (Status.IN_PROGRESS, Status.PAUSING)
        legal = legal or (row.state is State.SUSPENDED and row.reason is not Reason.CANCELING)
        _require(row, "postpone", legal)
        tx.event("postpone", sequence=sequence, until=until)
        if row.state is State.LOCKED:
            return tx.save(row, replace(row, status=Status.PAUSING, pause_until=until))
        reason = Reason.RETRYING if row.reason is Reason.RETRYING else Reason.POSTPONED
        # A person's choice: the schedule's late limit does not hold against it.
        postponed = moves.suspend(tx, replace(row, start_by=None), reason, until)
        ledger.leave_plan(tx, postponed)
        return postponed


def rerun(store: Store, sequence: int) -> SystemJob:
    """A new system job with the same data and the job's current definition. Legal once completed."""
    with store.write() as tx:
        row = tx.system_job(sequence)
        _require(row, "rerun", row.state is State.COMPLETED)
        version = tx.job_version(row.job_version_id)
        if row.job != ADHOC:
            job = tx.find_job(row.job)
            if job is None or job.id != row.job_id:
                raise Refused(f"job {row.job!r} was removed; there is no definition to run again")
            version = job.version
        data, _ = tx.payload(sequence)
        return _submit(
            tx,
            version,
            name=row.name if row.job == ADHOC else version.job,
            at=None,
            data=data,
            regarding=row.regarding,
            message_name="rerun",
            rerun_of=sequence,
        )


def delete(store: Store, sequence: int, force: bool = False) -> SystemJob:
    """Delete the system job, its log and its result; with `force` its processes are stopped first."""
    with store.write() as tx:
        row = tx.system_job(sequence)
        if row.has_process and not force:
            raise Refused(
                f"system job {sequence} is {describe(row)}: its processes live; stop and delete it with --force"
            )
        if row.has_process:
            tx.event("delete", sequence=sequence)
            canceling = _cancel(tx, row, Reason.USER)
            return tx.save(canceling, replace(canceling, delete_requested=True))
        if row.state is not State.COMPLETED:
            ledger.leave_plan(tx, moves.complete(tx, row, Status.CANCELED, Reason.USER, f"deleted by {tx.actor}"))
        moves.remove(tx, row)
    logs.delete(store.database.config.home, sequence)
    return row


LEGAL = {
    State.READY: ("cancel", "postpone"),
    State.SUSPENDED: ("resume", "postpone", "cancel"),
    State.LOCKED: ("pause", "postpone", "cancel"),
    State.COMPLETED: ("rerun",),
}


def legal_operations(row: SystemJob) -> list[str]:
    """What may be asked of it now."""
    canceling = row.status is Status.CANCELING or row.reason is Reason.CANCELING
    legal = ["cancel"] if canceling else list(LEGAL[row.state])
    if row.platform:
        legal = [name for name in legal if name in ("postpone", "rerun")]
    return [*legal, "delete --force" if row.has_process else "delete"]


def describe(row: SystemJob) -> str:
    """State, status and reason in words."""
    words = f"{row.state.label} ({row.status.label.replace('_', ' ')}"
    return words + (f", {row.reason})" if row.reason else ")")


def _require(row: SystemJob, operation: str, legal: bool, person_only: bool = False) -> None:
    if row.platform and person_only:
        raise Refused(f"system job {row.sequence} is jobctl's own maintenance: {operation} is never legal")
    if not legal:
        legal_now = ", ".join(legal_operations(row))
        raise Refused(f"system job {row.sequence} is {describe(row)}: {operation} is not legal; legal: {legal_now}")


def daemon_running(config: Config) -> bool:
    return not FileLock(config.daemon_lock).is_free()
