"""Submits to one system from a process of its own: `python -m bench.drive APP ACTION …`; answers in JSON.

APP is a module of bench.peers with `noop()`, `stamp(path, number)` and, where the system knows the future,
`stamp_at(path, number, instant)`, each of which submits one.
"""

from __future__ import annotations

import json
import os
import sys
import time
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

PATIENCE = 30.0
"""Seconds to wait for something that was submitted to begin."""


def fill(app: ModuleType, number: int, path: str) -> dict[str, Any]:
    """So many no-ops between two stamps."""
    app.stamp(path, 0)
    for _ in range(number):
        app.noop()
    app.stamp(path, 1)
    return {}


def submit(app: ModuleType, number: int) -> dict[str, Any]:
    """One at a time, each accepted before the next; the first is not counted: it opens what has to be opened."""
    app.noop()
    began = time.perf_counter()
    for _ in range(number):
        app.noop()
    return {"seconds": time.perf_counter() - began}


def submit_many(app: ModuleType, number: int, data: str) -> dict[str, Any]:
    """All with one call, each with that data (JSON); the first submission opens what has to be opened."""
    app.noop()
    items = [json.loads(data)] * number
    began = time.perf_counter()
    app.noops(items)
    return {"seconds": time.perf_counter() - began}


def trickle(app: ModuleType, number: int, gap: float, path: str) -> dict[str, Any]:
    """One by one into an idle system: from just before the submission to the first line, in milliseconds."""
    latencies = []
    for index in range(number):
        before = time.monotonic_ns()
        app.stamp(path, index)
        latencies.append((begun(path, index)[2] - before) / 1e6)
        time.sleep(gap * (0.5 + (index * 0.618) % 1))  # not in step with anybody's polling
    return {"latencies": latencies}


def dues(app: ModuleType, number: int, gap: float, path: str, ahead: float) -> dict[str, Any]:
    """Planned for instants that lie `gap` seconds apart, the first in `ahead` seconds: how late each began, in ms."""
    first = time.time_ns() + round(ahead * 1e9)
    instants = [
        first + round((index + (index * 0.618) % 1 * 0.5) * gap * 1e9) // 1000 * 1000 for index in range(number)
    ]
    for index, instant in enumerate(instants):
        app.stamp_at(
            path, index, datetime.fromtimestamp(instant // 10**9, UTC).replace(microsecond=instant // 1000 % 10**6)
        )
    if time.time_ns() > first:
        return {"error": f"submitting {number} took longer than {ahead:g} s"}
    began = {index: begun(path, index, PATIENCE + ahead + number * gap)[1] for index in range(number)}
    return {"latencies": [(began[index] - instant) / 1e6 for index, instant in enumerate(instants)]}


def durability(app: ModuleType) -> dict[str, Any]:
    return {"durability": app.durability()}


def begun(path: str, number: int, patience: float = PATIENCE) -> tuple[int, int, int]:
    """The stamp of that number, once it is there. Raises TimeoutError."""
    limit = time.monotonic() + patience
    while time.monotonic() < limit:
        for stamp in stamps(path):
            if stamp[0] == number:
                return stamp
        time.sleep(0.002)
    raise TimeoutError(f"number {number} has not begun within {patience:g} s")


def stamps(path: str) -> list[tuple[int, int, int]]:
    try:
        lines = Path(path).read_text().splitlines()
    except FileNotFoundError:
        return []
    return [(int(a), int(b), int(c)) for a, b, c in (line.split() for line in lines)]


def main() -> None:
    sys.path.insert(0, os.getcwd())
    _, name, action, *rest = sys.argv
    app = import_module(f"bench.peers.{name}_app")
    act = globals()[action]
    numbers = [json.loads(text) if text[:1].isdigit() else text for text in rest]
    print(json.dumps(act(app, *numbers)))


if __name__ == "__main__":
    main()
