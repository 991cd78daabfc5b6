"""The store that a program's submissions share: opened once for each thread, and anew when its place has changed."""

from __future__ import annotations

import os
from _thread import _local
from collections.abc import Mapping
from typing import Final

from jobctl import clock, config
from jobctl.config import variables
from jobctl.store import Store

LOOKED_AT_EVERY: Final = 1.0
"""Seconds between two looks at the version of a database: another program may have migrated it."""


class Opened:
    """A store, of what it was opened, and until when its version need not be looked at again (monotonic seconds)."""

    __slots__ = ("good_until", "of", "store")

    def __init__(self, store: Store, of: tuple[object, ...]) -> None:
        self.store = store
        self.of = of
        self.good_until = 0.0

    def is_good(self) -> bool:
        """Whether it still leads to the home's database; its version is looked at now and then."""
        database, now = self.store.database, self.store.clock.monotonic()
        if now < self.good_until:
            return database.in_place()
        self.good_until = now + LOOKED_AT_EVERY
        return database.is_current()


class Kept(_local):
    """Of one thread: a connection serves one transaction at a time."""

    opened: Opened | None = None


kept: Final = Kept()


class open_store:
    """The store of the home that the environment names. Raises what `Store.open` does."""

    __slots__ = ()

    def __enter__(self) -> Store:
        return opened()

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if error is not None:
            close()


def opened() -> Store:
    """The same for a caller that closes it after an error."""
    last, found = kept.opened, variables()
    # A child that was forked must not use its parent's connection.
    of = (os.getpid(), found.get(b"JOBCTL_SEQUENCE"), found.get(b"JOBCTL_HOME") or _place(found))
    if last is not None:
        if last.of == of and last.is_good():
            return last.store
        kept.opened = None
        if last.of[0] == of[0]:
            last.store.close()
    last = kept.opened = Opened(Store.open(config.load(os.environ), clock.system_clock(), caller()), of)
    return last.store


def _place(found: Mapping[bytes, bytes]) -> tuple[bytes | None, ...]:
    """What else of the environment decides which home is meant."""
    return found.get(b"XDG_STATE_HOME"), found.get(b"HOME")


def close() -> None:
    """Let go of this thread's store; the next submission opens it anew."""
    last, kept.opened = kept.opened, None
    if last is not None:
        last.store.close()


def caller() -> str:
    """The actor of this process: the run it is part of, else its user."""
    sequence = os.environ.get("JOBCTL_SEQUENCE", "")
    if sequence.isascii() and sequence.isdecimal():
        return f"run:{sequence}"
    import pwd

    try:
        return f"user:{pwd.getpwuid(os.getuid()).pw_name}"
    except KeyError:
        return f"user:{os.getuid()}"
