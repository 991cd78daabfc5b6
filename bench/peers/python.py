"""The Python peers: how each is set up, filled, and made to work off what it was given."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from bench.measure import Run, Skip
from bench.own import ROOT, drive, wait_until

BIN = Path(sys.executable).parent


@dataclass(frozen=True)
class Peer:
    """A queue with a module in bench.peers that submits to it, and a consumer."""

    name: str
    app: str
    settings: str
    consumer: Callable[[int], list[str]]
    """The command that works off the queue with so many workers."""
    modules: tuple[str, ...]
    redis: bool = False
    results: bool = False
    consumers: int = 1
    """How many of the command are started."""
    served: bool = False
    """Whether it can take a job from another process while it runs at all."""

    def lacks(self) -> str | None:
        for module in self.modules:
            if find_spec(module) is None:
                return f"the module {module} is not installed (pip install '.[bench]')"
        if self.redis and shutil.which("redis-server") is None:
            return "redis-server is not installed"
        return None

    @contextlib.contextmanager
    def prepared(self, directory: Path) -> Iterator[dict[str, str]]:
        """The environment of everything that talks to it; its Redis is started, where it wants one."""
        environment = {**os.environ, "BENCH_DIRECTORY": str(directory), "BENCH_RESULTS": "1" if self.results else "0"}
        with redis(directory) if self.redis else contextlib.nullcontext() as port:
            if port is not None:
                environment["BENCH_REDIS_PORT"] = str(port)
            yield environment

    @contextlib.contextmanager
    def consuming(self, environment: dict[str, str], workers: int = 2) -> Iterator[None]:
        argv = [part.format(port=environment.get("BENCH_REDIS_PORT", "")) for part in self.consumer(workers)]
        count = workers if self.consumers > 1 else 1
        with Path(environment["BENCH_DIRECTORY"], "consumer.log").open("ab") as log:
            found = [
                subprocess.Popen(argv, env=environment, cwd=ROOT, stdout=log, stderr=log, start_new_session=True)
                for _ in range(count)
            ]
        try:
            yield
        finally:
            for process in found:
                end(process)

    def throughput(self, run: Run, number: int, workers: int = 2) -> float:
        """No-ops a second that were submitted before, from a first stamp to a last one."""
        from bench.drive import begun

        path = str(run.directory / "stamps")
        with self.prepared(run.directory) as environment:
            drive(self.app, "fill", number, path, environment=environment)
            with self.consuming(environment, workers):
                last = begun(path, 1, patience=120.0)
                first = begun(path, 0)
        return number / ((last[2] - first[2]) / 1e9)

    def submission(self, run: Run, number: int) -> float:
        """No-ops a second submitted one at a time, nobody consuming."""
        with self.prepared(run.directory) as environment:
            return float(number / drive(self.app, "submit", number, environment=environment)["seconds"])

    def latencies(self, run: Run, number: int, gap: float) -> list[float]:
        """From submission to first line, milliseconds; the consumer is warm and idle."""
        path = str(run.directory / "stamps")
        with self.prepared(run.directory) as environment, self.consuming(environment):
            drive(self.app, "trickle", 2, gap, f"{path}.warm", environment=environment)
            found: list[float] = drive(self.app, "trickle", number, gap, path, environment=environment)["latencies"]
        return found

    def lateness(self, run: Run, number: int, gap: float) -> list[float]:
        """From due instant to first line, milliseconds; the consumer is warm and idle."""
        path = str(run.directory / "stamps")
        with self.prepared(run.directory) as environment, self.consuming(environment):
            if self.served:
                drive(self.app, "trickle", 2, gap, f"{path}.warm", environment=environment)
            found: list[float] = drive(self.app, "dues", number, gap, path, 2.0, environment=environment)["latencies"]
        return found


def durability(directory: Path) -> dict[str, str]:
    """What SQLite says of the connections of those peers that are here (synchronous 2 is FULL)."""
    found = {}
    for peer in (HUEY, APSCHEDULER):
        if peer.lacks() is None:
            with peer.prepared(directory) as environment:
                answer = drive(peer.app, "durability", environment=environment)
            found[peer.name] = str(answer["durability"])
    return found


def end(process: subprocess.Popen[bytes]) -> None:
    """Ask the process to stop; after five seconds it and its session are killed."""
    process.send_signal(signal.SIGTERM)
    try:
        process.wait(5)
    except subprocess.TimeoutExpired:
        pass
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)  # a session of its own: what it left of its children goes with it
    process.wait()


@contextlib.contextmanager
def redis(directory: Path) -> Iterator[int]:
    """A Redis of our own on the loopback; nothing of it is durable, which is in its favour. Its port."""
    program = shutil.which("redis-server")
    if program is None:
        raise Skip("redis-server is not installed")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    argv = [program, "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]
    with (directory / "redis.log").open("ab") as log:
        process = subprocess.Popen([*argv, "--dir", str(directory)], stdout=log, stderr=log)
    try:
        wait_until(lambda: answers(port), 10)
        yield port
    finally:
        process.terminate()
        process.wait()


def answers(port: int) -> bool:
    try:
        with socket.create_connection(("127.0.0.1", port), 0.2) as connection:
            connection.sendall(b"PING\r\n")
            return connection.recv(16).startswith(b"+PONG")
    except OSError:
        time.sleep(0.02)
        return False


def huey(kind: str, *options: str) -> Callable[[int], list[str]]:
    def consumer(workers: int) -> list[str]:
        return [
            str(BIN / "huey_consumer"),
            "bench.peers.huey_app.huey",
            "-q",
            "-k",
            kind,
            "-w",
            str(workers if kind == "process" else 1),
            *options,
        ]

    return consumer


def rq(workers: int) -> list[str]:
    program, worker = str(BIN / "rq"), "rq.worker.SimpleWorker"
    return [program, "worker", "-q", "-P", str(ROOT), "-w", worker, "-u", "redis://127.0.0.1:{port}/0"]


def celery(workers: int) -> list[str]:
    app = "bench.peers.celery_app"
    return [str(BIN / "celery"), "-A", app, "worker", "-P", "prefork", "-c", str(workers), "-l", "ERROR"]


def apscheduler(workers: int) -> list[str]:
    return [sys.executable, "-m", "bench.peers.apscheduler_app"]


FULL = "SQLite WAL, synchronous=FULL (its default)"
REDIS = "Redis without persistence: not durable"
SQL_STORE = "SQLAlchemy job store on SQLite, rollback journal, synchronous=FULL (its default); no record"

HUEY = Peer(
    "huey",
    "huey",
    f"{FULL}, 2 processes; the row goes at the claim, no record",
    huey("process"),
    ("huey",),
    served=True,
)
HUEY_THREAD = Peer(
    "huey-thread", "huey", f"{FULL}, 1 thread; the row goes at the claim, no record", huey("thread"), ("huey",)
)
HUEY_RESULTS = Peer(
    "huey-results", "huey", f"{FULL}, 2 processes; the result is kept", huey("process"), ("huey",), results=True
)
HUEY_POLLING = Peer(
    "huey-1ms", "huey", f"{FULL}, 2 processes, polls every ms", huey("process", "-d", "0.001", "-m", "0.001"), ("huey",)
)
APSCHEDULER = Peer("apscheduler", "apscheduler", f"{SQL_STORE}; 10 threads", apscheduler, ("apscheduler", "sqlalchemy"))
CELERY = Peer(
    "celery",
    "celery",
    f"{REDIS}; prefork, 2 processes, no result",
    celery,
    ("celery", "redis"),
    redis=True,
    served=True,
)
RQ = Peer(
    "rq",
    "rq",
    f"{REDIS}; 2 simple workers, result kept 500 s",
    rq,
    ("rq", "redis"),
    redis=True,
    consumers=2,
    served=True,
)
