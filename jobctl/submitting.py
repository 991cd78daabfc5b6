"""Submitting system jobs: one, one of a command without a definition, or many in few commits."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from functools import lru_cache
from itertools import groupby, islice
from typing import Any, Final

from jobctl import texts
from jobctl.clock import utc_offset
from jobctl.config import variables
from jobctl.errors import Refused
from jobctl.model import MAX_DEPTH, Definition, JobVersion, Reason, State, Status, SystemJob, Wait
from jobctl.records import dataclass
from jobctl.store import Store, Transaction

ADHOC = "adhoc"
MAX_NAME = 256
"""Characters of a system job's name (Dataverse: Name)."""
TOGETHER: Final = 5000
"""System jobs that one commit takes, so that other writers get their turn."""


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


UNCONDITIONAL: Final = Conditions()


class Request:
    """One system job of many; `data` is JSON text that was checked, `at` microseconds UTC. It is not changed.

    No record: there are as many as system jobs.
    """

    __slots__ = ("at", "conditions", "data", "regarding")

    def __init__(
        self,
        data: str | None = None,
        at: int | None = None,
        regarding: str | None = None,
        conditions: Conditions = UNCONDITIONAL,
    ) -> None:
        """Raises BadInput."""
        self.data = data
        self.at = at
        self.regarding = None if regarding is None else texts.regarding(regarding)
        self.conditions = conditions

    @property
    def is_plain(self) -> bool:
        return self.conditions is UNCONDITIONAL or self.conditions == UNCONDITIONAL


@dataclass(frozen=True, slots=True)
class CallerContext:
    """Inside a run: which one, and how deep its submissions are nested."""

    parent: str | None
    depth: int


OUTSIDE: Final = CallerContext(None, 0)


def submit(
    store: Store,
    name: str,
    *,
    data: str | None = None,
    at: int | None = None,
    regarding: str | None = None,
    message_name: str = "run",
    conditions: Conditions = UNCONDITIONAL,
) -> SystemJob:
    """One system job of a named job, due now or at instant `at`; `data` is JSON text.

    Raises JobNotFound, SystemJobNotFound for an unknown predecessor, Refused for a key used with other data.
    """
    return submit_request(store, name, Request(data, at, regarding, conditions), message_name)


def submit_request(store: Store, name: str, request: Request, message_name: str) -> SystemJob:
    """As `submit`."""
    if not isinstance(name, str) or name not in store.known.in_force:
        texts.word(name, "name of a job", 1000)
    with store.write() as tx:
        found = submit_within(tx, tx.version_first(name), request, message_name)
    tx.remember()
    return found


def submit_many(
    store: Store, name: str, requests: Iterable[Request], *, message_name: str = "run"
) -> Iterator[list[int]]:
    """Submit one system job for each request; their numbers, in order, as soon as each commit is done.

    A commit takes 5,000 of them. Raises what `submit` does; then nothing of that commit was submitted.
    """
    texts.word(name, "name of a job", 1000)
    ahead = iter(requests)
    while batch := list(islice(ahead, TOGETHER)):
        with store.write() as tx:
            version = tx.version_in_force(name)
            plain_only = version.definition.token is None
            found: list[int] = []
            for plain, group in groupby(batch, key=lambda request: plain_only and request.is_plain):
                if plain:
                    rows = [(request.at, request.regarding, request.data) for request in group]
                    found += tx.insert_system_jobs(version, rows, **_common(tx, message_name))
                else:
                    found += [submit_within(tx, version, request, message_name).sequence for request in group]
        yield found


def submit_adhoc(
    store: Store,
    definition: Definition,
    *,
    data: str | None = None,
    at: int | None = None,
    regarding: str | None = None,
    conditions: Conditions = UNCONDITIONAL,
    name: str | None = None,
    message_name: str = "run",
) -> SystemJob:
    """One system job of a command that has no definition of its own; kept under job `adhoc`."""
    with store.write() as tx:
        job_id = tx.job_id(ADHOC) or tx.insert_job(ADHOC)
        version = tx.job_version(tx.insert_job_version(job_id, definition))
        name = (name or definition.summary)[:MAX_NAME]
        return submit_within(tx, version, Request(data, at, regarding, conditions), message_name, name=name)


def submit_within(
    tx: Transaction, version: JobVersion, request: Request, message_name: str, **columns: Any
) -> SystemJob:
    """As `submit`, in a transaction that is under way; `columns` are of the system job's row."""
    conditions, at = request.conditions, request.at
    if request.is_plain and version.definition.token is None and not columns:
        if caller_context() is OUTSIDE:
            return tx.insert_plain(version, at, request.data, request.regarding, message_name, utc_offset(tx.now))
        return tx.insert_plain(version, at, request.data, request.regarding, **_common(tx, message_name))
    if conditions.key is not None and (same := _with_key(tx, version, conditions.key, request.data)):
        return same
    columns.update(_common(tx, message_name), data=request.data, regarding=request.regarding)
    if version.definition.token is not None:
        from jobctl import promotion  # only with a token: it brings all schedules along

        promotion.join_planned(tx)
    predecessors = [(wait, tx.system_job(wait.after)) for wait in conditions.after]
    waiting = _waits_for(predecessors, conditions, at is not None and at > tx.now)
    columns["due_at"] = tx.now if at is None else at
    if waiting is None:
        columns["ready_on"] = tx.now
    else:
        columns.update(state=State.SUSPENDED, status=Status.WAITING, reason=waiting)
    row = tx.insert_system_job(version, event=conditions.event, key=conditions.key, **columns)
    if not predecessors and version.definition.token is None:
        return row
    from jobctl import moves  # only with conditions or a token: it brings what is told of an end

    for wait, predecessor in predecessors:
        if predecessor.state is State.COMPLETED and not wait.met_by(predecessor.status):
            # As if it had been submitted a moment earlier: the answer must not depend on who was faster.
            return moves.complete(tx, row, Status.CANCELED, Reason.DEPENDENCY, moves.unmet(wait, predecessor))
        met_on = tx.now if predecessor.state is State.COMPLETED else None
        tx.database.run(
            "insert_wait",
            {"sequence": row.sequence, "after": wait.after, "condition": wait.condition, "met_on": met_on},
        )
    # What waits for others takes its place in a token's queue only then, or two could wait for each other.
    return row if waiting in (Reason.AFTER, Reason.WAITING_FOR_EVENT) else moves.join_token(tx, row)


def _common(tx: Transaction, message_name: str) -> dict[str, Any]:
    """What all that this process submits have in common. Raises Refused for what is nested too deep."""
    caller = caller_context()
    if caller.depth > MAX_DEPTH:
        raise Refused(f"runs that submit runs are nested {MAX_DEPTH} deep at most; this would be {caller.depth}")
    common: dict[str, Any] = {
        "message_name": message_name,
        "depth": caller.depth,
        "parent": bytes.fromhex(caller.parent) if caller.parent else None,
        "utc_offset": utc_offset(tx.now),
    }
    if caller.parent and (found := tx.system_job_by_hex(caller.parent)):
        common["owner"] = tx.system_job(found[0]).owner  # what a run submits is its owner's
    return common


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


def caller_context() -> CallerContext:
    """Who calls, from the environment that a run is given."""
    found = variables()
    return _context(found.get(b"JOBCTL_ID"), found.get(b"JOBCTL_DEPTH", b""))


@lru_cache(maxsize=1)
def _context(parent: bytes | None, depth: bytes) -> CallerContext:
    if not parent or not re.fullmatch(b"[0-9a-f]{32}", parent):
        return OUTSIDE
    return CallerContext(parent.decode(), int(depth) + 1 if re.fullmatch(b"[0-9]{1,3}", depth) else 1)
