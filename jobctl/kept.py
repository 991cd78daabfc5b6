"""The store that a program's submissions share: opened once for each thread, and anew when its place has changed."""

from __future__ import annotations

import os
from _thread import _local
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from jobctl import clock, config
from jobctl.store import Store

LOOKED_AT_EVERY: Final = 1.0
"""Seconds between two looks at the version of a database: another program may have migrated it."""
PLACE: Final = ("JOBCTL_HOME", "XDG_STATE_HOME", "HOME", "JOBCTL_SEQUENCE")
"""What of the environment decides which home is meant, and who asks."""


class Kept(_local):
    """Of one thread: a connection serves one transaction at a time."""

    store: Store | None = None
    of: tuple[object, ...] = ()
    good_until: float = 0.0


kept: Final = Kept()


@contextmanager
def open_store() -> Iterator[Store]:
    """The store of the home that the environment names. Raises what `Store.open` does."""
    environment = os.environ
    # A child that was forked must not use its parent's connection.
    of = (os.getpid(), *[environment.get(name) for name in PLACE])
    if kept.of[:1] != of[:1]:
        kept.store = None
    elif kept.store is not None and (kept.of != of or not _is_good(kept.store)):
        close()
    if kept.store is None:
        kept.store = Store.open(config.load(environment), clock.system_clock(), caller())
        kept.of = of
    try:
        yield kept.store
    except BaseException:
        close()
        raise


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
