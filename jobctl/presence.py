"""Which daemon holds the home, how another one takes its place, and when it was last known to be alive.

The sign of life is the time of the lock file: the daemon sets it whenever it wakes, and so at least every 30 s.
"""

from __future__ import annotations

import json
import os
import select
import signal
from contextlib import suppress
from typing import Any, Final

from jobctl import processes
from jobctl.clock import MICROSECONDS, Clock
from jobctl.config import Config
from jobctl.errors import TryAgain
from jobctl.locks import FileLock
from jobctl.processes import Identity

BEAT: Final = 5.0
"""Seconds between two signs of life of a daemon that wakes often."""
STANDSTILL: Final = 60.0
"""Seconds without a turn after which a daemon that sleeps 30 s at most stood still: stopped, or with its machine."""


def take(config: Config, lock: FileLock, takeover: bool, shutdown_timeout: float | None) -> int | None:
    """Hold the home for this process, ending the holder if `takeover`. Raises TryAgain naming it otherwise.

    Gives the last sign of life of the daemon before; it stays in place until this one gives its first.
    """
    if not lock.acquire(timeout=0.5):
        holder = holder_of(config)
        if not takeover or holder is None:
            pid = f" (pid {holder.pid})" if holder else ""
            raise TryAgain(f"another daemon{pid} runs for {config.home}; to replace it: jobctl daemon --takeover")
        patience = 5.0 + (10.0 if shutdown_timeout is None else shutdown_timeout)
        if not _end(holder, patience) or not lock.acquire(timeout=5.0):
            raise TryAgain(f"the daemon with pid {holder.pid} could not be ended")
    seen = last_seen(config)
    lock.write(json.dumps(processes.identity(os.getpid())._asdict()))
    if seen is not None:
        show(config, seen)
    return seen


def last_seen(config: Config) -> int | None:
    """The instant of the last sign of life of a daemon; None when there never was one."""
    try:
        status = os.lstat(config.daemon_lock)
    except OSError:
        return None
    return status.st_mtime_ns // 1000 if status.st_size else None


def show(config: Config, instant: int) -> None:
    """Set the sign of life. It is no record: nothing waits for the disk, and nothing fails if it cannot be set."""
    with suppress(OSError):
        os.utime(config.daemon_lock, ns=(instant * 1000, instant * 1000), follow_symlinks=False)


class Pulse:
    """The signs of life of this process's daemon, and when it missed its turns."""

    def __init__(self, config: Config, clock: Clock) -> None:
        self.config = config
        self.clock = clock
        self.standstill: tuple[int, int] | None = None
        """From when until when it last took no turn; whoever records it takes it away."""
        self._woke: float | None = None
        self._shown: int | None = None

    def beat(self) -> None:
        """To be called in every turn of the daemon."""
        now, count = self.clock.now(), self.clock.boottime()  # which goes on while the machine sleeps
        if self._woke is not None and count - self._woke > STANDSTILL:
            self.standstill = (now - round((count - self._woke) * MICROSECONDS), now)
        self._woke = count
        if self._shown is None or not 0 <= now - self._shown < BEAT * MICROSECONDS:
            self._shown = now
            show(self.config, now)


def holder_of(config: Config) -> Identity | None:
    """Who holds the daemon's lock, as written in it."""
    try:
        values: dict[str, Any] = json.loads(FileLock(config.daemon_lock).read())
        return Identity(**values)
    except (ValueError, TypeError):
        return None


def _end(identity: Identity, patience: float) -> bool:
    """End that very process, politely and then not; whether it is gone."""
    try:
        pidfd = os.pidfd_open(identity.pid)
    except OSError:
        return True
    try:
        for number, seconds in ((signal.SIGTERM, patience), (signal.SIGKILL, 5.0)):
            if not processes.signal_if_same(identity, number):
                return True
            processes.signal_if_same(identity, signal.SIGCONT)  # one that is stopped would not hear it
            if select.select([pidfd], [], [], seconds)[0]:
                return True
        return not processes.alive(identity)
    finally:
        os.close(pidfd)
