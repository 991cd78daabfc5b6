"""What a purge of a long history costs those who work meanwhile: `python -m bench.purge [--rows N] [--json] [--check]`.

A home with N completed system jobs (a million unless told otherwise) and a real daemon that starts short jobs at a
steady pace, with and without a purge beside them: history goes in ten parts, and between them there is none, so that
what else happens to the machine meets both alike. Answered are: the longest time for which a transaction of a purge
held the writers' queue, commit included; and how much later jobs start meanwhile, as ratios within this run.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from jobctl import control
from jobctl.clock import MICROSECONDS, SystemClock
from jobctl.config import Config
from jobctl.deletion import LIMIT
from jobctl.logs import LogWriter
from jobctl.model import Definition, State, Status, SystemJob
from jobctl.purging import Purge
from jobctl.store import Filter, Store

SPACING = 0.05
"""Seconds between two jobs."""
PROBES = 100
"""Jobs between two purges."""
PARTS = 10
DAY = 86_400 * MICROSECONDS

FILL = """
WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < :rows)
INSERT INTO system_jobs (id, job_id, job_version_id, name, state, status, reason, message_name, due_at, created_on,
                         created_by, modified_on, modified_by, owner, ready_on, started_on, completed_on, run_time,
                         exit_code, log_bytes, attempt, claim, host_id)
SELECT randomblob(16), :job_id, :version_id, 'old', 3, CASE WHEN i % 10 THEN 30 ELSE 31 END,
       CASE WHEN i % 10 THEN NULL ELSE 'exit' END, 'run', :start + i * 1000, :start + i * 1000, 1,
       :start + i * 1000 + 9000, 1, 1, :start + i * 1000, :start + i * 1000 + 2000, :start + i * 1000 + 9000, 7000,
       CASE WHEN i % 10 THEN 0 ELSE 1 END, 0, 1, 1, NULL
  FROM n
"""
FILL_PAYLOADS = """
INSERT INTO payloads (sequence, data)
SELECT sequence, '{"n": ' || sequence || ', "text": "some data of an ordinary size"}' FROM system_jobs
 WHERE created_on >= :start AND sequence % 2
"""
FILL_EVENTS = """
INSERT INTO events (at, actor, kind, sequence)
SELECT completed_on, 1, 'retry', sequence FROM system_jobs
 WHERE created_on >= :start AND sequence % 10 = 0
"""


def fill(store: Store, rows: int, with_output: int) -> None:
    """So many completed system jobs: a tenth failed, half have data, a tenth events, some output on the disk.

    Each part ended on a day of its own.
    """
    job = control.add_job(store, "old", Definition(command="true"))
    oldest = store.clock.now() - 40 * DAY
    for part in range(PARTS):
        parameters = {
            "rows": rows // PARTS,
            "start": oldest + part * DAY,
            "job_id": job.id,
            "version_id": job.version.id,
        }
        with store.database.write():
            for statement in (FILL, FILL_PAYLOADS, FILL_EVENTS):
                store.database.connection.execute(statement, parameters)
    for sequence in range(1, rows + 1, max(1, rows // max(with_output, 1))):
        writer = LogWriter(store.database.config.home, sequence, 1, store.clock.now)
        writer.write(1, b"some lines of output\n" * 20)
        writer.close()


@contextlib.contextmanager
def daemon(home: Path) -> Iterator[subprocess.Popen[bytes]]:
    environment = {**os.environ, "JOBCTL_HOME": str(home), "JOBCTL_RETENTION": "off", "JOBCTL_RETENTION_FAILED": "off"}
    with (home / "daemon.log").open("ab") as log:
        argv = [sys.executable, "-m", "jobctl", "daemon", "--slots", "4"]
        process = subprocess.Popen(argv, env=environment, stdout=log, stderr=log)
    try:
        yield process
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(60)


class Probes:
    """Short jobs submitted at a steady pace, and how long each took to be accepted and to start."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.numbers: list[int] = []
        self.accepted: list[float] = []

    def submit(self, until: Callable[[int], bool]) -> None:
        beat = time.monotonic()
        while not until(len(self.numbers)):
            began = time.monotonic()
            self.numbers.append(control.submit(self.store, "tick").sequence)
            self.accepted.append(time.monotonic() - began)
            beat = max(beat + SPACING, time.monotonic() - SPACING)
            time.sleep(max(0.0, beat - time.monotonic()))
        last = self.numbers[-1]
        while self.store.system_job(last).state is not State.COMPLETED:
            time.sleep(0.02)

    def figures(self) -> dict[str, float]:
        """Milliseconds."""
        rows = (self.store.system_job(number) for number in self.numbers)
        started = [latency(row) for row in rows]
        return {
            "jobs": len(started),
            **{f"start_{name}": value for name, value in spread(started).items()},
            **{f"submit_{name}": value for name, value in spread([s * 1000 for s in self.accepted]).items()},
        }


def latency(row: SystemJob) -> float:
    assert row.started_on is not None and row.ready_on is not None
    return (row.started_on - row.ready_on) / 1000


def spread(samples: list[float]) -> dict[str, float]:
    cuts = statistics.quantiles(samples, n=100, method="inclusive")
    return {"p50": round(cuts[49], 2), "p99": round(cuts[98], 2), "max": round(max(samples), 2)}


def measure(home: Path, rows: int, with_output: int) -> dict[str, Any]:
    with Store.open(Config(home), SystemClock(), "user:bench") as store:
        began = time.monotonic()
        fill(store, rows, with_output)
        print(f"{rows:,} rows made in {time.monotonic() - began:.0f} s, {size(home):.0f} MB", file=sys.stderr)
        control.add_job(store, "tick", Definition(argv=("true",)))
        quiet, beside, purges = Probes(store), Probes(store), []
        with daemon(home):
            Probes(store).submit(lambda count: count >= 20)  # its runners are started
            for part in range(PARTS):
                quiet.submit(more(quiet, PROBES))
                purges.append(purge(store, 39 - part, beside))
        figures = {"quiet": quiet.figures(), "beside": beside.figures()}
    ratio = {name: round(figures["beside"][name] / figures["quiet"][name], 2) for name in ("start_p50", "start_p99")}
    return {"rows": rows, **figures, "ratio": ratio, "purges": summed(purges), "megabytes_left": round(size(home), 1)}


def more(probes: Probes, number: int) -> Callable[[int], bool]:
    enough = len(probes.numbers) + number
    return lambda count: count >= enough


def purge(store: Store, days: int, probes: Probes) -> dict[str, Any]:
    """Delete what ended so many days ago, with short jobs beside it; its result, and how long it took."""
    definition = Definition(internal="bulk_delete", settings=Purge("purge", Filter(), days * DAY).document())
    number = control.submit_adhoc(store, definition, name="purge").sequence
    probes.submit(lambda _: store.system_job(number).state is State.COMPLETED)
    row, result = store.system_job(number), json.loads(store.payload(number)[1] or "{}")
    return {**result, "seconds": (row.run_time or 0) / MICROSECONDS, "succeeded": row.status is Status.SUCCEEDED}


def summed(purges: list[dict[str, Any]]) -> dict[str, Any]:
    totals = ("deleted", "failed", "transactions", "slow_transactions", "seconds", "succeeded")
    found = {name: round(sum(one[name] for one in purges), 1) for name in totals}
    longest = max(one["longest_transaction"] for one in purges)
    return {**found, "longest_transaction": longest, "rows_per_second": round(found["deleted"] / found["seconds"])}


def size(home: Path) -> float:
    return (home / "jobctl.db").stat().st_size / 1e6


def show(found: dict[str, Any]) -> None:
    print(f"{'ms':8} {'jobs':>6} {'start p50':>10} {'p99':>8} {'max':>8} {'submit p50':>11} {'p99':>8} {'max':>8}")
    for phase in ("quiet", "beside"):
        f = found[phase]
        start = f"{f['start_p50']:10.1f} {f['start_p99']:8.1f} {f['start_max']:8.1f}"
        submit = f"{f['submit_p50']:11.1f} {f['submit_p99']:8.1f} {f['submit_max']:8.1f}"
        print(f"{phase:8} {f['jobs']:6} {start} {submit}")
    print(
        f"starts beside a purge to others: p50 {found['ratio']['start_p50']:.2f}, p99 {found['ratio']['start_p99']:.2f}"
    )
    done = found["purges"]
    print(
        f"{done['deleted']:,} deleted in {done['seconds']:.0f} s ({done['rows_per_second']:,} a second),"
        f" {done['failed']} failed; {done['transactions']:,} transactions, the longest"
        f" {done['longest_transaction'] * 1000:.1f} ms, {done['slow_transactions']} above {LIMIT * 1000:g} ms;"
        f" {found['megabytes_left']:.0f} MB left"
    )


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--with-output", type=int, default=5_000, help="how many of them have output on the disk")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--check", action="store_true", help="exit 1 if a transaction took too long or a row is left")
    options = parser.parse_args()
    home = Path(tempfile.mkdtemp(prefix="jobctl-bench-"))
    try:
        found = measure(home, options.rows, options.with_output)
    finally:
        shutil.rmtree(home, ignore_errors=True)
    print(json.dumps(found)) if options.json else show(found)
    done = found["purges"]
    whole = done["succeeded"] == PARTS and done["deleted"] == options.rows // PARTS * PARTS and not done["failed"]
    return int(options.check and not (whole and done["longest_transaction"] <= LIMIT))


if __name__ == "__main__":
    sys.exit(main())
