"""Floor of the callables: a daemon that claims and completes in batches, and two processes that only echo.

One table with one partial index, WAL, synchronous=FULL. Each turn records what came back and claims the next batch in
one transaction; a message is a JSON array of numbers.
"""

from __future__ import annotations

import json
import selectors
import socket
import subprocess
import sys
import time
from pathlib import Path

import apsw

from bench.floors.engine import open_full

SCHEMA = """
CREATE TABLE q (id INTEGER PRIMARY KEY, state INTEGER NOT NULL, ended INTEGER);
CREATE INDEX q_ready ON q (id) WHERE state = 0;
"""
CLAIM = "UPDATE q SET state = 1 WHERE id IN (SELECT id FROM q WHERE state = 0 ORDER BY id LIMIT ?) RETURNING id"
COMPLETE = "UPDATE q SET state = 2, ended = ? WHERE id = ?"
ECHO = """
import json, socket, sys
pipe = socket.socket(fileno=int(sys.argv[1])).makefile("rwb")
for line in pipe:
    pipe.write(json.dumps([number for number in json.loads(line)]).encode() + b"\\n")
    pipe.flush()
"""


def start(count: int) -> list[tuple[subprocess.Popen[bytes], socket.socket]]:
    workers = []
    for _ in range(count):
        mine, theirs = socket.socketpair()
        argv = [sys.executable, "-I", "-S", "-c", ECHO, str(theirs.fileno())]
        workers.append((subprocess.Popen(argv, pass_fds=(theirs.fileno(),)), mine))
        theirs.close()
    return workers


def rate(directory: Path, rows: int, batch: int, processes: int = 2) -> float:
    """Jobs a second, from the first claim to the commit of the last outcome."""
    connection = open_full(directory / "floor.db", SCHEMA)
    with connection:
        connection.executemany("INSERT INTO q (state) VALUES (?)", [(0,)] * rows)
    workers = start(processes)
    selector = selectors.DefaultSelector()
    files = []
    for _, mine in workers:
        files.append(mine.makefile("rwb"))
        selector.register(mine, selectors.EVENT_READ, files[-1])
    for file in files:  # both are up before the clock starts
        file.write(b"[]\n")
        file.flush()
        file.readline()
    began = time.perf_counter()
    _serve(connection, selector, files, rows, batch)
    seconds = time.perf_counter() - began
    for _, mine in workers:
        mine.close()
    for file in files:
        file.close()
    for process, _ in workers:
        process.wait()
    connection.close()
    return rows / seconds


def _serve(connection: apsw.Connection, selector: selectors.BaseSelector, files: list, rows: int, batch: int) -> None:  # type: ignore[type-arg]
    done, free = 0, list(files)
    returned: list[int] = []
    while done < rows:
        batches = []
        with connection:
            connection.executemany(COMPLETE, [(time.time_ns(), number) for number in returned])
            for file in free:
                claimed = [number for (number,) in connection.execute(CLAIM, (batch,))]
                if claimed:
                    batches.append((file, claimed))
        done += len(returned)
        returned, free = [], []
        for file, claimed in batches:
            file.write(json.dumps(claimed).encode() + b"\n")
            file.flush()
        if done < rows:
            for key, _ in selector.select():
                returned += json.loads(key.data.readline())
                free.append(key.data)
