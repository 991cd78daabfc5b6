"""With a long history and a long queue, nothing that the daemon or a person does often walks over them."""

from __future__ import annotations

import signal
from pathlib import Path

import apsw
import pytest

from bench import plans
from bench.own import FILL_COMPLETED, FILL_DUE, FILL_READY, Home
from bench.sections.scale import traced
from jobctl.why.facts import Case
from jobctl.why.queues import MOST_COUNTED, room
from tests.conftest import WaitUntil

ROWS = 2 * plans.MANY

pytestmark = pytest.mark.thorough


@pytest.fixture
def large(tmp_path: Path) -> Home:
    """A home with more completed, ready and suspended system jobs than any statement may walk over."""
    home = Home(tmp_path)
    home.add_callables()
    home("add", "nothing", "--command", "true")
    home.fill(FILL_COMPLETED, "nothing", ROWS)
    home.fill(FILL_READY, "noop", ROWS)
    home.fill(FILL_DUE, "noop", ROWS, due_at=2**52)
    return home


def full(home: Home, trace: Path) -> list[plans.Statement]:
    return [statement for statement in plans.read(home, trace) if statement.full]


def test_no_statement_of_the_daemon_walks_over_history(large: Home, tmp_path: Path, wait_until: WaitUntil) -> None:
    trace = tmp_path / "trace"
    with traced(large, trace, "daemon", "--slots", "2") as daemon:
        ended = "SELECT count(*) FROM system_jobs WHERE state = 3 AND name = 'noop'"
        wait_until(lambda: large.query(ended)[0][0] > 100, 60)
        daemon.send_signal(signal.SIGTERM)
        assert daemon.wait() == 0
    noted = plans.read(large, trace)
    assert any("UPDATE system_jobs" in statement.sql for statement in noted)
    assert full(large, trace) == []


@pytest.mark.parametrize(
    "line", [["monitor"], ["monitor", "--json"], ["show", "5"], ["why", "5"], ["why", str(2 * ROWS)], ["why", "noop"]]
)
def test_no_statement_of_a_first_page_walks_over_history(large: Home, tmp_path: Path, line: list[str]) -> None:
    with traced(large, tmp_path / "trace", *line) as process:
        assert process.wait() == 0
    assert full(large, tmp_path / "trace") == []


def rows(home: Home, condition: str) -> list[int]:
    """The numbers of the first and the last of those."""
    ((first, last),) = home.query(f"SELECT min(sequence), max(sequence) FROM system_jobs WHERE {condition}")
    return [first, last]


@pytest.mark.parametrize("taken", [0, 2], ids=["free", "taken"])
def test_what_stands_before_a_ready_one_is_told_without_a_walk(large: Home, taken: int) -> None:
    """Also not over what comes after it, which a count of steps sees and one of unconstrained scans does not."""
    steps: list[tuple[int, str]] = []
    with large.store() as store:
        for sequence in range(3, 3 + taken):  # of the middle of the queue: what runs lies anywhere in history
            lock = "UPDATE system_jobs SET state = 2, status = 20, runner_id = ? WHERE sequence = ?"
            store.database.connection.execute(lock, (f"runner{sequence}", ROWS + 1000 + sequence))
        store.database.connection.trace_v2(
            apsw.SQLITE_TRACE_PROFILE,
            lambda event: steps.append((event["stmt_status"]["SQLITE_STMTSTATUS_VM_STEP"], event["sql"])),
        )
        counted = []
        for number in rows(large, "state = 0"):
            (fact,) = room(Case(store, store.clock.now()), store.system_job(number))
            counted.append(fact.details)
        store.database.connection.trace_v2(0, None)
    assert [(one["before"], one.get("more_before")) for one in counted] == [(0, None), (MOST_COUNTED, True)]
    assert any("ORDER BY sequence" in sql for _, sql in steps), "what is locked was not asked for"
    assert max(steps)[0] < 50 * MOST_COUNTED, max(steps)


def test_a_walk_over_history_is_seen(large: Home, tmp_path: Path) -> None:
    """The check itself: what asks for something that no index holds does walk."""
    with traced(large, tmp_path / "trace", "monitor", "--owner", "user:nobody") as process:
        process.wait()
    (found,) = full(large, tmp_path / "trace")
    assert found.steps > 2 * ROWS and found.scans
