"""Noticing that others committed, without holding a transaction meanwhile."""

from __future__ import annotations

import select
from collections.abc import Iterable

from jobctl.store import Store

SHORTEST_REST = 0.01
LONGEST_REST = 0.1
"""Seconds between two looks: short at first, then ten a second."""


class Changes:
    """Tells when others committed. Make it before the first read, so that nothing falls in between."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.version = store.data_version()
        self.pause = SHORTEST_REST

    def wait(self, deadline: float | None = None, wake: Iterable[int] = ()) -> bool:
        """Rest until a commit (true), or until `deadline` (monotonic seconds) or a readable descriptor (false)."""
        while True:
            pause = self.pause
            if deadline is not None:
                pause = min(pause, deadline - self.store.clock.monotonic())
                if pause <= 0:
                    return False
            if rest(pause, wake):
                return False
            self.pause = min(self.pause * 1.5, LONGEST_REST)
            if self.changed():
                return True

    def look(self) -> bool:
        """Rest once; whether anything was committed meanwhile."""
        return self.wait(self.store.clock.monotonic() + self.pause)

    def changed(self) -> bool:
        """Whether anything was committed since the last call."""
        seen, self.version = self.version, self.store.data_version()
        return seen != self.version


def rest(seconds: float, wake: Iterable[int] = ()) -> bool:
    """Sleep; true as soon as one of the descriptors can be read."""
    return bool(select.select(list(wake), [], [], seconds)[0])
