"""What lets a run begin without delay: claiming before all other looks, and everything ready when an instant comes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from jobctl import claiming, wake
from jobctl.claiming import Claimed
from jobctl.clock import wait_until
from jobctl.dispatch import Dispatcher
from jobctl.handover import HandOver
from jobctl.promoter import LEAD, Promoter
from jobctl.recorder import Recorder
from jobctl.store import Store

BREATH: Final = 0.005
"""Seconds that what was claimed before all other looks has to begin undisturbed: they would take its processor."""


class TooEarly(Exception):
    """The clock was set back while its instant was awaited: nothing is committed."""


class Haste:
    """Of one daemon; `still_mine` raises when another one has taken over."""

    def __init__(
        self,
        store: Store,
        promoter: Promoter,
        dispatcher: Dispatcher,
        handover: HandOver,
        still_mine: Callable[[Store], None],
    ) -> None:
        self.store = store
        self.promoter = promoter
        self.dispatcher = dispatcher
        self.handover = handover
        self.still_mine = still_mine
        self.owed_since: float | None = None
        """The monotonic second at which a turn left out the other looks for the first time since they were taken."""
        self.looks_within: float | None = None
        """Seconds within which they, or the next ones, have to follow; None: when something happens."""

    def may(self) -> bool:
        """Whether there is nothing else to do than to hand something to a runner that waits for work."""
        fleet = self.dispatcher.fleet
        busy = fleet.inbox or fleet.burying or fleet.waiting_for_greetings
        # Never twice in a row: whoever commits all the time keeps nobody from being looked after.
        return not busy and self.owed_since is None and self.dispatcher.has_room()

    def may_record(self) -> bool:
        """Whether there are ends to record and what comes next to claim, and nothing else is pressing.

        However many come: BREATH after the first of them everybody else is looked after.
        """
        late = self.owed_since is not None and self.store.clock.monotonic() - self.owed_since >= BREATH
        return not late and self.dispatcher.fleet.has_only_ends

    def looking(self) -> None:
        """All looks are taken in this turn."""
        self.owed_since = self.looks_within = None

    def left_out(self) -> None:
        """The other looks are left out in this turn, and have to follow."""
        if self.owed_since is None:
            self.owed_since = self.store.clock.monotonic()
        self.looks_within = 0.0

    def breathe(self) -> None:
        """Something was claimed: it begins before the next looks, as far as those that are owed can wait."""
        owed = 0.0 if self.owed_since is None else self.store.clock.monotonic() - self.owed_since
        self.looks_within = max(BREATH - owed, 0.0)

    def heed(self, words: list[bytes]) -> tuple[list[Claimed], bool]:
        """Do what submitters ask for; what has yet to be handed over, and whether anything was found to do."""
        committed = [word.removeprefix(wake.NOW) for word in words if word.startswith(wake.NOW)]
        if committed:
            if self.handover.is_prepared(committed):
                self.handover.go()
                self.left_out()
                self.breathe()
                return [], True
            self.handover.withdraw()
            return self.claim()
        if words[-1] == wake.SOON:
            return [], self._rehearse()
        self._expect(words[-1].removeprefix(wake.GUEST))
        return [], False

    def _rehearse(self) -> bool:
        """Somebody is about to commit: have what claims it in the processor's caches; whether something is due."""
        with self.store.snapshot():
            self.still_mine(self.store)
            next(claiming.queue(self.store, self.dispatcher.host_id, 1), None)
            return self.promoter.is_due(self.store)

    def _expect(self, said: bytes) -> None:
        """Somebody is about to commit what it claims for a runner: that one reads its orders meanwhile."""
        guest = self.dispatcher.reception.announced(said)
        self.handover.withdraw()
        if guest is not None:
            self.handover.prepare([guest])

    def claim(self, at: int | None = None) -> tuple[list[Claimed], bool]:
        """Claim in one commit before any other look: what has yet to be handed over, and whether anything was found.

        With an instant `at` that is about to come, what is due then is claimed too, all as of that instant. Nobody
        sees anything of it before: the commit waits for it.
        """
        if at is None and (guests := self._guests()):
            return guests, True
        recorder = Recorder(self.dispatcher.fleet, self.dispatcher.paces)
        claimed: list[Claimed] = []
        promoted = 0
        self.dispatcher.reception.close()
        try:
            with self.store.write() as tx:
                self.still_mine(tx)
                if at is not None:
                    tx.now = at
                if at is not None or self.promoter.is_due(tx):
                    promoted = self.promoter.promote(tx)
                    self.promoter.look_ahead(tx)
                claimed = self.dispatcher.claim(tx, recorder)
                self.handover.prepare(claimed)
                if at is not None and (promoted or claimed) and not wait_until(tx.clock, at, LEAD):
                    raise TooEarly
        except BaseException as error:
            recorder.rolled_back()
            self.handover.withdraw()
            if not isinstance(error, TooEarly):
                raise
            claimed, promoted = [], 0
        gone = self.handover.go()
        self.left_out()
        if claimed:
            self.breathe()
        return [] if gone else claimed, bool(promoted or claimed)

    def _guests(self) -> list[Claimed]:
        """What was claimed by who submitted it: it only has to be handed over."""
        if not self.dispatcher.reception.expected:
            return []
        with self.store.snapshot():
            self.still_mine(self.store)
            guests, others, unwanted = self.dispatcher.reception.guests(self.store)
        if unwanted:  # that takes a commit
            return []
        if guests:
            self.left_out()
            if not others:
                self.breathe()
        return guests
