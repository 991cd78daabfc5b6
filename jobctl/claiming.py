"""Claiming: the head of the queue, and the locks on what was chosen from it, in one transaction."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from jobctl.errors import StorageFailed
from jobctl.records import dataclass
from jobctl.store import Store, Transaction

INLINE: Final = 16 * 1024
"""Bytes of data up to which they are read with the queue; larger ones one by one, so that a claim stays small."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """One of the head of the queue."""

    sequence: int
    id: str
    job_id: int
    job_version_id: int
    """The definition in force; of one that has processes, the one they began with."""
    priority: int
    claim: int
    """The one it will have."""
    attempt: int
    depth: int
    runner_id: str | None
    """Who has its processes, which stand and only have to go on."""
    concurrency: int | None
    running: int
    """Of a job with a limit: how many of it are locked."""
    data: str | None
    data_size: int
    """Bytes; `data` is left out above INLINE."""


@dataclass(frozen=True, slots=True)
class Claimed:
    """A system job that has just been locked, and the runner that is to have it."""

    candidate: Candidate
    runner_id: str

    @property
    def sequence(self) -> int:
        return self.candidate.sequence

    @property
    def continued(self) -> bool:
        """Whether its processes stand and only have to go on."""
        return self.candidate.runner_id is not None


def queue(store: Store, host_id: int, limit: int) -> list[Candidate]:
    """The first of those that may run now, in the order in which they are to begin."""
    parameters = {"host_id": host_id, "limit": limit, "inline": INLINE}
    return [Candidate(*row) for row in store.database.run("queue", parameters)]


def lock(tx: Transaction, host_id: int, daemon_id: int, chosen: Sequence[tuple[Candidate, str]]) -> list[Claimed]:
    """Lock what was chosen from the queue within this transaction, each for a runner."""
    parameters = {"host_id": host_id, "daemon_id": daemon_id, **tx.stamp}
    rows = (
        {
            **parameters,
            "sequence": c.sequence,
            "claim": c.claim,
            "job_version_id": c.job_version_id,
            "runner_id": runner,
        }
        for c, runner in chosen
    )
    if len(tx.database.run_many("lock", rows)) != len(chosen):
        raise StorageFailed("a system job changed while it was being claimed")
    return [Claimed(candidate, runner_id) for candidate, runner_id in chosen]
