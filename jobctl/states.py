"""The states of a system job, the reasons for them, and the moves between them."""

from __future__ import annotations

from collections.abc import Mapping
from enum import IntEnum, StrEnum
from typing import Final


class State(IntEnum):
    """StateCode of Dataverse's AsyncOperation."""

    READY = 0
    SUSPENDED = 1
    LOCKED = 2
    COMPLETED = 3

    @property
    def label(self) -> str:
        return self.name.lower()


class Status(IntEnum):
    """StatusCode of Dataverse's AsyncOperation; each belongs to one state."""

    WAITING_FOR_RESOURCES = 0
    WAITING = 10
    IN_PROGRESS = 20
    PAUSING = 21
    CANCELING = 22
    SUCCEEDED = 30
    FAILED = 31
    CANCELED = 32

    @property
    def label(self) -> str:
        return self.name.lower()

    @property
    def state(self) -> State:
        return State(self // 10)


class Reason(StrEnum):
    """Why a system job is suspended, failed or canceled."""

    # suspended
    SCHEDULED = "scheduled"
    POSTPONED = "postponed"
    PAUSED = "paused"
    CANCELING = "canceling"
    RETRYING = "retrying"
    WAITING_FOR_EVENT = "waiting_for_event"
    AFTER = "after"
    HELD = "held"
    # failed
    EXIT = "exit"
    SIGNAL = "signal"
    TIMEOUT = "timeout"
    LOST = "lost"
    NO_RESULT = "no_result"
    RESULT_TOO_LARGE = "result_too_large"
    SPAWN = "spawn"
    IMPORT = "import"
    ARGUMENTS = "arguments"
    EXCEPTION = "exception"
    MEMORY = "memory"
    # canceled
    USER = "user"
    OVERLAP = "overlap"
    REPLACED = "replaced"
    MISSED = "missed"
    LATE = "late"
    PAUSED_SCHEDULE = "paused_schedule"
    UNSCHEDULED = "unscheduled"
    DEPENDENCY = "dependency"
    DAEMON_STOPPED = "daemon_stopped"


class Overlap(StrEnum):
    """What becomes of an occurrence that falls due while an earlier one of its schedule is active."""

    SKIP = "skip"
    """Recorded, not run."""
    QUEUE = "queue"
    """One waits until the active one has ended; further ones are recorded."""
    ALLOW = "allow"
    """It runs beside."""
    REPLACE = "replace"
    """The active one is canceled; it runs once that is gone."""


class CatchUp(StrEnum):
    """What becomes of the occurrences that were missed."""

    LATEST = "latest"
    ALL = "all"
    """Each, one after the other, but no more than the last hundred."""
    NONE = "none"
    """Recorded only: Etendo's misfires, Azure's missed slots."""


_R = Reason
REASONS: Final[Mapping[Status, frozenset[Reason]]] = {
    Status.WAITING_FOR_RESOURCES: frozenset(),
    Status.WAITING: frozenset(
        {_R.SCHEDULED, _R.POSTPONED, _R.PAUSED, _R.CANCELING, _R.RETRYING, _R.WAITING_FOR_EVENT, _R.AFTER, _R.HELD}
    ),
    Status.IN_PROGRESS: frozenset(),
    Status.PAUSING: frozenset(),
    Status.CANCELING: frozenset(),
    Status.SUCCEEDED: frozenset(),
    Status.FAILED: frozenset(
        {
            _R.EXIT,
            _R.SIGNAL,
            _R.TIMEOUT,
            _R.LOST,
            _R.NO_RESULT,
            _R.RESULT_TOO_LARGE,
            _R.SPAWN,
            _R.IMPORT,
            _R.ARGUMENTS,
            _R.EXCEPTION,
            _R.MEMORY,
        }
    ),
    Status.CANCELED: frozenset(
        {
            _R.USER,
            _R.OVERLAP,
            _R.REPLACED,
            _R.MISSED,
            _R.LATE,
            _R.PAUSED_SCHEDULE,
            _R.UNSCHEDULED,
            _R.DEPENDENCY,
            _R.DAEMON_STOPPED,
        }
    ),
}
"""The reasons each status may carry; a status with none carries no reason."""

TIMED: Final = frozenset({_R.SCHEDULED, _R.POSTPONED, _R.RETRYING})
"""Reasons under which a suspended system job becomes ready by itself once `due_at` is reached."""

MOVES: Final[Mapping[State, frozenset[State]]] = {
    State.READY: frozenset({State.SUSPENDED, State.LOCKED, State.COMPLETED}),
    State.SUSPENDED: frozenset({State.READY, State.SUSPENDED, State.COMPLETED}),
    State.LOCKED: frozenset({State.READY, State.SUSPENDED, State.LOCKED, State.COMPLETED}),
    State.COMPLETED: frozenset(),
}
"""The states a system job may go to from each state; staying in one is a change of status or reason."""

FINAL: Final = frozenset(state for state, targets in MOVES.items() if not targets)
