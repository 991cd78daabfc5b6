"""Query plans of the statements that jobctl ran: which read a whole history."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path

from bench.own import Home

MANY = 10_000
"""Rows walked over above which a scan is one of history; a page, a batch of dues and the lists of jobs lie below."""
HISTORY = ("system_jobs", "payloads", "events", "waits")


@dataclass(frozen=True)
class Statement:
    sql: str
    steps: int
    """Rows that a scan without a constraint walked over, at most."""
    scans: tuple[str, ...]
    """The lines of its plan that scan a table of history."""

    @property
    def full(self) -> bool:
        return self.steps > MANY


def read(home: Home, trace: Path) -> list[Statement]:
    """Each statement of a trace once, with its plan."""
    steps: dict[str, int] = {}
    for line in trace.read_text(encoding="utf-8").splitlines():
        noted = json.loads(line)
        steps[noted["sql"]] = max(noted["steps"], steps.get(noted["sql"], 0))
    with home.store() as store:
        connection = store.database.connection
        store.database.run("ends_table")  # the daemon's own, which its statements name
        found = []
        for sql, most in steps.items():
            parameters = dict.fromkeys(re.findall(r"(?<![:\w]):(\w+)", sql))
            plan = [str(row[3]) for row in connection.execute(f"EXPLAIN QUERY PLAN {sql}", parameters)]
            found.append(Statement(sql, most, tuple(line for line in plan if scans_history(line, sql))))
        return found


def scans_history(line: str, sql: str) -> bool:
    """Whether a line of a plan walks over a table of history, whole or in the order of an index."""
    match = re.match(r"SCAN (\w+)", line)
    if match is None:
        return False
    aliases = dict(re.findall(r"(?:FROM|JOIN)\s+(\w+)(?:\s+AS)?\s+(\w+)", sql, re.IGNORECASE))
    real = {alias: table for table, alias in aliases.items()}
    return real.get(match[1], match[1]) in HISTORY or match[1] == "s"
