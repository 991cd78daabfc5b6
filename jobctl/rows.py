"""Rows become what the model names, and back: one function for each type."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any, Final

from jobctl.database import Row
from jobctl.model import CatchUp, Definition, JobVersion, Overlap, Plan, Reason, State, Status, SystemJob
from jobctl.records import replace

SAVED = SystemJob.__slots__
"""The columns of system_job_view, in their order."""
DEFAULTS = Definition()
NEW: Final[dict[str, Any]] = {"claim": 0, "attempt": 0, "retry_count": 0, "lost_count": 0, "delete_requested": False}
"""What of a new system job nobody can say."""
UNSAID: Final[dict[str, Any]] = {
    "state": State.READY,
    "status": Status.WAITING_FOR_RESOURCES,
    "depth": 0,
    "platform": False,
    **dict.fromkeys(("reason", "plan", "occurrence_at", "start_by", "ready_on", "completed_on", "parent", "rerun_of")),
    **dict.fromkeys(("regarding", "dropped", "utc_offset", "event", "key")),
}
"""What a new system job is unless something else is said."""


def system_job_from(row: Row) -> SystemJob:
    values = list(row)
    for place, become in _CONVERTED:
        values[place] = become(values[place])
    return SystemJob(*values)


def _reason(value: str | None) -> Reason | None:
    return None if value is None else Reason(value)


_CONVERTED: Final = tuple(
    (SAVED.index(name), become)
    for name, become in (
        ("platform", bool),
        ("state", State),
        ("status", Status),
        ("reason", _reason),
        ("parent", lambda value: value or None),
        ("delete_requested", bool),
        ("cancel_reason", _reason),
    )
)
"""What a row's values become: their places, and by what."""


def new_system_job(columns: Mapping[str, Any], version: JobVersion, actor: str) -> SystemJob:
    """What was just inserted, without a plan, as the view would show it; `columns` are the statement's parameters."""
    return SystemJob.later(lambda: _new_values(columns, version, actor))


PLAIN: Final = (
    *("sequence", "id", "job_id", "job_version_id", "name", "priority", "operation_type", "message_name"),
    *("state", "status", "reason", "due_at", "ready_on", "now", "actor", "owner", "depth", "parent", "regarding"),
    "utc_offset",
)
"""The parameters of the statement `insert_plain`, in their order."""


def new_plain_system_job(
    values: tuple[Any, ...], version: JobVersion, actor: str, owner: str, held: Mapping[str, Any]
) -> SystemJob:
    """As `new_system_job`, of what the statement `insert_plain` was given; `held` is what it has if it was claimed."""
    return SystemJob.later(
        lambda: _new_values({**UNSAID, **dict(zip(PLAIN, values, strict=True)), "owner": owner, **held}, version, actor)
    )


def _new_values(columns: Mapping[str, Any], version: JobVersion, actor: str) -> Iterable[Any]:
    parent = columns["parent"]
    values = {
        **NEW,
        "modified_by": actor,
        **columns,
        "id": columns["id"].hex(),
        "job": version.job,
        "job_version": version.number,
        "state": State(columns["state"]),
        "status": Status(columns["status"]),
        "reason": _reason(columns["reason"]),
        "platform": bool(columns["platform"]),
        "parent": None if parent is None else parent.hex(),
        "created_on": columns["now"],
        "created_by": actor,
        "modified_on": columns["now"],
    }
    return map(values.get, SAVED)


def plan_from(row: Row) -> Plan:
    plan = Plan(*row)
    return replace(
        plan,
        spec=json.loads(row[2]),
        active=bool(plan.active),
        overlap=Overlap(plan.overlap),
        catch_up=CatchUp(plan.catch_up),
    )


def plan_parameters(plan: Plan) -> dict[str, Any]:
    values = {name: getattr(plan, name) for name in Plan.__slots__}
    values["plan"] = values.pop("number")
    values["spec"] = json.dumps(plan.spec)
    values["active"] = int(plan.active)
    return values


def definition_text(definition: Definition) -> str:
    """The definition as JSON, without what is at its default."""
    pairs = {name: getattr(definition, name) for name in Definition.__slots__}
    return json.dumps({name: value for name, value in pairs.items() if value != getattr(DEFAULTS, name)})


def definition_from(text: str) -> Definition:
    values = json.loads(text)
    for name in ("argv", "environment_from_daemon", "notify", "path", "success_codes", "tags"):
        if values.get(name) is not None:
            values[name] = tuple(values[name])
    return Definition(**values)
