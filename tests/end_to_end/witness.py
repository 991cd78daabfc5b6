"""Jobs that write down when they start and end in a file that jobctl knows nothing of."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from jobctl import processes
from tests.conftest import Jobctl, wait_until


class Witness:
    """The file, and commands that write to it."""

    def __init__(self, path: Path, jobctl: Jobctl) -> None:
        self.path = path
        self.jobctl = jobctl
        path.touch()

    def command(self, body: str = "true") -> str:
        """Shell text that notes its start, does `body`, and notes its end."""
        return f"{self.note('S')}; {body}; {self.note('E')}"

    def note(self, kind: str) -> str:
        return f'echo "{kind} $JOBCTL_SEQUENCE $JOBCTL_ATTEMPT $$" >>{self.path}'

    def add(self, name: str, body: str, *options: object) -> None:
        self.jobctl("add", name, "--command", self.command(body), "--cwd", "/", *options, expect=0)

    def run(self, name: str, *options: object) -> int:
        """Submit it; its number."""
        return int(self.jobctl("run", name, *options, expect=0).stdout)

    def lines(self, kind: str = "", sequence: int = 0) -> list[str]:
        """What was noted, the first word of the kind and the second the number, where given."""
        found = self.path.read_text(encoding="utf-8").splitlines()
        return [
            line for line in found if line.startswith(kind) and (not sequence or line.split()[1:2] == [str(sequence)])
        ]

    def wait(self, kind: str, sequence: int = 0, count: int = 1) -> list[str]:
        """The lines, once there are so many of them."""
        return list(
            wait_until(
                lambda: found if len(found := self.lines(kind, sequence)) >= count else None,
                what=f"{count} {kind!r} of #{sequence or 'any'}",
            )
        )

    def row(self, sequence: int) -> dict[str, Any]:
        """The system job as `show --json` tells it."""
        found: dict[str, Any] = self.jobctl("show", sequence, "--json", expect=0).json["system_job"]
        return found

    def ended(self, *sequences: int) -> list[dict[str, Any]]:
        """The rows, once all are completed."""
        self.jobctl("wait", *sequences, "--timeout", "30s")
        found = self.jobctl("monitor", "--json", "--limit", 1000, expect=0).json["system_jobs"]
        rows = [row for sequence in sequences for row in found if row["sequence"] == sequence]
        assert len(rows) == len(sequences)
        assert [row["state"] for row in rows] == ["completed"] * len(rows), rows
        return rows

    def ending(self, sequence: int) -> tuple[str, str | None]:
        """Status and reason, once it is completed."""
        (row,) = self.ended(sequence)
        return row["status"], row["reason"]

    def reason(self, sequence: int, wanted: str) -> dict[str, Any]:
        """The row, once its reason is `wanted`."""
        found: dict[str, Any] = wait_until(
            lambda: row if (row := self.row(sequence))["reason"] == wanted else None, what=f"#{sequence} is {wanted}"
        )
        return found


def runners(home: Path) -> dict[int, str]:
    """Pid and id of the runners of a home."""
    found = {}
    for info in processes.scan():
        words = command_line(info.pid) if info.pid == info.session else []
        if info.state not in processes.DEAD and len(words) == 9 and words[6] == str(home):
            found[info.pid] = words[7]
    return found


def command_line(pid: int) -> list[str]:
    try:
        return Path(f"/proc/{pid}/cmdline").read_text(encoding="utf-8", errors="replace").split("\0")[:-1]
    except OSError:
        return []


def is_alive(pid: int) -> bool:
    return processes.start_time(pid) is not None


def state_of(pid: int) -> str:
    """The kernel's letter for what it does; empty when it is gone."""
    found = processes.inspect(pid)
    return "" if found is None else found.state
