"""What a refusal looks like, and what is stored: for the tests of everything that is wrong outside jobctl."""

from __future__ import annotations

import hashlib
from pathlib import Path

import apsw

from tests.conftest import Completed


def one_sentence(found: Completed, code: int, *texts: str) -> None:
    """It ended with that code and said one sentence on stderr, and that one holds the texts."""
    what = f"{found.args}: exit {found.returncode}\n{found.stdout}{found.stderr}"
    sentences = [line for line in found.stderr.splitlines() if not line.startswith("no daemon is running")]
    assert found.returncode == code, what
    assert len(sentences) == 1 and sentences[0].startswith("jobctl: "), what
    assert "Traceback" not in found.stderr and "internal error" not in found.stderr, what
    for text in texts:
        assert text in found.stderr, what
    assert all(character.isprintable() for character in sentences[0]), what


def snapshot(home: Path) -> dict[str, str]:
    """The content of the database file, hashed; the log and its index only when they are not empty."""
    return {
        path.name: hashlib.sha256(path.read_bytes()).hexdigest()
        for path in home.glob("jobctl.db*")
        if path.name == "jobctl.db" or (path.name.endswith("-wal") and path.stat().st_size)
    }


def rows(home: Path) -> list[tuple[object, ...]]:
    """Everything that is stored, as it would be read by anyone."""
    database = apsw.Connection(str(home / "jobctl.db"), flags=apsw.SQLITE_OPEN_READONLY)
    try:
        tables = ("jobs", "job_versions", "schedules", "system_jobs", "payloads", "waits", "events")
        return [row for table in tables for row in database.execute(f"SELECT '{table}', * FROM {table}")]
    finally:
        database.close()
