"""The journal: what survives, what is forgotten, and what a damaged one still tells."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from jobctl.runner import journal
from jobctl.runner.begun import RING, Begun
from jobctl.runner.journal import Journal, begun_path, fed_record, files, read, unfed_record
from jobctl.runner.protocol import Message
from jobctl.runner.work import Work


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "0123456789abcdef.journal"


def append(journal: Journal, record: Message) -> None:
    """Record, and write at once."""
    journal.add(record)
    journal.flush()


def record(kind: str = "end", **values: Any) -> dict[str, Any]:
    return {"k": kind, "sequence": 1, "claim": 1, **values}


def test_starts_with_its_header_and_is_private(path: Path) -> None:
    Journal(str(path), "r")
    assert read(path) == [{"k": "journal", "version": 3, "runner": "r", "last": 0}]
    assert path.stat().st_mode & 0o777 == 0o600


def test_numbers_records_and_forgets_what_is_acknowledged(path: Path) -> None:
    one = Journal(str(path), "r")
    for _ in range(3):
        append(one, record())
    assert [r.get("n") for r in read(path)] == [None, 1, 2, 3]
    one.acknowledge(2)
    assert [number for number, _ in one.unacked] == [3]
    one.sync()


def test_shrinks_once_all_is_acknowledged_and_counts_on(path: Path) -> None:
    one = Journal(str(path), "r")
    append(one, record(text="x" * journal.TRUNCATE_ABOVE))
    append(one, record())
    one.acknowledge(1)
    assert path.stat().st_size > journal.TRUNCATE_ABOVE
    one.acknowledge(2)
    one.tidy([])
    append(one, record())
    assert [r.get("n") for r in read(path)] == [None, 3]


def test_is_written_anew_when_it_grows_while_something_is_always_open(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(journal, "REWRITE_ABOVE", journal.TRUNCATE_ABOVE)
    one = Journal(str(path), "r")
    one.rewrite_above = journal.TRUNCATE_ABOVE
    works = [work(ordinal) for ordinal in (7, 8)]
    one.note(fed_record([work(6)]))
    for _ in range(3):
        append(one, record(text="x" * journal.TRUNCATE_ABOVE))
    one.acknowledge(2)
    one.tidy(works)
    assert path.stat().st_size < 2 * journal.TRUNCATE_ABOVE
    append(one, record())
    assert [r.get("n") for r in read(path)] == [None, 3, 4, 5, 6]  # nobody can say that the fed ones have not begun
    assert [r["sequence"] for r in read(path)[3:]] == [7, 8]
    assert list(path.parent.iterdir()) == [path]


def work(ordinal: int) -> Work:
    made: Work = Work.__new__(Work)
    made.sequence = made.ordinal = ordinal
    made.claim, made.attempt, made.fed_on = 2, 3, 1_000_000
    return made


def test_fed_runs_are_begins_if_and_only_if_they_have_begun(path: Path) -> None:
    one = Journal(str(path), "r")
    marks = Begun(begun_path(path))
    one.note(fed_record([work(ordinal) for ordinal in range(1, 9)]))
    append(one, record(sequence=1, claim=2))
    one.note(unfed_record([work(ordinal) for ordinal in (4, 5)]))
    append(one, record("begin", sequence=7, claim=2))
    assert [(r["k"], r.get("sequence")) for r in read(path)] == [("journal", None), ("end", 1), ("begin", 7)]
    for ordinal in (1, 2, 3, 6, 7):
        marks.cells[1 + ordinal % RING] = ordinal
        marks.cells[0] = ordinal * 1_000_000
    begins = read(path)[3:]
    assert [(r["sequence"], r["claim"], r["attempt"], r["n"]) for r in begins] == [
        (2, 2, 3, 3),
        (3, 2, 3, 4),
        (6, 2, 3, 5),
    ]
    assert [r["at"] for r in begins] == [1_000_000, 1_000_000, 7_000_000]
    assert [str(path), begun_path(path)] == [name for name in files(path) if Path(name).exists()]


def test_quick_successes_are_read_one_by_one_and_have_begun(path: Path) -> None:
    one = Journal(str(path), "r")
    Begun(begun_path(path)).cells[1 + 3 % RING] = 3
    one.note(fed_record([work(ordinal) for ordinal in (1, 2, 3)]))
    append(one, {"k": "ends", "rows": [[1, 2, 3, 10, 20, 10, "1"], [2, 2, 3, 20, 30, 10, "null"]]})
    assert [(r["k"], r["sequence"], r["n"]) for r in read(path)[1:]] == [("end", 1, 1), ("end", 2, 1), ("begin", 3, 2)]


def test_a_missing_journal_is_empty(path: Path) -> None:
    assert read(path) == []


def test_reading_ends_at_damage_wherever_it_is(path: Path) -> None:
    one = Journal(str(path), "r")
    for number in range(3):
        append(one, record(text=str(number)))
    whole, records = path.read_bytes(), read(path)
    for cut in range(len(whole)):
        path.write_bytes(whole[:cut])
        assert records[: len(found := read(path))] == found
    for position in range(len(whole)):
        path.write_bytes(whole[:position] + bytes([whole[position] ^ 0x40]) + whole[position + 1 :])
        found = read(path)
        assert len(found) < 4 and records[: len(found)] == found


def test_a_full_disk_leaves_no_torn_record(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    one = Journal(str(path), "r")
    append(one, record())
    write = os.write
    monkeypatch.setattr(os, "write", lambda descriptor, data: write(descriptor, data[:10]))
    with pytest.raises(OSError, match="No space left"):
        append(one, record())
    with pytest.raises(OSError, match="No space left"):
        append(one, record("begin"))
    one.withdraw()
    assert [r.get("n") for r in read(path)] == [None, 1]
    assert [number for number, _ in one.unacked] == [1, 2]
    monkeypatch.setattr(os, "write", write)
    append(one, record())
    assert [r.get("n") for r in read(path)] == [None, 1, 2, 4]
    assert one.unwritten == []


def test_zeros_after_a_power_cut_end_it_quietly(path: Path) -> None:
    append(Journal(str(path), "r"), record())
    whole = read(path)
    with path.open("ab") as file:
        file.write(bytes(64))
    assert read(path) == whole
