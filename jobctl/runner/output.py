"""The pipes of a run's stdout and stderr, emptied into its log."""

from __future__ import annotations

import os
from typing import Final

from jobctl.logs import LogWriter
from jobctl.runner.loop import Loop

READ_SIZE: Final = 64 * 1024
READS_IN_A_ROW: Final = 16
"""Then other events get their turn: output must not delay a cancel."""
DRAIN_LIMIT: Final = 1.0


class Output:
    """Reads both pipes, when asked to or whenever they have something; without a log the bytes are dropped."""

    def __init__(self, loop: Loop, stdout: int, stderr: int) -> None:
        self.loop = loop
        self.log: LogWriter | None = None
        self.streams = {1: stdout, 2: stderr}
        self.watching = False

    def watch(self) -> None:
        """Read from now on whenever there is something."""
        if not self.watching:
            self.watching = True
            for stream, descriptor in self.streams.items():
                self.loop.watch(descriptor, lambda stream=stream: self._read(stream))  # type: ignore[misc]

    def unwatch(self) -> None:
        """Read only when asked to."""
        if self.watching:
            self.watching = False
            for descriptor in self.streams.values():
                self.loop.unwatch(descriptor)

    def drain(self) -> None:
        """Read what has been written by now, for at most a second."""
        until = self.loop.clock.monotonic() + DRAIN_LIMIT
        for stream in list(self.streams):
            while self._read(stream) and self.loop.clock.monotonic() < until:
                pass

    def close(self) -> None:
        for stream in list(self.streams):
            self._close(stream)

    def _read(self, stream: int) -> bool:
        """Whether there may be more to read at once."""
        for _ in range(READS_IN_A_ROW):
            try:
                data = os.read(self.streams[stream], READ_SIZE)
            except BlockingIOError:
                return False
            if not data:
                self._close(stream)
                return False
            if self.log is not None:
                self.log.write(stream, data)
        return True

    def _close(self, stream: int) -> None:
        descriptor = self.streams.pop(stream)
        if self.watching:
            self.loop.unwatch(descriptor)
        os.close(descriptor)
