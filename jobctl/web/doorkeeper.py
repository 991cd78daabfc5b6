"""Who is let in: by a token in a header, or by the session of a browser."""

from __future__ import annotations

import asyncio
from http.cookies import CookieError, SimpleCookie
from typing import Final

from starlette.requests import Request

from jobctl import tokens
from jobctl.clock import Clock
from jobctl.config import Config
from jobctl.tokens import Holder
from jobctl.web.callers import Caller
from jobctl.web.reading import Opened
from jobctl.web.writing import Writer

COOKIE: Final = "jobctl_session"
NOTED_EVERY: Final = 60.0
"""Seconds between two records of a token's use."""


class Doorkeeper:
    """Looks tokens up on the event loop itself: one row by its key, without waiting for any writer."""

    def __init__(self, config: Config, clock: Clock, writer: Writer) -> None:
        self.clock = clock
        self.writer = writer
        self.opened = Opened(config, clock)
        self._noted: dict[int, float] = {}
        self._notes: set[asyncio.Task[None]] = set()

    def admit(self, request: Request) -> Caller | None:
        """Who asks; None for no credentials, wrong ones, or more than one."""
        given = credentials(request)
        session = None if given else session_of(request)
        holder: Holder | None = None
        if len(given) == 1:
            holder = tokens.verify(self.opened.store("jobctl"), given[0])
        elif session is not None:
            holder = tokens.verify_session(self.opened.store("jobctl"), session.encode("latin-1", "replace"))
        if holder is None:
            return None
        self._note(holder)
        return Caller(holder.token_id, holder.name, holder.scopes, session)

    def _note(self, holder: Holder) -> None:
        """Its use is recorded, but not waited for, and not each time."""
        now = self.clock.monotonic()
        if now < self._noted.get(holder.token_id, 0.0):
            return
        self._noted[holder.token_id] = now + NOTED_EVERY
        task = asyncio.get_running_loop().create_task(self._record(holder))
        self._notes.add(task)
        task.add_done_callback(self._notes.discard)

    async def _record(self, holder: Holder) -> None:
        try:
            await self.writer.write(holder.actor, lambda store: tokens.used(store, holder.token_id))
        except Exception:  # no record is worth an answer; the next use tries again
            self._noted.pop(holder.token_id, None)

    def close(self) -> None:
        self.opened.close()


def credentials(request: Request) -> list[bytes]:
    """The tokens in the headers; what is no Bearer token counts as a wrong one."""
    found = []
    for name, value in request.scope["headers"]:
        if name == b"x-token":
            found.append(value)
        elif name == b"authorization":
            scheme, _, text = value.partition(b" ")
            found.append(text.strip(b" ") if scheme.lower() == b"bearer" else b"")
    return found


def session_of(request: Request) -> str | None:
    """The session that the browser sent, believed or not."""
    cookie: SimpleCookie = SimpleCookie()
    try:
        cookie.load(request.headers.get("cookie", ""))
    except CookieError:
        return None
    return cookie[COOKIE].value if COOKIE in cookie else None
