"""A tour: a handful of telling jobs in a temporary home, run by a real daemon, and what the monitor shows of them."""

from __future__ import annotations

import os
import shlex
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

CALLABLE = '''\
"""Callables of the tour."""

import jobctl


def totals(path: str) -> dict:
    """Sum the second column of a CSV file."""
    with open(path) as file:
        rows = [line.rstrip().split(",") for line in file][1:]
    jobctl.current().progress(100, stage="added up")
    return {"rows": len(rows), "total": sum(int(row[1]) for row in rows)}
'''
FLAKY = 'test "$JOBCTL_ATTEMPT" -ge 2 || { echo "server not ready" >&2; exit 1; }; echo uploaded'

SECONDS = 7.0
"""How long the tour's daemon runs."""

Say = Callable[[str], None]

JOBS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("A shell command, run once, now:", ("add", "archive", "--now", "--command", "tar czf sales.tgz sales.csv")),
    ("A Python callable, with data in and a result out:", ("add", "report", "--callable", "tour:totals")),
    ("", ("run", "report", "--data", '{"path": "sales.csv"}')),
    (
        "One that fails at first and is tried again:",
        ("add", "upload", "--retries", "2", "--retry-delay", "1s", "--command", FLAKY),
    ),
    ("", ("run", "upload")),
    ("One that fails:", ("add", "broken", "--command", "echo 'no such disk' >&2; exit 3")),
    ("", ("run", "broken")),
    (
        "A chain: an equal token runs one at a time, in order:",
        ("add", "booking", "--token", "ledger", "--command", "sleep 0.4"),
    ),
    ("", ("run", "booking")),
    ("", ("run", "booking")),
    ("", ("run", "booking")),
    ("One that recurs:", ("add", "heartbeat", "--every", "2s", "--count", "3", "--command", "date +%T")),
    ("One for later:", ("run", "broken", "--at", "tomorrow 09:00")),
)


def tour(say: Say, as_json: bool = False) -> None:
    """Run the tour; `say` prints a line of it. The monitor's table, or its JSON document, goes to stdout."""
    with tempfile.TemporaryDirectory(prefix="jobctl-demo-") as directory:
        work = Path(directory)
        home = work / "home"
        (work / "tour.py").write_text(CALLABLE)
        (work / "sales.csv").write_text("day,sold\n" + "".join(f"{day},{day * 7}\n" for day in range(1, 31)))
        for remark, arguments in JOBS:
            if remark:
                say(f"\n# {remark}")
            say(f"$ jobctl {shlex.join(arguments)}")
            jobctl(home, work, *arguments, shown=not as_json)
        say("\n# The daemon runs what is due; here for some seconds:\n$ jobctl daemon")
        with daemon(home, work) as process, suppress(subprocess.TimeoutExpired):
            process.wait(timeout=SECONDS)
        say("\n$ jobctl monitor")
        if as_json:
            jobctl(home, work, "monitor", "--json", shown=True)
            return
        jobctl(home, work, "monitor")
        say("\n$ jobctl logs broken")
        jobctl(home, work, "logs", "broken")


def jobctl(home: Path, directory: Path, *arguments: str, shown: bool = True) -> None:
    """One jobctl command in the tour's home; if `shown`, its result is printed where the tour's is."""
    subprocess.run(
        [sys.executable, "-m", "jobctl", *arguments],
        cwd=directory,
        env=environment(home),
        check=True,
        stdout=None if shown else subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        stdin=subprocess.DEVNULL,
    )


def environment(home: Path) -> dict[str, str]:
    package = str(Path(__file__).resolve().parent.parent)
    return {**os.environ, "JOBCTL_HOME": str(home), "PYTHONPATH": package, "PYTHONSAFEPATH": "1"}


@contextmanager
def daemon(home: Path, directory: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A real daemon for the tour; ended with it, whatever happens."""
    arguments = [sys.executable, "-m", "jobctl", "daemon"]
    process = subprocess.Popen(arguments, cwd=directory, env=environment(home), stdin=subprocess.DEVNULL)
    try:
        yield process
    finally:
        for _ in range(2):  # the second signal ends what runs as well
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
        process.wait()
