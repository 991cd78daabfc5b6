"""What lets a run begin without delay: claiming before all other looks, and everything ready when an instant comes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from jobctl import claiming
from jobctl.claiming import Claimed
from jobctl.clock import wait_until
from jobctl.dispatch import Dispatcher
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
        self, store: Store, promoter: Promoter, dispatcher: Dispatcher, still_mine: Callable[[Store], None]
    ) -> None:
        self.store = store
        self.promoter = promoter
        self.dispatcher = dispatcher
        self.still_mine = still_mine
        self.looks_within: float | None = None
        """Seconds within which the looks that were left out have to follow; None: none was."""

    def may(self) -> bool:
        """Whether there is nothing else to do than to hand something to a runner that waits for work."""
        fleet = self.dispatcher.fleet
        busy = fleet.inbox or fleet.burying or fleet.waiting_for_greetings
        # Never twice in a row: whoever commits all the time keeps nobody from being looked after.
        return not busy and self.looks_within is None and self.dispatcher.has_room()

    def rehearse(self) -> bool:
        """Somebody is about to commit: have what claims it in the processor's caches; whether something is due."""
        with self.store.snapshot():
            self.still_mine(self.store)
            next(claiming.queue(self.store, self.dispatcher.host_id, 1), None)
            return self.promoter.is_due(self.store)

    def claim(self, at: int | None = None) -> tuple[list[Claimed], bool]:
        """What was claimed in one commit before any other look, and whether anything was found to do.

        With an instant `at` that is about to come, what is due then is claimed too, all as of that instant. Nobody
        sees anything of it before: the commit waits for it.
        """
        recorder = Recorder(self.dispatcher.fleet, self.dispatcher.paces)
        claimed: list[Claimed] = []
        promoted = 0
        try:
            with self.store.write() as tx:
                self.still_mine(tx)
                if at is not None:
                    tx.now = at
                if at is not None or self.promoter.is_due(tx):
                    promoted = self.promoter.promote(tx)
                claimed = self.dispatcher.claim(tx, recorder)
                if at is not None and (promoted or claimed) and not wait_until(tx.clock, at, LEAD):
                    raise TooEarly
        except BaseException as error:
            recorder.rolled_back()
            if not isinstance(error, TooEarly):
                raise
            claimed, promoted = [], 0
        self.looks_within = BREATH if claimed else 0.0
        return claimed, bool(promoted or claimed)
