"""The runner's memory: a checksummed record of every begin and end, written before anything is reported.

Runs that are fed to a worker ahead stand in `fed` records, and in `unfed` ones when they were taken back; which of
them have begun, and how some of these ended, is told by the file of begun.py. `read` turns that into plain begins and
ends.
"""

from __future__ import annotations

import errno
import json
import os
import struct
from collections import deque
from collections.abc import Iterable
from typing import Final
from zlib import crc32

from jobctl.errors import BadInput
from jobctl.jsontext import check_json
from jobctl.runner import begun
from jobctl.runner.protocol import Message, end_message, ends_text, one_by_one, text
from jobctl.runner.work import Work

VERSION: Final = 3
TRUNCATE_ABOVE: Final = 1024 * 1024
REWRITE_ABOVE: Final = 8 * 1024 * 1024
HEADER: Final = struct.Struct("<II")
"""Length and CRC-32 of the JSON text that follows."""


class Journal:
    """Collects records, writes them with `flush`, and keeps those the daemon has not yet committed.

    What cannot be written (a full disk) stays in memory, and is written by a later `flush`.
    """

    def __init__(self, path: str, runner: str) -> None:
        self.path = path
        self.runner = runner
        self.size = 0
        self.ordinal = 0
        self.unacked: deque[tuple[int, bytes]] = deque()
        """Ordinal and JSON text."""
        self.unwritten: list[tuple[int, bytes]] = []
        """Ordinal (0: none) and framed record."""
        self.rewrite_above = REWRITE_ABOVE
        self.descriptor = self._open(path)
        self._start_file()

    def add(self, record: Message) -> bytes:
        """Number `record`; its JSON text."""
        return self._add(text({**record, "n": self.ordinal + 1}))

    def add_ends(self, rows: list[str]) -> bytes:
        """The same for one record of quick successes, whose texts are given."""
        return self._add(ends_text(rows, self.ordinal + 1))

    def _add(self, encoded: bytes) -> bytes:
        self.ordinal += 1
        self.unacked.append((self.ordinal, encoded))
        self.unwritten.append((self.ordinal, framed(encoded)))
        return encoded

    def note(self, encoded: bytes) -> None:
        """Take in what is for readers of the file only: a record's JSON text."""
        self.unwritten.append((0, framed(encoded)))

    def withdraw(self) -> None:
        """Forget the newest record, which could not be written; its ordinal stays used."""
        ordinal, _ = self.unwritten.pop()
        if ordinal:
            self.unacked.pop()

    def flush(self) -> None:
        """Write what is not written yet. Raises OSError; what did not fit is then kept."""
        if not self.unwritten:
            return
        try:
            self._write(b"".join([record for _, record in self.unwritten]))
            self.unwritten.clear()
        except OSError:
            while self.unwritten:  # as many as have room
                self._write(self.unwritten[0][1])
                del self.unwritten[0]

    def acknowledge(self, upto: int) -> None:
        """The daemon has committed the records up to that ordinal."""
        unacked = self.unacked
        while unacked and unacked[0][0] <= upto:
            unacked.popleft()
        if self.unwritten:
            self.unwritten = [item for item in self.unwritten if not 0 < item[0] <= upto]

    def tidy(self, held: Iterable[Work]) -> None:
        """Drop what no reader needs any more, when that is much; `held` is what is fed and has not ended."""
        if self.size <= TRUNCATE_ABOVE or self.unwritten:
            return
        fed = list(held)
        try:
            if not self.unacked and not fed:
                os.ftruncate(self.descriptor, 0)
                self._start_file()
            elif self.size > self.rewrite_above:
                self._rewrite(fed)
        except OSError:
            self.rewrite_above = self.size * 2

    def sync(self) -> None:
        """Put the records on the disk, where a power cut does not reach them."""
        os.fdatasync(self.descriptor)

    def _rewrite(self, fed: list[Work]) -> None:
        """Keep only what may still be needed; whoever reads finds the old file or the new one."""
        fresh = self.path + ".new"
        descriptor = self._open(fresh, os.O_TRUNC)
        try:
            records = [self._header(), *(record for _, record in self.unacked)]
            if fed:
                records.insert(1, fed_record(fed))
            content = b"".join(map(framed, records))
            if os.write(descriptor, content) < len(content):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            os.fdatasync(descriptor)
            os.replace(fresh, self.path)
        except OSError:
            os.close(descriptor)
            os.unlink(fresh)
            raise
        os.close(self.descriptor)
        self.descriptor, self.size = descriptor, len(content)
        self.rewrite_above = max(REWRITE_ABOVE, 4 * self.size)

    def _open(self, path: str, flags: int = 0) -> int:
        return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC | flags, 0o600)

    def _header(self) -> bytes:
        return text({"k": "journal", "version": VERSION, "runner": self.runner, "last": self.ordinal})

    def _start_file(self) -> None:
        self.size = os.fstat(self.descriptor).st_size
        self._write(framed(self._header()))

    def _write(self, content: bytes) -> None:
        written = 0
        try:
            written = os.write(self.descriptor, content)
            if written < len(content):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            self.size += written
        except OSError:
            # A torn record would hide every later one from a reader.
            os.ftruncate(self.descriptor, self.size)
            raise


def framed(encoded: bytes) -> bytes:
    return HEADER.pack(len(encoded), crc32(encoded)) + encoded


def fed_record(works: Iterable[Work]) -> bytes:
    """What is written before those are given to a worker."""
    runs = [f"[{one.ordinal},{one.sequence},{one.claim},{one.attempt},{one.fed_on}]" for one in works]
    return b'{"k":"fed","runs":[%b]}' % ",".join(runs).encode("ascii")


def unfed_record(works: Iterable[Work]) -> bytes:
    return text({"k": "unfed", "ordinals": [work.ordinal for work in works]})


def begun_path(path: str | os.PathLike[str]) -> str:
    """The file beside a journal that says which of the fed runs have begun."""
    return os.fspath(path).removesuffix(".journal") + ".begun"


def files(path: str | os.PathLike[str]) -> list[str]:
    """All that belongs to a journal, to be removed with it."""
    return [os.fspath(path), begun_path(path), os.fspath(path) + ".new"]


def read(path: str | os.PathLike[str]) -> list[Message]:
    """The records of a journal, its header record first; ends quietly at a torn or corrupt tail."""
    found = plain(path)
    return resolved(found, begun.read(begun_path(path))) if found else []


def plain(path: str | os.PathLike[str]) -> list[Message]:
    """As `read`, with what was fed as it was written down: nothing says here which of that had begun."""
    try:
        with open(path, "rb") as file:
            content = file.read()
    except FileNotFoundError:
        return []
    records: list[Message] = []
    start = 0
    while start + HEADER.size <= len(content):
        length, checksum = HEADER.unpack_from(content, start)
        found = content[start + HEADER.size : start + HEADER.size + length]
        if not length or len(found) < length or crc32(found) != checksum:
            break
        records += one_by_one(json.loads(found))
        start += HEADER.size + length
    return records


def resolved(records: list[Message], marks: begun.Marks | None) -> list[Message]:
    """The records with plain begins and ends, numbered after all others, of the fed runs that are not known to have
    ended and had begun: an end where the worker had written it down."""
    plain: list[Message] = []
    fed: dict[int, list[int]] = {}
    known: set[tuple[int, int]] = set()
    for record in records:
        if record["k"] == "fed":
            fed.update((run[0], run[1:]) for run in record["runs"])
        elif record["k"] == "unfed":
            for ordinal in record["ordinals"]:
                fed.pop(ordinal, None)
        else:
            plain.append(record)
            if "sequence" in record:
                known.add((record["sequence"], record["claim"]))
    number = max((int(record.get("n") or record.get("last") or 0) for record in plain), default=0)
    found: list[Message] = []
    for ordinal, (sequence, claim, attempt, fed_on) in sorted(fed.items()):
        # Without the file nobody can say: what may have begun is not begun again.
        if (marks is None or marks.has(ordinal)) and (sequence, claim) not in known:
            number += 1
            begin = {"k": "begin", "sequence": sequence, "claim": claim, "attempt": attempt, "at": fed_on}
            found.append({**(written_end(begin, ordinal, marks) or begin), "n": number})
    if found and marks is not None and found[-1]["k"] == "begin":
        found[-1]["at"] = max(found[-1]["at"], marks.at())
    return plain + found


def written_end(begin: Message, ordinal: int, marks: begun.Marks | None) -> Message | None:
    """The end that the worker wrote down of the run with that begin; None where it did not, or not as it should."""
    success = None if marks is None else marks.success(ordinal)
    if success is None:
        return None
    try:
        check_json(success.result)
    except BadInput:
        return None
    began, ran = max(success.began, begin["at"]), max(success.ran, 0)
    return end_message((begin["sequence"], begin["claim"], begin["attempt"], began, began + ran, ran, success.result))
