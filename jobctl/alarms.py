"""Who is told of failures, recoveries, missed and overdue runs: once for each change, in the transaction that makes it.

A notification is a system job of its own, kept under a job that no person can name. What is to be told of a job is
judged by its definition in force, not by the one a run began with.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from enum import StrEnum
from typing import Final

from jobctl.clock import MICROSECONDS
from jobctl.document import SCHEMA, system_job_document
from jobctl.errors import BadInput
from jobctl.model import Definition, Job, Reason, State, Status, SystemJob
from jobctl.records import asdict, dataclass, replace
from jobctl.rows import definition_text
from jobctl.store import Store, Transaction
from jobctl.targets import check_target, shown

NOTIFICATIONS: Final = "jobctl:notifications"
"""The job under which notifications are kept; no job of a person can have this name."""
OPERATION_SYSTEM_EVENT: Final = 1
"""OperationType of what was registered for an event and runs because it happened (Dataverse: System Event)."""
BATCH: Final = 100
"""Deadlines that one transaction looks at, so that others get their turn."""

POLICY: Final = Definition(
    internal="notify",
    timeout=60.0,
    grace=5.0,
    # Tried again for about an hour: the other side may be down for the same cause.
    retries=8,
    retry_delay=15.0,
    retry_backoff=2.0,
    on_lost="retry",
    priority=1000,
)
"""How a notification runs, whoever it tells."""


class Change(StrEnum):
    """What is worth telling of a job."""

    FAILED = "failed"
    RECOVERED = "recovered"
    """The first success after a failure, or after it was overdue."""
    MISSED = "missed"
    LATE = "late"
    OVERDUE = "overdue"


CANCELED: Final = {Reason.MISSED: Change.MISSED, Reason.LATE: Change.LATE}
"""Reasons for which an occurrence was not run and that a person has to hear of."""


@dataclass(frozen=True, slots=True)
class Alarm:
    """What was told of a job and not yet taken back by a success. Instants are microseconds UTC."""

    succeeded_on: int | None = None
    """The last success; kept only for a job of which one is expected, or whose successes are not kept."""
    expected_by: int | None = None
    failed_on: int | None = None
    missed_on: int | None = None
    late_on: int | None = None
    overdue_on: int | None = None


def notice(tx: Transaction, row: SystemJob) -> SystemJob:
    """Take account of how a system job ended, or that it is held, and tell of it if that is a change; `row` itself."""
    kind = _kind(row)
    if kind is not None:
        ((version_id, by_default, *columns),) = tx.database.run("alarm", {"job_id": row.job_id})
        if version_id is not None:  # what was run without a definition has nothing to recover, nor has a notification
            _consider(tx, row, kind, tx.job_version(version_id).definition, by_default, Alarm(*columns))
    return row


def success_is_no_news(tx: Transaction, job_id: int) -> bool:
    """Whether a success of the job changes nothing of what is kept here, so that it need not be noticed."""
    ((version_id, _, *columns),) = tx.database.run("alarm", {"job_id": job_id})
    if version_id is None:
        return True
    return not any(columns) and _keeps_no_success(tx.job_version(version_id).definition)


def _kind(row: SystemJob) -> Change | None:
    """What it may be a change to; a success may be a recovery."""
    match row.status:
        case Status.SUCCEEDED:
            return Change.RECOVERED
        case Status.FAILED:
            return Change.FAILED
        case Status.CANCELED if row.reason is not None:
            return CANCELED.get(row.reason)
    held = row.state is State.SUSPENDED and row.reason is Reason.HELD
    return Change.FAILED if held else None  # it waits for a person, who has to hear of it


def _consider(
    tx: Transaction, row: SystemJob, kind: Change, definition: Definition, by_default: str | None, alarm: Alarm
) -> None:
    targets = _targets(definition, by_default)
    at = tx.now if row.completed_on is None else row.completed_on
    after, change = judge(alarm, kind, at, definition, bool(targets))
    if after != alarm:
        tx.database.run("save_alarm", {"job_id": row.job_id, **asdict(after)})
    if change is not None:
        row = tx.system_job(row.sequence)
        _tell(tx, targets, definition, change, row.job, _sentence(row, change, alarm, at), row)


def judge(alarm: Alarm, kind: Change, at: int, definition: Definition, heard: bool) -> tuple[Alarm, Change | None]:
    """What holds after a success (`recovered`) or a trouble at the instant `at`, and what of it is to be told.

    `heard`: whether there is anybody to tell; what nobody heard of is told when somebody does.
    """
    if kind is Change.RECOVERED:
        troubled = alarm.failed_on is not None or alarm.overdue_on is not None
        return _after_success(alarm, at, definition), kind if troubled and heard else None
    field = f"{kind}_on"
    if not heard or getattr(alarm, field) is not None:
        return alarm, None
    return replace(alarm, **{field: at}), kind


def _keeps_no_success(definition: Definition) -> bool:
    """Whether the instant of its last success is nothing that has to be known here."""
    return definition.expect is None and definition.keep == "all"


def _after_success(alarm: Alarm, at: int, definition: Definition) -> Alarm:
    if _keeps_no_success(definition):
        return Alarm()
    last = max(at, alarm.succeeded_on or at)
    return Alarm(last, None if definition.expect is None else last + _length(definition.expect))


def _length(seconds: float) -> int:
    return round(seconds * MICROSECONDS)


def _targets(definition: Definition, by_default: str | None) -> tuple[str, ...]:
    """Whom the job names, and whom the daemon was told of for all jobs; each once."""
    return tuple(dict.fromkeys((*definition.notify, *(json.loads(by_default) if by_default else ()))))


def set_default(tx: Transaction, targets: Iterable[str]) -> None:
    """Whom to tell of every job, until the next daemon says otherwise. Raises BadInput for what is no target."""
    try:
        known = [check_target(target) for target in targets]
    except BadInput as error:
        raise BadInput(f"JOBCTL_NOTIFY: {error}") from None
    tx.database.run("save_setting", {"name": "notify", "value": json.dumps(known)})


# Deadlines


def defined(tx: Transaction, job: Job, before: Definition | None) -> None:
    """A job was added, or changed: by when its next success is expected, from its last one or else from now."""
    after = job.version.definition
    expect_was, notify_was = (None, ()) if before is None else (before.expect, before.notify)
    if after.expect == expect_was and bool(after.notify) == bool(notify_was):
        return
    ((_, _, *columns),) = tx.database.run("alarm", {"job_id": job.id})
    alarm = replace(Alarm(*columns), overdue_on=None)
    if after.expect != expect_was:
        alarm = _expecting(tx, job, alarm)
    if alarm != Alarm(*columns):
        tx.database.run("save_alarm", {"job_id": job.id, **asdict(alarm)})


def _expecting(tx: Transaction, job: Job, alarm: Alarm) -> Alarm:
    expect, last = job.version.definition.expect, alarm.succeeded_on
    if expect is None:
        return replace(alarm, expected_by=None)
    if last is None:
        rows = tx.database.run("last_success", {"job_id": job.id})
        last = rows[0][0] if rows else None
    return replace(alarm, succeeded_on=last, expected_by=(tx.now if last is None else last) + _length(expect))


def recover(tx: Transaction) -> None:
    """Bring back the deadlines that were set by a clock which was ahead, when it is right again."""
    for (job_id,) in tx.database.run("expecting"):
        ((version_id, _, *columns),) = tx.database.run("alarm", {"job_id": job_id})
        alarm, expect = Alarm(*columns), tx.job_version(version_id).definition.expect
        latest = tx.now + _length(expect or 0)
        if expect is not None and (alarm.expected_by or 0) > latest:
            last = None if alarm.succeeded_on is None else min(alarm.succeeded_on, tx.now)
            back = replace(alarm, succeeded_on=last, expected_by=latest)
            tx.database.run("save_alarm", {"job_id": job_id, **asdict(back)})


def next_deadline(store: Store) -> int | None:
    """The next instant by which some job has to have succeeded."""
    ((found,),) = store.database.run("next_deadline")
    return None if found is None else int(found)


def ring(tx: Transaction) -> int:
    """Tell of the jobs whose deadline has passed; the number of jobs looked at."""
    rows = tx.database.run("overdue", {"now": tx.now, "limit": BATCH})
    for (job_id,) in rows:
        name = tx.job_by_id(job_id).name
        job = tx.find_job(name)
        if job is None or job.id != job_id:
            tx.database.run("forget_alarm", {"job_id": job_id})  # it was removed: nothing is expected of it
            continue
        ((_, by_default, *columns),) = tx.database.run("alarm", {"job_id": job_id})
        alarm = Alarm(*columns)
        tx.database.run("save_alarm", {"job_id": job_id, **asdict(replace(alarm, overdue_on=tx.now))})
        definition = job.version.definition
        last = tx.newest_system_job(job_id, completed=True)
        text = overdue_words(name, definition.expect, alarm, tx.now)
        _tell(tx, _targets(definition, by_default), definition, Change.OVERDUE, name, text, last)
    return len(rows)


def overdue_words(name: str, expect: float | None, alarm: Alarm, now: int) -> str:
    """`backup is overdue: no success for 25h, and one is expected every 1d`."""
    since = alarm.succeeded_on
    if since is None:
        since = (alarm.expected_by or now) - _length(expect or 0)
    lasted = f"no success {'yet, ' if alarm.succeeded_on is None else ''}for {words(now - since)}"
    return f"{name} is overdue: {lasted}, and one is expected every {words(_length(expect or 0))}"


def words(microseconds: int) -> str:
    """A length of time, to the second only where that says something: `3h 12m`."""
    from jobctl.schedule.lengths import format_duration

    seconds = max(1, microseconds // MICROSECONDS)
    coarse = 3600 if seconds >= 86_400 else 60 if seconds >= 3600 else 1
    return format_duration(seconds // coarse * coarse)


# Notifications


def _sentence(row: SystemJob, change: Change, alarm: Alarm, at: int) -> str:
    where = f"(#{row.sequence} on {row.host or os.uname().nodename})"
    if change is Change.RECOVERED:
        failed = alarm.overdue_on is None or (alarm.failed_on or at) < alarm.overdue_on
        since = alarm.failed_on if failed else alarm.overdue_on
        lasted = words(max(at - (since or at), 0))
        return f"{row.job} succeeded, {lasted} after it {'failed' if failed else 'was overdue'} {where}"
    if change is Change.FAILED:
        how = "failed" if row.state is State.COMPLETED else "is held until a person decides"
        return f"{row.job} {how}: {row.message or row.reason} {where}"
    return f"{row.job}: {row.message or f'not run: {row.reason}'} {where}"


def _tell(
    tx: Transaction,
    targets: tuple[str, ...],
    definition: Definition,
    change: Change,
    name: str,
    text: str,
    row: SystemJob | None,
) -> None:
    """Submit a notification for each target; what it says is settled now, and survives the deletion of the row."""
    document = {
        "schema": SCHEMA,
        "event": change.value,
        "job": name,
        "text": text,
        "system_job": None if row is None else system_job_document(row),
    }
    about: dict[str, object] = {"regarding": f"job:{name}"}
    if row is not None:
        # As deep as what it tells of: what it starts is counted, so that nobody rings for ever in a circle.
        about = {"regarding": f"system_job:{row.sequence}", "depth": row.depth, "parent": bytes.fromhex(row.id)}
    for target in targets:
        version = tx.job_version(_version(tx, target, definition))
        tx.insert_system_job(
            version,
            name=f"notify: {name} {change}",
            message_name="notify",
            operation_type=OPERATION_SYSTEM_EVENT,
            ready_on=tx.now,
            data=json.dumps({**document, "target": shown(target)}),
            **about,
        )


def _version(tx: Transaction, target: str, definition: Definition) -> int:
    """The version that tells this target in the surroundings of that job."""
    # Not what comes from files: a missing one may be the very trouble there is.
    how = replace(
        POLICY,
        notify=(target,),
        cwd=definition.cwd,
        environment=definition.environment,
        environment_from_daemon=definition.environment_from_daemon,
    )
    job_id = tx.job_id(NOTIFICATIONS) or tx.insert_job(NOTIFICATIONS)
    found = tx.database.run("same_version", {"job_id": job_id, "definition": definition_text(how)})
    return int(found[0][0]) if found else tx.insert_job_version(job_id, how)
