"""Values of the model to render: a succeeded system job and its job."""

from __future__ import annotations

from typing import Any

from jobctl.model import Definition, Job, JobVersion, Plan, State, Status, SystemJob

NOW = 1_795_000_000_000_000
HEX = "0123456789abcdef0123456789abcdef"


def system_job(**changes: Any) -> SystemJob:
    """A system job that succeeded a minute ago."""
    minute = 60_000_000
    values: dict[str, Any] = dict.fromkeys(SystemJob.__slots__)
    values |= {
        "sequence": 1,
        "id": HEX,
        "job_id": 1,
        "job": "backup",
        "job_version_id": 1,
        "job_version": 1,
        "name": "backup",
        "operation_type": 10,
        "platform": False,
        "state": State.COMPLETED,
        "status": Status.SUCCEEDED,
        "claim": 1,
        "message_name": "run",
        "due_at": NOW - 2 * minute,
        "priority": 0,
        "attempt": 1,
        "retry_count": 0,
        "lost_count": 0,
        "created_on": NOW - 2 * minute,
        "created_by": "user:alice",
        "modified_on": NOW - minute,
        "modified_by": "daemon",
        "owner": "user:alice",
        "ready_on": NOW - 2 * minute,
        "started_on": NOW - 2 * minute,
        "completed_on": NOW - minute,
        "run_time": minute,
        "exit_code": 0,
        "depth": 0,
        "delete_requested": False,
        "utc_offset": 60,
    }
    return SystemJob(**(values | changes))


def plan(**changes: Any) -> Plan:
    values: dict[str, Any] = {
        "job_id": 1,
        "number": 2,
        "spec": {"notation": "cron", "expression": "0 3 * * *"},
        "time_zone": "Europe/Madrid",
        "start_at": None,
        "end_at": NOW + 1,
        "count": 5,
        "fired": 1,
        "activated_at": NOW,
        "planned_through": None,
        "active": True,
        "ended_on": None,
        "ended_by": None,
    }
    return Plan(**(values | changes))


def job(definition: Definition | None = None, its_plan: Plan | None = None) -> Job:
    definition = definition or Definition(argv=("tar", "czf", "a b"))
    return Job(1, "backup", JobVersion(1, 1, "backup", 3, definition, NOW, "user:alice"), its_plan, 0, "a", NOW, "b")
