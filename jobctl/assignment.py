"""A runner as the daemon knows it, and what it was given."""

from __future__ import annotations

import socket
import subprocess
from collections import deque
from dataclasses import dataclass, field

from jobctl.processes import Identity
from jobctl.runner.protocol import FrameReader


@dataclass
class Assignment:
    """A system job that a runner was given."""

    sequence: int
    claim: int
    attempt: int
    began: bool = False
    paused: bool = False
    stuck: bool = False


@dataclass(eq=False)
class Runner:
    id: str
    identity: Identity
    connection: socket.socket | None
    pidfd: int
    process: subprocess.Popen[bytes] | None = None
    seen_alive: bool = False
    """Whether this daemon has known it alive: only then is its session's number its own, and no stranger's."""
    stored: bool = False
    """Whether its row is committed: no work goes to one that is not."""
    greeted: bool = True
    """Whether it has said what it holds; an adopted one is given nothing before."""
    spoke: bool = False
    """Whether anything was ever heard of it."""
    leaving: bool = False
    adopted_at: float = 0.0
    silence_told: bool = False
    applied: int = 0
    """The journal record up to which everything is committed."""
    acked: int = 0
    given: dict[int, Assignment] = field(default_factory=dict)
    reader: FrameReader = field(default_factory=FrameReader)
    unsent: deque[bytes] = field(default_factory=deque)
    gone_since: float | None = None
    """When it was found dead; its processes are being ended."""
    told_stuck: bool = False

    @property
    def idle(self) -> bool:
        alive = self.gone_since is None and self.connection is not None
        return alive and self.greeted and not self.given and not self.leaving
