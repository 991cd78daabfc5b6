"""What people and programs ask for, with the rules of each request. Every door calls this; it raises, never prints."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from datetime import timedelta
from typing import Any

from jobctl import alarms, ledger, logs, moves, promotion, scheduling, texts
from jobctl.clock import to_datetime
from jobctl.config import Config
from jobctl.errors import BadInput, Refused
from jobctl.finding import resolve as resolve
from jobctl.jsontext import check_json as check_json
from jobctl.legality import describe as describe
from jobctl.legality import legal_operations as legal_operations
from jobctl.legality import require
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
    Wait,
)
from jobctl.scheduling import Planned
from jobctl.store import Store, Transaction

ADHOC = "adhoc"
MAX_NAME = 256
"""Characters of a system job's name (Dataverse: Name)."""
NAME = re.compile(r"[A-Za-z][A-Za-z0-9._-]{0,99}")


@dataclass(frozen=True, slots=True)
class Conditions:
    """What a submitted system job waits for beside its time, and the key that makes it the same request again."""

    after: tuple[Wait, ...] = ()
    event: str | None = None
    key: str | None = None

    def __post_init__(self) -> None:
        """Raises BadInput for texts that cannot be stored or shown."""
        if self.event is not None:
            texts.word(self.event, "event", texts.LONGEST_EVENT)
        if self.key is not None:
            texts.word(self.key, "key", texts.LONGEST_KEY)


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
    conditions: Conditions = Conditions(),
) -> SystemJob:
    """One system job of a named job, due now or at instant `at`; `data` is JSON text.

    Raises JobNotFound, SystemJobNotFound for an unknown predecessor, Refused for a key used with other data.
    """
    texts.word(name, "name of a job", 1000)
    columns: dict[str, Any] = {"data": data, "at": at, "regarding": regarding, "message_name": message_name}
    with store.write() as tx:
        return _submit(tx, tx.job(name).version, conditions, **columns)


def submit_adhoc(
    store: Store,
    definition: Definition,
    *,
    data: str | None = None,
    at: int | None = None,
    regarding: str | None = None,
    conditions: Conditions = Conditions(),
    name: str | None = None,
    message_name: str = "run",
) -> SystemJob:
    """One system job of a command that has no definition of its own; kept under job `adhoc`."""
    with store.write() as tx:
        job_id = tx.job_id(ADHOC) or tx.insert_job(ADHOC)
        version = tx.job_version(tx.insert_job_version(job_id, definition))
        name = (name or definition.summary)[:MAX_NAME]
        columns: dict[str, Any] = {"name": name, "data": data, "at": at, "regarding": regarding}
        return _submit(tx, version, conditions, message_name=message_name, **columns)


def _submit(
    tx: Transaction, version: JobVersion, conditions: Conditions = Conditions(), *, at: int | None, **columns: Any
) -> SystemJob:
    if conditions.key is not None and (same := _with_key(tx, version, conditions.key, columns.get("data"))):
        return same
    if columns.get("regarding") is not None:
        texts.regarding(columns["regarding"])
    caller = caller_context()
    if caller.depth > MAX_DEPTH:
        raise Refused(f"runs that submit runs are nested {MAX_DEPTH} deep at most; this would be {caller.depth}")
    here = to_datetime(tx.now).astimezone().utcoffset()
    columns["utc_offset"] = None if here is None else here // timedelta(minutes=1)
    if caller.parent and (found := tx.system_job_by_hex(caller.parent)):
        columns["owner"] = tx.system_job(found[0]).owner  # what a run submits is its owner's
    columns.update(depth=caller.depth, parent=bytes.fromhex(caller.parent) if caller.parent else None)
    if version.definition.token is not None:
        promotion.join_planned(tx)
    predecessors = [(wait, tx.system_job(wait.after)) for wait in conditions.after]
    waiting = _waits_for(predecessors, conditions, at is not None and at > tx.now)
    if waiting is None:
        columns.update(ready_on=tx.now, due_at=tx.now if at is None else at)
    else:
        due_at = tx.now if at is None else at
        columns.update(state=State.SUSPENDED, status=Status.WAITING, reason=waiting, due_at=due_at)
    row = tx.insert_system_job(version, event=conditions.event, key=conditions.key, **columns)
    for wait, predecessor in predecessors:
        if predecessor.state is State.COMPLETED and not wait.met_by(predecessor.status):
            # As if it had been submitted a moment earlier: the answer must not depend on who was faster.
            return moves.complete(tx, row, Status.CANCELED, Reason.DEPENDENCY, moves.unmet(wait, predecessor))
        met_on = tx.now if predecessor.state is State.COMPLETED else None
        tx.database.run("insert_wait", {"sequence": row.sequence, **asdict(wait), "met_on": met_on})
    # What waits for others takes its place in a token's queue only then, or two could wait for each other.
    return row if waiting in (Reason.AFTER, Reason.WAITING_FOR_EVENT) else moves.join_token(tx, row)


def _waits_for(predecessors: list[tuple[Wait, SystemJob]], conditions: Conditions, later: bool) -> Reason | None:
    if any(predecessor.state is not State.COMPLETED for _, predecessor in predecessors):
        return Reason.AFTER
    if conditions.event is not None:
        return Reason.WAITING_FOR_EVENT
    return Reason.SCHEDULED if later else None


def _with_key(tx: Transaction, version: JobVersion, key: str, data: str | None) -> SystemJob | None:
    """The system job that was submitted with that key before; Refused if it got other data."""
    rows = tx.database.run("by_key", {"job_id": version.job_id, "key": key})
    if not rows:
        return None
    found = tx.system_job(rows[0][0])
    same = tx.payload(found.sequence)[0] == data
    if version.job == ADHOC:
        same = same and tx.job_version(found.job_version_id).definition.argv == version.definition.argv
    if not same:
        raise Refused(
            f"the key {key!r} was used for system job {found.sequence} with other data; nothing was submitted"
        )
    return found


def emit(store: Store, event: str) -> list[SystemJob]:
    """Release what waits for the event now; nothing is kept of it for those that come later."""
    texts.word(event, "event", texts.LONGEST_EVENT)
    with store.write() as tx:
        rows = [tx.system_job(sequence) for (sequence,) in tx.database.run("waiting_for_event", {"event": event})]
        for row in rows:
            tx.event("event", sequence=row.sequence, event=event)
            moves.go_on(tx, tx.save(row, replace(row, event=None)))
        return [tx.system_job(row.sequence) for row in rows]


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
        alone = row.job == ADHOC or not NAME.fullmatch(row.job)
        if not alone:
            job = tx.find_job(row.job)
            if job is None or job.id != row.job_id:
                raise Refused(f"job {row.job!r} was removed; there is no definition to run again")
            version = job.version
        data, _ = tx.payload(sequence)
        return _submit(
            tx,
            version,
            name=row.name if alone else version.job,
            at=None,
            data=data,
            operation_type=row.operation_type,
            platform=row.platform,
            regarding=row.regarding,
            message_name="rerun",
            rerun_of=sequence,
        )


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
    return not FileLock(config.daemon_lock).is_free()
