"""Wall time of whole commands, from the start of the process to its end."""

from __future__ import annotations

import fcntl
import os
import pty
import shutil
import statistics
import struct
import sys
import termios
import threading
import time
from collections.abc import Callable
from pathlib import Path

from bench.measure import Contestant, Figures, Run, Section, Skip
from bench.own import FILL_COMPLETED, Home, command

MS = ("ms",)
ROUNDS = 10
"""Starts in a repetition; their median counts."""
PAGE = 50


def wall(argv: list[str], environment: dict[str, str], terminal: bool = False) -> float:
    """Milliseconds from posix_spawn to the end of the process; its output is read, or goes to /dev/null."""
    if terminal:
        return _on_terminal(argv, environment)
    null = os.open(os.devnull, os.O_RDWR | os.O_CLOEXEC)
    actions = [(os.POSIX_SPAWN_DUP2, null, descriptor) for descriptor in range(3)]
    began = time.perf_counter()
    pid = os.posix_spawn(argv[0], argv, environment, file_actions=actions)
    _, status = os.waitpid(pid, 0)
    seconds = time.perf_counter() - began
    os.close(null)
    if status:
        raise RuntimeError(f"{' '.join(argv)} ended with {status}")
    return seconds * 1000


def _on_terminal(argv: list[str], environment: dict[str, str]) -> float:
    mine, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", PAGE + 14, 140, 0, 0))
    reader = threading.Thread(target=_drain, args=(mine,), daemon=True)
    reader.start()
    actions = [(os.POSIX_SPAWN_DUP2, theirs, descriptor) for descriptor in range(3)]
    began = time.perf_counter()
    pid = os.posix_spawn(argv[0], argv, {**environment, "TERM": "xterm-256color"}, file_actions=actions, setsid=True)
    _, status = os.waitpid(pid, 0)
    seconds = time.perf_counter() - began
    os.close(theirs)
    reader.join()
    os.close(mine)
    if status:
        raise RuntimeError(f"{' '.join(argv)} ended with {status}")
    return seconds * 1000


def _drain(descriptor: int) -> None:
    try:
        while os.read(descriptor, 65536):
            pass
    except OSError:  # the other end is closed
        pass


def median(argv: list[str], environment: dict[str, str], rounds: int = ROUNDS, terminal: bool = False) -> float:
    return statistics.median(wall(argv, environment, terminal) for _ in range(rounds))


def own(*arguments: str, terminal: bool = False) -> Callable[[Run], Figures]:
    def measure(run: Run) -> Figures:
        home = prepared(run.data / "startup")
        rounds = 3 if run.short else ROUNDS
        return {"ms": median([*command(), *arguments], home.environment, rounds, terminal)}

    return measure


def prepared(directory: Path) -> Home:
    """A home with a page of completed system jobs; made once."""
    made = (directory / "home").exists()
    directory.mkdir(parents=True, exist_ok=True)
    home = Home(directory)
    if not made:
        home("add", "nothing", "--command", "true")
        home.fill(FILL_COMPLETED, "nothing", PAGE)
    return home


def python(code: str) -> Callable[[Run], Figures]:
    def measure(run: Run) -> Figures:
        return {"ms": median([sys.executable, "-c", code], dict(os.environ), 3 if run.short else ROUNDS)}

    return measure


def program(name: str, *arguments: str) -> Callable[[Run], Figures]:
    def measure(run: Run) -> Figures:
        beside = Path(sys.executable).parent / name
        found = str(beside) if beside.exists() else shutil.which(name)
        if found is None:
            raise Skip(f"{name} is not installed")
        return {"ms": median([found, *arguments], dict(os.environ), 3 if run.short else ROUNDS)}

    return measure


def _peer(name: str, *arguments: str) -> Contestant:
    return Contestant(f"{name} {' '.join(arguments)}", "peer", program(name, *arguments), MS)


STARTUP = Section(
    "startup",
    "Wall time of a command",
    "ms",
    (
        Contestant("jobctl --help", "", own("--help"), MS),
        Contestant("jobctl run", "run NAME, the commit included", own("run", "nothing"), MS),
        Contestant("jobctl monitor --json", f"{PAGE} rows", own("monitor", "--json"), MS),
        Contestant("jobctl monitor", f"{PAGE} rows on a terminal", own("monitor", terminal=True), MS),
        Contestant("import click", "floor: python -c 'import click'", python("import click"), MS),
        Contestant("pass", "floor: python -c pass", python("pass"), MS),
        _peer("huey_consumer", "--help"),
        _peer("rq", "--help"),
        _peer("celery", "--help"),
        _peer("parallel", "--version"),
    ),
    more_is_better=False,
)
