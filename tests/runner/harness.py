"""A daemon's side of the wire, small: spawns a real runner and speaks the protocol with it."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

from jobctl import logs, processes
from jobctl.runner.journal import read
from jobctl.runner.protocol import PROTOCOL, FrameReader, Message, encode, one_by_one

PACKAGE_PARENT = str(Path(logs.__file__).parents[1])
START = f"import sys; sys.path.insert(0, {PACKAGE_PARENT!r}); from jobctl.runner.main import main; main()"


NOTHING = {"reason": None, "exit_code": None, "signal": None, "message": None, "result": None, "log_bytes": 0}
OWN = ("sequence", "id", "claim", "attempt", "depth", "data")
"""What differs from run to run; all else is shared by those of one definition."""


class Daemon:
    """One connection to a runner, and everything heard on it."""

    def __init__(self, connection: socket.socket) -> None:
        self.connection = connection
        self.reader = FrameReader()
        self.heard: list[Message] = []
        self.lost = False
        self.keys: dict[str, int] = {}
        """The keys of the definitions it has told, by their JSON text."""

    def send(self, kind: str, **values: Any) -> None:
        self.connection.settimeout(None)
        self.connection.sendall(encode({"k": kind, **values}))

    def hand_over(self, works: tuple[Message, ...], acked: int = 0) -> None:
        """Tell what the works share, where that is new, and hand them over in one message."""
        self.send("work", runs=self.rows(works), acked=acked)

    def prepare(self, *works: Message, acked: int = 0) -> None:
        """Hand over what only may begin at a word."""
        self.send("prepare", runs=self.rows(works), acked=acked)

    def rows(self, works: tuple[Message, ...]) -> list[list[Any]]:
        """As messages hold them, once what they share is told."""
        rows = []
        for work in works:
            shared = {name: value for name, value in work.items() if name not in OWN}
            text = json.dumps(shared)
            if text not in self.keys:
                self.keys[text] = len(self.keys)
                self.send("define", key=self.keys[text], work=shared)
            rows.append([self.keys[text], *(work[name] for name in OWN)])
        return rows

    def listen(self, timeout: float = 0.0) -> bool:
        """Take in what comes within `timeout` seconds; at the first news, whether there are any."""
        self.connection.settimeout(timeout or 0.0001)
        try:
            data = self.connection.recv(1 << 20)
        except TimeoutError:
            return False
        except ConnectionResetError:
            data = b""
        self.lost = self.lost or not data
        for message in self.reader.feed(data):
            self.heard += one_by_one(message)
        return True

    def all(self, kind: str, sequence: int | None = None) -> list[Message]:
        self.listen()
        return [m for m in self.heard if m["k"] == kind and sequence in (None, m.get("sequence"))]

    def wait(self, kind: str, sequence: int | None = None, timeout: float = 10.0) -> Message:
        """The first message of that kind, whether it came or is still to come."""
        until = time.monotonic() + timeout
        while not (found := self.all(kind, sequence)):
            assert time.monotonic() < until, f"no {kind}; heard {self.heard}"
            assert not self.lost, f"no {kind} before the connection ended; heard {self.heard}"
            self.listen(until - time.monotonic())
        return found[0]

    def outcome(self, sequence: int, timeout: float = 10.0) -> Message:
        """How it ended, with what the runner leaves out because it is nothing."""
        return {**NOTHING, **self.wait("end", sequence, timeout)["outcome"]}

    def close(self) -> None:
        self.connection.close()


class RunnerProcess:
    """A runner in its own home, started the way the daemon starts it."""

    def __init__(self, home: Path, **environment: str) -> None:
        self.home = home
        self.name = os.urandom(8).hex()
        (home / "run").mkdir(mode=0o700, parents=True, exist_ok=True)
        ours, theirs = socket.socketpair()
        self.process = subprocess.Popen(
            [sys.executable, "-I", "-S", "-c", START, str(home), self.name, str(theirs.fileno())],
            pass_fds=[theirs.fileno()],
            start_new_session=True,
            cwd="/",
            env={"JOBCTL_RUN": self.name, "PATH": "/usr/bin:/bin", **environment},
            stdin=subprocess.DEVNULL,
        )
        theirs.close()
        self.daemon = Daemon(ours)
        self.daemon.send("hello", generation=1, protocol=PROTOCOL)
        self.sequences = iter(range(1, 1000000))

    @property
    def socket_path(self) -> Path:
        return self.home / "run" / f"{self.name}.sock"

    @property
    def journal(self) -> Path:
        return self.home / "run" / f"{self.name}.journal"

    def records(self, kind: str) -> list[Message]:
        return [record for record in read(self.journal) if record["k"] == kind]

    def connect(self) -> Daemon:
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        connection.connect(str(self.socket_path))
        return Daemon(connection)

    def adopt(self, generation: int = 2) -> Daemon:
        """Be the next daemon."""
        daemon = self.connect()
        daemon.send("hello", generation=generation, protocol=PROTOCOL)
        daemon.wait("hello")
        return daemon

    def work(self, **changes: Any) -> Message:
        sequence = next(self.sequences)
        return {
            "sequence": sequence,
            "id": f"{sequence:032x}",
            "claim": 1,
            "attempt": 1,
            "job": "test",
            "kind": "callable" if "callable" in changes else "command",
            "argv": [],
            "callable": "",
            "python": sys.executable,
            "path": [],
            "isolate": False,
            "data": None,
            "cwd": str(self.home),
            "umask": 0o022,
            "environment": {"PATH": "/usr/bin:/bin", "LANG": "C.UTF-8"},
            "timeout": None,
            "grace": 10.0,
            "success_codes": [0],
            "depth": 0,
            **changes,
        }

    def submit(self, *works: Message) -> int:
        """Hand over; the first one's sequence."""
        self.daemon.hand_over(works)
        sequence: int = works[0]["sequence"]
        return sequence

    def start(self, text: str, **changes: Any) -> int:
        """Hand over a shell command; its sequence."""
        return self.submit(self.work(argv=["/bin/sh", "-c", text], **changes))

    def run(self, text: str, **changes: Any) -> Message:
        """The outcome of a shell command."""
        return self.daemon.outcome(self.start(text, **changes))

    def call(self, callable: str, timeout_of_test: float = 10.0, **changes: Any) -> Message:
        """The outcome of a callable."""
        return self.daemon.outcome(self.submit(self.work(callable=callable, **changes)), timeout_of_test)

    def log(self, sequence: int, attempt: int = 1, stream: int | None = None) -> bytes:
        chunks = logs.read(self.home, sequence, attempt)
        return b"".join(chunk.data for chunk in chunks if stream in (None, chunk.stream))

    def members(self) -> list[processes.ProcessInfo]:
        """The living processes below the runner."""
        return processes.descendants(self.process.pid)

    def memory(self, field: str = "VmRSS") -> int:
        """Bytes, resident now or at most (`VmHWM`)."""
        text = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(text.split(f"{field}:")[1].split()[0]) * 1024

    def close(self) -> None:
        """End it and whatever it left, found the way the daemon finds it."""
        self.daemon.close()
        self.process.kill()
        self.process.wait()
        while members := processes.members_of_run(self.process.pid, self.name):
            for member in members:
                with suppress(ProcessLookupError):
                    os.kill(member.pid, signal.SIGKILL)
            time.sleep(0.001)
