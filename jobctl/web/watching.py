"""One look at the store's version for all streams: they rest until somebody has committed."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncGenerator
from contextlib import suppress
from typing import Final

from jobctl.changes import Changes, rest
from jobctl.clock import Clock
from jobctl.config import Config
from jobctl.errors import JobctlError
from jobctl.web.reading import Opened

TURN: Final = 1.0
"""Seconds after which the thread looks whether it is still wanted."""


class Watcher:
    def __init__(self, config: Config, clock: Clock) -> None:
        self.clock = clock
        self.opened = Opened(config, clock)
        self.streams = 0
        self.stopping = False
        self._loop: asyncio.AbstractEventLoop | None = None
        self._signal = asyncio.Event()
        self._wanted = threading.Event()
        self._thread = threading.Thread(target=self._run, name="watcher", daemon=True)

    def start(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._thread.start()

    def stop(self) -> None:
        """End all streams; from the loop's thread, also before `join`."""
        self.stopping = True
        self._wanted.set()
        self._wake()

    def join(self, until: float) -> None:
        self._thread.join(max(until - self.clock.monotonic(), 0))

    async def looks(self, longest: float) -> AsyncGenerator[None]:
        """At once, and then whenever somebody has committed or `longest` seconds have passed; ends with the service."""
        self.streams += 1
        self._wanted.set()
        try:
            while not self.stopping:
                signal = self._signal  # of before the look: what is committed during it is looked at again
                yield
                with suppress(TimeoutError):
                    async with asyncio.timeout(longest):
                        await signal.wait()
        finally:
            self.streams -= 1
            if not self.streams and not self.stopping:
                self._wanted.clear()

    def _wake(self) -> None:
        signal, self._signal = self._signal, asyncio.Event()
        signal.set()

    def _run(self) -> None:
        while not self.stopping:
            try:
                self._watch()
            except JobctlError:  # the home went away, or is busy: look again later
                self.opened.close()
                rest(TURN)
        self.opened.close()

    def _watch(self) -> None:
        store = self.opened.store("jobctl")
        changes = Changes(store)
        self._call_wake()
        while not self.stopping:
            self._wanted.wait()
            # What was committed while nobody listened differs, too: a stream's first look may have been before it.
            if changes.changed() or changes.wait(self.clock.monotonic() + TURN):
                self._call_wake()
            if self.opened.store("jobctl") is not store:
                return

    def _call_wake(self) -> None:
        assert self._loop is not None
        with suppress(RuntimeError):  # the loop was closed
            self._loop.call_soon_threadsafe(self._wake)
