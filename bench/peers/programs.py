"""The peers that are programs: task-spooler, nq, GNU parallel and xargs, with `sh -c true` as their job."""

from __future__ import annotations

import os
import shutil
import subprocess
import threading
import time
from collections.abc import Callable
from pathlib import Path

COMMAND = ["sh", "-c", "true"]


def lacks(program: str) -> Callable[[], str | None]:
    def missing() -> str | None:
        return None if shutil.which(program) else f"{program} is not installed"

    return missing


def xargs(directory: Path, number: int) -> float:
    argv = ["xargs", "-P", "2", "-n", "1", "sh", "-c", "true"]
    return _timed(argv, number, "".join(f"{index}\n" for index in range(number)), directory)


def parallel(directory: Path, number: int) -> float:
    argv = ["parallel", "--will-cite", "-j", "2", "--joblog", str(directory / "joblog")]
    return _timed(argv, number, "true\n" * number, directory)


def _timed(argv: list[str], number: int, lines: str, directory: Path) -> float:
    """Commands a second, the program's own start included."""
    environment = {**os.environ, "HOME": str(directory), "TMPDIR": str(directory), "SHELL": "/bin/sh"}
    began = time.perf_counter()
    subprocess.run(argv, input=lines.encode(), env=environment, check=True, stdout=subprocess.DEVNULL)
    return number / (time.perf_counter() - began)


class Gate:
    """A pipe that holds up one job of a queue until everything is submitted; each waits at one of its own."""

    def __init__(self, path: Path) -> None:
        self.path = path
        os.mkfifo(path)
        self.command = ["sh", "-c", f"read line <{path}"]

    def open(self) -> None:
        self.path.write_text("go\n")


class Spooler:
    """A task-spooler server of our own, which ends with `close`."""

    most = 500
    """Commands that wait at a time: each does in a process of its own, and the server has no more connections."""

    def __init__(self, directory: Path) -> None:
        finished = {"TS_SOCKET": str(directory / "tsp.sock"), "TMPDIR": str(directory), "TS_MAXFINISHED": "10"}
        self.environment = {**os.environ, **finished}
        self("-S", "2")

    def __call__(self, *arguments: str) -> None:
        subprocess.run(["tsp", *arguments], env=self.environment, check=True, stdout=subprocess.DEVNULL)

    def submit(self, *command: str) -> None:
        self(*command)

    def wait(self) -> None:
        self("-w")

    def tidy(self) -> None:
        self("-C")

    def close(self) -> None:
        """The server first: without it those that still wait end."""
        self("-K")


class Queue:
    """nq's queue in a directory of its own: one command at a time."""

    most = 200
    """Commands that wait at a time: each looks at all that the directory holds."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory / "queue"
        self.directory.mkdir()
        self.environment = {**os.environ, "NQDIR": str(self.directory)}

    def submit(self, *command: str) -> None:
        subprocess.run(["nq", *command], env=self.environment, check=True, stdout=subprocess.DEVNULL)

    def wait(self) -> None:
        subprocess.run(["nq", "-w"], env=self.environment, check=True, stdout=subprocess.DEVNULL)

    def tidy(self) -> None:
        """Remove what has ended, as its manual tells people to."""
        for path in self.directory.iterdir():
            path.unlink()

    def close(self) -> None:
        self.wait()


def throughput(make: Callable[[Path], Spooler | Queue], at_a_time: int) -> Callable[[Path, int], float]:
    """Commands a second that were submitted before, from the opening of the gate to the end of the last; in rounds."""

    def rate(directory: Path, number: int) -> float:
        queue, seconds = make(directory), 0.0
        gates = [Gate(directory / f"gate-{index}") for index in range(at_a_time)]
        try:
            for done in range(0, number, queue.most):
                for command in [gate.command for gate in gates] + [COMMAND] * min(queue.most, number - done):
                    queue.submit(*command)
                began = time.perf_counter()
                for gate in gates:
                    gate.open()
                queue.wait()
                seconds += time.perf_counter() - began
                queue.tidy()
        finally:
            queue.close()
        return number / seconds

    return rate


def latencies(make: Callable[[Path], Spooler | Queue]) -> Callable[[Path, int, float], list[float]]:
    """Milliseconds from just before the client's start to the arrival of the first byte of `sh -c 'echo'`."""

    def measure(directory: Path, number: int, gap: float) -> list[float]:
        queue, answer = make(directory), Answers(directory)
        found = []
        try:
            for index in range(number):
                time.sleep(gap * (0.5 + (index * 0.618) % 1))
                before = time.monotonic_ns()
                queue.submit(*answer.command)
                found.append((answer.next() - before) / 1e6)
        finally:
            queue.wait()
            queue.close()
            answer.close()
        return found

    return measure


class Answers:
    """A pipe into which a job writes its first line, and when each arrived, on the steady clock."""

    def __init__(self, directory: Path) -> None:
        path = directory / "answers"
        os.mkfifo(path)
        self.command = ["sh", "-c", f"echo >{path}"]
        self.descriptor = os.open(path, os.O_RDWR)
        self.arrived: list[int] = []
        self.news = threading.Condition()
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        while os.read(self.descriptor, 1) == b"\n":
            now = time.monotonic_ns()
            with self.news:
                self.arrived.append(now)
                self.news.notify()

    def next(self) -> int:
        with self.news:
            if not self.news.wait_for(lambda: self.arrived, timeout=10.0):
                raise TimeoutError("no job has begun within 10 s")
            return self.arrived.pop(0)

    def close(self) -> None:
        os.write(self.descriptor, b"x")
