"""The signals that tell the daemon to stop: counted, and heard by its selector."""

from __future__ import annotations

import signal
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from types import FrameType
from typing import Final

STOPPING: Final = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


class Signals:
    """Readable once one has come."""

    def __init__(self) -> None:
        self.count = 0

    @contextmanager
    def caught(self) -> Iterator[None]:
        """Around everything that they must not interrupt; what was in force before comes back."""
        self.ear, mouth = socket.socketpair()
        self.ear.setblocking(False)
        mouth.setblocking(False)
        old_mouth = signal.set_wakeup_fd(mouth.fileno(), warn_on_full_buffer=False)
        old = {number: signal.signal(number, self._count) for number in STOPPING}
        try:
            yield
        finally:
            for number, handler in old.items():
                signal.signal(number, handler)
            signal.set_wakeup_fd(old_mouth)
            mouth.close()

    def fileno(self) -> int:
        return self.ear.fileno()

    def hear(self) -> None:
        """Take in what has come; it is counted already."""
        with suppress(BlockingIOError):
            while self.ear.recv(16):
                pass

    def _count(self, number: int, frame: FrameType | None) -> None:
        self.count += 1
