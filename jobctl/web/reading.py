"""Reads of the store beside the event loop, in a few threads with a connection each."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Final, TypeVar

from jobctl.clock import Clock
from jobctl.config import Config
from jobctl.errors import CannotOpen
from jobctl.store import Store

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
    def __init__(self, config: Config, clock: Clock) -> None:
        self.config = config
        self.clock = clock
        self._pool = ThreadPoolExecutor(THREADS, "reader")
        self._own = threading.local()
        self._all: list[Opened] = []

    async def read(self, actor: str, function: Callable[[Store], T]) -> T:
        """What `function` makes of one snapshot."""

        def within(store: Store) -> T:
            with store.snapshot():
                return function(store)

        return await self.act(actor, within)

    async def act(self, actor: str, function: Callable[[Store], T]) -> T:
        """What `function` does with a store of its own, whose changes it commits itself."""
        return await asyncio.get_running_loop().run_in_executor(self._pool, self._work, actor, function)

    def _work(self, actor: str, function: Callable[[Store], T]) -> T:
        if not hasattr(self._own, "opened"):
            self._own.opened = Opened(self.config, self.clock)
            self._all.append(self._own.opened)
        opened: Opened = self._own.opened
        return function(opened.store(actor))

    def stop(self) -> None:
        self._pool.shutdown(wait=True, cancel_futures=True)
        for opened in self._all:
            opened.close()
