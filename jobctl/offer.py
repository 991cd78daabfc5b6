"""The daemon's offer: idle runners for which a submission may be claimed in its own commit.

A hint in a file, never trusted: whoever takes it up claims in a transaction that asks the database for the rest.
"""

from __future__ import annotations

import json
import os
import struct
from collections.abc import Iterable
from itertools import islice
from pathlib import Path
from struct import Struct
from typing import Final, NamedTuple

NAME: Final = "offer"
MOST: Final = 16
"""Runners offered at a time."""
BERTH: Final = Struct("=8sQQ")
"""A runner's id, the job version it ran last, for which alone it is sure to be warm, and who offers it."""
NUMBERS: Final = Struct("=QQQqB")
"""What can be the numbers of a guest."""
IDENTITY: Final = 16
"""Bytes of an id."""
NOTHING: Final = bytes(BERTH.size)
"""The end of the offer: no version has the number 0."""


class Guest(NamedTuple):
    """What is being claimed by its submitter: its runner can be told while that is committed."""

    runner_id: str
    sequence: int
    id: str
    job_id: int
    job_version_id: int
    priority: int
    depth: int
    data: str | None

    def said(self) -> bytes:
        return json.dumps(self).encode()

    @classmethod
    def heard(cls, said: bytes) -> Guest | None:
        """None: it makes no sense."""
        try:
            guest = cls(*json.loads(said))
            numbers = (guest.sequence, guest.job_id, guest.job_version_id, guest.priority, guest.depth)
            NUMBERS.pack(*numbers)
            (guest.data or "").encode()
            return guest if len(bytes.fromhex(guest.id)) == IDENTITY and type(guest.runner_id) is str else None
        except (ValueError, TypeError, AttributeError, RecursionError, struct.error):
            return None


class Offer:
    """The daemon's end; make it only under the daemon's lock."""

    def __init__(self, directory: Path, generation: int) -> None:
        self.generation = generation
        flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
        self._file = os.open(directory / NAME, flags, 0o600)
        self._written: bytes | None = None
        self.make(())

    def make(self, berths: Iterable[tuple[str, int]]) -> None:
        """Offer these runners, by their ids and what they ran last, and no others."""
        said = b"".join(
            BERTH.pack(bytes.fromhex(runner_id), version, self.generation)
            for runner_id, version in islice(berths, MOST)
        )
        if said != self._written:
            os.pwrite(self._file, said + NOTHING, 0)
            self._written = said

    def withdraw(self) -> None:
        """Offer nothing."""
        self.make(())

    def close(self) -> None:
        self.withdraw()
        os.close(self._file)


class Offers:
    """The submitters' end."""

    def __init__(self, directory: Path) -> None:
        self._path = os.path.join(directory, NAME)
        self._file = -1

    def runner_for(self, version: int) -> tuple[str, int] | None:
        """The id of a runner that is offered and ran this job version last, and of the daemon that offers it."""
        try:
            if self._file < 0:
                self._file = os.open(self._path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
            said = os.pread(self._file, BERTH.size * MOST, 0)
        except OSError:
            return None
        for start in range(0, len(said) - BERTH.size + 1, BERTH.size):
            runner_id, ran, daemon_id = BERTH.unpack_from(said, start)
            if ran == version:
                return runner_id.hex(), daemon_id
            if not ran:
                break
        return None

    def close(self) -> None:
        if self._file >= 0:
            os.close(self._file)
            self._file = -1
