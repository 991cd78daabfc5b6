"""Changes of the store in one thread: those that arrive while a commit is under way share the next one.

A request is answered only after the commit that holds its change. Each change is a part of the transaction that fails
by itself; when the commit fails, all of its changes do.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from typing import Any, Final, TypeVar

from jobctl.clock import Clock
from jobctl.config import Config
from jobctl.store import Store, Transaction
from jobctl.web.reading import Opened

T = TypeVar("T")
MOST: Final = 1000
LONGEST: Final = 0.05
"""Seconds that one transaction may take, so that other writers get their turn."""


class Member(Store):
    """The store as one change sees it: what it writes becomes part of the transaction of all."""

    def __init__(self, shared: Store, actor: str) -> None:
        super().__init__(shared.database, shared.clock, actor)
        self._versions = shared._versions

    @contextmanager
    def write(self) -> Iterator[Transaction]:
        try:
            with self.database.savepoint():
                yield Transaction(self)
        except BaseException:
            self._versions.clear()  # a version that was undone leaves its number to another
            raise


@dataclass(frozen=True, slots=True)
class Change:
    actor: str
    function: Callable[[Store], Any]
    loop: asyncio.AbstractEventLoop
    done: asyncio.Future[Any]


Answer = tuple[Change, Any, BaseException | None]


class Writer:
    def __init__(self, config: Config, clock: Clock) -> None:
        self.clock = clock
        self.opened = Opened(config, clock)
        self.commits = 0
        self.changes = 0
        self._queue: SimpleQueue[Change | None] = SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="writer", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Once all that was asked for is done."""
        self._queue.put(None)
        self._thread.join()

    async def write(self, actor: str, function: Callable[[Store], T]) -> T:
        """What `function` returned, once what it did is safe. Raises what it raised, and what a commit does."""
        loop = asyncio.get_running_loop()
        done: asyncio.Future[T] = loop.create_future()
        self._queue.put(Change(actor, function, loop, done))
        return await done

    def _run(self) -> None:
        while (first := self._queue.get()) is not None:
            _deliver(self._commit(first))
        self.opened.close()

    def _commit(self, first: Change) -> list[Answer]:
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
            return [(change, None, error) for change, _, _ in answers or [(first, None, None)]]
        self.commits += 1
        self.changes += len(answers)
        return answers

    def _together(self, first: Change) -> Iterator[Change]:
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

    def _make(self, store: Store, change: Change) -> Answer:
        member = Member(store, change.actor)
        try:
            with member.database.savepoint():
                return change, change.function(member), None
        except Exception as error:
            if not store.database.in_transaction:  # a full disk ends the whole of it
                raise
            return change, None, error


def _deliver(answers: list[Answer]) -> None:
    by_loop: dict[asyncio.AbstractEventLoop, list[Answer]] = {}
    for answer in answers:
        by_loop.setdefault(answer[0].loop, []).append(answer)
    for loop, some in by_loop.items():
        with suppress(RuntimeError):  # the loop was closed: nobody waits any more
            loop.call_soon_threadsafe(_settle, some)


def _settle(answers: list[Answer]) -> None:
    for change, result, error in answers:
        if change.done.done():  # who asked has gone
            continue
        if error is None:
            change.done.set_result(result)
        else:
            change.done.set_exception(error)
