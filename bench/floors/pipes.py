"""Floor of the callables: a daemon that claims and completes in batches, and two processes that call a no-op.

One table with one partial index, WAL, synchronous=FULL. Each turn records what came back and claims the next batch for
whoever is free in one transaction. Every job is a message of its own, a line of JSON there and one back; a batch of
them is written at once.
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
WORKER = """
import json, socket, sys

def noop():
    return 1

pipe, left = socket.socket(fileno=int(sys.argv[1])), b""
while received := pipe.recv(65536):
    *lines, left = (left + received).split(b"\\n")
    answers = []
    for line in lines:
        job = json.loads(line)
        answers.append(json.dumps([job[0], noop()]))
    pipe.sendall("".join(answer + "\\n" for answer in answers).encode())
"""


def start(count: int) -> list[tuple[subprocess.Popen[bytes], socket.socket]]:
    workers = []
    for _ in range(count):
        mine, theirs = socket.socketpair()
        argv = [sys.executable, "-I", "-S", "-c", WORKER, str(theirs.fileno())]
        workers.append((subprocess.Popen(argv, pass_fds=(theirs.fileno(),)), mine))
        theirs.close()
    return workers


def rate(directory: Path, rows: int, batch: int, processes: int = 2) -> float:
    """Jobs a second, from the first claim to the commit of the last outcome."""
    connection = open_full(directory / "floor.db", SCHEMA)
    with connection:
        connection.executemany("INSERT INTO q (state) VALUES (?)", [(0,)] * rows)
    pipes = [Pipe(process, mine) for process, mine in start(processes)]
    selector = selectors.DefaultSelector()
    for pipe in pipes:
        selector.register(pipe.socket, selectors.EVENT_READ, pipe)
        pipe.send([0])  # both are up before the clock starts
        while not pipe.receive():
            pass
    began = time.perf_counter()
    _serve(connection, selector, pipes, rows, batch)
    seconds = time.perf_counter() - began
    for pipe in pipes:
        pipe.socket.close()
        pipe.process.wait()
    connection.close()
    return rows / seconds


class Pipe:
    """A worker, as the daemon has it."""

    def __init__(self, process: subprocess.Popen[bytes], mine: socket.socket) -> None:
        self.process = process
        self.socket = mine
        self.given = 0
        self.left = b""

    def send(self, numbers: list[int]) -> None:
        self.given = len(numbers)
        self.socket.sendall("".join(json.dumps([number]) + "\n" for number in numbers).encode())

    def receive(self) -> list[int]:
        """What has come back by now; it is free once that is all."""
        *lines, self.left = (self.left + self.socket.recv(65536)).split(b"\n")
        self.given -= len(lines)
        return [json.loads(line)[0] for line in lines]


def _serve(
    connection: apsw.Connection, selector: selectors.BaseSelector, pipes: list[Pipe], rows: int, batch: int
) -> None:
    done = 0
    returned: list[int] = []
    while done < rows:
        with connection:
            connection.executemany(COMPLETE, [(time.time_ns(), number) for number in returned])
            free = [pipe for pipe in pipes if not pipe.given]
            claims = [(pipe, [number for (number,) in connection.execute(CLAIM, (batch,))]) for pipe in free]
        done += len(returned)
        returned = []
        for pipe, numbers in claims:
            if numbers:
                pipe.send(numbers)
        if done < rows:
            for key, _ in selector.select():
                returned += key.data.receive()
