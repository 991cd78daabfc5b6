"""What the kill campaign has done: jobs that write down when they start and end, and their steady submission."""

from __future__ import annotations

import os
import random
import subprocess
import sys
from dataclasses import dataclass, replace
from pathlib import Path

import jobctl
from jobctl.model import State, SystemJob

SHELL = """\
read now _ </proc/uptime; echo "S $JOBCTL_SEQUENCE $JOBCTL_ATTEMPT $now" >>{witness}
sleep $JOBCTL_DATA
read now _ </proc/uptime; echo "E $JOBCTL_SEQUENCE $JOBCTL_ATTEMPT $now" >>{witness}
echo "out $JOBCTL_SEQUENCE $JOBCTL_ATTEMPT"
"""
QUICK = SHELL.replace("sleep $JOBCTL_DATA\n", "")
FLAKY = SHELL + '[ "$JOBCTL_ATTEMPT" -ge 3 ] || exit 7\n'
BEAT = SHELL.replace("$JOBCTL_DATA", "0.15")
MODULE = """\
import os, time
def note(kind):
    line = "%s %s %s %.3f\\n" % (kind, os.environ["JOBCTL_SEQUENCE"], os.environ["JOBCTL_ATTEMPT"], time.monotonic())
    witness = os.open({witness!r}, os.O_WRONLY | os.O_APPEND | os.O_CLOEXEC)
    os.write(witness, line.encode())
    os.close(witness)
def work(seconds):
    note("S")
    time.sleep(seconds)
    note("E")
    print("out", os.environ["JOBCTL_SEQUENCE"], os.environ["JOBCTL_ATTEMPT"])
    return int(os.environ["JOBCTL_SEQUENCE"])
"""
TOKENS = ("red", "green", "blue")
MOST_AT_ONCE = 250
"""Quick ones that are submitted with one call."""


@dataclass(frozen=True)
class Kind:
    """A job of the campaign, and how one of its runs ends when nothing is killed but daemons."""

    name: str
    weight: int
    """How often it is submitted, compared with the others; 0 for what its schedule starts."""
    text: str | None = SHELL
    """Shell text; None for the Python callable."""
    options: tuple[str, ...] = ()
    attempts: int = 1
    token: str | None = None
    every: int | None = None
    """Seconds between the occurrences of its schedule."""
    on_lost: str = "fail"
    quick: bool = False
    """Whether it does nothing but tell the witness: short enough to be handed ahead, and submitted in bursts."""

    @property
    def callable(self) -> bool:
        return self.text is None


def quick_kinds() -> list[Kind]:
    return [
        Kind("quick", 3, QUICK, quick=True),
        Kind("quick-call", 9, None, quick=True),
        Kind("quick-again", 4, None, ("--on-lost", "retry"), on_lost="retry", quick=True),
        Kind("quick-link", 1, None, ("--token", "red"), token="red", quick=True),
    ]


def kinds() -> list[Kind]:
    retrying = ("--retries", "4", "--retry-delay", "0.1s")
    again = ("--on-lost", "retry")
    found = [
        Kind("plain", 6),
        Kind("again", 2, options=again, on_lost="retry"),
        Kind("flaky", 2, FLAKY, retrying, attempts=3),
        Kind("call", 4, None),
        Kind("beat", 0, BEAT, every=1),
        Kind("chained-beat", 0, BEAT, ("--token", "red"), token="red", every=2),
    ]
    for token in TOKENS:
        option = ("--token", token)
        found.append(Kind(f"link-{token}", 2, options=option, token=token))
        found.append(Kind(f"call-{token}", 1, None, option, token=token))
    found.append(Kind("flaky-link", 1, FLAKY, (*retrying, "--token", "blue"), attempts=3, token="blue"))
    found.append(Kind("again-link", 1, SHELL, (*again, "--token", "green"), token="green", on_lost="retry"))
    return found


def environment(home: Path) -> dict[str, str]:
    """What every jobctl command of the campaign gets, and nothing of jobctl from outside."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("JOBCTL_")}
    source = str(Path(jobctl.__file__).resolve().parent.parent)
    return {**kept, "JOBCTL_HOME": str(home), "PYTHONPATH": source}


class Workload:
    """Defines the jobs in a fresh home and submits them at random; `accepted` is what the store has promised to run."""

    def __init__(self, home: Path, witness: Path, chance: random.Random, *, quick: bool = False) -> None:
        self.home = home
        self.witness = witness
        self.chance = chance
        # A few that take their time stay between the quick ones: what was handed ahead behind them has to come back.
        few = [replace(kind, weight=1) for kind in kinds() if kind.name in ("plain", "call", "flaky")]
        found = [*few, *quick_kinds()] if quick else kinds()
        self.kinds: dict[str, Kind] = {kind.name: kind for kind in found}
        self.accepted: dict[int, tuple[str, float]] = {}
        """Job and duration in seconds of each submitted system job."""
        self.guests = 0
        """Those that were claimed in the commit that submitted them."""
        self.environment = environment(home)

    def define(self) -> None:
        """Add every job, and start the schedules."""
        self.witness.touch()
        module = self.witness.with_name("campaign_jobs.py")
        module.write_text(MODULE.format(witness=str(self.witness)), encoding="utf-8")
        for kind in self.kinds.values():
            if kind.text is None:
                what = ["--callable", "campaign_jobs:work", "--env", f"PYTHONPATH={module.parent}"]
            else:
                what = ["--command", kind.text.format(witness=self.witness)]
            self.jobctl("add", kind.name, *what, *kind.options, "--cwd", "/")
        for kind in self.kinds.values():
            if kind.every is not None:
                self.jobctl("schedule", kind.name, "--every", f"{kind.every}s")

    def submit(self) -> None:
        """Submit one at random, or a burst of quick ones, through the Python interface."""
        some = [kind for kind in self.kinds.values() if kind.weight]
        (kind,) = self.chance.choices(some, [one.weight for one in some])
        if kind.quick and self.chance.random() < 0.5:
            items = [[0.0] if kind.callable else 0.0] * self.chance.randrange(1, MOST_AT_ONCE)
            self.accepted |= dict.fromkeys(jobctl.submit_many(kind.name, items), (kind.name, 0.0))
            return
        for _ in range(self.chance.randrange(1, 60) if kind.quick else 1):
            seconds = 0.0 if kind.quick else round(self.chance.uniform(0.06, 0.4) / kind.attempts, 3)
            data: object = [seconds] if kind.callable else seconds
            at = "in 1s" if self.chance.random() < 0.03 else None
            self._accept(jobctl.submit(kind.name, data=data, at=at), seconds)

    def submit_alone(self) -> None:
        """Submit a quick one to a daemon that may be at rest."""
        self._accept(jobctl.submit("quick-call", data=[0.0]), 0.0)

    def _accept(self, accepted: SystemJob, seconds: float) -> None:
        self.accepted[accepted.sequence] = (accepted.job, seconds)
        self.guests += accepted.state is State.LOCKED

    def end_schedules(self) -> None:
        for kind in self.kinds.values():
            if kind.every is not None:
                self.jobctl("unschedule", kind.name)

    def jobctl(self, *args: str) -> str:
        """What a command printed. Raises CalledProcessError."""
        command = [sys.executable, "-m", "jobctl", *args]
        done = subprocess.run(command, env=self.environment, cwd="/", capture_output=True, text=True, timeout=60)
        if done.returncode:
            raise RuntimeError(f"jobctl {' '.join(args)}: exit {done.returncode}: {done.stderr.strip()}")
        return done.stdout
