"""The output of each attempt: its first and its last part on disk, with stream and time, and its exact length."""

from __future__ import annotations

import os
import struct
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from typing import Final, NamedTuple

SEGMENT: Final = 512 * 1024
MAX_CHUNK: Final = 64 * 1024
HEADER: Final = struct.Struct("<QqIB")
"""Offset in the whole output, instant, length, stream (1 stdout, 2 stderr)."""
SEGMENTS: Final = ("head", "tail0", "tail1")

Home = str | os.PathLike[str]


class Chunk(NamedTuple):
    offset: int
    """Of its first byte in the whole output; a gap to the chunk before means bytes were left out."""
    at: int
    stream: int
    data: bytes

    @property
    def end(self) -> int:
        return self.offset + len(self.data)


def directory(home: Home, sequence: int) -> str:
    return os.path.join(home, "logs", f"{sequence // 1000:06d}")


def segment_path(home: Home, sequence: int, attempt: int, segment: str) -> str:
    return os.path.join(directory(home, sequence), f"{sequence}.{attempt}.{segment}")


class LogWriter:
    """Keeps the first 512 KiB of an attempt's output, and at least the last 512 KiB.

    Nothing is created before the first byte. What the disk refuses is left out and still counted.
    """

    def __init__(self, home: Home, sequence: int, attempt: int, now: Callable[[], int]) -> None:
        self.home = home
        self.sequence = sequence
        self.attempt = attempt
        self.now = now
        self.total = 0
        self.descriptor = -1
        self.segment = -1
        self.data_size = 0
        self.file_size = 0

    def write(self, stream: int, data: bytes) -> None:
        at = self.now()
        view = memoryview(data)
        while view:
            room = self._room()
            part = view[: min(room, MAX_CHUNK)]
            self._write_chunk(at, stream, part)
            self.total += len(part)
            view = view[len(part) :]

    def close(self) -> None:
        if self.descriptor >= 0:
            os.close(self.descriptor)
            self.descriptor = -1

    def _room(self) -> int:
        """Bytes of output that still fit into the segment in use; opens the next one when it is full."""
        # The second limit bounds the headers of output that comes byte by byte.
        if self.segment < 0 or self.data_size >= SEGMENT or self.file_size >= 2 * SEGMENT:
            self.close()
            self.segment = self.segment + 1 if self.segment < 2 else 1
            self.data_size = self.file_size = 0
        return SEGMENT - self.data_size

    def _write_chunk(self, at: int, stream: int, data: memoryview) -> None:
        # Space is used up whether or not the disk takes the bytes: the bounds hold either way.
        self.data_size += len(data)
        header = HEADER.pack(self.total, at, len(data), stream)
        length = len(header) + len(data)
        try:
            if self.descriptor < 0:
                self.descriptor = self._open()
            if os.writev(self.descriptor, (header, data)) == length:
                self.file_size += length
            else:
                os.ftruncate(self.descriptor, self.file_size)
        except OSError:
            return

    def _open(self) -> int:
        path = segment_path(self.home, self.sequence, self.attempt, SEGMENTS[self.segment])
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_CLOEXEC
        try:
            return os.open(path, flags, 0o600)
        except FileNotFoundError:
            os.makedirs(os.path.dirname(path), mode=0o700, exist_ok=True)
        except FileExistsError:
            # A new file, not a shorter one: a reader of the old one goes on undisturbed.
            for segment in SEGMENTS if self.segment == 0 else SEGMENTS[self.segment : self.segment + 1]:
                _unlink(segment_path(self.home, self.sequence, self.attempt, segment))
        return os.open(path, flags, 0o600)


def read(home: Home, sequence: int, attempt: int, from_offset: int = 0) -> Iterator[Chunk]:
    """What was kept of an attempt's output from that byte on, in order, up to what is written by now."""
    position = from_offset
    for content in _segments(home, sequence, attempt):
        for chunk in _chunks(content):
            if chunk.end <= position:
                continue
            if chunk.offset < position:
                chunk = chunk._replace(offset=position, data=chunk.data[position - chunk.offset :])
            yield chunk
            position = chunk.end


def attempts(home: Home, sequence: int) -> list[int]:
    """The attempts that left output, in order."""
    try:
        names = os.listdir(directory(home, sequence))
    except FileNotFoundError:
        return []
    parts = (name.split(".") for name in names)
    return sorted({int(part[1]) for part in parts if len(part) == 3 and part[0] == str(sequence)})


def size(home: Home, sequence: int, attempt: int) -> int:
    """The exact number of bytes of the output, those left out included."""
    end = 0
    for content in _segments(home, sequence, attempt):
        for chunk in _chunks(content):
            end = max(end, chunk.end)
    return end


def delete(home: Home, sequence: int) -> None:
    """Remove the output of every attempt."""
    for attempt in attempts(home, sequence):
        for segment in SEGMENTS:
            _unlink(segment_path(home, sequence, attempt, segment))


def delete_all(home: Home, sequences: Iterable[int]) -> dict[int, OSError]:
    """Remove the output of many, whatever the number of their files; the first error of each that could not be."""
    by_directory: dict[str, set[str]] = {}
    for sequence in sequences:
        by_directory.setdefault(directory(home, sequence), set()).add(str(sequence))
    failures: dict[int, OSError] = {}
    for path, numbers in by_directory.items():
        try:
            names = _names(path)
        except OSError as error:
            failures.update((int(number), error) for number in numbers)
            continue
        for name in names:
            number = name.partition(".")[0]
            if number in numbers:
                try:
                    _unlink(os.path.join(path, name))
                except OSError as error:
                    failures.setdefault(int(number), error)
    return failures


def directories(home: Home) -> Iterator[tuple[int, set[int]]]:
    """By thousands of numbers: those that left output. Raises OSError."""
    top = os.path.join(home, "logs")
    for name in sorted(_names(top)):
        if len(name) >= 6 and name.isascii() and name.isdigit():
            numbers = (entry.partition(".")[0] for entry in _names(os.path.join(top, name)))
            yield int(name), {int(number) for number in numbers if number.isascii() and number.isdigit()}


def remove_directory(home: Home, thousand: int) -> None:
    """Remove the directory of such numbers if it is empty; only where nobody can write any more."""
    with suppress(OSError):
        os.rmdir(directory(home, thousand * 1000))


def _names(path: str) -> list[str]:
    try:
        return os.listdir(path)
    except (FileNotFoundError, NotADirectoryError):
        return []


def _unlink(path: str) -> None:
    with suppress(FileNotFoundError):
        os.unlink(path)


def _segments(home: Home, sequence: int, attempt: int) -> list[bytes]:
    """The segments' contents in order of output."""
    contents = []
    for segment in SEGMENTS:
        try:
            with open(segment_path(home, sequence, attempt, segment), "rb") as file:
                contents.append(file.read())
        except FileNotFoundError:
            continue
    return sorted(filter(None, contents), key=lambda content: next((c.offset for c in _chunks(content)), 0))


def _chunks(content: bytes) -> Iterator[Chunk]:
    start = 0
    while start + HEADER.size <= len(content):
        offset, at, length, stream = HEADER.unpack_from(content, start)
        start += HEADER.size
        if start + length > len(content):
            return
        yield Chunk(offset, at, stream, content[start : start + length])
        start += length
