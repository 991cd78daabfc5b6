"""The runner's memory: a checksummed record of every begin and end, written before anything is reported."""

from __future__ import annotations

import errno
import json
import os
import struct
from contextlib import suppress
from typing import Final
from zlib import crc32

from jobctl.runner.protocol import Message

VERSION: Final = 1
TRUNCATE_ABOVE: Final = 1024 * 1024
HEADER: Final = struct.Struct("<II")
"""Length and CRC-32 of the JSON text that follows."""


class Journal:
    """Appends records and keeps those the daemon has not yet committed.

    What cannot be written (a full disk) stays in memory, and is written with the next record or by `retry`.
    """

    def __init__(self, path: str, runner: str) -> None:
        self.runner = runner
        self.descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        self.size = 0
        self.ordinal = 0
        self.unacked: list[Message] = []
        self.unwritten: list[Message] = []
        self._start_file()

    def append(self, record: Message) -> None:
        """Number `record` and write it. Raises OSError; the record is then kept all the same."""
        self.ordinal += 1
        record["n"] = self.ordinal
        self.unacked.append(record)
        self.unwritten.append(record)
        self.retry()

    def forget_last(self) -> None:
        """Withdraw the newest record, which could not be written; its ordinal stays used."""
        self.unacked.pop()
        self.unwritten.pop()

    def retry(self) -> None:
        """Write what could not be written before. Raises OSError."""
        while self.unwritten:
            self._write(self.unwritten[0])
            del self.unwritten[0]

    def acknowledge(self, upto: int) -> None:
        """The daemon has committed the records up to that ordinal."""
        if not self.unacked:
            return
        self.unacked = [record for record in self.unacked if record["n"] > upto]
        self.unwritten = [record for record in self.unwritten if record["n"] > upto]
        if not self.unacked and self.size > TRUNCATE_ABOVE:
            with suppress(OSError):
                os.ftruncate(self.descriptor, 0)
                self._start_file()

    def sync(self) -> None:
        """Put the records on the disk, where a power cut does not reach them."""
        os.fdatasync(self.descriptor)

    def _start_file(self) -> None:
        self.size = os.fstat(self.descriptor).st_size
        self._write({"k": "journal", "version": VERSION, "runner": self.runner})

    def _write(self, record: Message) -> None:
        text = json.dumps(record, separators=(",", ":")).encode("ascii")
        framed = HEADER.pack(len(text), crc32(text)) + text
        written = 0
        try:
            written = os.write(self.descriptor, framed)
            if written < len(framed):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            self.size += written
        except OSError:
            # A torn record would hide every later one from a reader.
            os.ftruncate(self.descriptor, self.size)
            raise


def read(path: str | os.PathLike[str]) -> list[Message]:
    """The records of a journal, its header record first; ends quietly at a torn or corrupt tail."""
    try:
        with open(path, "rb") as file:
            content = file.read()
    except FileNotFoundError:
        return []
    records: list[Message] = []
    start = 0
    while start + HEADER.size <= len(content):
        length, checksum = HEADER.unpack_from(content, start)
        text = content[start + HEADER.size : start + HEADER.size + length]
        if not length or len(text) < length or crc32(text) != checksum:
            break
        records.append(json.loads(text))
        start += HEADER.size + length
    return records
