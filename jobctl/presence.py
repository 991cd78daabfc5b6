"""Which daemon holds the home, and how another one takes its place."""

from __future__ import annotations

import json
import os
import select
import signal
from typing import Any

from jobctl import processes
from jobctl.config import Config
from jobctl.errors import TryAgain
from jobctl.locks import FileLock
from jobctl.processes import Identity


def take(config: Config, lock: FileLock, takeover: bool, shutdown_timeout: float | None) -> None:
    """Hold the home for this process, ending the holder if `takeover`. Raises TryAgain naming it otherwise."""
    if not lock.acquire(timeout=0.5):
        holder = holder_of(config)
        if not takeover or holder is None:
            pid = f" (pid {holder.pid})" if holder else ""
            raise TryAgain(f"another daemon{pid} runs for {config.home}; to replace it: jobctl daemon --takeover")
        patience = 5.0 + (10.0 if shutdown_timeout is None else shutdown_timeout)
        if not _end(holder, patience) or not lock.acquire(timeout=5.0):
            raise TryAgain(f"the daemon with pid {holder.pid} could not be ended")
    lock.write(json.dumps(processes.identity(os.getpid())._asdict()))


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
