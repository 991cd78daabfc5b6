"""What people and programs ask for, with the rules of each request. Every door calls this; it raises, never prints."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from jobctl import alarms, ledger, logs, moves, promotion, scheduling, submitting, texts
from jobctl.config import Config
from jobctl.errors import BadInput, Refused
from jobctl.finding import resolve as resolve
from jobctl.jsontext import check_json as check_json
from jobctl.legality import describe as describe
from jobctl.legality import legal_operations as legal_operations
from jobctl.legality import require
from jobctl.locks import is_held
from jobctl.model import (
    Definition,
    Job,
    Reason,
    State,
    Status,
    SystemJob,
)
from jobctl.records import replace
from jobctl.scheduling import Planned
from jobctl.store import Store, Transaction
from jobctl.submitting import ADHOC as ADHOC
from jobctl.submitting import MAX_NAME as MAX_NAME
from jobctl.submitting import Conditions as Conditions
from jobctl.submitting import Request as Request
from jobctl.submitting import submit as submit
from jobctl.submitting import submit_adhoc as submit_adhoc
from jobctl.submitting import submit_many as submit_many

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
        alarms.defined(tx, tx.job(name), None)
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
            alarms.defined(tx, tx.job(name), job.version.definition)
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
    if not texts.is_name(name):
        raise BadInput(
            f"{name!r} is not a job name: a letter first, then letters, digits, '.', '_' or '-', at most 100"
        )
    if name == ADHOC:
        raise BadInput(f"the name {ADHOC!r} is kept for commands that are run without a definition")


# Events


def emit(store: Store, event: str) -> list[SystemJob]:
    """Release what waits for the event now; nothing is kept of it for those that come later."""
    texts.word(event, "event", texts.LONGEST_EVENT)
    with store.write() as tx:
        rows = [tx.system_job(sequence) for (sequence,) in tx.database.run("waiting_for_event", {"event": event})]
        for row in rows:
            tx.event("event", sequence=row.sequence, event=event)
            moves.go_on(tx, tx.save(row, replace(row, event=None)))
        return [tx.system_job(row.sequence) for row in rows]


# Operations on system jobs


def pause(store: Store, sequence: int) -> SystemJob:
    """Ask that its process tree stand still. Legal while locked."""
    with store.write() as tx:
        row = tx.system_job(sequence)
        require(row, "pause", row.status in (Status.IN_PROGRESS, Status.PAUSING), person_only=True)
        tx.event("pause", sequence=sequence)
        return tx.save(row, replace(row, status=Status.PAUSING, pause_until=None))


def resume(store: Store, sequence: int) -> SystemJob:
    """Ready now: a paused one goes on where it was, one that waits for its time waits no longer."""
    with store.write() as tx:
        if tx.system_job(sequence).dependency_token is not None:
            promotion.join_planned(tx)
        row = tx.system_job(sequence)
        legal = row.state is State.SUSPENDED and row.reason is not Reason.CANCELING
        require(row, "resume", legal, person_only=True)
        tx.event("resume", sequence=sequence, was=row.reason)
        message = None if row.reason is Reason.HELD else row.message
        if row.reason in (Reason.AFTER, Reason.WAITING_FOR_EVENT):
            message = f"{tx.actor} waived what it was to wait for"
            tx.database.run("waive_waits", {"sequence": sequence})
        early = replace(row, due_at=min(row.due_at, tx.now), start_by=None, lost_count=0, message=message, event=None)
        return ledger.begin_early(tx, tx.save(row, early))


def cancel(store: Store, sequence: int, reason: Reason = Reason.USER) -> SystemJob:
    """Canceled at once, or as soon as its process tree is gone. Legal until it is completed."""
    with store.write() as tx:
        row = tx.system_job(sequence)
        require(row, "cancel", row.state is not State.COMPLETED, person_only=True)
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
        require(row, "postpone", legal)
        tx.event("postpone", sequence=sequence, until=until)
        if row.state is State.LOCKED:
            return tx.save(row, replace(row, status=Status.PAUSING, pause_until=until))
        kept = (Reason.RETRYING, Reason.AFTER, Reason.WAITING_FOR_EVENT)
        reason = row.reason if row.reason in kept else Reason.POSTPONED
        # A person's choice: the schedule's late limit does not hold against it.
        postponed = moves.suspend(tx, replace(row, start_by=None), reason, until)
        ledger.leave_plan(tx, postponed)
        return postponed


def rerun(store: Store, sequence: int) -> SystemJob:
    """A new system job with the same data and the job's current definition. Legal once completed."""
    with store.write() as tx:
        row = tx.system_job(sequence)
        require(row, "rerun", row.state is State.COMPLETED)
        version = tx.job_version(row.job_version_id)
        # What has no job of a person behind it has a definition of its own.
        alone = row.job == ADHOC or not texts.is_name(row.job)
        if not alone:
            job = tx.find_job(row.job)
            if job is None or job.id != row.job_id:
                raise Refused(f"job {row.job!r} was removed; there is no definition to run again")
            version = job.version
        data, _ = tx.payload(sequence)
        columns = {"operation_type": row.operation_type, "platform": row.platform, "rerun_of": sequence}
        name = row.name if alone else version.job
        return submitting.submit_within(tx, version, Request(data, None, row.regarding), "rerun", name=name, **columns)


def delete(store: Store, sequence: int, force: bool = False) -> SystemJob:
    """Delete the system job, its log and its result; with `force` its processes are stopped first."""
    row = delete_row(store, sequence, force)
    if not row.has_process:
        logs.delete(store.database.config.home, sequence)
    return row


def delete_row(store: Store, sequence: int, force: bool = False) -> SystemJob:
    """As `delete`, but the log is left to the caller: it can go only once the row's end is committed."""
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
        return row


def daemon_running(config: Config) -> bool:
    return is_held(config.daemon_lock)
