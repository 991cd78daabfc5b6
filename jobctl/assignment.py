"""A runner as the daemon knows it, and what it was given."""

from __future__ import annotations

import socket
import subprocess
from collections import deque
from dataclasses import dataclass, field
from typing import Any, Final

from jobctl.processes import Identity
from jobctl.runner.protocol import PROTOCOL, FrameReader

LITTLE: Final = 3
"""System jobs in a runner's hands of which it may soon have none left."""


@dataclass(slots=True)
class Assignment:
    """A system job that a runner was given."""

    sequence: int
    claim: int
    attempt: int
    version: int = 0
    """Of its job's definition; 0 where it is not known."""
    priority: int = 0
    expected: float | None = None
    """Seconds it is expected to run."""
    began: bool = False
    """Whether it is known to run: the runner tells only of what takes a while."""
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
    blocked: bool = False
    """Whether the socket took less than there was: the selector tells when it takes more."""
    unstored: int = 0
    """Ends it reported that are not stored yet."""
    gone_since: float | None = None
    """When it was found dead; its processes are being ended."""
    told_stuck: bool = False
    protocol: int = PROTOCOL
    defined: dict[int, tuple[int, dict[str, Any]]] = field(default_factory=dict)
    """What this connection was told of definitions: under each key the number of the version, and its content."""
    last_version: int = 0
    """Of what it was handed last."""
    recalled: bool = False
    """Whether what it has not begun was asked back: nothing more is handed to it until it answers."""

    @property
    def idle(self) -> bool:
        return self.able and not self.given

    @property
    def able(self) -> bool:
        """Whether work may be handed to it."""
        alive = self.gone_since is None and self.connection is not None
        return alive and self.greeted and not self.leaving and self.protocol == PROTOCOL

    @property
    def busy(self) -> bool:
        """Whether it holds a slot: one for all it was given, since it runs one at a time."""
        return any(not (given.paused or given.stuck) for given in self.given.values())

    @property
    def has_plenty(self) -> bool:
        """Whether the greater part of what it was given is still before it: what it reports may wait for more."""
        return len(self.given) - self.unstored >= max(LITTLE, len(self.given) // 2)

    @property
    def unbegun(self) -> list[Assignment]:
        """What it has not begun, as far as it told."""
        return [given for given in self.given.values() if not given.began]
