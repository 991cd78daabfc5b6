"""Floor of the commands: posix_spawn of `sh -c true` with a log file and a session of its own, two at a time."""

from __future__ import annotations

import os
import time
from pathlib import Path


def rate(directory: Path, commands: int, at_a_time: int = 2) -> float:
    """Commands a second, from the first start to the last end."""
    argv, environment = ["sh", "-c", "true"], {"PATH": os.environ.get("PATH", os.defpath)}
    flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC
    null = os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC)
    running, started = 0, 0
    began = time.perf_counter()
    while started < commands or running:
        while running < at_a_time and started < commands:
            log = os.open(directory / f"{started}.log", flags, 0o600)
            actions = [(os.POSIX_SPAWN_DUP2, null, 0), (os.POSIX_SPAWN_DUP2, log, 1), (os.POSIX_SPAWN_DUP2, log, 2)]
            os.posix_spawn("/bin/sh", argv, environment, file_actions=actions, setsid=True)
            os.close(log)
            started, running = started + 1, running + 1
        _, status = os.waitpid(-1, 0)
        running -= 1
        if status:
            raise RuntimeError(f"sh -c true ended with {status}")
    seconds = time.perf_counter() - began
    os.close(null)
    return commands / seconds
