"""What the workers have begun, and how quick runs ended, known also when they and their runner are dead: a mapped file.

The worker writes into it just before it begins a run: the instant, and the run's ordinal into a ring. Ordinals may be
missing, for the runner takes back what a worker has not taken. The answer of a quick success it may write there too,
into a second ring, and say so only after a few more: by WRITTEN, or by the answer of a later run.
"""

from __future__ import annotations

import os
import struct
from mmap import mmap
from typing import Final, NamedTuple

RING: Final = 511
"""Ordinals that are remembered; no runner has as many runs in a worker's hands."""
MARKS: Final = 8 + 8 * RING
"""Bytes of the instant and the ordinals of what has begun."""
ANSWER: Final = struct.Struct("<qqqB23s")
"""Ordinal, begin, duration (microseconds), and the result: how many bytes its text has, and those."""
SIZE: Final = MARKS + ANSWER.size * RING
"""Bytes of all. The descriptor stands behind them, so that what user code writes to it by mistake hits neither."""

WRITTEN: Final = {"k": "written"}


class Success(NamedTuple):
    """A quick success as the worker wrote it down."""

    began: int
    ran: int
    result: str


class Marks:
    """What a worker wrote."""

    def __init__(self, content: bytes | mmap) -> None:
        self.content = content
        self.cells = memoryview(content).cast("q")

    def has(self, ordinal: int) -> bool:
        """Whether the run of that ordinal has begun."""
        return self.cells[1 + ordinal % RING] == ordinal

    def at(self) -> int:
        """When the newest run began: microseconds since the epoch, by the system's clock."""
        return self.cells[0]

    def success(self, ordinal: int) -> Success | None:
        """How the run of that ordinal ended, if its answer was written here."""
        written, began, ran, size, text = ANSWER.unpack_from(self.content, MARKS + ANSWER.size * (ordinal % RING))
        return Success(began, ran, str(text[:size], "ascii", "replace")) if written == ordinal else None


class Begun(Marks):
    """The file as the runner sees it."""

    def __init__(self, path: str) -> None:
        """Raises OSError."""
        self.descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            # Written, not only extended: a store into a hole would be a SIGBUS on a full disk.
            if os.write(self.descriptor, bytes(SIZE)) < SIZE:
                raise OSError("short write")
            super().__init__(mmap(self.descriptor, SIZE))
        except BaseException:
            os.close(self.descriptor)
            raise


def read(path: str) -> Marks | None:
    """The marks in a file that was left behind; None when there is none."""
    try:
        with open(path, "rb") as file:
            content = file.read(SIZE)
    except FileNotFoundError:
        return None
    return Marks(content.ljust(SIZE, b"\0"))
