"""A long chain of system jobs on one token, meddled with at random: one at a time, in the order in which they joined.

python -m campaigns.token_chain --length 2000 --seed 7
"""

from __future__ import annotations

import argparse
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter, defaultdict
from pathlib import Path
from typing import Any

import jobctl
from campaigns import victims
from campaigns.checker import Line, lines
from campaigns.kill import quantiles
from campaigns.workload import environment
from jobctl import config, control
from jobctl.clock import MICROSECONDS, system_clock
from jobctl.errors import NotFound, Refused
from jobctl.model import Reason, State, Status, SystemJob
from jobctl.store import Store

SLOTS = 4
BACKLOG = 25
"""Uncompleted system jobs that submission keeps in store."""
ATTEMPTS = 2
MEDDLING = 0.08
"""Chance, every hundredth of a second, that somebody asks something of a system job."""
STALLED_AFTER = 60.0
DAEMON_LIVES = (0.3, 4.0)
"""Seconds, at random between these."""

# The lock is outside jobctl: whoever finds it taken has a neighbour. A child holds it as long as it lives.
NOTE = 'read now _ </proc/uptime; echo "{} $JOBCTL_SEQUENCE $JOBCTL_ATTEMPT $now" >>{}'
SHELL = """\
IFS='[], '; set -- $JOBCTL_DATA
exec 9>>{lock}; flock -n 9 || {{ {clash}; }}
{start}
sleep $2
{end}
[ "$JOBCTL_ATTEMPT" -gt "$3" ] || exit 7
"""
MODULE = """\
import fcntl, os, time
def note(kind):
    line = "%s %s %s %.3f\\n" % (kind, os.environ["JOBCTL_SEQUENCE"], os.environ["JOBCTL_ATTEMPT"], time.monotonic())
    witness = os.open({witness!r}, os.O_WRONLY | os.O_APPEND | os.O_CLOEXEC)
    os.write(witness, line.encode())
    os.close(witness)
def work(seconds, failures):
    with open({lock!r}, "a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            note("X")
        note("S")
        time.sleep(seconds)
        note("E")
    if int(os.environ["JOBCTL_ATTEMPT"]) <= failures:
        raise RuntimeError("as it was told to")
"""
COLUMNS = {
    "overlaps": "two at once",
    "order": "out of order",
    "twice": "attempts started twice",
    "lost": "lost or not completed",
    "endings": "ended otherwise than they had to",
    "exits": "daemons that failed by themselves",
    "leftovers": "processes left over",
}


class Chain:
    """One home, one token, and what was done to those that wait for it."""

    def __init__(self, directory: Path, length: int, seed: int) -> None:
        self.home = directory / "home"
        self.directory = directory
        self.length = length
        self.seed = seed
        self.chance = random.Random(seed)
        self.witness, self.lock, self.log = (directory / name for name in ("witness", "token", "daemon.log"))
        self.environment = environment(self.home)
        self.joined: dict[int, int] = {}
        """How often each shall fail, in the order in which they joined: that of their submission."""
        self.canceled: set[int] = set()
        self.deleted: set[int] = set()
        self.paused: dict[int, float] = {}
        """When each shall go on."""
        self.done: Counter[str] = Counter()
        self.deaths = 0
        self.found: dict[str, list[str]] = defaultdict(list)

    # Before

    def define(self) -> None:
        self.home.mkdir(mode=0o700)
        self.witness.touch()
        (self.directory / "chain_jobs.py").write_text(MODULE.format(witness=str(self.witness), lock=str(self.lock)))
        notes = {name: NOTE.format(kind, self.witness) for name, kind in (("clash", "X"), ("start", "S"), ("end", "E"))}
        shell = ("--command", SHELL.format(lock=self.lock, **notes))
        python = ("--callable", "chain_jobs:work", "--env", f"PYTHONPATH={self.directory}")
        shared = ("--token", "chain", "--retries", str(ATTEMPTS - 1), "--retry-delay", "0.1s", "--grace", "2s")
        self.command("add", "link", *shell, *shared)
        self.command("add", "hasty", *shell, *shared, "--priority", "9")
        self.command("add", "call", *python, *shared)

    def command(self, *args: str) -> None:
        words = [sys.executable, "-m", "jobctl", *args]
        done = subprocess.run(words, env=self.environment, cwd="/", capture_output=True, text=True, timeout=60)
        if done.returncode:
            raise RuntimeError(f"jobctl {' '.join(args)}: exit {done.returncode}: {done.stderr.strip()}")

    # The chain

    def run(self) -> None:
        """Submit, meddle and kill until all have joined; then let them end."""
        self.began = time.monotonic()
        with Store.open(config.load(self.environment), system_clock(), "user:campaign") as self.store:
            daemon, dies_at = self.start()
            least, since = self.length, self.began
            while (left := self.left()) and time.monotonic() - since < STALLED_AFTER:
                if left < least:
                    least, since = left, time.monotonic()
                while len(self.joined) < self.length and len(self.live()) < BACKLOG:
                    self.submit()
                self.meddle()
                if daemon.poll() is not None:
                    self.found["exits"].append(f"daemon {daemon.pid} left by itself with {daemon.returncode}")
                if time.monotonic() >= dies_at:
                    daemon.kill()
                    daemon.wait()
                    self.deaths += 1
                if daemon.poll() is not None:
                    daemon, dies_at = self.start()
                time.sleep(0.01)
            self.rows = {row.sequence: row for row in map(self.store.find_system_job, self.joined) if row is not None}
        self.took = time.monotonic() - self.began
        daemon.terminate()
        if daemon.wait(30) != 0:
            self.found["exits"].append(f"the last daemon, told to stop, exited {daemon.returncode}")

    def start(self) -> tuple[subprocess.Popen[bytes], float]:
        """A daemon, and when it has to die."""
        with self.log.open("ab") as file:
            words = [sys.executable, "-m", "jobctl", "daemon", "--slots", str(SLOTS)]
            streams: dict[str, Any] = {"stdin": subprocess.DEVNULL, "stdout": file, "stderr": file}
            daemon = subprocess.Popen(words, cwd="/", env=self.environment, start_new_session=True, **streams)
        return daemon, time.monotonic() + self.chance.uniform(*DAEMON_LIVES)

    def live(self) -> list[SystemJob]:
        """Those not completed, in the order in which they joined."""
        chosen = [row for name in ("link", "hasty", "call") for row in self.store.live_system_jobs(self.ids(name))]
        return sorted(chosen, key=lambda row: row.sequence)

    def ids(self, name: str) -> int:
        found = self.store.job_id(name)
        assert found is not None
        return found

    def left(self) -> int:
        return self.length - len(self.joined) + len(self.live())

    def submit(self) -> None:
        failures = self.chance.choices((0, 1, ATTEMPTS), (80, 10, 10))[0]
        data = [round(self.chance.uniform(0.01, 0.08), 3), failures]
        at = "in 0.3s" if self.chance.random() < 0.02 else None
        name = self.chance.choice(("link", "link", "hasty", "call"))
        self.joined[jobctl.submit(name, data, at=at).sequence] = failures

    # What people ask for

    def meddle(self) -> None:
        for sequence, until in list(self.paused.items()):
            if time.monotonic() >= until:
                self.go_on(sequence)
        rows = self.live()
        if not rows or self.chance.random() > MEDDLING:
            return
        # The head runs, so it is where a request can come at a bad moment.
        row = rows[0] if self.chance.random() < 0.6 else self.chance.choice(rows)
        ask = self.chance.choices((self.cancel, self.postpone, self.pause, self.delete), (3, 3, 4, 1))[0]
        try:
            ask(row.sequence)
        except (Refused, NotFound):
            self.done["refused"] += 1
        else:
            self.done[ask.__name__] += 1

    def cancel(self, sequence: int) -> None:
        control.cancel(self.store, sequence)
        self.canceled.add(sequence)

    def postpone(self, sequence: int) -> None:
        later = self.store.clock.now() + round(self.chance.uniform(0.05, 0.5) * MICROSECONDS)
        control.postpone(self.store, sequence, later)

    def pause(self, sequence: int) -> None:
        control.pause(self.store, sequence)
        self.paused[sequence] = time.monotonic() + self.chance.uniform(0.05, 0.5)

    def delete(self, sequence: int) -> None:
        control.delete(self.store, sequence, force=True)
        self.deleted.add(sequence)

    def go_on(self, sequence: int) -> None:
        """Resume a paused one, once it is; another request may have come first."""
        row = self.store.find_system_job(sequence)
        if row is not None and row.status is Status.PAUSING:
            return
        del self.paused[sequence]
        if row is not None and row.state is State.SUSPENDED and row.reason is not Reason.CANCELING:
            try:
                control.resume(self.store, sequence)
            except Refused:  # its own time came in between
                self.done["refused"] += 1
            else:
                self.done["resume"] += 1

    # Afterwards

    def check(self) -> None:
        """Compare what the witness saw with what had to be."""
        seen = lines(self.witness)
        self.found["overlaps"] += [f"{line} found the token taken" for line in seen if line.kind == "X"]
        seen = [line for line in seen if line.kind != "X"]
        self.gaps: list[float] = []
        for before, after in zip(seen, seen[1:], strict=False):
            self.follow(before, after)
        attempts = Counter((line.sequence, line.attempt) for line in seen if line.kind == "S")
        self.starts = sum(attempts.values())
        for key, count in attempts.items():
            if count > 1:
                self.found["twice"].append(f"#{key[0]} attempt {key[1]} started {count} times")
        for sequence in self.joined:
            self.ending(sequence, {attempt for number, attempt in attempts if number == sequence})
        left = victims.processes_of(self.home)
        self.found["leftovers"] += [f"{pid}: {' '.join(victims.arguments(pid))}" for pid in left]
        if "Traceback" in self.log.read_text(encoding="utf-8", errors="replace"):
            self.found["exits"].append(f"there is a traceback in {self.log}")

    def follow(self, before: Line, after: Line) -> None:
        """Two lines of the witness, one right after the other."""
        key, next_key = (before.sequence, before.attempt), (after.sequence, after.attempt)
        if after.kind == "E":
            if key != next_key or before.kind != "S":
                self.found["overlaps"].append(f"{after} ended beside {before}")
            return
        if next_key <= key:
            self.found["order"].append(f"{after} came after {before}")
        if before.kind == "S" and before.sequence not in self.canceled | self.deleted:
            self.found["overlaps"].append(f"{after} started before {before} had ended")
        if before.kind == "E" and before.sequence != after.sequence:
            self.gaps.append(after.at - before.at)

    def ending(self, sequence: int, attempts: set[int]) -> None:
        """How it ended, and whether each of its attempts was seen to begin."""
        row = self.rows.get(sequence)
        if row is None or row.state is not State.COMPLETED:
            if row is not None or sequence not in self.deleted:
                self.found["lost"].append(f"#{sequence} is {row and control.describe(row)}")
            return
        failures = self.joined[sequence]
        tried = set(range(1, row.attempt + 1))
        if sequence in self.canceled:
            as_told = row.status is Status.CANCELED and row.reason is Reason.USER
            # Killed before it could say that it had begun.
            as_told = as_told and attempts <= tried and len(tried - attempts) <= 1
        elif failures >= ATTEMPTS:
            as_told = row.status is Status.FAILED and attempts == tried == set(range(1, ATTEMPTS + 1))
        else:
            as_told = row.status is Status.SUCCEEDED and attempts == tried == set(range(1, failures + 2))
        if not as_told:
            what = f"{control.describe(row)}, attempt {row.attempt}, seen {sorted(attempts)}: {row.message}"
            self.found["endings"].append(f"#{sequence}, to fail {failures} times, is {what}")


def table(chain: Chain) -> str:
    """The figures, one a line."""
    statuses = Counter(row.status.label for row in chain.rows.values())
    figures: list[tuple[str, object]] = [
        ("seed", chain.seed),
        ("joined", len(chain.joined)),
        ("seconds", f"{chain.took:.0f} ({len(chain.joined) / chain.took:.1f} links a second)"),
        ("daemons killed", chain.deaths),
        *((f"asked to {name}", chain.done[name]) for name in ("cancel", "postpone", "pause", "resume", "delete")),
        ("asked too late", chain.done["refused"]),
        ("attempts seen to start", chain.starts),
        *((name, statuses[name]) for name in ("succeeded", "failed", "canceled")),
        ("deleted", len(chain.deleted)),
        ("from one's end to the next one's start", quantiles(chain.gaps)),
        *((words, len(chain.found[name])) for name, words in COLUMNS.items()),
    ]
    width = max(len(name) for name, _ in figures)
    return "\n".join(f"{name:<{width}}  {value}" for name, value in figures)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m campaigns.token_chain", description=__doc__.splitlines()[0])
    parser.add_argument("--length", type=int, default=2000, help="system jobs in the chain")
    parser.add_argument("--seed", type=int, default=None, help="for what is random; printed, else chosen")
    parser.add_argument("--keep", action="store_true", help="keep the home, also when all is well")
    chosen = parser.parse_args()
    seed = chosen.seed if chosen.seed is not None else random.SystemRandom().randrange(10**6)
    directory = Path(tempfile.mkdtemp(prefix="jobctl-chain-"))
    for name in [name for name in os.environ if name.startswith("JOBCTL_")]:
        del os.environ[name]
    os.environ["JOBCTL_HOME"] = str(directory / "home")
    chain = Chain(directory, chosen.length, seed)
    try:
        chain.define()
        chain.run()
        chain.check()
    finally:
        victims.end(victims.processes_of(chain.home))
    print(table(chain))
    violations = [f"{words}: {text}" for name, words in COLUMNS.items() for text in chain.found[name]]
    for text in violations[:40]:
        print(text[:400], file=sys.stderr)
    if violations or chosen.keep:
        print(f"{len(violations)} violations; everything is in {directory}", file=sys.stderr)
    else:
        shutil.rmtree(directory)
    return 1 if violations else 0


if __name__ == "__main__":
    sys.exit(main())
