"""The processes of a home, as /proc shows them, and their killing with a note of what each was busy with."""

from __future__ import annotations

import os
import random
import signal
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from jobctl import processes
from jobctl.runner import journal


def arguments(pid: int) -> list[str]:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="replace").split("\0")[:-1]
    except OSError:
        return []


def variables(pid: int) -> dict[str, str]:
    text = processes.environment(pid).decode(errors="replace")
    return dict(entry.split("=", 1) for entry in text.split("\0") if "=" in entry)


def processes_of(home: Path) -> list[int]:
    """The living processes that carry this home in their environment or arguments."""
    found = []
    for info in processes.scan():
        if info.pid != os.getpid() and info.state not in processes.DEAD:
            mine = variables(info.pid).get("JOBCTL_HOME") == str(home)
            if mine or str(home) in arguments(info.pid):
                found.append(info.pid)
    return found


def runners_of(home: Path) -> dict[int, str]:
    """Pid and id of every runner."""
    found = {}
    for info in processes.scan():
        words = arguments(info.pid) if info.pid == info.session else []
        if len(words) == 9 and words[6] == str(home) and "jobctl.runner.main" in words[4]:
            found[info.pid] = words[7]
    return found


@dataclass
class Victims:
    """Kills runners and workers at random; `held` is what only those can have lost or failed."""

    home: Path
    chance: random.Random
    runners: int = 0
    workers: int = 0
    held_by_runners: set[int] = field(default_factory=set)
    held_by_workers: set[int] = field(default_factory=set)

    def kill_runner(self) -> bool:
        """Kill one runner; whether there was any."""
        running = runners_of(self.home)
        if not running:
            return False
        pid = self.chance.choice(sorted(running))
        with frozen(pid) as stands:
            if stands:
                self.held_by_runners |= busy_with(self.home, running[pid])
                self.held_by_runners |= {
                    int(number)
                    for child in processes.descendants(pid)
                    if (number := variables(child.pid).get("JOBCTL_SEQUENCE"))
                }
                os.kill(pid, signal.SIGKILL)
                self.runners += 1
        return stands

    def kill_worker(self) -> bool:
        """Kill one worker; whether there was any."""
        running = runners_of(self.home)
        workers = [
            (info.pid, info.ppid)
            for info in processes.scan()
            if info.ppid in running and any(word.endswith("/worker.py") for word in arguments(info.pid)[:3])
        ]
        if not workers:
            return False
        pid, runner = self.chance.choice(workers)
        with frozen(runner) as stands:
            if stands:
                self.held_by_workers |= busy_with(self.home, running[runner])
                os.kill(pid, signal.SIGKILL)
                self.workers += 1
        return stands


class frozen:
    """A process that stands still for as long as the block lasts; whether it does."""

    def __init__(self, pid: int) -> None:
        self.pid = pid

    def __enter__(self) -> bool:
        try:
            os.kill(self.pid, signal.SIGSTOP)
        except ProcessLookupError:
            return False
        for _ in range(1000):
            found = processes.inspect(self.pid)
            if found is None or found.state in processes.DEAD:
                return False
            if found.state in processes.STOPPED:
                return True
            time.sleep(0.001)
        return False

    def __exit__(self, *_: object) -> None:
        with suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGCONT)


def busy_with(home: Path, runner: str) -> set[int]:
    """What a runner has begun and not ended, by its journal."""
    open_ones: set[int] = set()
    for record in journal.read(home / "run" / f"{runner}.journal"):
        if record["k"] == "begin":
            open_ones.add(record["sequence"])
        elif record["k"] in ("end", "unbegun"):
            open_ones.discard(record["sequence"])
    return open_ones


def end(pids: list[int]) -> None:
    """Kill those very processes and wait until they are gone."""
    for pid in pids:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    deadline = time.monotonic() + 10
    while any(living(pids)) and time.monotonic() < deadline:
        time.sleep(0.01)


def living(pids: list[int]) -> Iterator[int]:
    return (pid for pid in pids if processes.start_time(pid) is not None)
