"""A home with a clock that the test sets, and a daemon's hands without its processes."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

from jobctl import claiming, promotion
from jobctl.assignment import Assignment, Runner
from jobctl.claiming import Claimed
from jobctl.config import Config
from jobctl.control import add_job
from jobctl.fleet import Fleet
from jobctl.model import Definition, Job, Outcome, Reason, Status, SystemJob
from jobctl.processes import Identity
from jobctl.recorder import Recorder
from jobctl.scheduling import Planned
from jobctl.store import Store, Transaction

START = 1_800_000_000 * 1_000_000
SECOND = 1_000_000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE


@dataclass
class FakeClock:
    """Stands still until it is moved."""

    instant: int = START

    def now(self) -> int:
        return self.instant

    def monotonic(self) -> float:
        return self.instant / SECOND

    def boottime(self) -> float:
        return self.monotonic()

    def advance(self, microseconds: int) -> None:
        self.instant += microseconds


@dataclass
class Held:
    """What a runner remembers of the attempt it was given."""

    runner: Runner
    claim: int
    attempt: int


@dataclass
class World:
    """The real store, the real rules, and reports as a runner would send them."""

    store: Store
    clock: FakeClock
    daemon_id: int = 0
    host_id: int = 0
    runners: int = 0
    held: dict[int, list[Held]] = field(default_factory=dict)
    """Of each system job every attempt that was handed over, oldest first."""

    @classmethod
    def new(cls, home: Path, actor: str = "user:alice") -> World:
        clock = FakeClock()
        store = Store.open(Config(home), clock, actor)
        world = cls(store, clock)
        with store.write() as tx:
            world.host_id = tx.host_id("here")
            row = {"boot_id": "b", "pid_namespace": "n", "pid": 1, "start_time": 1, "version": "0", "slots": 2}
            parameters = {**row, "host_id": world.host_id, **tx.stamp}
            ((world.daemon_id,),) = tx.database.run("insert_daemon", parameters)
        return world

    def close(self) -> None:
        self.store.close()

    def job(self, name: str = "backup", **definition: Any) -> Job:
        return add_job(self.store, name, Definition(**{"command": "true", **definition}))

    def row(self, sequence: int) -> SystemJob:
        return self.store.system_job(sequence)

    def rows(self) -> list[SystemJob]:
        """Oldest first."""
        return self.store.system_jobs(limit=1_000_000)[::-1]

    # The daemon's part

    def promote(self) -> int:
        with self.store.write() as tx:
            return promotion.promote(tx)

    def claim(self) -> Claimed | None:
        """The statements and the transaction the daemon uses, with a fresh runner."""
        self.runners += 1
        runner = f"{self.runners:016x}"
        with self.store.write() as tx:
            queue = list(claiming.queue(tx, self.host_id, 1))
            chosen = [(candidate, candidate.runner_id or runner) for candidate in queue]
            locked = claiming.lock(tx, self.host_id, self.daemon_id, chosen)
        if not locked:
            return None
        (claimed,) = locked
        one = claimed.candidate
        if not claimed.continued:
            made = Runner(claimed.runner_id, Identity("b", "n", 1, 1), None, -1)
            made.given[one.sequence] = Assignment(one.sequence, one.claim, one.attempt + 1, one.job_version_id)
            self.held.setdefault(one.sequence, []).append(Held(made, one.claim, one.attempt + 1))
        return claimed

    def tell(self, runner: Runner, act: Callable[[Recorder, Transaction], None]) -> None:
        config = self.store.database.config
        fleet = SimpleNamespace(runners={}, config=config, records=lambda runner: [], forget=lambda runner: None)
        recorder = Recorder(cast(Fleet, fleet))
        with self.store.write() as tx:
            act(recorder, tx)
            recorder.finish(tx)
        recorder.settled()

    def report(self, sequence: int, kind: str, held: Held | None = None, **values: Any) -> None:
        """What the runner of an attempt says: by default of the last one handed over."""
        held = held or self.held[sequence][-1]
        message = {"k": kind, "sequence": sequence, "claim": held.claim, "attempt": held.attempt, **values}
        self.tell(held.runner, lambda recorder, tx: recorder.apply(tx, held.runner, message))

    def begin(self, sequence: int) -> None:
        self.report(sequence, "begin", at=self.clock.now())

    def end(
        self,
        sequence: int,
        status: Status = Status.SUCCEEDED,
        reason: Reason | None = None,
        held: Held | None = None,
        **values: Any,
    ) -> None:
        outcome = asdict(Outcome(status, reason, **{"ended_on": self.clock.now(), **values}))
        row = self.store.find_system_job(sequence)
        # As a runner does: the end tells when it began.
        began = {} if row is None or row.started_on is None else {"at": row.started_on}
        self.report(sequence, "end", held, outcome=outcome, **began)

    def fail(self, sequence: int, reason: Reason = Reason.EXIT) -> None:
        self.end(sequence, Status.FAILED, reason, exit_code=1)

    def paused(self, sequence: int, run_time: int = 0) -> None:
        claim = self.row(sequence).claim
        self.report(sequence, "paused", claim=claim, run_time=run_time)

    def returned(self, sequence: int) -> None:
        self.report(sequence, "returned", sequences=[sequence])

    def lose(self, sequence: int) -> None:
        """Its runner and all its processes are gone."""
        runner = self.held[sequence][-1].runner
        self.tell(runner, lambda recorder, tx: recorder.bury(tx, runner))

    def start(self) -> int:
        """Claim the head of the queue and begin it; its number."""
        claimed = self.claim()
        assert claimed is not None, "nothing to claim"
        self.begin(claimed.sequence)
        return claimed.sequence

    # Everything there is

    def dump(self) -> list[tuple[Any, ...]]:
        """All rows of the tables that people's requests may change."""
        read = self.store.database.connection.execute
        tables = {
            "jobs": read("SELECT * FROM jobs"),
            "versions": read("SELECT * FROM job_versions"),
            "schedules": read("SELECT * FROM schedules"),
            "system_jobs": read("SELECT * FROM system_jobs"),
            "payloads": read("SELECT * FROM payloads"),
            "events": read("SELECT * FROM events"),
        }
        return [(name, *row) for name, rows in tables.items() for row in rows]


def every(interval: str, start: int | None = None, end: int | None = None, count: int | None = None) -> Planned:
    return Planned({"notation": "every", "every": interval}, "UTC", start, end, count)


def once(at: int, start: int | None = None, end: int | None = None) -> Planned:
    from jobctl.clock import to_datetime

    return Planned({"notation": "once", "at": to_datetime(at).isoformat()}, "UTC", start, end)


class Template:
    """A migrated, empty home, copied for each world: migrating anew would take most of the time."""

    def __init__(self) -> None:
        base = "/dev/shm" if Path("/dev/shm").is_dir() else None
        self.directory = Path(tempfile.mkdtemp(prefix="jobctl-model-", dir=base))
        self.homes = 0
        world = World.new(self.directory / "template")
        world.close()

    def world(self) -> World:
        self.homes += 1
        home = self.directory / str(self.homes)
        shutil.copytree(self.directory / "template", home)
        world = World.new(home)
        # Power cuts are not the subject here.
        world.store.database.connection.execute("PRAGMA synchronous = OFF")
        return world

    def discard(self, world: World) -> None:
        world.close()
        shutil.rmtree(world.store.database.config.home)

    def remove(self) -> None:
        shutil.rmtree(self.directory, ignore_errors=True)
