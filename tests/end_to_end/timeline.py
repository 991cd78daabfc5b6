"""A day that the test sets the clock to, and the ledger as it reads afterwards."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

import pytest

from tests.conftest import ClockFile, Jobctl, wait_until

Row = dict[str, Any]


class Timeline:
    """Tuesday, 1 June 2027, on the clocks of every jobctl process of the test; all times are UTC."""

    DAY = "2027-06-01"

    def __init__(self, jobctl: Jobctl, clock_file: ClockFile, begin: str) -> None:
        self.jobctl = jobctl
        self.clock_file = clock_file
        jobctl.environment = {**jobctl.environment, "TZ": "UTC"}
        clock_file.set(wall=self._offset(begin))

    def _offset(self, text: str) -> float:
        """Seconds by which the wall clock must be ahead to read so."""
        return self._instant(text).timestamp() - time.time()

    def _instant(self, text: str) -> datetime:
        """`HH:MM:SS` on the day, or an instant with its date."""
        return datetime.fromisoformat(text if "-" in text else f"{self.DAY}T{text}").replace(tzinfo=UTC)

    def go(self, text: str) -> None:
        """Let time pass until then, on both clocks."""
        offset = self._offset(text)
        self.clock_file.advance(offset - self.clock_file.wall)

    def set(self, text: str) -> datetime:
        """Set the wall clock to the instant returned; the monotonic one notices nothing."""
        self.clock_file.set(wall=self._offset(text))
        return self._instant(text)

    def add(self, name: str, *options: object, command: str = "true") -> Row:
        """The document of a new job."""
        done = self.jobctl("add", name, *options, "--command", command, "--json", expect=0)
        job: Row = done.json["job"]
        return job

    def job(self, name: str) -> Row:
        found: Row = self.jobctl("show", name, "--json", expect=0).json["job"]
        return found

    def jobs(self, *names: str) -> dict[str, Row]:
        """The documents of these jobs."""
        found = {job["name"]: job for job in self.jobctl("list", "--json", expect=0).json["jobs"]}
        return {name: found[name] for name in names}

    def fired(self, *names: str) -> list[int]:
        """How many runs of each job have counted."""
        return [job["schedule"]["fired"] for job in self.jobs(*names).values()]

    def rows(self, name: str | None = None, *filters: object) -> list[Row]:
        """The system jobs, in the order of their instants."""
        job = () if name is None else ("--job", name)
        found: list[Row] = self.jobctl("monitor", *job, *filters, "--limit", 5000, "--json", expect=0).json[
            "system_jobs"
        ]
        return sorted(found, key=lambda row: (row["occurrence_at"] or "", row["sequence"]))

    def told(self, *names: str) -> dict[str, list[str]]:
        """Of each job its occurrences, as `tell` puts them."""
        found: dict[str, list[str]] = {name: [] for name in names}
        for row in self.rows():
            if row["occurrence_at"] and row["job"] in found:
                found[row["job"]].append(tell(row))
        return found

    def until(self, expected: Mapping[str, Sequence[str]], timeout: float = 15.0) -> None:
        """Wait until the jobs' occurrences read so."""
        wanted = {name: list(lines) for name, lines in expected.items()}
        with suppress(pytest.fail.Exception):
            wait_until(lambda: self.told(*wanted) == wanted, timeout)
        told = self.told(*wanted)
        assert told == wanted, f"in {timeout:g} s it came to {told}, not to {wanted}"

    def record(self, name: str, reason: str) -> Row:
        """The one occurrence of the job that was not run for that reason."""
        (found,) = [row for row in self.rows(name) if row["reason"] == reason]
        return found

    def check(self) -> None:
        """What holds for every ledger: an instant of a schedule has one record, and none began before it."""
        rows = [row for row in self.rows() if row["occurrence_at"] and row["reason"] != "unscheduled"]
        instants = [(row["job"], row["occurrence_at"]) for row in rows]
        assert len(set(instants)) == len(instants)
        early = [row for row in rows if row["started_on"] and row["started_on"] < row["occurrence_at"]]
        assert early == []


def tell(row: Row) -> str:
    """`11:00 missed 3`: its instant (with the date on another day), how it stands, and for how many if that is said."""
    day, clock = row["occurrence_at"][:10], row["occurrence_at"][11:16]
    at = clock if day == Timeline.DAY else f"{day[5:]} {clock}"
    return " ".join(str(word) for word in (at, row["reason"] or row["status"], row["dropped"]) if word is not None)
