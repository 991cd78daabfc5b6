"""When the daemon looks into the ledger: at the next due instant, but not while the clock has just jumped."""

from __future__ import annotations

import logging

from jobctl import alarms, ledger, processes, promotion, retention
from jobctl.clock import MICROSECONDS, Clock
from jobctl.presence import Pulse
from jobctl.store import Store, Transaction

log = logging.getLogger("jobctl")

JUMP = 24 * 3600
"""Seconds by which the wall clock must leave the machine's own count behind to be doubted."""
STEP = 1.0
"""Seconds of difference between two looks that are a step, and no drift."""
DOUBT = 60.0
"""Seconds for which nothing planned is promoted after such a jump: a clock just set wrong is often set right."""


LEAD = 0.003
"""Seconds before an instant at which the daemon wakes, to have everything ready when it comes."""


class Promoter:
    """Promotes what is due, and holds back what is planned for a while after a jump of the clock."""

    def __init__(self, clock: Clock, pulse: Pulse) -> None:
        self.clock = clock
        self.pulse = pulse
        self.retention = retention.Watch(retention.Rules.read(pulse.config), clock)
        self.next_due: int | None = None
        self.held_until = 0.0
        self._difference = self._measure()
        self._jump = 0.0
        self._step = 0.0

    def start(self, tx: Transaction) -> None:
        """Once for each daemon: plan what is missing, what has moved, and what each boot brings."""
        ledger.recover(tx)
        alarms.recover(tx)
        ledger.revive(tx)
        ledger.realign(tx)
        ledger.after_boot(tx, processes.boot_id())
        alarms.set_default(tx, tx.database.config.notify)

    def look(self, store: Store) -> bool:
        """Whether something is due; `next_due` tells when something will be."""
        self.pulse.beat()
        self._watch_clock()
        ((due,),) = store.database.run("next_due")
        deadline = alarms.next_deadline(store)
        self.next_due = min((at for at in (due, deadline) if at is not None), default=None)
        if self._step or self.pulse.standstill is not None:
            return True
        if self.holding:
            return False
        return self.retention.look(store) or (self.next_due is not None and self.next_due <= self.clock.now())

    def is_due(self, store: Store) -> bool:
        """Whether something is due, without the looks that may wait."""
        self._watch_clock()
        ((due,),) = store.database.run("next_due")
        return not self.holding and (bool(self._step) or (due is not None and due <= self.clock.now()))

    def look_ahead(self, store: Store) -> None:
        """Know the next instant after some were decided, without the looks that may wait."""
        ((self.next_due,),) = store.database.run("next_due")

    @property
    def is_imminent(self) -> bool:
        """Whether the next instant is about to come."""
        if self.next_due is None or self.holding:
            return False
        return 0 < self.next_due - self.clock.now() <= LEAD * MICROSECONDS

    @property
    def holding(self) -> bool:
        return self.clock.monotonic() < self.held_until

    @property
    def alarm(self) -> int | None:
        """The instant at which to look again: a moment before the next one, unless that moment has passed."""
        if not self.holding:
            early = None if self.next_due is None else self.next_due - round(LEAD * MICROSECONDS)
            return self.next_due if early is None or early <= self.clock.now() else early
        return self.clock.now() + round((self.held_until - self.clock.monotonic()) * MICROSECONDS)

    def promote(self, tx: Transaction) -> int:
        """Decide on what is due; the number of system jobs looked at."""
        self._watch_clock()  # it may have jumped since the look, and the transaction begun after that
        self._tell_what_happened(tx)
        return 0 if self.holding else promotion.promote(tx) + alarms.ring(tx) + self.retention.submit(tx)

    def stop(self, store: Store, generation: int) -> None:
        """Write down since when that daemon promotes and starts nothing any more, though it may wait for what runs."""
        self.pulse.beat()
        with store.write() as tx:
            self._tell_what_happened(tx)
            tx.database.run("stop_daemon", {"id": generation, "now": tx.now})

    def _tell_what_happened(self, tx: Transaction) -> None:
        """Write down what kept anything from being promoted when it was due."""
        if self._step:
            tx.database.run("move_retries", {"step": round(self._step * MICROSECONDS)})
            self._step = 0.0
        if self._jump:
            tx.event("clock_jump", seconds=round(self._jump), held_for=DOUBT if self.holding else 0)
            self._jump = 0.0
            ledger.recover(tx)
            alarms.recover(tx)
        if self.pulse.standstill is not None:
            since, until = self.pulse.standstill
            tx.event("stood_still", since=since, until=until)
            self.pulse.standstill = None

    def _measure(self) -> float:
        return self.clock.now() / MICROSECONDS - self.clock.boottime()

    def _watch_clock(self) -> None:
        difference = self._measure()
        jump, self._difference = difference - self._difference, difference
        if abs(jump) > STEP:
            self._step += jump
        if abs(jump) <= JUMP:
            return
        self._jump += jump
        self.retention.put_off()
        # Set back, it is believed: nothing planned is due before its instant.
        self.held_until = self.clock.monotonic() + DOUBT if jump > 0 else 0.0
        words = f"holding back planned runs for {DOUBT:g} s" if jump > 0 else "planned runs go on"
        log.warning("the clock jumped by %+.0f h; %s", jump / 3600, words)
