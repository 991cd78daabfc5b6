"""What a purge of a long history costs those who work meanwhile: `python -m bench.purge [--rows N] [--json] [--check]`.

A home with N completed system jobs (a million unless told otherwise) and a real daemon that starts short jobs, one
after the other, before, during and after the purge of all of them. Answered are: the longest time for which a
transaction of the purge held the writers' queue, commit included; and how much later jobs start meanwhile, as ratios
within this run.
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
from jobctl.logs import LogWriter
from jobctl.model import Definition, State, SystemJob
from jobctl.purging import Purge
from jobctl.store import Filter, Store

LIMIT = 0.05
"""Seconds for which a transaction may hold the queue."""
SPACING = 0.05
"""Seconds between two jobs."""
PROBES = 400
"""Jobs before, and after."""
DAY = 86_400 * MICROSECONDS
CHUNK = 100_000

FILL = """
WITH RECURSIVE n(i) AS (SELECT :low UNION ALL SELECT i + 1 FROM n WHERE i < :high)
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
 WHERE sequence BETWEEN :low AND :high AND sequence % 2
"""
FILL_EVENTS = """
INSERT INTO events (at, actor, kind, sequence)
SELECT completed_on, 1, 'retry', sequence FROM system_jobs
 WHERE sequence BETWEEN :low AND :high AND sequence % 10 = 0
"""


def fill(store: Store, rows: int, with_output: int) -> None:
    """So many completed system jobs: a tenth failed, half have data, a tenth events, some output on the disk."""
    job = control.add_job(store, "old", Definition(command="true"))
    start = store.clock.now() - 40 * DAY
    for low in range(1, rows + 1, CHUNK):
        bounds = {"low": low, "high": min(low + CHUNK - 1, rows)}
        ids = {"job_id": job.id, "version_id": job.version.id, "start": start}
        with store.database.write():
            execute = store.database.connection.execute
            execute(FILL, {**bounds, **ids})
            execute(FILL_PAYLOADS, bounds)
            execute(FILL_EVENTS, bounds)
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


def probe(store: Store, until: Callable[[int], bool]) -> dict[str, float]:
    probes = Probes(store)
    probes.submit(until)
    return probes.figures()


def measure(home: Path, rows: int, with_output: int) -> dict[str, Any]:
    with Store.open(Config(home), SystemClock(), "user:bench") as store:
        began = time.monotonic()
        fill(store, rows, with_output)
        print(f"{rows:,} rows made in {time.monotonic() - began:.0f} s, {size(home):.0f} MB", file=sys.stderr)
        control.add_job(store, "tick", Definition(argv=("true",)))
        with daemon(home):
            probe(store, lambda count: count >= 20)  # its runners are started
            found: dict[str, Any] = {"rows": rows, "before": probe(store, lambda count: count >= PROBES)}
            purge = Purge("purge", Filter(job="old"))
            definition = Definition(internal="bulk_delete", settings=purge.document())
            number = control.submit_adhoc(store, definition, name="purge").sequence
            found["during"] = probe(store, lambda _: store.system_job(number).state is State.COMPLETED)
            found["after"] = probe(store, lambda count: count >= PROBES)
        row, result = store.system_job(number), json.loads(store.payload(number)[1] or "{}")
    seconds = (row.run_time or 0) / MICROSECONDS
    found["purge"] = {**result, "status": row.status.label, "seconds": round(seconds, 1)}
    found["purge"]["rows_per_second"] = round(result["deleted"] / seconds)
    found["megabytes_left"] = round(size(home), 1)
    found["ratio"] = {
        name: round(found["during"][f"start_{name}"] / found["before"][f"start_{name}"], 2) for name in ("p50", "p99")
    }
    return found


def size(home: Path) -> float:
    return (home / "jobctl.db").stat().st_size / 1e6


def show(found: dict[str, Any]) -> None:
    print(f"{'ms':8} {'jobs':>6} {'start p50':>10} {'p99':>8} {'max':>8} {'submit p50':>11} {'p99':>8} {'max':>8}")
    for phase in ("before", "during", "after"):
        f = found[phase]
        start = f"{f['start_p50']:10.1f} {f['start_p99']:8.1f} {f['start_max']:8.1f}"
        submit = f"{f['submit_p50']:11.1f} {f['submit_p99']:8.1f} {f['submit_max']:8.1f}"
        print(f"{phase:8} {f['jobs']:6} {start} {submit}")
    purge = found["purge"]
    print(f"starts during to before: p50 {found['ratio']['p50']:.2f}, p99 {found['ratio']['p99']:.2f}")
    print(
        f"purge {purge['status']}: {purge['deleted']:,} deleted in {purge['seconds']:.0f} s"
        f" ({purge['rows_per_second']:,} a second), {purge['failed']} failed; {purge['transactions']:,} transactions,"
        f" the longest {purge['longest_transaction'] * 1000:.1f} ms (at most {LIMIT * 1000:g} is wanted);"
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
    purge = found["purge"]
    good = purge["deleted"] == options.rows and not purge["failed"] and purge["longest_transaction"] <= LIMIT
    return int(options.check and not good)


if __name__ == "__main__":
    sys.exit(main())
