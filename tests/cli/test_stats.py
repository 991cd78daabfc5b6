"""`jobctl stats`."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from pathlib import Path

import pytest

from jobctl.model import Status
from jobctl.statistics import RECENT, measure
from tests.cli.history import DAY, HOUR, SECOND, Past
from tests.cli.terminal import on_terminal
from tests.conftest import Jobctl

pytestmark = pytest.mark.thorough

COLUMNS = "job,succeeded,failed,canceled,failure rate,p50,p95,max,late p50,late p95,late max,next,last,recent"


@pytest.fixture
def past(home: Path) -> Iterator[Past]:
    with Past(home) as found:
        yield found


def rank(values: list[int], percent: int) -> int:
    """The nearest-rank percentile."""
    return sorted(values)[-(-len(values) * percent // 100) - 1]


def test_counts_spreads_and_what_comes_next(jobctl: Jobctl, past: Past) -> None:
    one = past.job("one")
    lengths = [5, 1, 9, 2, 7, 3, 3, 8, 40]
    for index, seconds in enumerate(lengths):
        begun = past.now - (20 - index) * HOUR
        late = index * SECOND // 10
        failed = {"reason": "exit", "exit_code": 3} if index == 8 else {}
        past.add(
            one,
            Status.FAILED if failed else Status.SUCCEEDED,
            created_on=begun,
            started_on=begun + late,
            completed_on=begun + late + seconds * SECOND,
            run_time=seconds * SECOND,
            retry_count=2 if failed else 0,
            **failed,
        )
    not_run = {"started_on": None, "run_time": None, "attempt": 0}
    past.add(one, Status.CANCELED, reason="missed", completed_on=past.now - 30 * HOUR, **not_run)
    past.add(one, Status.SUCCEEDED, created_on=past.now - 8 * DAY, run_time=999 * SECOND)
    past.add(one, Status.WAITING, reason="scheduled", due_at=past.now + HOUR)
    past.job("idle")
    found = jobctl("stats", "--json", expect=0).json
    idle, found = found["statistics"]
    assert (idle["job"], idle["succeeded"], idle["duration"], idle["recent"]) == ("idle", 0, None, [])
    assert [found[name] for name in ("job", "succeeded", "failed", "canceled", "begun", "retries")] == [
        "one",
        8,
        1,
        1,
        9,
        2,
    ]
    assert found["failure_rate"] == pytest.approx(1 / 9)
    assert found["duration"] == {"p50": rank(lengths, 50), "p95": rank(lengths, 95), "max": 40}
    assert found["lateness"] == {"p50": 0.4, "p95": 0.8, "max": 0.8}
    assert found["next_at"] is not None and found["last"]["status"] == "succeeded"
    assert [ended["status"] for ended in found["recent"]] == ["canceled", *["succeeded"] * 8, "failed"]
    longer = jobctl("stats", "one", "--since", "30d", "--json", expect=0).json["statistics"]
    assert [(each["job"], each["succeeded"], each["duration"]["max"]) for each in longer] == [("one", 9, 999)]


def test_a_table_for_people_and_for_files(jobctl: Jobctl, past: Past) -> None:
    one = past.job("backup")
    for index in range(8):
        past.add(one, Status.SUCCEEDED, created_on=past.now - (10 - index) * HOUR, run_time=(index + 1) * SECOND)
    past.add(one, Status.FAILED, reason="exit", exit_code=3, created_on=past.now - HOUR)
    (row,) = csv.DictReader(io.StringIO(jobctl("stats", "--format", "csv", expect=0).stdout))
    assert ",".join(row) == COLUMNS
    assert (row["job"], row["p50"], row["max"], row["last"]) == ("backup", "4.0", "8.0", "failed")
    assert row["recent"] == ".-=+*#@@x"
    for columns in (80, 120):
        shown, code = on_terminal(jobctl, "stats", columns=columns)
        text = shown.decode()
        assert code == 0 and "▂▃▄▅▆▇██×" in text and "11%" in text
    shown, _ = on_terminal(jobctl, "--color", "never", "stats")
    assert all(len(line) <= 80 for line in shown.decode().splitlines())
    page, _ = on_terminal(jobctl, "--color", "never", "stats", "backup")
    assert "8 succeeded, 1 failed, 0 canceled or not run" in page.decode()
    assert "failed (exit 3), 1h ago" in page.decode() or "failed (exit 3), 59m" in page.decode()


def test_names(jobctl: Jobctl, past: Past) -> None:
    past.add(past.job("backup"), Status.SUCCEEDED)
    past.job("sync")
    assert "did you mean 'backup'" in jobctl("stats", "bakup", expect=3).stderr
    jobctl("remove", "backup", expect=0)
    jobctl("add", "backup", "--", "true", expect=0)
    jobctl("run", "--", "true", expect=0)
    found = jobctl("stats", "--json", expect=0).json["statistics"]
    assert [(one["job"], one["succeeded"]) for one in found] == [("adhoc", 0), ("backup", 1), ("sync", 0)]
    jobctl("stats", "--since", "tuesday-ish", expect=2)


def test_maintenance_is_not_counted(past: Past) -> None:
    past.add(past.job("own"), Status.SUCCEEDED, platform=1)
    past.add(past.job("one"), Status.SUCCEEDED)
    assert [one.job for one in measure(past.store, (), 0)] == ["one"]


def test_two_hundred_thousand_rows_stay_in_the_database(jobctl: Jobctl, past: Past) -> None:
    number = 100_000
    for name in ("one", "two"):
        past.many(past.job(name), number, every=SECOND, until=past.now - HOUR)
    read = 0

    def count(cursor: object, row: tuple[object, ...]) -> tuple[object, ...]:
        nonlocal read
        read += 1
        return row

    past.connection.row_trace = count
    one, two = measure(past.store, (), 0)
    assert read < 50 + 2 * RECENT
    lengths = [index % 1000 * 1000 for index in range(1, number + 1)]
    late = [index % 100 * 1000 for index in range(1, number + 1)]
    assert (one.succeeded, one.failed, two.succeeded) == (number * 49 // 50, number // 50, number * 49 // 50)
    assert one.duration is not None and one.lateness is not None
    assert (one.duration.p50, one.duration.p95) == (rank(lengths, 50), rank(lengths, 95))
    assert (one.lateness.p50, one.lateness.p95) == (rank(late, 50), rank(late, 95))
    assert len(jobctl("stats", "--since", "30d", "--json", expect=0).json["statistics"]) == 2
