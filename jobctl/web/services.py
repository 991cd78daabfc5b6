"""What the application's endpoints share: the store for reading and for changing it, and the watcher of streams."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final, TypeVar

from starlette.requests import Request

from jobctl.clock import Clock
from jobctl.config import Config
from jobctl.store import Store
from jobctl.web.callers import caller
from jobctl.web.doorkeeper import Doorkeeper
from jobctl.web.reading import Readers
from jobctl.web.settings import Settings
from jobctl.web.watching import Watcher
from jobctl.web.writing import Writer

T = TypeVar("T")
NOBODY = "jobctl"
"""The actor of what needs no token."""
PATIENCE: Final = 0.3
"""Seconds for threads to end; they may stand at a locked database."""


@dataclass(frozen=True, slots=True)
class Services:
    config: Config
    clock: Clock
    settings: Settings
    readers: Readers = field(init=False)
    writer: Writer = field(init=False)
    watcher: Watcher = field(init=False)
    doorkeeper: Doorkeeper = field(init=False)

    def __post_init__(self) -> None:
        writer = Writer(self.config, self.clock)
        for name, value in {
            "readers": Readers(self.config, self.clock),
            "writer": writer,
            "watcher": Watcher(self.config, self.clock),
            "doorkeeper": Doorkeeper(self.config, self.clock, writer),
        }.items():
            object.__setattr__(self, name, value)

    def start(self) -> None:
        self.readers.start()
        self.writer.start()
        self.watcher.start()

    def stop(self) -> None:
        self.watcher.stop()
        until = self.clock.monotonic() + PATIENCE
        self.writer.stop(until)
        self.readers.stop(until)
        self.watcher.join(until)
        self.doorkeeper.close()


def services(request: Request) -> Services:
    found = request.app.state.services
    assert isinstance(found, Services)
    return found


async def read(request: Request, function: Callable[[Store], T]) -> T:
    """What `function` makes of a snapshot of the store, in a thread."""
    return await services(request).readers.read(_actor(request), function)


async def write(request: Request, function: Callable[[Store], T]) -> T:
    """What `function` returned, once what it did as the caller is committed. It is undone if `function` raises."""
    return await services(request).writer.write(_actor(request), function)


async def act(request: Request, function: Callable[[Store], T]) -> T:
    """What `function` does with a store that acts as the caller, each operation with a commit of its own."""
    return await services(request).readers.act(_actor(request), function)


def _actor(request: Request) -> str:
    return caller(request).actor if hasattr(request.state, "caller") else NOBODY
