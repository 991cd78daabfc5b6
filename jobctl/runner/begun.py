"""Which runs the workers have begun, known also when they and their runner are dead: a mapped file.

The worker writes into it just before it begins a run: the instant, and the run's ordinal into a ring. Ordinals may be
missing, for the runner takes back what a worker has not taken.
"""

from __future__ import annotations

import os
from mmap import mmap
from typing import Final

RING: Final = 512
"""Ordinals that are remembered; no runner has as many runs in a worker's hands."""
START: Final = 4096
"""Where the ring begins, in bytes; the instant is just before. What is written to the file's descriptor by mistake hits
its beginning, which is not used."""
SIZE: Final = START + 8 * RING


class Begun:
    """The file as the runner sees it."""

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
        self.marks = Marks(self.memory)

    def has(self, ordinal: int) -> bool:
        """Whether the run of that ordinal has begun."""
        return self.marks.has(ordinal)

    def at(self) -> int:
        """When the newest run began: microseconds since the epoch, by the system's clock."""
        return self.marks.at()


class Marks:
    """What a worker wrote."""

    def __init__(self, content: bytes | mmap) -> None:
        self.cells = memoryview(content)[START - 8 :].cast("q")

    def has(self, ordinal: int) -> bool:
        return self.cells[1 + ordinal % RING] == ordinal

    def at(self) -> int:
        return self.cells[0]


def read(path: str) -> Marks | None:
    """The marks in a file that was left behind; None when there is none."""
    try:
        with open(path, "rb") as file:
            content = file.read(SIZE)
    except FileNotFoundError:
        return None
    return Marks(content.ljust(SIZE, b"\0"))
