"""What the kernel tells of processes: CPU time, how often they were run, memory."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

PROC = Path("/proc")


@dataclass(frozen=True)
class Usage:
    """Since each process began."""

    cpu: float
    """Seconds."""
    wakeups: int
    """How often one of its threads was put on a CPU."""


def usage(pids: list[int]) -> Usage:
    """Of all threads of these processes together."""
    nanoseconds = slices = 0
    for pid in pids:
        for task in (PROC / str(pid) / "task").iterdir():
            ran, _, times = (task / "schedstat").read_text().split()
            nanoseconds, slices = nanoseconds + int(ran), slices + int(times)
    return Usage(nanoseconds / 1e9, slices)


def children(pid: int) -> list[int]:
    found: list[int] = []
    for task in (PROC / str(pid) / "task").iterdir():
        found += [int(child) for child in (task / "children").read_text().split()]
    return found


def family(pid: int) -> list[int]:
    """The process and everything that descends from it."""
    found = [pid]
    for child in children(pid):
        found += family(child)
    return found


def resident(pid: int) -> float:
    """MB."""
    return _kilobytes(PROC / str(pid) / "status", "VmRSS") * 1024 / 1e6


def proportional(pid: int) -> float:
    """MB; what is shared counts by its share."""
    return _kilobytes(PROC / str(pid) / "smaps_rollup", "Pss") * 1024 / 1e6


def _kilobytes(path: Path, name: str) -> int:
    for line in path.read_text().splitlines():
        if line.startswith(f"{name}:"):
            return int(line.split()[1])
    raise KeyError(name)
