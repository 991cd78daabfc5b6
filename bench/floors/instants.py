"""Floors of latency: another process inserts, sends a datagram and this one claims; or a due is slept to and claimed.

Both with WAL and synchronous=FULL. The first line of the job would follow the commit of the claim.
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
from pathlib import Path

import apsw

from bench.floors.engine import open_full

SCHEMA = """
CREATE TABLE IF NOT EXISTS q (id INTEGER PRIMARY KEY, due INTEGER NOT NULL, state INTEGER NOT NULL, began INTEGER);
CREATE INDEX IF NOT EXISTS q_due ON q (due) WHERE state = 0;
"""
CLAIM = """
UPDATE q SET state = 1, began = ?
 WHERE id = (SELECT id FROM q WHERE state = 0 AND due <= ? ORDER BY due LIMIT 1) RETURNING id
"""


def open_database(directory: Path) -> apsw.Connection:
    return open_full(directory / "floor.db", SCHEMA)


def datagrams(directory: Path, number: int, gap: float) -> list[float]:
    """Milliseconds from just before the insert, in a process of its own, to after the commit of the claim."""
    connection = open_database(directory)
    ear = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    ear.bind(str(directory / "ear"))
    argv = [sys.executable, "-m", "bench.floors.instants", str(directory), str(number), str(gap)]
    submitter = subprocess.Popen(argv, stdout=subprocess.PIPE)
    began = []
    for _ in range(number):
        ear.recv(16)
        now = time.time_ns()
        with connection:
            connection.execute(CLAIM, (now, now)).fetchall()
        began.append(time.monotonic_ns())
    answer, _ = submitter.communicate()
    ear.close()
    connection.close()
    return [(after - before) / 1e6 for before, after in zip(json.loads(answer), began, strict=True)]


def submitter(directory: Path, number: int, gap: float) -> None:
    connection = open_database(directory)
    mouth = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    before = []
    for index in range(number):
        time.sleep(gap * (0.5 + (index * 0.618) % 1))
        before.append(time.monotonic_ns())
        with connection:
            connection.execute("INSERT INTO q (due, state) VALUES (?, 0)", (time.time_ns(),))
        mouth.sendto(b"w", str(directory / "ear"))
    print(json.dumps(before))


def dues(directory: Path, number: int, gap: float) -> list[float]:
    """Milliseconds from each due instant to after the commit of its claim; none is looked at before it is due."""
    connection = open_database(directory)
    first = time.time_ns() + 200_000_000
    with connection:
        rows = [(first + round(index * gap * 1e9),) for index in range(number)]
        connection.executemany("INSERT INTO q (due, state) VALUES (?, 0)", rows)
    late = []
    for _ in range(number):
        ((due,),) = connection.execute("SELECT min(due) FROM q WHERE state = 0")
        time.sleep(max(0.0, (due - time.time_ns()) / 1e9))
        while (now := time.time_ns()) < due:  # woken a moment early
            time.sleep((due - now) / 1e9)
        with connection:
            connection.execute(CLAIM, (now, now)).fetchall()
        late.append((time.time_ns() - due) / 1e6)
    connection.close()
    return late


if __name__ == "__main__":
    submitter(Path(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3]))
    os._exit(0)
