"""Deleting many system jobs beside a working daemon: in batches whose transactions are short, others in between."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Final

from jobctl import logs
from jobctl.records import asdict, dataclass, replace
from jobctl.store import Store

FIRST: Final = 64
"""System jobs of the first batch; how long it takes tells the size of the next."""
LEAST: Final = 64
MOST: Final = 250
WORK: Final = 0.004
TARGET: Final = 0.012
"""Seconds: of the statements of a transaction, and with its commit."""
LIMIT: Final = 0.05
"""Seconds for which nobody else should have to wait for a transaction."""
COURTESY: Final = 5.0
"""How much longer than its own work it rests when others have written meanwhile."""
NAMED: Final = 100
"""Failures that the result names."""
SCAN: Final = 5000
SPARE: Final = 2000
"""Free pages that are worth giving back; fewer are soon used again."""
ADHOC: Final = "adhoc"
"""The job of commands that were run without one."""


@dataclass(frozen=True, slots=True)
class Tally:
    """What was done so far; the result of the system job."""

    deleted: int = 0
    failed: int = 0
    """System jobs whose output could not be deleted; they themselves are gone."""
    log_bytes: int = 0
    failures: tuple[str, ...] = ()
    logs_dropped: int = 0
    """System jobs that stayed and whose output went."""
    orphans: int = 0
    """System jobs that were gone and whose output was left."""
    transactions: int = 0
    longest_transaction: float = 0.0
    """Seconds, commit included."""
    slow_transactions: int = 0
    """Those that took longer than LIMIT."""


class Pace:
    """How much goes into a transaction, and how long others get their turn after it."""

    def __init__(self, store: Store, rest: Callable[[float], None]) -> None:
        """`rest` sleeps so many seconds; it may raise to end the work between two transactions."""
        self.store = store
        self.rest = rest
        self.size = FIRST
        self.turns = self.slow = 0
        self.longest = 0.0
        self._began = 0.0
        store.database.run("write_behind")
        self._seen = store.data_version()

    @contextmanager
    def turn(self) -> Iterator[None]:
        """One transaction; nobody is woken by it, because nothing can run that could not before."""
        monotonic = self.store.clock.monotonic
        with self.store.database.write():
            began = monotonic()
            yield
            worked = monotonic() - began
        held = monotonic() - began
        self._began = began
        self.turns, self.slow = self.turns + 1, self.slow + (held > LIMIT)
        self.longest = max(self.longest, held)
        self._adapt(worked, held)

    def _adapt(self, worked: float, held: float) -> None:
        if worked > WORK:
            self.size = max(1, round(self.size * min(WORK / worked, 0.75)))
        elif held > TARGET:
            self.size = max(min(LEAST, self.size), self.size * 3 // 4)
        else:
            self.size = min(MOST, self.size * 5 // 4 + 1)

    def give_way(self) -> None:
        """Bring what was written into the file, outside of the writers' queue, and rest."""
        self.store.database.run("checkpoint")
        busy = self.store.clock.monotonic() - self._began
        seen, self._seen = self._seen, self.store.data_version()
        self.rest(busy * (COURTESY if seen != self._seen else 1.0))


class Deletion:
    """The work of one system job. Its result is stored with each batch, so that it holds however the work ends."""

    def __init__(
        self, store: Store, sequence: int, rest: Callable[[float], None], told: Callable[[Tally], None] = lambda _: None
    ) -> None:
        self.store = store
        self.sequence = sequence
        self.pace = Pace(store, rest)
        self.told = told
        self.tally = Tally()
        self.jobs: set[int] = set()
        """Whose system jobs were deleted."""

    def delete(self, pages: Iterable[list[int]]) -> None:
        """Delete those completed ones, with their data, results, events and output; who is waited for stays."""
        for page in pages:
            while page:
                batch, page = page[: self.pace.size], page[self.pace.size :]
                self._delete(batch)

    def _delete(self, batch: list[int]) -> None:
        with self.pace.turn():
            gone = self.store.database.run("delete_completed", {"sequences": json.dumps(batch)})
            self.store.database.run("delete_events", {"sequences": json.dumps([row[0] for row in gone])})
            tally = replace(
                self.tally,
                deleted=self.tally.deleted + len(gone),
                log_bytes=self.tally.log_bytes + sum(row[2] for row in gone),
            )
            self._save(tally)
        self.tally = tally
        self.jobs.update(row[1] for row in gone)
        self._delete_logs([sequence for sequence, _, _, attempt in gone if attempt])
        self._go_on()

    def drop_logs(self, sequences: list[int]) -> None:
        """Delete the output of those completed ones; they themselves stay."""
        while sequences:
            batch, sequences = sequences[: self.pace.size], sequences[self.pace.size :]
            with self.pace.turn():
                self.store.database.run("forget_logs", {"sequences": json.dumps(batch)})
                tally = replace(self.tally, logs_dropped=self.tally.logs_dropped + len(batch))
                self._save(tally)
            self.tally = tally
            self._delete_logs(batch)
            self._go_on()

    def _delete_logs(self, sequences: Iterable[int]) -> None:
        failures = logs.delete_all(self.store.database.config.home, sequences)
        if failures:
            named = tuple(f"{sequence}: {error}" for sequence, error in sorted(failures.items()))
            failures_so_far = (*self.tally.failures, *named)[:NAMED]
            self.tally = replace(self.tally, failed=self.tally.failed + len(failures), failures=failures_so_far)

    def _go_on(self) -> None:
        self.told(self.tally)
        self.pace.give_way()

    def _save(self, tally: Tally, **more: object) -> None:
        pace = self.pace
        measured = replace(
            tally,
            transactions=pace.turns,
            longest_transaction=round(pace.longest, 6),
            slow_transactions=pace.slow,
        )
        parameters = {"sequence": self.sequence, "result": json.dumps({**asdict(measured), **more})}
        self.store.database.run("save_result", parameters)

    def save(self, **more: object) -> None:
        """Store the result as it is now, with what else is known."""
        with self.store.database.write():
            self._save(self.tally, **more)

    # What is left behind

    def sweep(self) -> None:
        """Delete the output of system jobs that are gone: a crash or a failure left it."""
        home = self.store.database.config.home
        ((newest,),) = self.store.database.run("newest_sequence")
        for thousand, present in logs.directories(home):
            between = {"low": thousand * 1000, "high": thousand * 1000 + 999}
            # Asked after the directory was read: a system job is stored before it writes.
            known = {sequence for (sequence,) in self.store.database.run("sequences_between", between)}
            # Greater numbers may still be given: the database may be an older copy.
            orphans = {sequence for sequence in present - known if sequence <= newest}
            if orphans:
                self.tally = replace(self.tally, orphans=self.tally.orphans + len(orphans))
                self._delete_logs(orphans)
            if not known and between["high"] < newest:
                logs.remove_directory(home, thousand)

    def forget_versions(self) -> None:
        """Delete what was stored of commands without a job that no system job names any more."""
        job_id = self.store.job_id(ADHOC)
        if job_id is None or job_id not in self.jobs:
            return
        before = self._oldest_version(job_id)
        self.store.database.run("trust_references")
        try:
            while True:
                with self.pace.turn():
                    parameters = {"job_id": job_id, "before": before, "size": self.pace.size}
                    self.store.database.run("forget_versions", parameters)
                    done = self.store.database.changes() == 0
                self.pace.give_way()
                if done:
                    return
        finally:
            self.store.database.run("check_references")

    def _oldest_version(self, job_id: int) -> int:
        """A version that is in use or the newest; none older will ever be named: a rerun names an existing one."""
        ((oldest,),) = self.store.database.run("newest_version", {"job_id": job_id})
        after: int | None = 0
        while True:
            parameters = {"job_id": job_id, "after": after, "size": SCAN}
            ((found, after),) = self.store.database.run("oldest_version_in_use", parameters)
            if after is None:
                return int(oldest)
            oldest = min(oldest, found)

    def give_space_back(self) -> None:
        """Shorten the file by most of its free pages, where there are many; the file must have been made for it."""
        while True:
            ((mode, free, pages),) = self.store.database.run("space")
            if mode != 2 or free < SPARE or free * 4 < pages:
                return
            until = max(SPARE, pages // 10)
            while free > until:
                with self.pace.turn():
                    for _ in range(max(1, self.pace.size // 32)):
                        self.store.database.run("give_back")
                    ((_, free, _),) = self.store.database.run("space")
                self.pace.give_way()
