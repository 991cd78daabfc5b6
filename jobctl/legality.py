"""What may be asked of a system job in the state it is in (Dataverse: operations by state)."""

from __future__ import annotations

from jobctl.errors import Refused
from jobctl.model import DELETIONS, Reason, State, Status, SystemJob

LEGAL = {
    State.READY: ("cancel", "postpone"),
    State.SUSPENDED: ("resume", "postpone", "cancel"),
    State.LOCKED: ("pause", "postpone", "cancel"),
    State.COMPLETED: ("rerun",),
}
STANDING = ("pause", "postpone")
"""What lets a running one stand still."""


def legal_operations(row: SystemJob) -> list[str]:
    """What may be asked of it now."""
    canceling = row.status is Status.CANCELING or row.reason is Reason.CANCELING
    legal = ["cancel"] if canceling else list(LEGAL[row.state])
    if row.platform:
        legal = [name for name in legal if name in ("postpone", "rerun")]
    if _must_go_on(row):
        legal = [name for name in legal if name not in STANDING]
    return [*legal, "delete --force" if row.has_process else "delete"]


def _must_go_on(row: SystemJob) -> bool:
    return row.state is State.LOCKED and row.operation_type in DELETIONS


def describe(row: SystemJob) -> str:
    """State, status and reason in words."""
    words = f"{row.state.label} ({row.status.label.replace('_', ' ')}"
    return words + (f", {row.reason})" if row.reason else ")")


def require(row: SystemJob, operation: str, legal: bool, person_only: bool = False) -> None:
    """Raises Refused, naming state, operation and what would be legal, unless `legal`."""
    if not legal or (row.platform and person_only) or (operation in STANDING and _must_go_on(row)):
        whose = ", jobctl's own maintenance" if row.platform else ""
        words = f"{describe(row)}{whose}: {operation} is not legal; legal: {', '.join(legal_operations(row))}"
        raise Refused(f"system job {row.sequence} is {words}")
