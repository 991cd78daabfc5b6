"""What the tests of hostile jobs share: submitting many at once, a bystander, and a look at what is left."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from tests.conftest import Jobctl, processes_of, read_process, wait_until

Row = dict[str, Any]


def submit(jobctl: Jobctl, *args: object) -> int:
    """The number of a new system job."""
    return int(jobctl("run", *args, expect=0).stdout)


def submit_many(jobctl: Jobctl, wanted: list[tuple[str, object]]) -> list[int]:
    """The numbers of new system jobs, one for each job name and data."""
    code = "import json, jobctl, sys\nfor name, data in json.load(sys.stdin): print(jobctl.submit(name, data).sequence)"
    process = subprocess.run(
        [sys.executable, "-c", code],
        input=json.dumps(wanted),
        env=jobctl.environment,
        cwd="/",
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert process.returncode == 0, process.stderr
    return [int(line) for line in process.stdout.split()]


def ended(jobctl: Jobctl, numbers: Iterable[int], timeout: float = 40.0) -> dict[int, Row]:
    """The documents of system jobs, once all are completed."""
    wanted = list(numbers)
    done = jobctl("wait", *wanted, "--json", "--timeout", f"{timeout:g}s", timeout=timeout + 20)
    assert done.returncode in (0, 1), done.stderr
    return {row["sequence"]: row for row in done.json["system_jobs"]}


def verdict(row: Mapping[str, Any]) -> tuple[Any, ...]:
    """How it ended: status, reason, exit code, signal."""
    return row["status"], row["reason"], row["exit_code"], row["signal"]


def show(jobctl: Jobctl, number: int) -> Row:
    row: Row = jobctl("show", number, "--json", expect=0).json["system_job"]
    return row


class Bystander:
    """A job that runs from before the others until after them."""

    def __init__(self, jobctl: Jobctl, directory: Path) -> None:
        self.jobctl = jobctl
        self.stop = directory / "bystander-may-stop"
        script = f"echo began; until [ -e {self.stop} ]; do sleep 0.05; done; echo complete"
        self.number = submit(jobctl, "--", "sh", "-c", script)
        wait_until(lambda: show(jobctl, self.number)["started_on"], what="the bystander runs")

    def check(self) -> None:
        """It ran all the while, once, and to its own end."""
        assert show(self.jobctl, self.number)["status"] == "in_progress"
        self.stop.touch()
        row = ended(self.jobctl, [self.number])[self.number]
        assert (verdict(row), row["attempt"], row["message"]) == (("succeeded", None, 0, None), 1, None)
        assert self.jobctl("logs", self.number, expect=0).stdout == "began\ncomplete\n"


def machinery(pid: int) -> bool:
    """Whether a process is a daemon, a runner or a warm worker, and none of a job's."""
    words = read_process(pid, "cmdline")
    return b"jobctl\0daemon" in words or b"jobctl.runner.main" in words or b"runner/worker.py" in words


def left_of(home: Path) -> dict[int, str]:
    """What lives of this home's jobs: no daemon, no runner, no worker."""
    found = {pid: read_process(pid, "cmdline") for pid in processes_of(home) if not machinery(pid)}
    return {pid: words.replace(b"\0", b" ").decode(errors="replace") for pid, words in found.items()}


def zombies(home: Path) -> list[int]:
    """Dead children that a process of this home has not reaped."""
    living = processes_of(home)
    found = []
    for entry in filter(str.isdigit, os.listdir("/proc")):
        fields = read_process(int(entry), "stat").rpartition(b")")[2].split()
        if fields and fields[0] == b"Z" and int(fields[1]) in living:
            found.append(int(entry))
    return found


def check_nothing_left(home: Path) -> None:
    wait_until(lambda: not left_of(home), 5, "no process of a job is left")
    wait_until(lambda: not zombies(home), 20, "no zombie is left")


def memory(pid: int, field: str = "VmHWM") -> int:
    """Bytes of memory of a process, by default the most it ever had; 0 once it has ended."""
    lines = read_process(pid, "status").decode().splitlines()
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith(field + ":")), 0)
