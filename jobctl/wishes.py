"""What operators ask of processes, passed on to the runners that have them."""

from __future__ import annotations

from jobctl.fleet import Fleet
from jobctl.model import State, Status
from jobctl.store import Store

MOST_REMEMBERED = 10_000


class Wishes:
    """Tells each wish once to each connection's runner; a runner takes it as often as it is said."""

    def __init__(self, fleet: Fleet) -> None:
        self.fleet = fleet
        self.told: set[tuple[int, int, int]] = set()

    def tell(self, store: Store) -> None:
        """Pass on what was asked since the last time."""
        for sequence, claim, runner_id, state, status, begun in store.database.run("wishes"):
            wish = Status(status) if state == State.LOCKED else Status.CANCELING
            runner = self.fleet.runners.get(runner_id)
            if (sequence, claim, wish) in self.told or runner is None or not runner.greeted:
                continue
            if not begun:
                self.fleet.recall(runner, [sequence])
            kind = "pause" if wish is Status.PAUSING else "cancel"
            self.fleet.send(runner, {"k": kind, "sequence": sequence, "reason": "user"})
            self.is_told(sequence, claim, wish)
        if len(self.told) > MOST_REMEMBERED:
            self.told.clear()

    def is_told(self, sequence: int, claim: int, wish: Status) -> None:
        self.told.add((sequence, claim, wish))
