"""The store that a program's submissions share: opened once for each thread, and anew when its place has changed."""

from __future__ import annotations

import os
from _thread import _local
from collections.abc import Mapping
from typing import Final

from jobctl import clock, config
from jobctl.store import Store

LOOKED_AT_EVERY: Final = 1.0
"""Seconds between two looks at the version of a database: another program may have migrated it."""


class Kept(_local):
    """Of one thread: a connection serves one transaction at a time."""

    store: Store | None = None
    of: tuple[object, ...] = ()
    good_until: float = 0.0


kept: Final = Kept()


class open_store:
    """The store of the home that the environment names. Raises what `Store.open` does."""

    __slots__ = ()

    def __enter__(self) -> Store:
        return _opened()

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if error is not None:
            close()


def _opened() -> Store:
    environment = os.environ
    # A child that was forked must not use its parent's connection.
    of = (os.getpid(), environment.get("JOBCTL_SEQUENCE"), _place(environment))
    if kept.of[:1] != of[:1]:
        kept.store = None
    elif kept.store is not None and (kept.of != of or not _is_good(kept.store)):
        close()
    if kept.store is None:
        kept.store = Store.open(config.load(environment), clock.system_clock(), caller())
        kept.of = of
    return kept.store


def _place(environment: Mapping[str, str]) -> str | tuple[str | None, ...]:
    """What of the environment decides which home is meant."""
    return environment.get("JOBCTL_HOME") or (environment.get("XDG_STATE_HOME"), environment.get("HOME"))


def _is_good(store: Store) -> bool:
    """Whether it still leads to the home's database; its version is looked at now and then."""
    now = store.clock.monotonic()
    if now < kept.good_until:
        return store.database.in_place()
    kept.good_until = now + LOOKED_AT_EVERY
    return store.database.is_current()


def close() -> None:
    """Let go of this thread's store; the next submission opens it anew."""
    store, kept.store = kept.store, None
    if store is not None:
        store.close()


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
