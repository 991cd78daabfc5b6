"""Server-sent events (HTML standard, section 9.2): streams that look at the store when somebody has committed."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Final

from starlette.requests import Request
from starlette.responses import StreamingResponse

from jobctl.errors import JobctlError
from jobctl.store import Store
from jobctl.web.failures import Rejected
from jobctl.web.services import read, services

QUIET: Final = 15.0
"""Seconds after which a stream says that it is still there: proxies end silent ones."""


@dataclass(frozen=True, slots=True)
class Event:
    """`data` is sent as JSON, unless it is a text."""

    data: object
    name: str = ""
    id: str = ""

    def encode(self) -> bytes:
        text = self.data if isinstance(self.data, str) else json.dumps(self.data)
        lines = [f"{key}: {value}" for key, value in (("event", self.name), ("id", self.id)) if value]
        lines += [f"data: {line}" for line in text.splitlines() or [""]]
        return ("\n".join(lines) + "\n\n").encode()


@dataclass(frozen=True, slots=True)
class Look:
    """What is new, and whether nothing can follow."""

    events: Iterable[Event] = field(default=())
    over: bool = False


async def stream(request: Request, look: Callable[[Store], Look], every: float = QUIET) -> StreamingResponse:
    """Answer with what `look` finds, now and after each commit. The first look may raise JobctlError, as usual.

    `every`: seconds after which it looks all the same, for what changes without a commit.
    `look` is called in threads, one call at a time. The stream ends when it says so, when its token is revoked or the
    service stops.
    """
    shared = services(request)
    if shared.watcher.streams >= shared.settings.max_streams:
        raise Rejected(503, "too many streams are open; try again later", {"retry-after": "10"})
    first = await read(request, look)
    headers = {"cache-control": "no-store", "x-accel-buffering": "no"}
    return StreamingResponse(_told(request, look, first, every), media_type="text/event-stream", headers=headers)


async def _told(request: Request, look: Callable[[Store], Look], first: Look, every: float) -> AsyncIterator[bytes]:
    shared = services(request)
    yield b": jobctl\n\n" + b"".join(event.encode() for event in first.events)
    if first.over:
        return
    told = shared.clock.monotonic()
    async with aclosing(shared.watcher.looks(every)) as looks:
        async for _ in looks:
            if shared.doorkeeper.admit(request) is None:
                return
            try:
                found = await read(request, look)
            except JobctlError:  # gone meanwhile, or the database is busy: the client asks again and is told
                return
            text = b"".join(event.encode() for event in found.events)
            if not text and not found.over and shared.clock.monotonic() - told >= QUIET:
                text = b": still there\n\n"
            if text:
                yield text
                told = shared.clock.monotonic()
            if found.over:
                return
