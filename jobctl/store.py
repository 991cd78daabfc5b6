"""The home's state, and every write of it. Rules live above: `ledger`, `outcomes` and `control` decide, this keeps."""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from functools import cached_property
from types import TracebackType
from typing import Any, Final, Self

from jobctl.clock import Clock
from jobctl.config import Config
from jobctl.criteria import Filter as Filter
from jobctl.database import Database
from jobctl.errors import StorageFailed
from jobctl.identity import identity
from jobctl.known import Known
from jobctl.model import (
    MOVES,
    OPERATION_BULK_DELETE,
    OPERATION_WORKFLOW,
    Definition,
    JobVersion,
    Plan,
    Reason,
    State,
    Status,
    SystemJob,
)
from jobctl.model import DaemonRow as DaemonRow
from jobctl.model import Event as Event
from jobctl.offer import Guest, Offers
from jobctl.reads import Reads
from jobctl.records import replace
from jobctl.rows import (
    PLAIN,
    SAVED,
    UNSAID,
    definition_text,
    new_plain_system_job,
    new_system_job,
    plan_parameters,
    system_job_from,
)
from jobctl.wake import Bell


class Store(Reads):
    """The home's state, as one actor sees it. Use as a context manager, or close it."""

    def __init__(self, database: Database, clock: Clock, actor: str) -> None:
        self.database = database
        self.clock = clock
        self.actor = actor
        self.known = Known()
        self.bell: Bell | None = Bell(database.config.run_directory)
        """Rung after a commit; the daemon's own needs none."""
        self.offers = Offers(database.config.run_directory)

    @classmethod
    def open(cls, config: Config, clock: Clock, actor: str, *, daemon: bool = False, wait: float = 5.0) -> Store:
        """Open, creating and migrating as need be. Raises CannotOpen, StorageFailed, TryAgain or NotPermitted."""
        store = cls(Database(config, wait=wait, daemon=daemon), clock, actor)
        if daemon:
            store.bell = None
        return store

    def close(self) -> None:
        if self.bell is not None:
            self.bell.close()
        self.offers.close()
        self.database.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def write(self) -> AbstractContextManager[Transaction]:
        """One transaction; after its commit the daemon is woken."""
        return _Writing(self)

    @contextmanager
    def snapshot(self) -> Iterator[Store]:
        """Several reads of one moment."""
        with self.database.read():
            yield self

    def data_version(self) -> int:
        """A number that changes when another connection commits."""
        return self.database.data_version()


class Transaction(Store):
    """A write transaction: what it reads cannot change before it commits."""

    _next: int | None = None
    """The number of the next system job, if it was read and not used since."""
    _last = 0
    """That of the last one that was made here."""

    def __init__(self, store: Store) -> None:
        self.database, self.clock, self.actor, self.known = store.database, store.clock, store.actor, store.known
        self.bell, self.offers = store.bell, store.offers
        self.now = store.clock.now()

    @cached_property
    def ended(self) -> deque[int]:
        """System jobs that were completed or deleted and whose dependents have not heard of it yet."""
        return deque()

    def version_first(self, name: str) -> JobVersion:
        """As `version_in_force`, first of all in a transaction: what the last one knew may still hold."""
        known = self.known
        if known.moment != self.database.moment():  # or nobody has committed since
            known.in_force.clear()
        elif (version := known.in_force.get(name)) is not None:
            self._next = known.next_number
            return version
        rows = self.database.run("version_and_number", {"name": name})
        if not rows:
            return self.version_in_force(name)  # raises
        version_id, self._next = rows[0]
        version = known.in_force[name] = self.job_version(version_id)
        return version

    def remember(self) -> None:
        """What `version_first` found is right after this transaction, too: it was committed, and changed no job."""
        if self._last:
            self.known.moment = self.database.moment()
            self.known.next_number = self._last + 1

    def _next_number(self) -> int:
        """What no system job had before. It is to be used before another one is asked for."""
        found, self._next = self._next, None
        if found is None:
            ((found,),) = self.database.run("next_number")
        self._last = found
        return found

    @property
    def actor_id(self) -> int:
        return self.id_of(self.actor)

    def id_of(self, actor: str) -> int:
        """The number of an actor."""
        found = self.known.actors.get(actor)
        if found is None:
            rows = self.database.run("actor", {"name": actor}) or self.database.run("insert_actor", {"name": actor})
            found = self.known.actors[actor] = int(rows[0][0])
        return found

    @property
    def stamp(self) -> dict[str, int]:
        return {"now": self.now, "actor": self.actor_id}

    def host_id(self, name: str) -> int:
        ((found,),) = self.database.run("host", {"name": name})
        return int(found)

    def insert_job(self, name: str) -> int:
        ((job_id,),) = self.database.run("insert_job", {"name": name, **self.stamp})
        return int(job_id)

    def insert_job_version(self, job_id: int, definition: Definition) -> int:
        parameters = {"job_id": job_id, "definition": definition_text(definition), **self.stamp}
        ((version_id,),) = self.database.run("insert_job_version", parameters)
        return int(version_id)

    def set_job_version(self, job_id: int, version_id: int) -> None:
        limit = self.job_version(version_id).definition.concurrency
        parameters = {"job_id": job_id, "version_id": version_id, "concurrency": limit, **self.stamp}
        self.database.run("set_job_version", parameters)

    def remove_job(self, job_id: int) -> None:
        self.database.run("remove_job", {"job_id": job_id, **self.stamp})

    def save_plan(self, plan: Plan) -> None:
        parameters = plan_parameters(plan)
        self.database.run("save_plan", parameters)
        self.database.run("save_plan_terms", parameters)

    def insert_system_job(self, version: JobVersion, **columns: Any) -> SystemJob:
        """A new system job of that version; `data` (JSON text) is stored apart, `owner` is the name of an actor.

        `id` is only for one that was asked for; no system job may have it.
        """
        sequence = self._next_number()
        data = columns.pop("data", None)
        if data is None and version.definition.settings is not None:
            data = json.dumps(version.definition.settings)
        owner = columns.pop("owner", self.actor)
        parameters = {
            **UNSAID,
            **self._given(version),
            "sequence": sequence,
            "id": identity(sequence),
            "id_given": "id" in columns,
            "due_at": self.now,
            **self.stamp,
            **columns,
            "owner": self.id_of(owner),
        }
        self.database.run("insert_system_job", parameters)
        if data is not None:
            self.database.run("insert_payload", {"sequence": sequence, "data": data})
        if parameters["plan"] is not None:  # its schedule stands beside it
            return self.system_job(sequence)
        parameters["owner"] = owner
        return new_system_job(parameters, version, self.actor)

    def insert_plain(
        self,
        version: JobVersion,
        at: int | None,
        data: str | None,
        regarding: str | None,
        message_name: str,
        utc_offset: int,
        depth: int = 0,
        parent: bytes | None = None,
        owner: str | None = None,
    ) -> SystemJob:
        """A new system job of a definition without a token, which waits for its time `at` alone (None: it is now)."""
        now, actor, definition = self.now, self.known.actors.get(self.actor), version.definition
        if actor is None:
            actor = self.actor_id
        sequence = self._next_number()
        due_at = now if at is None else at
        state, status, reason, ready_on = (*AT_ONCE, now) if due_at <= now else (*LATER, None)
        kind = OPERATION_BULK_DELETE if definition.internal == "bulk_delete" else OPERATION_WORKFLOW
        owner_id = actor if owner is None else self.id_of(owner)
        what = (sequence, identity(sequence), version.job_id, version.id, version.job, definition.priority, kind)
        where = (message_name, state, status, reason, due_at, ready_on, now, actor, owner_id)
        values = (*what, *where, depth, parent, regarding, utc_offset)
        if data is None and definition.settings is not None:
            data = json.dumps(definition.settings)
        held = self._claim(version, values, data) if due_at <= now and self.bell is not None and self.bell.heard else {}
        if not held:
            self.database.run_in_order("insert_plain", values)
        if data is not None:
            self.database.run("insert_payload", {"sequence": sequence, "data": data})
        return new_plain_system_job(values, version, self.actor, owner or self.actor, held)

    def _claim(self, version: JobVersion, values: tuple[Any, ...], data: str | None) -> dict[str, Any]:
        """Insert it as claimed for a runner that is offered for it; what it has of that.

        Nothing if there is none, or if the offer does not stand.
        """
        offered = None if version.definition.concurrency is not None else self.offers.runner_for(version.id)
        if offered is None:
            return {}
        runner_id, daemon_id = offered
        told = dict(zip(("state", "status", "reason"), CLAIMED, strict=True))
        who = {"runner_id": runner_id, "daemon_id": daemon_id}
        claimed = {**dict(zip(PLAIN, values, strict=True)), **told, **who}
        for host, claimer in self.database.run("insert_claimed", claimed):
            self._promise(values, data, runner_id)
            return {**told, **who, "claim": 1, "host": host, "modified_by": claimer}
        return {}

    def _promise(self, values: tuple[Any, ...], data: str | None, runner_id: str) -> None:
        """Let the daemon know what is about to be committed."""
        sequence, id, job_id, version, _, priority = values[:6]
        guest = Guest(runner_id, sequence, id.hex(), job_id, version, priority, values[PLAIN.index("depth")], data)
        if self.bell is not None:
            self.bell.promise(id, guest.said())

    @staticmethod
    def _given(version: JobVersion) -> dict[str, Any]:
        """What a new system job has of its definition."""
        definition = version.definition
        return {
            "job_id": version.job_id,
            "job_version_id": version.id,
            "name": version.job,
            "priority": definition.priority,
            "dependency_token": definition.token,
            "operation_type": OPERATION_BULK_DELETE if definition.internal == "bulk_delete" else OPERATION_WORKFLOW,
        }

    def insert_system_jobs(
        self, version: JobVersion, rows: Sequence[tuple[int | None, str | None, str | None]], **columns: Any
    ) -> range:
        """New system jobs of that version without a token, key or condition; their numbers.

        A row is the instant before which it is not due (None: due now), what it is about, and its data (JSON text).
        """
        first = self._next_number()
        numbers = range(first, first + len(rows))  # nobody else writes meanwhile
        settings = version.definition.settings
        default = None if settings is None else json.dumps(settings)
        parameters = {
            **self._given(version),
            **self.stamp,
            **columns,
            "owner": self.id_of(columns["owner"]) if "owner" in columns else self.actor_id,
            "first": first,
            "rows": json.dumps([(*row[:2], identity(number).hex()) for number, row in zip(numbers, rows, strict=True)]),
        }
        self.database.run("insert_system_jobs", parameters)
        data = [default if row[2] is None else row[2] for row in rows]
        if any(data):
            self.database.run("insert_payloads", {"first": numbers.start, "data": json.dumps(data)})
        return numbers

    def save(self, before: SystemJob, after: SystemJob) -> SystemJob:
        """Write what changed, provided the row is still as `before` says."""
        if after.state is not before.state and after.state not in MOVES[before.state]:
            raise AssertionError(f"{before.state.label} never becomes {after.state.label}")
        parameters = {name: getattr(after, name) for name in SAVED}
        parameters.update(self.stamp, state_was=before.state, status_was=before.status)
        self.database.run("save_system_job", parameters)
        if self.database.changes() != 1:
            raise StorageFailed(f"system job {before.sequence} changed while it was being written")
        return replace(after, modified_on=self.now, modified_by=self.actor)

    def save_result(self, sequence: int, result: str) -> None:
        self.save_results([(sequence, result)])

    def save_results(self, results: Iterable[tuple[int, str]]) -> None:
        """Results as JSON text, by the numbers of their system jobs."""
        self.database.run_many("save_result", results)

    def delete(self, sequence: int) -> None:
        """With everything that is only about it."""
        self.database.run("delete_system_job", {"sequence": sequence})
        self.database.run("delete_events", {"sequences": json.dumps([sequence])})

    def due(self, limit: int) -> list[SystemJob]:
        """Suspended ones whose time has come, oldest first."""
        return [system_job_from(row) for row in self.database.run("due", {"now": self.now, "limit": limit})]

    def late(self) -> list[int]:
        """Ready ones that have not begun by the latest instant at which they might."""
        return [int(sequence) for (sequence,) in self.database.run("late", {"now": self.now})]

    def blocked_by(self, sequence: int) -> int | None:
        rows = self.database.run("blocked_by", {"sequence": sequence})
        return rows[0][0] if rows else None

    def token_tail(self, token: str) -> tuple[int, int] | None:
        """The one that joined last and is not completed: its number and place."""
        rows = self.database.run("token_tail", {"token": token})
        return (rows[0][0], rows[0][1]) if rows else None

    def event(self, kind: str, *, job_id: int | None = None, sequence: int | None = None, **detail: Any) -> None:
        text = json.dumps(detail) if detail else None
        parameters = {"kind": kind, "job_id": job_id, "sequence": sequence, "detail": text, **self.stamp}
        self.database.run("insert_event", parameters)


AT_ONCE: Final = (int(State.READY), int(Status.WAITING_FOR_RESOURCES), None)
CLAIMED: Final = (int(State.LOCKED), int(Status.IN_PROGRESS), None)
LATER: Final = (int(State.SUSPENDED), int(Status.WAITING), str(Reason.SCHEDULED))
"""State, status and reason."""


class _Writing:
    __slots__ = ("store",)

    def __init__(self, store: Store) -> None:
        self.store = store

    def __enter__(self) -> Transaction:
        store = self.store
        if store.bell is not None:
            store.bell.announce(store.clock.monotonic())
        store.database.begin()
        try:
            return Transaction(store)
        except BaseException as error:
            self.__exit__(type(error), error, None)
            raise

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        store = self.store
        try:
            store.database.end(error)
        except BaseException:
            self._failed()
            raise
        if error is not None:
            self._failed()
        elif store.bell is not None:
            store.bell.ring(store.clock.monotonic())

    def _failed(self) -> None:
        """What was made by it is not there."""
        self.store.known.clear()
        if self.store.bell is not None:
            self.store.bell.break_promise()
