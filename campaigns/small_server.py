"""Let a small server live on jobctl while its daemon is killed again and again, then account for everything.

python -m campaigns.small_server --minutes 10 --seed 7
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from campaigns.small_server_checks import Checks, processes
from campaigns.small_server_jobs import ServerJob, World

SOURCE = Path(__file__).resolve().parent.parent
SLOTS = 6
SETTLE_WITHIN = 120.0
LONG_ABSENCE = 75.0
"""Seconds without a daemon, once in a long campaign: more than the minute after which occurrences are missed."""
BUSY = "while True: pass"


class Stalled(Exception):
    """A command that should return did not: nothing further can be learnt."""


class Campaign:
    """One home, one server, many deaths of its daemon."""

    def __init__(self, directory: Path, minutes: float, seed: int) -> None:
        self.home = directory / "home"
        self.seconds = minutes * 60
        self.chance = random.Random(seed)
        self.world = World(directory / "server", self.chance)
        self.log = directory / "daemon.log"
        kept = {name: os.environ[name] for name in ("PATH", "HOME", "USER", "LOGNAME", "TZ") if name in os.environ}
        self.environment = {**kept, "JOBCTL_HOME": str(self.home), "PYTHONPATH": str(SOURCE), "LANG": "C.UTF-8"}
        self.jobs = self.world.jobs(sys.executable)
        self.starts: dict[str, datetime] = {}
        self.daemon: subprocess.Popen[bytes] | None = None
        self.busy: list[subprocess.Popen[bytes]] = []
        self.squares: dict[int, int] = {}
        self.kills = self.stops = self.pauses = 0
        self.absences: list[float] = []
        self.kept: list[Path] = []
        self.found: list[str] = []

    def run(self) -> None:
        """Live for the given time; what went wrong on the way is in `found`."""
        self.world.make()
        threading.Thread(target=self.world.site.serve_forever, daemon=True).start()
        self.define()
        self.begun = time.monotonic()
        with self.daemons():
            try:
                while self.elapsed() < self.seconds:
                    self.live()
                self.end_load()
                self.ensure_daemon()
                self.settle()
            except Stalled as stalled:
                self.found.append(str(stalled))
        self.world.site.shutdown()

    def elapsed(self) -> float:
        return time.monotonic() - self.begun

    # The command line

    def call(self, *args: object, expect: tuple[int, ...] = (0,), timeout: float = 90) -> str:
        """What the real command prints; an exit code that is not expected is a violation."""
        command = [sys.executable, "-m", "jobctl", *map(str, args)]
        try:
            done = subprocess.run(
                command,
                cwd=self.world.directory,
                env=self.environment,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                timeout=timeout,
            )
        except subprocess.TimeoutExpired:
            raise Stalled(f"jobctl {' '.join(map(str, args))} did not return within {timeout:g} s") from None
        if done.returncode not in expect or "Traceback" in done.stderr:
            self.found.append(f"jobctl {' '.join(map(str, args))[:80]}: exit {done.returncode}: {done.stderr.strip()}")
        return done.stdout

    def monitor(self, *args: object) -> list[dict[str, Any]]:
        rows: list[dict[str, Any]] = json.loads(self.call("monitor", "--limit", 100_000, "--json", *args))[
            "system_jobs"
        ]
        return rows

    def define(self) -> None:
        for job in self.jobs:
            # Each its own: on a busy machine a common start is over before the last one is added.
            start = datetime.now(UTC).replace(microsecond=0) + timedelta(seconds=4)
            self.call("add", job.name, *job.options, *self.when(job, start), *job.run)
        self.call("schedule", "once", "--at", f"in {round(self.seconds / 2)}s")

    def when(self, job: ServerJob, start: datetime) -> list[str]:
        if job.every is None:
            return []
        if job.every == 0:
            return ["--cron", "* * * * *"]
        self.starts[job.name] = start
        return ["--every", f"{job.every}s", "--start", start.isoformat()]

    # Daemons

    @contextmanager
    def daemons(self) -> Iterator[None]:
        """Whatever happens, no process of ours outlives this."""
        try:
            yield
        finally:
            self.end_load()
            if self.daemon is not None:
                self.daemon.send_signal(signal.SIGTERM)
                try:
                    self.daemon.wait(30)
                except subprocess.TimeoutExpired:
                    self.found.append("the daemon did not stop within 30 s")
                    self.daemon.kill()
                    self.daemon.wait()
            self.end_leftovers()

    def end_leftovers(self) -> None:
        """Kill, by pid, what outlived its daemon: a violation each."""
        for pid, words in processes():
            if os.fsencode(self.home) in words:
                self.found.append(f"process {pid} was left: {words.split(bytes(1))[:4]}")
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)

    def ensure_daemon(self) -> None:
        if self.daemon is not None and self.daemon.poll() is None:
            return
        if self.daemon is not None:
            self.found.append(f"the daemon left by itself with {self.daemon.returncode}")
        command = [sys.executable, "-m", "jobctl", "daemon", "--slots", str(SLOTS), "--shutdown-timeout", "1s"]
        with self.log.open("ab") as log:
            self.daemon = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=self.environment, start_new_session=True
            )

    def wait_for_start(self) -> None:
        assert self.daemon is not None
        said = f"started: pid {self.daemon.pid},"
        until = time.monotonic() + 30
        while said not in self.log.read_text(encoding="utf-8", errors="replace"):
            if time.monotonic() > until:
                self.found.append("the daemon did not start within 30 s")
                return
            time.sleep(0.05)

    def end_daemon(self, number: int) -> None:
        assert self.daemon is not None
        if number == signal.SIGTERM:
            self.wait_for_start()  # before it listens to signals, TERM ends any process
        self.daemon.send_signal(number)
        code = self.daemon.wait(30)
        if code != (0 if number == signal.SIGTERM else -signal.SIGKILL):
            self.found.append(f"the daemon left with {code}")
        self.daemon = None

    # Life

    def live(self) -> None:
        """One daemon's life, and the time after it."""
        self.ensure_daemon()
        until = min(self.elapsed() + self.chance.uniform(2, max(6, self.seconds / 25)), self.seconds)
        while self.elapsed() < until:
            self.chance.choice([self.order_square, self.litter, self.pause_counter, self.look])()
            self.balance_load()
        if self.elapsed() >= self.seconds:
            return
        polite = self.chance.random() < 0.2
        self.end_daemon(signal.SIGTERM if polite else signal.SIGKILL)
        self.stops, self.kills = self.stops + polite, self.kills + (not polite)
        absence = self.chance.choice([0.0, 0.5, 2.0, 6.0]) * self.chance.random()
        if self.seconds > 300 and self.elapsed() > self.seconds / 2 and max(self.absences, default=0) < LONG_ABSENCE:
            absence = LONG_ABSENCE
        self.absences.append(absence)
        back = self.elapsed() + absence
        while self.elapsed() < back:
            self.litter()
            self.order_square()

    def look(self) -> None:
        self.call("monitor")

    def order_square(self) -> None:
        number = self.chance.randrange(1000)
        printed = self.call("run", "square", "--data", json.dumps({"n": number}))
        if printed.strip().isdecimal():
            self.squares[int(printed)] = number

    def litter(self) -> None:
        for suffix in ("tmp", "keep"):
            path = self.world.directory / "spool" / f"{self.chance.getrandbits(64):x}.{suffix}"
            path.touch()
            if suffix == "keep":
                self.kept.append(path)
        time.sleep(self.chance.uniform(0.1, 0.5))

    def pause_counter(self) -> None:
        """Pause a run in the middle of its work, see that it stands still, and let it go on."""
        running = self.monitor("--job", "counter", "--state", "locked")
        if not running:
            return
        number = running[0]["sequence"]
        steps = self.world.directory / "steps"
        self.call("pause", number, "--wait", expect=(0, 4))  # 4: it has ended meanwhile
        row = json.loads(self.call("show", number, "--json"))["system_job"]
        if row["reason"] != "paused":
            return
        before = steps.read_bytes()
        time.sleep(self.chance.uniform(0.2, 1.0))
        if self.chance.random() < 0.4 and self.daemon is not None:
            self.end_daemon(signal.SIGKILL)
            self.kills += 1
            self.ensure_daemon()
        if steps.read_bytes() != before:
            self.found.append(f"#{number} took a step while it was paused")
        self.call("resume", number)
        self.pauses += 1

    def balance_load(self) -> None:
        """Two busy processes in the middle third."""
        wanted = self.seconds / 3 < self.elapsed() < self.seconds * 2 / 3
        if wanted and not self.busy:
            self.busy = [subprocess.Popen([sys.executable, "-c", BUSY]) for _ in range(2)]
        elif not wanted:
            self.end_load()

    def end_load(self) -> None:
        for process in self.busy:
            process.kill()
            process.wait()
        self.busy = []

    def settle(self) -> None:
        """End the schedules and wait until nothing is left to do."""
        for job in self.jobs:
            if job.every is not None:
                self.call("unschedule", job.name)
        live = ("--state", "ready,locked,suspended")
        if not until(lambda: not self.monitor(*live), SETTLE_WITHIN):
            left = [(row["sequence"], row["job"], row["status"], row["reason"]) for row in self.monitor(*live)]
            self.found.append(f"not idle after {SETTLE_WITHIN:g} s: {left}")


def until(condition: Callable[[], object], seconds: float) -> bool:
    """Whether the condition became true in time."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.1)
    return True


def main(arguments: list[str] | None = None) -> int:
    """0 when everything is accounted for and every artefact is right, else 1."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(10_000))
    parser.add_argument("--keep", action="store_true", help="leave the directory in place")
    options = parser.parse_args(arguments)
    directory = Path(tempfile.mkdtemp(prefix="small-server-", dir="/tmp"))
    print(f"small server: {options.minutes:g} minutes, seed {options.seed}, in {directory}", flush=True)
    campaign = Campaign(directory, options.minutes, options.seed)
    campaign.run()
    checks = Checks(campaign.home, campaign.world, campaign.jobs, campaign.monitor())
    checks.all(campaign.starts, campaign.squares, campaign.kept)
    campaign.call("doctor")
    checks.table(
        {
            "daemon killed": campaign.kills,
            "daemon stopped": campaign.stops,
            "longest absence, s": round(max(campaign.absences, default=0), 1),
            "pauses": campaign.pauses,
        }
    )
    violations = campaign.found + checks.found
    for violation in violations:
        print(f"VIOLATION: {violation}")
    print(f"{len(violations)} violations")
    if violations or options.keep:
        print(f"kept: {directory}")
    else:
        shutil.rmtree(directory)
    return 1 if violations else 0


if __name__ == "__main__":
    sys.exit(main())
