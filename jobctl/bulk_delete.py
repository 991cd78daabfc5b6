"""The run of a purge or of a retention pass: a child of a runner, with a connection of its own."""

from __future__ import annotations

import json
import os
import select
import signal
import socket
import sys
from types import FrameType
from typing import Any, Final

from jobctl import config, purging, retention
from jobctl.api import CommandRun
from jobctl.clock import system_clock
from jobctl.deletion import Deletion, Tally
from jobctl.errors import JobctlError
from jobctl.store import Store

PATIENCE: Final = 60.0
"""Seconds to wait for another writer."""
REPORT_EVERY: Final = 1.0
"""Seconds between two reports of how far it is."""
CANCELED: Final = 128 + signal.SIGTERM


def main() -> int:
    """Do what the data of this system job says; the exit code."""
    stop = Stop()
    sequence = int(os.environ["JOBCTL_SEQUENCE"])
    try:
        with Store.open(config.load(os.environ), system_clock(), f"run:{sequence}", wait=PATIENCE) as store:
            return Work(store, sequence, stop).do()
    except Stopped:
        return CANCELED
    except (JobctlError, OSError) as error:
        sys.stderr.write(f"{error}\n")
        return error.exit_code if isinstance(error, JobctlError) else JobctlError.exit_code


class Stopped(Exception):
    """It was canceled; what is done is stored."""


class Stop:
    """Lets a cancel wait for the end of the batch."""

    def __init__(self) -> None:
        self.ear, self._mouth = socket.socketpair()
        self._mouth.setblocking(False)
        self.asked = False
        signal.set_wakeup_fd(self._mouth.fileno(), warn_on_full_buffer=False)
        signal.signal(signal.SIGTERM, self._ask)

    def _ask(self, number: int, frame: FrameType | None) -> None:
        self.asked = True

    def rest(self, seconds: float) -> None:
        """Sleep so long. Raises Stopped as soon as that is asked for."""
        if not self.asked:
            select.select([self.ear], [], [], seconds)
        if self.asked:
            raise Stopped


class Work:
    """What one system job has to do, and what it says of itself meanwhile."""

    def __init__(self, store: Store, sequence: int, stop: Stop) -> None:
        self.store = store
        self.sequence = sequence
        row = store.system_job(sequence)
        # The begin may not be stored yet; then the claim is the last that happened to it.
        self.started = row.modified_on if row.started_on is None else row.started_on
        self.platform = row.platform
        self.total: int | None = None
        self.reported = store.clock.monotonic()
        self.deletion = Deletion(store, sequence, stop.rest, self.tell)

    def do(self) -> int:
        """All of it; the exit code."""
        data = json.loads(self.store.payload(self.sequence)[0] or "null")
        if self.platform:  # nobody else's data is taken for rules
            self.retain(retention.Rules.of(data["rules"]))
        else:
            self.purge(purging.Purge.of(data))
        for failure in self.deletion.tally.failures:
            sys.stderr.write(f"{failure}\n")
        return 0

    def purge(self, wanted: purging.Purge) -> None:
        """What a person asked for."""
        self.total = wanted.totals(self.store, self.started).count
        self.deletion.delete(wanted.chosen(self.store, self.started))
        self._finish()
        tally = self.deletion.tally
        left = f", the output of {tally.failed} could not be deleted" if tally.failed else ""
        sys.stdout.write(f"{tally.deleted} system jobs deleted ({wanted.words}){left}\n")

    def retain(self, rules: retention.Rules) -> None:
        """What the rules say has to go."""
        self.deletion.delete(retention.chosen(self.store, rules, self.started))
        found: dict[str, Any] = {} if rules.logs is None else self._limit_logs(rules.logs)
        self.deletion.sweep()
        self._finish(**found)

    def _limit_logs(self, limit: int) -> dict[str, int]:
        """Drop the output of those that ended longest ago, until the rest is within the limit; what is left then."""
        known, more = retention.last_pass(self.store), True
        while more:
            known, more = retention.grown(self.store, known)
        if known.size <= limit:  # what others deleted since is still in it: it is never less than there is
            return {"logs_left": known.size, "logs_through": known.through}
        left = sum(size for page in retention.logs_on_disk(self.store) for _, size in page)
        for page in retention.logs_on_disk(self.store):
            dropped = []
            for sequence, size in page:
                if left <= limit:
                    break
                dropped.append(sequence)
                left -= size
            self.deletion.drop_logs(dropped)
            if left <= limit:
                break
        return {"logs_left": left, "logs_through": known.through}

    def _finish(self, **more: int) -> None:
        self.deletion.forget_versions()
        self.deletion.give_space_back()
        self.deletion.save(**more)

    def tell(self, tally: Tally) -> None:
        """Report how far it is, but not with every batch."""
        now = self.store.clock.monotonic()
        if now - self.reported < REPORT_EVERY:
            return
        self.reported = now
        run = CommandRun()
        if self.total:
            run.progress(min(100.0, 100.0 * tally.deleted / self.total), f"{tally.deleted} of {self.total} deleted")
        else:
            run.stage(f"{tally.deleted} deleted")
