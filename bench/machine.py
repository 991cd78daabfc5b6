"""On what and with which versions it was measured; what cannot be told is left out."""

from __future__ import annotations

import os
import platform
import shutil
import statistics
import subprocess
import tempfile
import time
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import apsw

import jobctl

PACKAGES = (
    "apsw", "click", "croniter", "python-dateutil", "huey", "apscheduler", "sqlalchemy", "rq", "celery", "redis",
)  # fmt: skip
PROGRAMS = {
    "redis-server": ["redis-server", "--version"],
    "task-spooler": ["tsp", "-V"],
    "parallel": ["parallel", "--version"],
    "xargs": ["xargs", "--version"],
    "sh": ["readlink", "-f", "/bin/sh"],
}


def describe() -> dict[str, Any]:
    return {
        "at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "system": f"{platform.system()} {platform.release()}",
        "processors": len(os.sched_getaffinity(0)),
        "memory_mb": os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // 10**6,
        "python": platform.python_version(),
        "jobctl": jobctl.__version__,
        "commit": _answer(["git", "-C", str(Path(__file__).parent), "describe", "--always", "--dirty", "--abbrev=10"]),
        "sqlite": {"apsw (jobctl, floors)": apsw.sqlite_lib_version(), "sqlite3 (peers)": _standard_sqlite()},
        "packages": {name: found for name in PACKAGES if (found := _package(name))},
        "programs": {name: _answer(argv) for name, argv in PROGRAMS.items() if shutil.which(argv[0])}
        | ({"nq": "installed"} if shutil.which("nq") else {}),
        "durability": durability(),
        "fsync_ms": round(fsync(), 3),
    }


def durability() -> dict[str, str]:
    """As the engine itself tells it: of jobctl's connection, the floors', and the peers' that are here."""
    from bench.floors.engine import open_full
    from bench.own import Home
    from bench.peers import python

    with tempfile.TemporaryDirectory(prefix="jobctl-bench-") as name:
        directory = Path(name)
        with Home(directory).store() as store, open_full(directory / "floor.db") as floor:
            connections = {"jobctl": store.database.connection, "floors": floor}
            own = {
                who: f"journal_mode {one.pragma('journal_mode')}, synchronous {one.pragma('synchronous')}"
                for who, one in connections.items()
            }
        return {**own, **python.durability(directory)}


def _standard_sqlite() -> str:
    import sqlite3

    return sqlite3.sqlite_version


def _package(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def _answer(argv: list[str]) -> str:
    try:
        done = subprocess.run(argv, capture_output=True, text=True, timeout=10)
    except OSError:
        return ""
    return (done.stdout.strip().splitlines() or [""])[0][:100]


def fsync(rounds: int = 200) -> float:
    """Milliseconds of a 4 KiB append with fdatasync, where the measurements write; the median."""
    with tempfile.TemporaryFile(prefix="jobctl-bench-") as file:
        costs = []
        for _ in range(rounds):
            began = time.perf_counter()
            os.write(file.fileno(), b"x" * 4096)
            os.fdatasync(file.fileno())
            costs.append(time.perf_counter() - began)
    return statistics.median(costs) * 1000
