"""Claiming for free slots, short ones ahead: what runs next, and in which runner."""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass

from jobctl import claiming, pace
from jobctl.assignment import Runner
from jobctl.claiming import Candidate, Claimed
from jobctl.fleet import Fleet
from jobctl.pace import Pace
from jobctl.reception import Reception
from jobctl.recorder import Recorder
from jobctl.runner.protocol import PROTOCOL
from jobctl.store import Store, Transaction

log = logging.getLogger("jobctl")


@dataclass
class Berth:
    """A runner that holds short work only, and may be given more ahead."""

    runner: Runner
    count: int
    load: float
    """Seconds of work it holds, as expected."""


class Dispatcher:
    """Fills the daemon's slots."""

    def __init__(self, fleet: Fleet, store: Store, host_id: int, slots: int, paces: Pace) -> None:
        self.fleet = fleet
        self.store = store
        self.host_id = host_id
        self.slots = slots
        self.paces = paces
        self.reception = Reception(fleet)
        self.not_before = 0.0
        """The monotonic second before which nothing is claimed, after something could not be started."""
        self.short = False
        """No process could be started for another runner; said once."""

    def can_claim(self) -> bool:
        """Whether something may run and somebody can take it; runners are started for free slots."""
        if self.fleet.greeting or self.fleet.clock.monotonic() < self.not_before:
            return False
        if self.reception.has_guests(self.store):
            return True
        free = max(self.slots - self.fleet.slots_used(), 0)
        berths = self._berths()
        if not free and not berths and not any(len(runner.given) > 1 for runner in self.fleet.runners.values()):
            return False  # nobody can take anything, and nothing was handed ahead that might make way
        rows = self.store.database.run("claimable", {"host_id": self.host_id, "limit": max(free, 1)})
        if not rows:
            return False
        wanted = min(free, len(rows))
        idle = sum(1 for _ in self.fleet.idle())
        while idle < wanted and self._spawn():
            idle += 1
        if wanted and idle:
            return True
        version, priority = rows[0]
        self._make_way(priority)
        expected = self.paces.expected(version)
        return any(fits(expected, berth) for berth in berths)

    def has_room(self) -> bool:
        """Whether a slot is free and a runner waits for work."""
        if self.fleet.greeting or self.fleet.clock.monotonic() < self.not_before:
            return False
        return self.slots > self.fleet.slots_used() and any(True for _ in self.fleet.idle())

    def offer(self) -> None:
        """Offer the idle runners of free slots to who submits next."""
        self.reception.open(self.slots - self.fleet.slots_used() if self.has_room() else 0)

    def _spawn(self) -> bool:
        try:
            self.fleet.spawn()
            self.short = False
        except OSError as error:
            if not self.short:
                log.error("cannot start another runner: %s", error.strerror)
            self.short = True
        return not self.short

    def _make_way(self, priority: int) -> None:
        """Ask back what was handed ahead and is less urgent than the head of the queue."""
        for runner in self.fleet.runners.values():
            later = [given.sequence for given in runner.unbegun if given.priority < priority]
            if later and not runner.recalled and runner.able:
                self.fleet.recall(runner, later)

    # Choosing

    def claim(self, tx: Transaction, recorder: Recorder) -> list[Claimed]:
        """Lock the heads of the queue, one for each free slot and short ones ahead; who has them is committed too.

        What the recorder has released is over by the same commit: its runner may be given something else.
        """
        if recorder.should_wait or self.fleet.greeting or self.fleet.clock.monotonic() < self.not_before:
            return []
        guests = self.reception.settle(tx)
        served = {runner_id for _, runner_id in guests}
        free = self.slots - self.fleet.slots_used() - len(guests)
        idle = [runner for runner in self.fleet.idle() if runner.id not in served]
        berths = self._berths()
        room = (
            max(free, 0) + sum(pace.MOST - berth.count for berth in berths) + pace.MOST * min(max(free, 0), len(idle))
        )
        if not room:
            return guests
        with closing(claiming.queue(tx, self.host_id, room)) as queue:
            chosen = list(self._choose(queue, free, idle, berths))
        for runner_id in {runner_id for candidate, runner_id in chosen if candidate.runner_id is None}:
            runner = self.fleet.runners[runner_id]
            if not runner.stored:
                self._store_runner(tx, recorder, runner)
        return guests + claiming.lock(tx, self.host_id, self.fleet.generation, chosen)

    def _choose(
        self, queue: Iterable[Candidate], free: int, idle: list[Runner], berths: list[Berth]
    ) -> Iterator[tuple[Candidate, str]]:
        """Whom each takes, in the queue's order, up to the first that has to wait."""
        begun: defaultdict[int, int] = defaultdict(int)
        version, expected = 0, None  # of the one before
        for candidate in queue:
            if free <= 0 and not berths:
                return
            if candidate.concurrency is not None:
                if candidate.running + begun[candidate.job_id] >= candidate.concurrency:
                    continue
                begun[candidate.job_id] += 1
            if candidate.job_version_id != version:
                version = candidate.job_version_id
                expected = self.paces.expected(version)
            if candidate.runner_id is not None:
                if free <= 0:
                    return
                free -= 1
                yield candidate, candidate.runner_id
            elif free > 0 and idle:
                free -= 1
                runner = self._take(idle, version)
                if expected is not None and candidate.concurrency is None:
                    berths.append(Berth(runner, 1, expected))
                yield candidate, runner.id
            else:
                if not berths or candidate.concurrency is not None:
                    return
                berth = berths[0]
                for other in berths:
                    if other.load < berth.load:
                        berth = other
                if expected is None or not fits(expected, berth):
                    return
                berth.count += 1
                berth.load += expected
                yield candidate, berth.runner.id

    def _take(self, idle: list[Runner], version: int) -> Runner:
        """One of the idle runners: best the one that ran the same last, whose worker may be warm for it."""
        runner = next((runner for runner in idle if runner.last_version == version), idle[-1])
        idle.remove(runner)
        return runner

    def _berths(self) -> list[Berth]:
        """The runners that hold short work only, none of which is known to take its time."""
        found = []
        for runner in self.fleet.runners.values():
            if not runner.given or runner.recalled or not runner.able:
                continue
            load = 0.0
            for one in runner.given.values():
                if one.began or one.paused or one.stuck or one.expected is None:
                    break
                load += one.expected
            else:
                found.append(Berth(runner, len(runner.given), load))
        return found

    def _store_runner(self, tx: Transaction, recorder: Recorder, runner: Runner) -> None:
        row = {
            **runner.identity._asdict(),
            "id": runner.id,
            "host_id": self.host_id,
            "daemon_id": self.fleet.generation,
        }
        tx.database.run("insert_runner", {**row, "protocol": PROTOCOL, "now": tx.now})
        runner.stored = True
        recorder.if_failed.append(lambda: setattr(runner, "stored", False))


def fits(expected: float | None, berth: Berth) -> bool:
    """Whether a run that is expected to take so long may be handed ahead there."""
    return (
        expected is not None
        and expected <= pace.QUICK
        and berth.count < pace.MOST
        and berth.load + expected <= pace.AHEAD
    )
