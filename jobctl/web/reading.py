"""Reads of the store beside the event loop, in a few threads with a connection each."""

from __future__ import annotations

import threading
from collections.abc import Callable
from queue import SimpleQueue
from typing import Final, TypeVar

from jobctl.clock import Clock
from jobctl.config import Config
from jobctl.errors import CannotOpen
from jobctl.store import Store
from jobctl.web.asking import Answer, Asked, ask, deliver, waiting

T = TypeVar("T")
THREADS: Final = 8
LOOKED_AT_EVERY: Final = 1.0
"""Seconds between two looks at whether the database is still the one at its place."""


class Opened:
    """A store of one thread, opened when first used, and anew when its database was replaced or migrated."""

    def __init__(self, config: Config, clock: Clock) -> None:
        self.config = config
        self.clock = clock
        self._store: Store | None = None
        self._good_until = 0.0

    def store(self, actor: str) -> Store:
        """As that actor. Raises what `Store.open` does; a home that is gone is not made again."""
        now = self.clock.monotonic()
        if self._store is not None and now >= self._good_until and not self._store.database.is_current():
            self.close()
        if self._store is None:
            if not self.config.database.exists():
                raise CannotOpen(f"the database {self.config.database} is gone")
            self._store = Store.open(self.config, self.clock, actor)
        if now >= self._good_until:
            self._good_until = now + LOOKED_AT_EVERY
        self._store.actor = actor
        return self._store

    def close(self) -> None:
        store, self._store = self._store, None
        if store is not None:
            store.close()


class Readers:
    """Threads that nobody waits for long: one may stand at a database that is locked when the service stops."""

    def __init__(self, config: Config, clock: Clock) -> None:
        self.config = config
        self.clock = clock
        self._queue: SimpleQueue[Asked | None] = SimpleQueue()
        self._threads = [threading.Thread(target=self._run, name="reader", daemon=True) for _ in range(THREADS)]

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    async def read(self, actor: str, function: Callable[[Store], T]) -> T:
        """What `function` makes of one snapshot."""

        def within(store: Store) -> T:
            with store.snapshot():
                return function(store)

        return await self.act(actor, within)

    async def act(self, actor: str, function: Callable[[Store], T]) -> T:
        """What `function` does with a store of its own, whose changes it commits itself."""
        return await ask(self._queue, actor, function)

    def _run(self) -> None:
        opened = Opened(self.config, self.clock)
        while (asked := self._queue.get()) is not None:
            if not asked.done.cancelled():
                deliver([self._answer(opened, asked)])
        opened.close()

    def _answer(self, opened: Opened, asked: Asked) -> Answer:
        try:
            return asked, asked.function(opened.store(asked.actor)), None
        except BaseException as error:
            return asked, None, error

    def stop(self, until: float) -> None:
        """What has not begun is not begun; wait for the rest until then, by the clock's monotonic time."""
        for _ in waiting(self._queue):
            pass
        for _ in self._threads:
            self._queue.put(None)
        for thread in self._threads:
            thread.join(max(until - self.clock.monotonic(), 0))
