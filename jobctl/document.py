"""The one JSON shape of jobs, system jobs and occurrences; it changes by additions only."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from jobctl.clock import MICROSECONDS, to_datetime
from jobctl.friendly import friendly_message
from jobctl.model import Definition, Job, JsonDict, Plan, State, SystemJob, Wait
from jobctl.targets import shown
from jobctl.vocabulary import job_state, request_status

if TYPE_CHECKING:
    from jobctl.store import Event

SCHEMA: Final = 1


def instant(value: int | None) -> str | None:
    """An instant as ISO 8601 in UTC, always with microseconds and offset."""
    return None if value is None else to_datetime(value).isoformat(timespec="microseconds")


def system_job_document(
    system_job: SystemJob,
    data: str | None = None,
    result: str | None = None,
    waits: Sequence[Wait] | None = None,
) -> JsonDict:
    """A system job as `--json` and HTTP show it; `data` and `result` are its JSON texts.

    `after` is there only where the predecessors were asked for.
    """
    s = system_job
    after = {} if waits is None else {"after": [wait_document(wait) for wait in waits]}
    return {
        "id": s.id,
        "sequence": s.sequence,
        "job": s.job,
        "job_version": s.job_version,
        "name": s.name,
        **_standing(s),
        "data": parsed(data),
        "result": parsed(result),
        "dependency_token": s.dependency_token,
        "blocked_by": s.blocked_by,
        "depth": s.depth,
        "parent": s.parent,
        "rerun_of": s.rerun_of,
        "key": s.key,
        "priority": s.priority,
        **_ownership(s),
        **_instants(s),
        "attempt": s.attempt,
        "retry_count": s.retry_count,
        "is_waiting_for_event": s.event is not None and s.state is State.SUSPENDED,
        "event": s.event,
        "message_name": s.message_name,
        "stage": s.stage,
        "progress": s.progress,
        "dropped": s.dropped,
        "log_bytes": s.log_bytes,
        "host": s.host,
        "daemon": s.daemon_id,
        **after,
    }


def wait_document(wait: Wait) -> JsonDict:
    """A predecessor, how it has to end, and when it did."""
    return {"sequence": wait.after, "condition": wait.condition, "met_on": instant(wait.met_on)}


def recurrence_pattern(spec: str) -> str:
    """A stored schedule in short: `0 3 * * *`, `FREQ=DAILY;INTERVAL=3;` (Dataverse: RecurrencePattern)."""
    values = json.loads(spec)
    skipped = len(values.pop("skip", ()))
    values.pop("notation", None)
    texts = [value if isinstance(value, str) else json.dumps(value) for value in values.values()]
    return " ".join(texts) + (f", but for {skipped} dates" if skipped else "")


def _standing(s: SystemJob) -> JsonDict:
    """Where it stands, and how it ended."""
    return {
        "state": s.state.label,
        "state_code": int(s.state),
        "status": s.status.label,
        "status_code": int(s.status),
        "reason": s.reason.value if s.reason is not None else None,
        "operation_type": s.operation_type,
        "platform": s.platform,
        "message": s.message,
        "friendly_message": friendly_message(s),
        "error_code": s.error_code,
        "exit_code": s.exit_code,
        "signal": s.signal,
    }


def _instants(s: SystemJob) -> JsonDict:
    """When it was planned, due and run, and the schedule it came from."""
    return {
        "occurrence_at": instant(s.occurrence_at),
        "due_at": instant(s.due_at),
        "postpone_until": instant(s.postpone_until),
        "ready_on": instant(s.ready_on),
        "started_on": instant(s.started_on),
        "completed_on": instant(s.completed_on),
        "execution_time_span": None if s.run_time is None else s.run_time / MICROSECONDS,
        "recurrence_pattern": None if s.recurrence_pattern is None else recurrence_pattern(s.recurrence_pattern),
        "recurrence_start_time": instant(s.recurrence_start_at),
        "time_zone": s.time_zone,
        "utc_conversion_time_zone_code": s.utc_offset,
    }


def _ownership(s: SystemJob) -> JsonDict:
    """Who made and changed it, and Dataverse's owner columns: jobctl has users, but neither teams nor units."""
    kind, _, login = s.owner.partition(":")
    return {
        "created_on": instant(s.created_on),
        "created_by": s.created_by,
        "modified_on": instant(s.modified_on),
        "modified_by": s.modified_by,
        "owner": s.owner,
        "owning_user": login if kind == "user" else None,
        "owning_team": None,
        "owning_business_unit": None,
        "owning_extension": None,
        "primary_entity_type": s.regarding.partition(":")[0] if s.regarding else None,
        "regarding": s.regarding,
    }


def parsed(text: str | None) -> object:
    """The value of a JSON text; None for none."""
    return None if text is None else json.loads(text)


def job_document(
    job: Job,
    next_at: int | None = None,
    *,
    words: str | None = None,
    last: SystemJob | None = None,
    ran: SystemJob | None = None,
    ended: bool = False,
) -> JsonDict:
    """A job as `--json` shows it; `words` describes its schedule.

    `last` is its newest completed system job, `ran` the newest of those that had begun; `ended` says that its
    schedule and the runs it started are over.
    """
    return {
        "name": job.name,
        "version": job.version.number,
        "request_status": request_status(job.plan, ran, ended),
        "state": job_state(job.plan, ran, ended),
        **definition_document(job.version.definition),
        "schedule": plan_document(job.plan, words) if job.plan is not None else None,
        "next_at": instant(next_at),
        "last": None if last is None else system_job_document(last),
        "created_on": instant(job.created_on),
        "created_by": job.created_by,
        "modified_on": instant(job.modified_on),
        "modified_by": job.modified_by,
    }


def definition_document(definition: Definition) -> JsonDict:
    """A definition: one of `command`, `argv`, `callable` and `internal` is not null; durations are seconds."""
    d = definition
    return {
        "summary": d.summary,
        "command": d.command,
        "argv": None if d.argv is None else list(d.argv),
        "callable": d.callable,
        "internal": d.internal,
        "settings": d.settings,
        "cwd": d.cwd,
        "umask": f"{d.umask:04o}",
        "environment": dict(d.environment),
        "environment_from_daemon": list(d.environment_from_daemon),
        "environment_from_file": dict(d.environment_from_file),
        "python": d.python,
        "path": list(d.path),
        "isolate": d.isolate,
        "timeout": d.timeout,
        "grace": d.grace,
        "retries": d.retries,
        "retry_delay": d.retry_delay,
        "retry_backoff": d.retry_backoff,
        "success_codes": list(d.success_codes),
        "token": d.token,
        "priority": d.priority,
        "on_lost": d.on_lost,
        "concurrency": d.concurrency,
        "keep": d.keep,
        "notify": [shown(target) for target in d.notify],
        "expect": d.expect,
        "description": d.description,
        "tags": list(d.tags),
    }


def plan_document(plan: Plan, words: str | None) -> JsonDict:
    """A schedule as stored, and in words."""
    return {
        "plan": plan.number,
        "words": words,
        **plan.spec,
        "time_zone": plan.time_zone,
        "start": instant(plan.start_at),
        "end": instant(plan.end_at),
        "count": plan.count,
        "fired": plan.fired,
        "active": plan.active,
        "activated_at": instant(plan.activated_at),
        "ended_on": instant(plan.ended_on),
        "ended_by": plan.ended_by,
        "overlap": plan.overlap,
        "catch_up": plan.catch_up,
        "catch_up_window": seconds(plan.catch_up_window),
        "late_limit": seconds(plan.late_limit),
        "jitter": seconds(plan.jitter),
        "paused_from": instant(plan.paused_from),
        "paused_until": instant(plan.paused_until),
        "pause_reason": plan.pause_reason,
    }


def seconds(microseconds: int | None) -> float | None:
    """A stored length in seconds."""
    return None if microseconds is None else microseconds / MICROSECONDS


def event_document(event: Event) -> JsonDict:
    """One recorded event of a job or system job."""
    return {"at": instant(event.at), "actor": event.actor, "kind": event.kind, "detail": event.detail}
