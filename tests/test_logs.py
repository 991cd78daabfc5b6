"""The output of attempts: bounded on disk, exact in length, readable while it is written."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jobctl import logs
from jobctl.logs import SEGMENT, LogWriter


def writer(home: Path, sequence: int = 1234, attempt: int = 1, now: Callable[[], int] = lambda: 7) -> LogWriter:
    return LogWriter(home, sequence, attempt, now)


def kept(home: Path, sequence: int = 1234, attempt: int = 1, from_offset: int = 0) -> bytes:
    return b"".join(chunk.data for chunk in logs.read(home, sequence, attempt, from_offset))


def pattern(start: int, size: int) -> bytes:
    """Bytes that tell where in the output they belong."""
    block = b"".join(n.to_bytes(8, "big") for n in range(start // 8, (start + size) // 8 + 1))
    return block[start % 8 : start % 8 + size]


def write(log: LogWriter, sizes: Iterable[int]) -> None:
    for size in sizes:
        log.write(1, pattern(log.total, size))


def test_no_file_before_the_first_byte(tmp_path: Path) -> None:
    log = writer(tmp_path)
    log.write(1, b"")
    log.close()
    assert list(tmp_path.iterdir()) == []
    assert (kept(tmp_path), logs.size(tmp_path, 1234, 1), logs.attempts(tmp_path, 1234)) == (b"", 0, [])


def test_stream_and_time_of_every_chunk(tmp_path: Path) -> None:
    times = iter([10, 20])
    log = writer(tmp_path, now=lambda: next(times))
    log.write(1, b"out\n")
    log.write(2, b"err\0\xff")
    assert list(logs.read(tmp_path, 1234, 1)) == [logs.Chunk(0, 10, 1, b"out\n"), logs.Chunk(4, 20, 2, b"err\0\xff")]
    assert log.total == logs.size(tmp_path, 1234, 1) == 9


def test_files_are_private_and_lie_in_thousands(tmp_path: Path) -> None:
    writer(tmp_path).write(1, b"x")
    path = tmp_path / "logs" / "000001" / "1234.1.head"
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700


def test_reading_from_an_offset(tmp_path: Path) -> None:
    log = writer(tmp_path)
    log.write(1, b"abc")
    log.write(2, b"def")
    assert kept(tmp_path, from_offset=4) == b"ef"
    assert kept(tmp_path, from_offset=6) == b""
    log.write(1, b"ghi")
    (chunk,) = logs.read(tmp_path, 1234, 1, 6)
    assert (chunk.offset, chunk.data) == (6, b"ghi")


@settings(max_examples=40)
@given(st.lists(st.integers(min_value=0, max_value=SEGMENT), max_size=12))
def test_first_and_last_part_are_kept_whatever_the_sizes(
    tmp_path_factory: pytest.TempPathFactory, sizes: list[int]
) -> None:
    home = tmp_path_factory.mktemp("home")
    log = writer(home)
    write(log, sizes)
    log.close()
    total = sum(sizes)
    assert log.total == logs.size(home, 1234, 1) == total
    chunks = list(logs.read(home, 1234, 1))
    assert all(one.end <= other.offset for one, other in zip(chunks, chunks[1:], strict=False))
    assert all(chunk.data == pattern(chunk.offset, len(chunk.data)) for chunk in chunks)
    assert kept(home)[:SEGMENT] == pattern(0, min(SEGMENT, total))
    last = min(SEGMENT, total)
    assert kept(home)[-last or total :] == pattern(total - last, last)
    assert len(kept(home)) <= 3 * SEGMENT
    if total <= 2 * SEGMENT:
        assert kept(home) == pattern(0, total)


def test_output_byte_by_byte_stays_bounded(tmp_path: Path) -> None:
    log = writer(tmp_path)
    for _ in range(200_000):
        log.write(1, b"x")
    files = sum(path.stat().st_size for path in tmp_path.rglob("*.*") if path.is_file())
    assert files <= 3 * 2 * SEGMENT + 100
    assert logs.size(tmp_path, 1234, 1) == 200_000


def test_a_reader_is_not_disturbed_by_reuse_of_a_segment(tmp_path: Path) -> None:
    log = writer(tmp_path)
    write(log, [SEGMENT] * 3)
    reader = logs.read(tmp_path, 1234, 1)
    first = next(reader)
    write(log, [SEGMENT] * 4)
    rest = list(reader)
    assert first.offset == 0
    assert all(chunk.data == pattern(chunk.offset, len(chunk.data)) for chunk in rest)


def test_a_torn_chunk_at_the_end_is_not_shown(tmp_path: Path) -> None:
    log = writer(tmp_path)
    log.write(1, b"whole")
    log.write(1, b"torn")
    path = tmp_path / "logs" / "000001" / "1234.1.head"
    os.truncate(path, path.stat().st_size - 1)
    assert kept(tmp_path) == b"whole"


def test_what_the_disk_refuses_is_left_out_and_counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    log = writer(tmp_path)
    log.write(1, b"before")
    real = os.writev

    def full(descriptor: int, buffers: list[bytes]) -> int:
        raise OSError(errno.ENOSPC, "full")

    def short(descriptor: int, buffers: list[bytes]) -> int:
        return real(descriptor, [b"".join(buffers)[:7]])

    for broken in (full, short):
        monkeypatch.setattr(os, "writev", broken)
        log.write(1, b"lost")
    monkeypatch.setattr(os, "writev", real)
    log.write(1, b"after")
    assert [(chunk.offset, chunk.data) for chunk in logs.read(tmp_path, 1234, 1)] == [(0, b"before"), (14, b"after")]
    assert log.total == 19


def test_attempts_and_delete(tmp_path: Path) -> None:
    for sequence, attempt in ((1234, 1), (1234, 10), (1234, 2), (123, 1)):
        log = writer(tmp_path, sequence, attempt)
        write(log, [SEGMENT] * 3)
        log.close()
    assert logs.attempts(tmp_path, 1234) == [1, 2, 10]
    logs.delete(tmp_path, 1234)
    assert logs.attempts(tmp_path, 1234) == []
    assert kept(tmp_path, 123) == pattern(0, 3 * SEGMENT)
    logs.delete(tmp_path, 999_999)


def test_an_attempt_written_again_starts_anew(tmp_path: Path) -> None:
    log = writer(tmp_path)
    write(log, [SEGMENT] * 3)
    log.close()
    writer(tmp_path).write(1, b"new")
    assert kept(tmp_path) == b"new"
