"""Which runs a worker has begun, known also when it and its runner are dead: two numbers in a mapped file.

The worker writes them just before it begins a run: first the instant, then the run's ordinal.
"""

from __future__ import annotations

import os
from mmap import mmap
from typing import Final, NamedTuple

SIZE: Final = 4096
CELL: Final = 16
"""Bytes at the end of the file; what is written to its descriptor by mistake hits the beginning."""


class Last(NamedTuple):
    """The run begun last."""

    ordinal: int
    at: int
    """Microseconds since the epoch, by the system's clock."""


class Begun:
    """The cell as the runner sees it."""

    def __init__(self, path: str) -> None:
        """Raises OSError."""
        self.descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            # Written, not only extended: a store into a hole would be a SIGBUS on a full disk.
            if os.write(self.descriptor, bytes(SIZE)) < SIZE:
                raise OSError("short write")
            self.memory = mmap(self.descriptor, SIZE)
        except BaseException:
            os.close(self.descriptor)
            raise
        self.cell = memoryview(self.memory)[-CELL:].cast("q")

    def last(self) -> Last:
        return Last(self.cell[1], self.cell[0])


def read(path: str) -> Last | None:
    """The run begun last according to a file that was left behind; None when there is no such file."""
    try:
        with open(path, "rb") as file:
            content = file.read(SIZE)
    except FileNotFoundError:
        return None
    if len(content) < SIZE:
        return Last(0, 0)
    cell = memoryview(content)[-CELL:].cast("q")
    return Last(cell[1], cell[0])
