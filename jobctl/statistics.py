"""How the jobs did: how many ended how, how long they took, how late they began, and what comes next."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any, Final

from jobctl.errors import JobNotFound
from jobctl.records import dataclass
from jobctl.states import Reason, Status
from jobctl.store import Store

RECENT: Final = 40
"""Runs of each job that are told of one by one."""
NONE: Final = (0, 0, 0, 0, 0)


@dataclass(frozen=True, slots=True)
class Spread:
    """Nearest-rank percentiles and the greatest, in microseconds."""

    p50: int
    p95: int
    max: int


@dataclass(frozen=True, slots=True)
class Ended:
    """How one system job ended."""

    sequence: int
    status: Status
    reason: Reason | None
    exit_code: int | None
    completed_on: int
    begun: bool
    run_time: int | None
    """Microseconds."""


@dataclass(frozen=True, slots=True)
class JobStatistics:
    job: str
    succeeded: int
    failed: int
    canceled: int
    """Also those that were not run: skipped, missed, …"""
    begun: int
    """How many of all these had begun."""
    retries: int
    duration: Spread | None
    """Of those that succeeded or failed."""
    lateness: Spread | None
    """From the instant at which the last attempt might begin to its start, of those that had begun."""
    next_at: int | None
    last: Ended | None
    """The newest that ended, also before the window."""
    recent: tuple[Ended, ...]
    """The last RECENT ones, the oldest first."""

    @property
    def failure_rate(self) -> float | None:
        """The share of failures among those that succeeded or failed, 0 to 1."""
        judged = self.succeeded + self.failed
        return self.failed / judged if judged else None


def measure(store: Store, names: Iterable[str], since: int) -> list[JobStatistics]:
    """What became of the named jobs, or of all, since an instant, by name. Raises JobNotFound."""
    wanted = sorted(set(names))
    parameters = {"names": json.dumps(wanted) if wanted else None, "since": since, "most": RECENT}
    with store.snapshot():

        def read(statement: str) -> list[tuple[Any, ...]]:
            return store.database.run(statement, parameters)

        known = [name for (name,) in read("measured_names")]
        for name in wanted:
            if name not in known:
                raise JobNotFound(name, store.job_names())
        counts = {row[0]: row[1:] for row in read("final_counts")}
        spreads = {(name, kind): Spread(*lengths) for name, kind, *lengths in read("spreads")}
        dues = dict(read("next_dues"))
        lasts = {name: _ended(*rest) for name, *rest in read("last_ends")}
        recent: dict[str, list[Ended]] = {}
        for name, *rest in read("recent_ends"):
            recent.setdefault(name, []).append(_ended(*rest))
    found = []
    for name in known:
        spread = (spreads.get((name, "duration")), spreads.get((name, "lateness")))
        coming = (dues.get(name), lasts.get(name), tuple(recent.get(name, ())))
        found.append(JobStatistics(name, *(*counts.get(name, NONE), *spread, *coming)))
    return found


def _ended(
    sequence: int,
    status: int,
    reason: str | None,
    exit_code: int | None,
    completed_on: int,
    begun: int,
    run_time: int | None,
) -> Ended:
    known = None if reason is None else Reason(reason)
    return Ended(sequence, Status(status), known, exit_code, completed_on, bool(begun), run_time)
