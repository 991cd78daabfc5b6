"""Kill the daemon, over and over at random moments, and prove that nothing was lost, repeated or mixed up.

python -m campaigns.kill --kills 1000 --seed 7 --runners --workers
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import apsw

from campaigns import victims
from campaigns.checker import Checker, lines
from campaigns.workload import Workload
from jobctl import offer, wake

SLOTS = 4
BACKLOG = 24
"""Unfinished system jobs that submission keeps in store, so that there is always something to kill."""
QUICK_BACKLOG = 500
QUICK_SLOTS = 2
AHEAD = 10
"""System jobs that one runner must have been seen to hold, or handing ahead was not put to the test."""
SNAPSHOT_EVERY = 2.0
SETTLE_WITHIN = 120.0
STALLED_AFTER = 30.0


class Campaign:
    """One home, one workload, many deaths."""

    def __init__(self, home: Path, kills: int, seed: int, *, runners: bool, workers: bool, quick: bool) -> None:
        self.home = home
        self.kills = kills
        self.seed = seed
        self.runners = runners
        self.workers = workers
        self.chance = random.Random(seed)
        self.witness = home.with_name("witness")
        self.workload = Workload(home, self.witness, self.chance, quick=quick)
        self.backlog = QUICK_BACKLOG if quick else BACKLOG
        self.quick = quick
        self.victims = victims.Victims(home, self.chance)
        self.found: dict[str, list[str]] = defaultdict(list)
        self.finals: dict[int, tuple[tuple[Any, ...], int]] = {}
        """Final rows with their payload, and how much the witness had seen by then."""
        self.snapshots = 0
        self.next_snapshot = 0.0
        self.starting: list[float] = []
        self.recovering: list[float] = []
        self.alone = False
        """Whether one is submitted after the other, to a daemon at rest."""
        self.most_together = 0
        """System jobs seen in the hands of one runner."""
        self.log = home.with_name("daemon.log")
        self.boot = time.time() - time.clock_gettime(time.CLOCK_BOOTTIME)
        self.killing_took = 0.0

    def run(self) -> None:
        self.workload.define()
        self.database = apsw.Connection(str(self.home / "jobctl.db"), flags=apsw.SQLITE_OPEN_READONLY)
        self.database.setbusytimeout(10_000)
        began = time.monotonic()
        for number in range(self.kills):
            self.alone = self.quick and number % 6 >= 3
            self._live_and_die(number)
        self.killing_took = time.monotonic() - began
        self._settle()

    # One daemon

    def _start(self) -> tuple[subprocess.Popen[bytes], float, int]:
        with self.log.open("ab") as file:
            offset = file.tell()
            command = [sys.executable, "-m", "jobctl", "daemon", "--slots", str(QUICK_SLOTS if self.quick else SLOTS)]
            began = time.monotonic()
            process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=file,
                cwd="/",
                env=self.workload.environment,
                start_new_session=True,
            )
        return process, began, offset

    def _live_and_die(self, number: int) -> None:
        """Start a daemon, work until its hour has come, kill it."""
        process, began, offset = self._start()
        mode = number % 20
        # What is short is handed ahead only when a few have shown that it is.
        longer = 4.0 if self.quick else 1.0
        after_start = self.chance.uniform(0.03, 0.35 * longer) if mode % 2 or self.alone else None
        after_ready = self.chance.uniform(0.0, 0.25 * longer)
        if self.alone:
            self._come_to_rest(process)
            began = time.monotonic()
        kills = [kill for kill, wanted in self._other_kills() if wanted]
        ready = self.alone
        while True:
            now = time.monotonic()
            if not ready and (ready := self._is_ready(offset, began, whole=mode == 0)):
                after_start = after_start if mode % 2 else now - began + after_ready
            if now - began >= (15.0 if after_start is None else after_start):
                break
            if process.poll() is not None:
                self.found["exits"].append(f"daemon {process.pid} left by itself with {process.returncode}")
                break
            if kills and now - began > after_ready and kills[-1]():
                kills.pop()
            self._work(0.01)
        if after_start is None:
            self.found["exits"].append(f"daemon {process.pid} was not ready within 15 s")
        process.kill()
        process.wait()

    def _come_to_rest(self, process: subprocess.Popen[bytes]) -> None:
        """Let it finish what came before, so that it dies while one is submitted after the other."""
        deadline = time.monotonic() + SETTLE_WITHIN
        while self._active() and process.poll() is None and time.monotonic() < deadline:
            time.sleep(0.02)

    def _other_kills(self) -> list[tuple[Callable[[], bool], bool]]:
        return [
            (self.victims.kill_runner, self.runners and self.chance.random() < 0.3),
            (self.victims.kill_worker, self.workers and self.chance.random() < 0.3),
        ]

    def _is_ready(self, offset: int, began: float, *, whole: bool) -> bool:
        """Whether the daemon has said that it started, and if `whole`, that it records or runs something."""
        with self.log.open("rb") as file:
            file.seek(offset)
            said = file.read()
        if b" started: pid " not in said:
            return False
        if not whole:
            self.starting.append(time.monotonic() - began)
            return True
        if b" #" in said:
            self.recovering.append(time.monotonic() - began)
            return True
        return False

    def _work(self, seconds: float) -> None:
        if time.monotonic() >= self.next_snapshot:
            self._compare_finals()
            self.next_snapshot = time.monotonic() + SNAPSHOT_EVERY
        query = "SELECT count(*) FROM system_jobs WHERE state = 2 GROUP BY runner_id"
        self.most_together = max([self.most_together, *(count for (count,) in self.database.execute(query))])
        if self.alone and not self._active():
            self.workload.submit_alone()
        elif not self.alone and self._unfinished() < self.backlog:
            self.workload.submit()
        else:
            time.sleep(seconds)

    def _unfinished(self) -> int:
        return len(self.database.execute("SELECT sequence FROM system_jobs WHERE state < 3").fetchall())

    def _active(self) -> bool:
        return bool(self.database.execute("SELECT 1 FROM system_jobs WHERE state IN (0, 2) LIMIT 1").fetchall())

    def _compare_finals(self) -> None:
        """What is final must stay as it is."""
        self.snapshots += 1
        query = (
            "SELECT s.*, p.data, p.result FROM system_jobs s LEFT JOIN payloads p USING (sequence) WHERE s.state = 3"
        )
        now = {int(row[0]): tuple(row) for row in self.database.execute(query)}
        seen = self.witness.stat().st_size
        for sequence, (row, _) in self.finals.items():
            if now.get(sequence) != row:
                self.found["changed"].append(f"#{sequence} was {row}, is {now.get(sequence)}")
        for sequence, row in now.items():
            self.finals.setdefault(sequence, (row, seen))

    # The end

    def _settle(self) -> None:
        """Let a last daemon finish everything, then stop it."""
        process, began, offset = self._start()
        self.workload.end_schedules()
        deadline = time.monotonic() + SETTLE_WITHIN
        while not self._is_ready(offset, began, whole=False) and time.monotonic() < deadline:
            time.sleep(0.01)
        least, since = self._unfinished(), time.monotonic()
        while least and time.monotonic() < min(deadline, since + STALLED_AFTER) and process.poll() is None:
            time.sleep(0.05)
            self._release_held()
            if (left := self._unfinished()) < least:
                least, since = left, time.monotonic()
        self._compare_finals()
        if self.quick and self.most_together < AHEAD:
            self.found["untested"].append(f"no runner held more than {self.most_together}")
        if self.quick and self.workload.guests < self.kills // 4:
            self.found["untested"].append(f"only {self.workload.guests} were claimed as they were submitted")
        if process.poll() is not None:
            self.found["exits"].append(f"the last daemon left by itself with {process.returncode}")
        process.terminate()
        try:
            if process.wait(30) != 0:
                self.found["exits"].append(f"the last daemon, told to stop, exited {process.returncode}")
        except subprocess.TimeoutExpired:
            self.found["exits"].append("the last daemon did not stop within 30 s of SIGTERM")
            process.kill()
            process.wait()

    def _release_held(self) -> None:
        """What was lost three times waits for a person."""
        query = "SELECT sequence FROM system_jobs WHERE state = 1 AND reason = 'held' AND lost_count >= 3"
        for (sequence,) in self.database.execute(query).fetchall():
            if sequence not in self.victims.held_by_runners:
                self.found["lost"].append(f"#{sequence} is held, and nobody killed its runner")
            self.workload.jobctl("resume", str(sequence))

    def check(self) -> None:
        """Everything that can be said only afterwards."""
        document = json.loads(self.workload.jobctl("monitor", "--json", "--limit", "100000"))
        rows = {row["sequence"]: row for row in document["system_jobs"]}
        results = {
            int(sequence): str(result)
            for sequence, result in self.database.execute("SELECT sequence, result FROM payloads WHERE result NOT NULL")
        }
        self.database.close()
        seen = lines(self.witness)
        held = self.victims
        checker = Checker(
            self.workload, rows, held.held_by_runners, held.held_by_workers, self.boot, results, self.found
        )
        checker.check(seen)
        self._started_when_final()
        self.starts = sum(line.kind == "S" for line in seen)
        self.rows = rows
        left = victims.processes_of(self.home)
        self.found["leftovers"] += [f"{pid}: {' '.join(victims.arguments(pid))}" for pid in left]
        stays = {wake.NAME, offer.NAME}
        self.found["leftovers"] += [str(path) for path in (self.home / "run").iterdir() if path.name not in stays]
        victims.end(left)
        database = apsw.Connection(str(self.home / "jobctl.db"))
        for pragma in ("integrity_check", "foreign_key_check"):
            answer = database.execute(f"PRAGMA {pragma}").fetchall()
            if answer not in ([], [("ok",)]):
                self.found["integrity"].append(f"{pragma}: {answer[:3]}")
        database.close()
        if "Traceback" in self.log.read_text(encoding="utf-8", errors="replace"):
            self.found["exits"].append(f"there is a traceback in {self.log}")

    def _started_when_final(self) -> None:
        text = self.witness.read_bytes()
        for sequence, (_, size) in self.finals.items():
            if f"S {sequence} ".encode() in text[size:]:
                late = [line for line in text[size:].splitlines() if line.startswith(f"S {sequence} ".encode())]
                self.found["twice"] += [f"#{sequence} was final when it started again: {line!r}" for line in late]


COLUMNS = {
    "lost": "lost",
    "twice": "run twice",
    "overlaps": "overlapping",
    "order": "out of order",
    "changed": "final states changed",
    "instants": "planned instants repeated or left out",
    "unexplained": "attempts the row does not explain",
    "logs": "wrong output, result or exit code",
    "exits": "daemons that failed by themselves",
    "leftovers": "left over",
    "integrity": "integrity faults",
    "untested": "left untested",
}


def quantiles(values: list[float]) -> str:
    ordered = sorted(values)
    if not ordered:
        return "none measured"
    at = [ordered[min(len(ordered) - 1, int(len(ordered) * share))] for share in (0.5, 0.99)]
    return f"p50 {at[0]:.3f} s, p99 {at[1]:.3f} s, max {ordered[-1]:.3f} s, of {len(ordered)}"


def table(campaign: Campaign) -> str:
    """The figures, one a line."""
    held, rows = campaign.victims, campaign.rows.values()
    lost = sum(row["reason"] == "lost" for row in rows)
    figures: list[tuple[str, object]] = [
        ("seed", campaign.seed),
        ("daemons killed", f"{campaign.kills} ({campaign.kills / campaign.killing_took * 60:.0f} a minute)"),
        ("runners, workers killed", f"{held.runners}, {held.workers}"),
        ("submitted", len(campaign.workload.accepted)),
        ("system jobs, attempts seen to start", f"{len(rows)}, {campaign.starts}"),
        ("succeeded", sum(row["status"] == "succeeded" for row in rows)),
        ("failed with a killed runner or worker", f"{lost}, {sum(row['reason'] == 'signal' for row in rows)}"),
        ("occurrences skipped for overlap", sum(row["reason"] == "overlap" for row in rows)),
        ("snapshots of final states", campaign.snapshots),
        ("most in the hands of one runner", campaign.most_together),
        ("claimed as they were submitted", campaign.workload.guests),
        ("start to ready", quantiles(campaign.starting)),
        ("start to first record or run", quantiles(campaign.recovering)),
        *((words, len(campaign.found[name])) for name, words in COLUMNS.items()),
    ]
    width = max(len(name) for name, _ in figures)
    return "\n".join(f"{name:<{width}}  {value}" for name, value in figures)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m campaigns.kill", description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=1000, help="daemons to kill")
    parser.add_argument("--seed", type=int, default=None, help="for what is random; printed, else chosen")
    parser.add_argument("--runners", action="store_true", help="kill runners too")
    parser.add_argument("--workers", action="store_true", help="kill workers too")
    parser.add_argument("--quick", action="store_true", help="with bursts of jobs so short that they are handed ahead")
    parser.add_argument("--keep", action="store_true", help="keep the home, also when all is well")
    chosen = parser.parse_args()
    seed = chosen.seed if chosen.seed is not None else random.SystemRandom().randrange(10**6)
    directory = Path(tempfile.mkdtemp(prefix="jobctl-kill-"))
    home = directory / "home"
    home.mkdir(mode=0o700)
    for name in [name for name in os.environ if name.startswith("JOBCTL_")]:
        del os.environ[name]
    os.environ["JOBCTL_HOME"] = str(home)
    campaign = Campaign(home, chosen.kills, seed, runners=chosen.runners, workers=chosen.workers, quick=chosen.quick)
    try:
        campaign.run()
        campaign.check()
    finally:
        victims.end(victims.processes_of(home))
    print(table(campaign))
    violations = [f"{words}: {text}" for name, words in COLUMNS.items() for text in campaign.found[name]]
    for text in violations[:40]:
        print(text[:400], file=sys.stderr)
    if violations or chosen.keep:
        print(f"{len(violations)} violations; everything is in {directory}", file=sys.stderr)
    else:
        shutil.rmtree(directory)
    return 1 if violations else 0


if __name__ == "__main__":
    sys.exit(main())
