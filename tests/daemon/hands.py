"""A daemon's memory, its database and runners that only listen, for the tests of what it decides."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Any

import apsw

from jobctl import control
from jobctl.assignment import Runner
from jobctl.daemon import Daemon
from jobctl.dispatch import Dispatcher
from jobctl.ears import Ears
from jobctl.fleet import Fleet
from jobctl.handover import HandOver
from jobctl.haste import Haste
from jobctl.pace import Pace
from jobctl.presence import Pulse
from jobctl.processes import Identity
from jobctl.promoter import Promoter
from jobctl.recorder import Recorder
from jobctl.runner.protocol import FrameReader
from jobctl.store import Store
from jobctl.wishes import Wishes
from tests.store.world import FakeClock, World

SHORT, LONG = 0.001, 60.0
"""Seconds."""


class Hands:
    """A dispatcher with runners that only listen."""

    def __init__(self, world: World, slots: int) -> None:
        self.world = world
        self.fleet = Fleet(world.store.database.config, world.clock, world.daemon_id)
        self.paces = Pace()
        self.dispatcher = Dispatcher(self.fleet, world.store, world.host_id, slots, self.paces)
        self.handover = HandOver(self.fleet, world.store, self.paces)
        self.ends: dict[str, tuple[socket.socket, FrameReader]] = {}
        for number in range(slots):
            self.add_runner(f"{number:016x}")

    def add_runner(self, name: str) -> None:
        mine, theirs = socket.socketpair()
        theirs.setblocking(False)
        mine.setblocking(False)
        runner = Runner(name, Identity("b", "n", 1, 1), mine, -1)
        self.fleet.runners[name] = runner
        self.fleet.selector.register(mine, 1, runner)
        self.ends[name] = theirs, FrameReader()

    def job(self, name: str, expected: float | None, **definition: Any) -> None:
        version = self.world.job(name, **definition).version.id
        if expected is not None:
            self.paces.measured(version, expected)

    def submit(self, *names: str) -> list[int]:
        return [control.submit(self.world.store, name).sequence for name in names]

    def turn(self) -> dict[str, list[int]]:
        """Claim and hand over; what each runner was given by it, in order."""
        recorder = Recorder(self.fleet, self.paces)
        with self.world.store.write() as tx:
            claimed = self.dispatcher.claim(tx, recorder)
        self.handover.hand_over(claimed)
        return {name: found for name in self.ends if (found := self.heard(name, "work"))}

    def ended(self, name: str, sequence: int, kind: str = "end", n: int = 0, **told: Any) -> dict[str, Any]:
        """What its runner says when it has succeeded."""
        at, given = self.world.clock.now(), self.fleet.runners[name].given[sequence]
        outcome = {"status": 30, "ended_on": at + 5, "run_time": 5, **told}
        names = {"sequence": sequence, "claim": given.claim, "attempt": given.attempt}
        return {"k": kind, **names, "at": at, "outcome": outcome, **({"n": n} if n else {})}

    def messages(self, name: str) -> list[dict[str, Any]]:
        end, reader = self.ends[name]
        try:
            return reader.feed(end.recv(1 << 20))
        except BlockingIOError:
            return []

    def heard(self, name: str, kind: str) -> list[int]:
        found = [message for message in self.messages(name) if message["k"] == kind]
        if kind == "work":
            return [run[1] for message in found for run in message["runs"]]
        return [sequence for message in found for sequence in message["sequences"]]

    def says(self, name: str, kind: str, **values: Any) -> None:
        self.says_all(name, {"k": kind, **values})

    def says_all(self, name: str, *messages: dict[str, Any]) -> None:
        """In one commit."""
        recorder = Recorder(self.fleet, self.paces)
        with self.world.store.write() as tx:
            for message in messages:
                recorder.apply(tx, self.fleet.runners[name], message)
            recorder.finish(tx)
        recorder.settled()

    def began(self, name: str, sequence: int) -> None:
        given = self.fleet.runners[name].given[sequence]
        at = self.world.clock.now()
        self.says(name, "begin", sequence=sequence, claim=given.claim, attempt=given.attempt, at=at)


class Running(FakeClock):
    """Goes on by a little whenever somebody looks."""

    step = 10

    def now(self) -> int:
        self.instant += self.step
        return self.instant


class Hasty(Hands):
    """With what makes haste, and what it asks of the database."""

    def __init__(self, world: World) -> None:
        super().__init__(world, slots=2)
        self.promoter = Promoter(world.clock, Pulse(world.store.database.config, world.clock))
        self.checked = 0
        self.haste = Haste(world.store, self.promoter, self.dispatcher, self.handover, self.check)
        self.statements: list[str] = []
        self.job("job", None)

    def check(self, store: Store) -> None:
        self.checked += 1

    def watch(self) -> None:
        def note(event: dict[str, Any]) -> None:
            self.statements.append(event["sql"].split()[0])

        self.world.store.database.connection.trace_v2(apsw.SQLITE_TRACE_STMT, note)

    def given(self) -> list[int]:
        """What the runners have, as the daemon sees it."""
        return [sequence for runner in self.fleet.runners.values() for sequence in runner.given]

    def plan(self, ahead: int) -> int:
        instant = self.world.clock.instant + ahead
        return control.submit(self.world.store, "job", at=instant).sequence


def kinds(hasty: Hasty) -> list[str]:
    return [message["k"] for name in hasty.ends for message in hasty.messages(name)]


@contextmanager
def daemon_of(hasty: Hasty) -> Iterator[Daemon]:
    """One whose runners only listen, for single turns."""
    store = hasty.world.store
    daemon = Daemon(store.database.config, hasty.world.clock, slots=2)
    daemon.store, daemon.fleet, daemon.dispatcher = store, hasty.fleet, hasty.dispatcher
    daemon.handover, daemon.wishes = hasty.handover, Wishes(hasty.fleet)
    daemon.promoter, daemon.haste = hasty.promoter, hasty.haste
    with daemon.signals.caught():
        ears = Ears(hasty.fleet.selector, store.database.config, hasty.world.clock, daemon.signals)
        with closing(ears):
            daemon.ears = ears
            yield daemon
