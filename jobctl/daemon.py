"""The daemon: record what ended, promote what is due, claim for free slots, hand over, and sleep."""

from __future__ import annotations

import logging
import os
import socket
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace

import jobctl
from jobctl import presence, processes
from jobctl.assignment import Runner
from jobctl.claiming import Claimed
from jobctl.clock import Clock
from jobctl.config import Config, ensure_home
from jobctl.dispatch import Dispatcher
from jobctl.ears import Ears
from jobctl.errors import DiskFull, StorageFailed, TryAgain
from jobctl.fleet import Fleet, Message
from jobctl.handover import HandOver
from jobctl.haste import Haste
from jobctl.locks import FileLock
from jobctl.model import State, Status
from jobctl.pace import Pace
from jobctl.promoter import Promoter
from jobctl.recorder import Recorder
from jobctl.rows import system_job_from
from jobctl.signals import Signals
from jobctl.store import Store
from jobctl.wishes import Wishes

log = logging.getLogger("jobctl")

LONGEST_SLEEP = 30.0
CHECKED = 256 * 1024 * 1024
"""Bytes of a database up to which it is checked before anything is run: about a second. `doctor` checks any."""
BEGIN_MAY_WAIT = 0.02
"""Seconds for which a begin waits for its end, so that both go into one commit."""
TOGETHER = 0.008
"""Seconds for which ends wait for others while their runners have enough to do."""
PATIENCE = 0.5
"""Seconds to wait for another writer before signals and runners are looked at again."""
DISMISSAL = 2.0
"""Seconds that idle runners have to leave when the daemon does."""
MIN_LEAVE = 5.0
"""Seconds beyond its grace that a run has to end after a second signal."""
AFTER_TROUBLE = 1.0
"""Seconds to wait after a full disk, a locked database, or a process that could not be started."""


class Replaced(TryAgain):
    """Another daemon has taken over; this one must change nothing any more."""


class Daemon:
    """The one of its home."""

    def __init__(
        self,
        config: Config,
        clock: Clock,
        *,
        slots: int,
        until_idle: bool = False,
        shutdown_timeout: float | None = 10.0,
    ) -> None:
        self.config = config
        self.clock = clock
        self.slots = slots
        self.until_idle = until_idle
        self.shutdown_timeout = shutdown_timeout
        """Seconds to wait for what runs after the first signal; None waits without limit."""
        self.lock = FileLock(config.daemon_lock)
        self.signals = Signals()
        self.begin_since: float | None = None
        self.quiet_until = 0.0
        self.troubled = False
        self.answered_signals = 0
        self.stopping = False
        """Nothing more is promoted or claimed."""
        self.leave_at: float | None = None
        self.promoter = Promoter(clock, presence.Pulse(config, clock))
        self.paces = Pace()
        self.to_hand_over: list[Claimed] = []

    # From start to end

    def run(self, *, takeover: bool = False) -> list[int]:
        """Until told to stop; the system jobs that go on without it.

        Raises TryAgain if another daemon holds the home, StorageFailed if the disk fails.
        """
        ensure_home(self.config)
        seen = presence.take(self.config, self.lock, takeover, self.shutdown_timeout)
        try:
            with self.signals.caught(), Store.open(self.config, self.clock, "daemon", daemon=True) as self.store:
                self._start(seen)
                log.info("daemon %d started: pid %d, %d slots", self.fleet.generation, os.getpid(), self.slots)
                self._loop()
                return self._leave()
        finally:
            self.lock.release()

    def _start(self, seen: int | None) -> None:
        fault = self.store.database.check(CHECKED)
        if fault is not None:
            raise StorageFailed(f"the database {self.config.database} is damaged ({fault}); restore a backup of it")
        processes.set_subreaper()
        me = processes.identity(os.getpid())
        with self.store.write() as tx:
            self.host_id = tx.host_id(socket.gethostname())
            row = {**me._asdict(), "host_id": self.host_id, "version": jobctl.__version__, "slots": self.slots}
            tx.database.run("daemon_was_seen", {"at": seen})
            ((generation,),) = tx.database.run("insert_daemon", {**row, **tx.stamp})
            self.promoter.start(tx)
        self.fleet = Fleet(self.config, self.clock, generation)
        self.wishes = Wishes(self.fleet)
        self.dispatcher = Dispatcher(self.fleet, self.store, self.host_id, self.slots, self.paces)
        self.handover = HandOver(self.fleet, self.store, self.paces)
        self.haste = Haste(self.store, self.promoter, self.dispatcher, self.handover, self._still_mine)
        self.ears = Ears(self.fleet.selector, self.config, self.clock, self.signals)
        for runner_id, *identity, protocol in self.store.database.run("runners", {"host_id": self.host_id}):
            self.fleet.adopt(runner_id, processes.Identity(*identity), protocol)
        self.fleet.clear_strays({row[0] for row in self.store.database.run("held_by_runners")})
        self.store.database.set_wait(PATIENCE)

    def _loop(self) -> None:
        while True:
            try:
                if self._finished():
                    return
                worked = self.step()
                self.troubled = False
            except Replaced:
                raise
            except (DiskFull, TryAgain) as error:
                self._trouble(error)
                worked = False
            # Also with more to do, runners are heard first: what they say decides what may be done.
            self.rest(0.0 if worked else LONGEST_SLEEP)

    def _trouble(self, error: Exception) -> None:
        if not self.troubled:
            log.error("%s; runs continue, their results are kept", error)
        self.troubled = True
        self.haste.looks_within = None
        self.quiet_until = self.clock.monotonic() + AFTER_TROUBLE

    def _finished(self) -> bool:
        if self.signals.count > self.answered_signals:
            self._answer_signal()
        if not self.answered_signals:
            return self.until_idle and self._idle()
        running = any(
            not (given.paused or given.stuck)
            for runner in self.fleet.runners.values()
            for given in runner.given.values()
        )
        # What could not be stored by then is in the runners' journals.
        busy = running or bool(self.fleet.inbox) or self.fleet.burying
        return not busy or (self.leave_at is not None and self.clock.monotonic() >= self.leave_at)

    def _idle(self) -> bool:
        if self.fleet.inbox or self.fleet.burying:
            return False
        ((busy,),) = self.store.database.run("busy")
        return not busy and not self.promoter.look(self.store)

    # One turn

    def step(self) -> bool:
        """Everything that can be done now, in one transaction; whether anything was found to do."""
        self._check_place()
        if self.clock.monotonic() < self.quiet_until:
            return False
        heard = self.ears.submitters.take()
        if heard and self._may_hurry():
            return self._give(*self.haste.heed(heard))
        self.handover.withdraw()  # what was only announced
        if not heard and not self.stopping and not self.to_hand_over and self.haste.may_record():
            self.haste.left_out()
            return self._write()
        self.haste.looking()
        if self.fleet.burying or self.fleet.waiting_for_greetings:
            self._still_mine(self.store)  # a successor takes our runners' connections: nothing may be killed then
        self._hand_over()
        gone = self.fleet.gone()
        self.fleet.report_stuck()
        with self.store.snapshot():  # of one moment, and cheaper than one look after the other
            self.wishes.tell(self.store)
            due = self.promoter.look(self.store) and not self.stopping
            claiming = not self.stopping and self.dispatcher.can_claim()
        if claiming or gone or due or self._reports_to_store():
            return self._write(gone, due)
        return self.promoter.is_imminent and self._may_hurry() and self._give(*self.haste.claim(self.promoter.next_due))

    def _may_hurry(self) -> bool:
        return not self.stopping and not self.to_hand_over and self.haste.may()

    def _give(self, claimed: list[Claimed], found: bool) -> bool:
        """Hand over what was claimed in haste."""
        self.to_hand_over.extend(claimed)
        self._hand_over()
        return found

    def _check_place(self) -> None:
        if not self.store.database.in_place():
            raise StorageFailed(
                f"{self.config.database} was deleted or replaced while in use; nothing more is written: restore it,"
                " then start the daemon again"
            )

    def _write(self, gone: Sequence[Runner] = (), due: bool | None = None) -> bool:
        """Record, promote and claim in one commit, then hand over; whether anything was found to do.

        Where nobody has looked whether something is `due`, that is done first: what is late must not be claimed.
        """
        recorder = Recorder(self.fleet, self.paces)
        messages = list(self.fleet.inbox)
        self.dispatcher.reception.close()
        try:
            with self.store.write() as tx:
                self._still_mine(tx)
                for runner, message in messages:
                    recorder.apply(tx, runner, message)
                recorder.finish(tx)
                for runner in gone:
                    recorder.bury(tx, runner)
                due = self.promoter.is_due(tx) if due is None else due
                promoted = self.promoter.promote(tx) if due else 0
                claimed = [] if self.stopping else self.dispatcher.claim(tx, recorder)
        except BaseException:
            recorder.rolled_back()
            raise
        self.fleet.stored(len(messages))
        recorder.settled()
        if recorder.should_wait:
            self.dispatcher.not_before = self.clock.monotonic() + AFTER_TROUBLE
        if claimed and not (gone or promoted):
            self.haste.breathe()
        self.to_hand_over.extend(claimed)
        self._hand_over()
        self.fleet.acknowledge()
        self.fleet.dismiss_surplus(self.slots)
        return bool(messages or gone or promoted or claimed)

    def _hand_over(self) -> None:
        """Give runners what is claimed for them; what the store did not let happen last time comes first."""
        if self.to_hand_over:
            self.handover.hand_over(self.to_hand_over)
            self.to_hand_over = []

    def _still_mine(self, store: Store) -> None:
        newest = store.daemon()
        if newest is None or newest.id != self.fleet.generation:
            raise Replaced("another daemon has taken over this home; this one changed nothing more")

    def _reports_to_store(self) -> bool:
        """Whether the inbox should be written now; a begin alone may wait a little for its end."""
        if all(message["k"] == "begin" for _, message in self.fleet.inbox):
            if not self.fleet.inbox:
                self.begin_since = None
                return False
            now = self.clock.monotonic()
            if self.begin_since is None:
                self.begin_since = now
            if now - self.begin_since < BEGIN_MAY_WAIT:
                return False
        self.begin_since = None
        return True

    # Sleeping

    def rest(self, longest: float = LONGEST_SLEEP) -> None:
        """Sleep until something happens or the next instant comes, `longest` seconds at most."""
        now = self.clock.monotonic()
        if self.haste.looks_within is not None:
            longest = self.haste.looks_within
        limits = [longest, *(limit - now for limit in (self.quiet_until, self.leave_at) if limit and limit > now)]
        if self.fleet.inbox:
            limits.append(BEGIN_MAY_WAIT)
        if self.fleet.burying:
            limits.append(self.fleet.patience())
        if self.fleet.waiting_for_greetings:
            limits.append(0.1 if self.fleet.greeting else 5.0)
        if self.stopping:
            limits.append(0.1)
        if self.dispatcher.short or self.dispatcher.not_before > now:
            limits.append(AFTER_TROUBLE)
        if self.ears.alarm is not None:
            self.ears.alarm.set(None if self.stopping or now < self.quiet_until else self.promoter.alarm)
        else:
            limits.append(0.05)  # a clock moved by a file rings no alarm
        if longest and not self.stopping and now >= self.quiet_until:
            self.dispatcher.offer()
        heard = self.fleet.wait(min(limits))
        together = self.clock.monotonic() + TOGETHER
        while not heard and self.fleet.may_wait and (left := together - self.clock.monotonic()) > 0:
            heard = self.fleet.wait(left)
        for key, _ in heard:
            self.ears.hear(key)
        if self.fleet.reaper.is_init:
            self.fleet.reaper.reap()

    # Stopping

    def _answer_signal(self) -> None:
        self.answered_signals = self.signals.count
        self.stopping = True
        self.dispatcher.reception.close()
        if self.signals.count == 1:
            for runner in self.fleet.runners.values():
                waiting = [given.sequence for given in runner.given.values() if not given.began]
                if waiting:
                    self.fleet.send(runner, {"k": "take_back", "sequences": waiting})
            if self.shutdown_timeout is not None:
                self.leave_at = self.clock.monotonic() + self.shutdown_timeout
            log.info("stopping: nothing more is started; a second signal ends what runs")
            with self._tolerant():
                self.promoter.stop(self.store, self.fleet.generation)
        else:
            self._cancel_all()

    def _cancel_all(self) -> None:
        """End what runs. The runners are told first: that needs no database."""
        log.warning("stopping at once: ending what runs")
        told: set[int] = set()
        for runner in self.fleet.runners.values():
            for given in runner.given.values():
                if not given.paused and runner.connection is not None:
                    order: Message = {"k": "cancel", "sequence": given.sequence, "reason": "daemon_stopped"}
                    self.fleet.send(runner, order)
                    told.add(given.sequence)
        grace = [MIN_LEAVE]
        with self._tolerant(), self.store.write() as tx:
            self._still_mine(tx)
            for row in map(system_job_from, tx.database.run("held_by_runners")):
                if row.sequence not in told:
                    continue
                grace.append(tx.job_version(row.job_version_id).definition.grace)
                self.wishes.is_told(row.sequence, row.claim, Status.CANCELING)
                if row.state is State.LOCKED and row.status is not Status.CANCELING:
                    tx.save(row, replace(row, status=Status.CANCELING))
        self.leave_at = self.clock.monotonic() + max(grace) + MIN_LEAVE

    @contextmanager
    def _tolerant(self) -> Iterator[None]:
        """For what need not succeed when leaving: the next daemon finds out by itself."""
        try:
            yield
        except Replaced:
            raise
        except (DiskFull, TryAgain) as error:
            self._trouble(error)

    def _dismiss_idle(self) -> None:
        for runner in list(self.fleet.idle()):
            self.fleet.dismiss(runner)
        until = self.clock.monotonic() + DISMISSAL
        while any(runner.leaving for runner in self.fleet.runners.values()) and self.clock.monotonic() < until:
            worked = False
            with self._tolerant():
                worked = self.step()
            self.rest(0.0 if worked else LONGEST_SLEEP)

    def _leave(self) -> list[int]:
        self.stopping = True
        self._dismiss_idle()
        left = sorted(given.sequence for runner in self.fleet.runners.values() for given in runner.given.values())
        with self._tolerant(), self.store.write() as tx:
            self._still_mine(tx)
            tx.database.run("stop_daemon", {"id": self.fleet.generation, "now": tx.now})
        self.fleet.close()
        self.dispatcher.reception.offer.close()
        self.ears.close()
        if left:
            numbers = ", ".join(f"#{sequence}" for sequence in left)
            log.warning("left running, for the next daemon to adopt: %s", numbers)
        log.info("daemon %d stopped", self.fleet.generation)
        return left
