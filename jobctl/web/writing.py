"""Changes of the store in one thread: those that arrive while a commit is under way share the next one.

A request is answered only after the commit that holds its change. Each change is a part of the transaction that fails
by itself; when the commit fails, all of its changes do.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from queue import Empty, SimpleQueue
from typing import Final, TypeVar

from jobctl.clock import Clock
from jobctl.config import Config
from jobctl.store import Store, Transaction
from jobctl.web.asking import Answer, Asked, ask, deliver, waiting
from jobctl.web.reading import Opened

T = TypeVar("T")
MOST: Final = 1000
LONGEST: Final = 0.05
"""Seconds that one transaction may take, so that other writers get their turn."""


class Member(Store):
    """The store as one change sees it: what it writes becomes part of the transaction of all."""

    def __init__(self, shared: Store, actor: str) -> None:
        super().__init__(shared.database, shared.clock, actor)
        self.known = shared.known

    @contextmanager
    def write(self) -> Iterator[Transaction]:
        try:
            with self.database.savepoint():
                yield Transaction(self)
        except BaseException:
            self.known.clear()
            raise


class Writer:
    def __init__(self, config: Config, clock: Clock) -> None:
        self.clock = clock
        self.opened = Opened(config, clock)
        self.commits = 0
        self.changes = 0
        self._queue: SimpleQueue[Asked | None] = SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="writer", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self, until: float) -> None:
        """Once all that was asked for is done, or by then: what is not done has not been answered."""
        self._queue.put(None)
        self._thread.join(max(until - self.clock.monotonic(), 0))

    async def write(self, actor: str, function: Callable[[Store], T]) -> T:
        """What `function` returned, once what it did is safe. Raises what it raised, and what a commit does."""
        return await ask(self._queue, actor, function)

    def _run(self) -> None:
        while (first := self._queue.get()) is not None:
            deliver(self._commit(first))
        self.opened.close()

    def _commit(self, first: Asked) -> list[Answer]:
        """One transaction with that change and those that wait behind it."""
        answers: list[Answer] = []
        try:
            store = self.opened.store("jobctl")
            with store.write():
                for change in self._together(first):
                    answers.append((change, None, None))
                    answers[-1] = self._make(store, change)
        except BaseException as error:
            self.opened.close()
            # Who came while it waited for another program's transaction would wait as long again, one by one.
            changes = [change for change, _, _ in answers] or [first, *waiting(self._queue)]
            return [(change, None, error) for change in changes]
        self.commits += 1
        self.changes += len(answers)
        return answers

    def _together(self, first: Asked) -> Iterator[Asked]:
        """The change, and what else is asked for meanwhile, within the bounds of one transaction."""
        yield first
        until = self.clock.monotonic() + LONGEST
        for _ in range(MOST - 1):
            if self.clock.monotonic() > until:
                return
            try:
                change = self._queue.get_nowait()
            except Empty:
                return
            if change is None:
                self._queue.put(None)
                return
            yield change

    def _make(self, store: Store, change: Asked) -> Answer:
        member = Member(store, change.actor)
        try:
            with member.database.savepoint():
                return change, change.function(member), None
        except Exception as error:
            if not store.database.in_transaction:  # a full disk ends the whole of it
                raise
            return change, None, error
