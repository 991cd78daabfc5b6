"""Where the time of the hot path goes: `python -m bench.profile callables|commands|submit [--number N] [--top N]`.

The daemon (or the submitting process) runs under cProfile, which makes it slower: shares and calls count, not the
times. What CPU time the daemon, its runners and their workers took is measured in a second run, without a profiler.
"""

from __future__ import annotations

import argparse
import os
import pstats
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from bench import processes
from bench.own import FILL_READY, ROOT, Home, command

KINDS = {"callables": "noop", "commands": "true", "submit": "noop"}


def prepared(directory: Path, kind: str, number: int, depth: bool) -> Home:
    home = Home(directory)
    home.add_callables()
    options = () if depth else ("--concurrency", "1")
    home("add", "true", *options, "--command", "true")
    if kind != "submit":
        home.fill(FILL_READY, KINDS[kind], number)
    return home


def profiled(kind: str, number: int, slots: int, depth: bool) -> pstats.Stats:
    """The statistics of one process, at work on so many."""
    with tempfile.TemporaryDirectory(prefix="jobctl-profile-") as name:
        directory = Path(name)
        home, file = prepared(directory, kind, number, depth), directory / "profile"
        run = [sys.executable, "-m", "cProfile", "-o", str(file), "-m"]
        if kind == "submit":
            argv = [*run, "bench.drive", "jobctl", "submit", str(number)]
        else:
            argv = [*run, "jobctl", "daemon", "--slots", str(slots), "--until-idle"]
        quiet = subprocess.DEVNULL
        subprocess.run(argv, env=home.environment, cwd=ROOT, check=True, stdout=quiet, stderr=quiet)
        return pstats.Stats(str(file))


def shares(kind: str, number: int, slots: int, depth: bool) -> tuple[float, dict[str, float]]:
    """Seconds a run takes, and the CPU seconds of the daemon, of its runners and of what runs in them."""
    with tempfile.TemporaryDirectory(prefix="jobctl-profile-") as name:
        home = prepared(Path(name), kind, number, depth)
        argv = [*command(), "daemon", "--slots", str(slots), "--until-idle"]
        began = time.monotonic()
        daemon = subprocess.Popen(argv, env=home.environment, stderr=subprocess.DEVNULL)
        latest: dict[tuple[str, int], float] = {}
        while daemon.poll() is None:
            for role, pid in family(daemon.pid):
                try:
                    latest[role, pid] = processes.usage([pid]).cpu
                except OSError:  # it has just ended
                    continue
            time.sleep(0.02)
        seconds = time.monotonic() - began
    found: dict[str, float] = {}
    for (role, _), cpu in latest.items():
        found[role] = found.get(role, 0.0) + cpu
    return seconds, found


def family(pid: int) -> list[tuple[str, int]]:
    found = [("daemon", pid)]
    try:
        for runner in processes.children(pid):
            found.append(("runners", runner))
            found += [("workers, commands (those seen)", one) for one in processes.children(runner)]
    except OSError:
        pass
    return found


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("kind", choices=KINDS)
    parser.add_argument("--number", type=int, default=2000)
    parser.add_argument("--slots", type=int, default=2)
    parser.add_argument("--top", type=int, default=30)
    parser.add_argument("--depth-1", action="store_true", help="commands one at a time: nothing is handed ahead")
    options = parser.parse_args()
    chosen = (options.kind, options.number, options.slots, not options.depth_1)
    if options.kind != "submit":
        seconds, cpu = shares(*chosen)
        print(f"{options.number} {options.kind} in {seconds:.2f} s, start and end included; without a profiler, CPU:")
        for role, used in cpu.items():
            print(f"  {used / options.number * 1e6:8.1f} µs for each: {role}")
    print(f"\nunder cProfile, {options.number} {options.kind}; by own time, then with what was called:\n")
    found = profiled(*chosen)
    found.stream = sys.stdout  # type: ignore[attr-defined]
    for key in ("tottime", "cumulative"):
        found.strip_dirs().sort_stats(key).print_stats(options.top)
    sys.stdout.flush()
    return os.EX_OK


if __name__ == "__main__":
    sys.exit(main())
