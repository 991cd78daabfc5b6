"""Claiming: the head of the queue, and the locks on what was chosen from it, in one transaction."""

from __future__ import annotations

import json
from collections.abc import Callable, Generator, Sequence
from contextlib import closing
from functools import partial
from typing import Final, NamedTuple

from jobctl.database import Row
from jobctl.errors import StorageFailed
from jobctl.store import Store, Transaction

INLINE: Final = 16 * 1024
"""Bytes of data up to which they are read with the queue; larger ones one by one, so that a claim stays small."""


class Candidate(NamedTuple):
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


class Claimed(NamedTuple):
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


# What `_make` does, in C: this is done for every single run.
_candidate: Callable[[Row], Candidate] = partial(tuple.__new__, Candidate)
_claimed: Callable[[tuple[Candidate, str]], Claimed] = partial(tuple.__new__, Claimed)


def queue(store: Store, host_id: int, limit: int) -> Generator[Candidate, None, None]:
    """The first of those that may run now, in the order in which they are to begin; read as far as they are taken."""
    parameters = {"host_id": host_id, "limit": limit, "inline": INLINE}
    with closing(store.database.rows("queue", parameters)) as rows:
        yield from map(_candidate, rows)


def lock(tx: Transaction, host_id: int, daemon_id: int, chosen: Sequence[tuple[Candidate, str]]) -> list[Claimed]:
    """Lock what was chosen from the queue within this transaction, each for a runner."""
    alike: dict[tuple[str, int], list[int]] = {}
    for candidate, runner_id in chosen:
        of_these = alike.get(key := (runner_id, candidate.job_version_id))
        if of_these is None:
            of_these = alike[key] = []
        of_these.append(candidate.sequence)
    parameters = {"host_id": host_id, "daemon_id": daemon_id, **tx.stamp}
    for (runner_id, version), sequences in alike.items():
        theirs = {"runner_id": runner_id, "job_version_id": version, "sequences": json.dumps(sequences)}
        tx.database.run("lock", {**parameters, **theirs})
        if tx.database.changes() != len(sequences):
            raise StorageFailed("a system job changed while it was being claimed")
    return list(map(_claimed, chosen))
