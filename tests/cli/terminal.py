"""Runs the command on a terminal of its own."""

from __future__ import annotations

import fcntl
import os
import pty
import select
import struct
import termios
import time
from collections.abc import Callable

from tests.conftest import Jobctl


class Terminal:
    """A command on a pseudo-terminal, and all it has written there."""

    def __init__(self, jobctl: Jobctl, *args: object, columns: int = 80, rows: int = 24) -> None:
        self.shown = b""
        self.pid, self.descriptor = pty.fork()
        if self.pid == 0:
            fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
            argv = jobctl.command(*map(str, args))
            os.execvpe(argv[0], argv, {**jobctl.environment, "TERM": "xterm-256color"})

    def read(self, timeout: float = 0.1) -> bool:
        """Take in what it writes; false once it has ended."""
        if not select.select([self.descriptor], [], [], timeout)[0]:
            return True
        try:
            data = os.read(self.descriptor, 65536)
        except OSError:
            return False
        self.shown += data
        return bool(data)

    def until(self, condition: Callable[[bytes], bool], timeout: float = 20.0) -> None:
        deadline = time.monotonic() + timeout
        while not condition(self.shown):
            assert self.read(), f"it ended: {self.shown!r}"
            assert time.monotonic() < deadline, f"not within {timeout} s: {self.shown!r}"

    def type(self, keys: bytes) -> None:
        os.write(self.descriptor, keys)

    def end(self, timeout: float = 20.0) -> int:
        """Its exit code, once it has ended by itself."""
        deadline = time.monotonic() + timeout
        while self.read():
            assert time.monotonic() < deadline, f"it goes on: {self.shown!r}"
        os.close(self.descriptor)
        return os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])


def on_terminal(jobctl: Jobctl, *args: object, columns: int = 80, rows: int = 24) -> tuple[bytes, int]:
    """What a command shows on a terminal, and its exit code."""
    terminal = Terminal(jobctl, *args, columns=columns, rows=rows)
    code = terminal.end()
    return terminal.shown, code
