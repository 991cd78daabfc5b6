"""Pages and filters of Azure's jobs and of their history, the counters, and that none of it reads old history."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from jobctl.model import Status
from jobctl.web.azure import dialect, documents, jobs, showing
from jobctl.web.azure.addresses import Address
from jobctl.web.azure.jobs import AzureJob
from jobctl.web.azure.paging import Asked
from tests.cli.history import HOUR, MINUTE, SECOND, Past
from tests.web.azure import LONG, Azure, Document, error
from tests.web.serving import listening

STATES = ("Enabled", "Disabled", "Completed", "Faulted")
HERE = Address("/azure/jobs", None, "", "http://here")
ALL = Asked(100, 0, None)


def schedule(past: Past, name: str, job: str, **document: object) -> AzureJob:
    """An Azure job on a new job of that name."""
    past.job(job)
    action = {"type": "jobctl", "job": job}
    wanted = documents.wanted(
        {"action": action, "startTime": "2099-01-01", "recurrence": {"frequency": "day"}, **document}
    )
    assert jobs.put(past.store, name, wanted)
    return jobs.one(past.store, name)


def occurred(past: Past, found: AzureJob, number: int, status: Status, **columns: Any) -> int:
    """The occurrence of that number of its first plan, an hour after the one before."""
    at = past.now - (200 - number) * HOUR
    columns = {"plan": 1, "occurrence_at": at, "created_on": at, "message_name": "schedule", **columns}
    if status is Status.FAILED:
        columns = {"reason": "exit", "message": "exit code 1", **columns}
    sequence = past.add(found.job_id, status, **columns)
    fired = int(columns.get("ready_on", at) is not None)
    past.connection.execute("UPDATE schedules SET fired = fired + ? WHERE job_id = ?", (fired, found.job_id))
    return sequence


def finish(past: Past, found: AzureJob) -> None:
    """Its schedule is over."""
    past.connection.execute("DELETE FROM system_jobs WHERE job_id = ? AND state = 1", (found.job_id,))
    past.connection.execute(
        "UPDATE schedules SET active = 0, ended_on = ?, ended_by = 'finished' WHERE job_id = ?",
        (past.now, found.job_id),
    )


def fill(past: Past) -> None:
    """Twelve jobs, three in each state; and `busy` with 130 occurrences, of which every third failed."""
    for number in range(12):
        state = STATES[number % 4]
        given = "disabled" if state == "Disabled" else "enabled"
        found = schedule(past, f"j{number:02}", f"job-{number}", state=given)
        if state in ("Completed", "Faulted"):
            occurred(past, found, 1, Status.FAILED if state == "Completed" else Status.SUCCEEDED)
            occurred(past, found, 2, Status.SUCCEEDED if state == "Completed" else Status.FAILED)
            finish(past, found)
    busy = schedule(past, "busy", "busy")
    for number in range(1, 131):
        occurred(past, busy, number, Status.SUCCEEDED if number % 3 else Status.FAILED)


@pytest.fixture(scope="module")
def azure(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Azure]:
    with Past(tmp_path_factory.mktemp("home")) as past:
        fill(past)
        with listening(past.store.database.config.home) as found:
            base = found.base.removesuffix("/api/data/v9.0/")
            with httpx.Client(base_url=base, headers=found.headers, timeout=30) as client:
                yield Azure(client)


NUMBERED = [f"j{number:02}" for number in range(12)]


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("state eq Enabled", ["busy", *NUMBERED[0::4]]),
        ("state eq 'disabled'", NUMBERED[1::4]),
        ("  state  eq COMPLETED ", NUMBERED[2::4]),
        ("state eq Faulted", NUMBERED[3::4]),
        ("state eq Faulted or state eq 'Completed'", sorted(NUMBERED[2::4] + NUMBERED[3::4])),
    ],
)
def test_jobs_are_filtered_by_state(azure: Azure, text: str, wanted: list[str]) -> None:
    assert azure.names(filter=text) == wanted
    assert azure.names(filter=text, top=1, skip=1) == wanted[1:2]
    assert sum(azure.walk(filter=text, top=2), []) == wanted
    for job in azure.ask("GET", filter=text).json()["value"]:
        assert job["properties"]["state"].lower() in text.lower()


def test_a_list_is_walked_by_its_links(azure: Azure) -> None:
    everything = ["busy", *NUMBERED]
    assert azure.names() == everything
    for jobs_of in (azure, Azure(azure.client, LONG)):
        pages = jobs_of.walk(top=5)
        assert [len(page) for page in pages] == [5, 5, 3] and sum(pages, []) == everything
    link = azure.ask("GET", top=5, skip=5).json()["nextLink"]
    assert link == f"{str(azure.client.base_url).rstrip('/')}/azure/jobs?$top=5&$skip=10"
    assert azure.names(skip=13) == [] and "nextLink" not in azure.ask("GET", top=13).json()


def test_the_history_is_walked_and_filtered(azure: Azure) -> None:
    pages = azure.walk("busy/history")
    assert [len(page) for page in pages] == [100, 30] and len(set(sum(pages, []))) == 130
    found = azure.history("busy", top=3)
    assert [(one["repeatCount"], one["status"]) for one in found] == [
        (130, "Completed"),
        (129, "Failed"),
        (128, "Completed"),
    ]
    failed = azure.history("busy", filter="status eq 'failed'", top=100)
    assert [one["repeatCount"] for one in failed] == list(range(129, 0, -3))
    assert {one["message"] for one in failed} == {"exit code 1"}
    assert [one["repeatCount"] for one in azure.history("busy", filter="status eq failed", top=2, skip=2)] == [123, 120]
    assert azure.history("busy", filter="status eq Postponed") == []
    assert len(sum(azure.walk("busy/history", filter="status eq failed or status eq completed", top=50), [])) == 130
    long = Azure(azure.client, LONG)
    assert long.walk("busy/history", top=60) == azure.walk("busy/history", top=60)


def test_the_counters_are_those_of_the_history(azure: Azure) -> None:
    for job in azure.ask("GET").json()["value"]:
        name, status = job["name"], job["properties"]["status"]
        entries = azure.history(name, top=100) + azure.history(name, top=100, skip=100)
        assert status["executionCount"] == len(entries)
        assert status["failureCount"] == len([one for one in entries if one["status"] == "Failed"])
        assert ("nextExecutionTime" in status) == (job["properties"]["state"] == "Enabled")
        if entries:
            assert status["lastExecutionTime"] == max(one["startTime"] for one in entries)


# Bounds


@pytest.fixture
def past(home: Path) -> Iterator[Past]:
    with Past(home) as found:
        yield found


def entries(past: Past, found: AzureJob, asked: Asked = ALL) -> list[Document]:
    return [entry["properties"] for entry in showing.history(past.store, HERE, found, asked)[0]]


def status(past: Past, found: AzureJob) -> Document:
    shown: Document = showing.job_document(past.store, HERE, found)["properties"]["status"]
    return shown


def test_attempts_count_one_by_one(past: Past) -> None:
    found = schedule(past, "often", "often")
    at = past.now - HOUR
    twice = occurred(past, found, 1, Status.SUCCEEDED, attempt=3, retry_count=1, lost_count=1)
    past.event(twice, "retry", at)
    past.event(twice, "lost", at + SECOND)
    lost = occurred(past, found, 2, Status.FAILED, attempt=1, reason="lost", lost_count=1, message="it was lost")
    past.event(lost, "lost", at + 2 * SECOND)
    again = occurred(past, found, 3, Status.FAILED, attempt=2, reason="lost", lost_count=1, retry_count=1)
    past.event(again, "retry", at)
    past.event(again, "lost", at + SECOND)
    occurred(past, found, 4, Status.CANCELED, reason="user")
    occurred(past, found, 5, Status.CANCELED, reason="overlap", started_on=None, ready_on=None)
    told = sorted((one["repeatCount"], one["retryCount"], one["status"]) for one in entries(past, found))
    assert told == [
        (1, 0, "Failed"),
        (1, 1, "Completed"),
        (1, 1, "Failed"),
        (2, 0, "Failed"),
        (3, 0, "Failed"),
        (3, 1, "Failed"),
        (4, 0, "Failed"),
    ]
    counted = status(past, found)
    assert (counted["executionCount"], counted["failureCount"], counted["faultedCount"]) == (7, 6, 2)


MANY = """
WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 30000)
INSERT INTO system_jobs (id, job_id, job_version_id, name, state, status, reason, message_name, plan, occurrence_at,
                         due_at, created_on, created_by, modified_on, modified_by, owner, ready_on, started_on,
                         completed_on, attempt)
SELECT randomblob(16), :job_id, :version, 'often', 3, 30, NULL, iif(i % 2, 'schedule', 'run'), iif(i % 2, 1, NULL),
       iif(i % 2, i * 60000000, NULL), i, i, 1, i, 1, 1, i, i, i, 1
  FROM n"""


def test_nothing_reads_more_than_the_newest_of_history(past: Past, monkeypatch: pytest.MonkeyPatch) -> None:
    found = schedule(past, "often", "often")
    past.connection.execute(MANY, {"job_id": found.job_id, "version": past.version(found.job_id)})
    past.connection.execute("UPDATE schedules SET fired = 15000 WHERE job_id = ?", (found.job_id,))
    plans: list[str] = []
    database = past.store.database
    real = type(database).run_composed

    def run(self: Any, name: str, parts: Any, parameters: Any) -> Any:
        monkeypatch.setitem(self._named, "explained", "EXPLAIN QUERY PLAN " + self._named[name])
        plans.extend(str(row[3]) for row in real(self, "explained", parts, parameters))
        return real(self, name, parts, parameters)

    for analyzed in (False, True):
        if analyzed:
            past.connection.execute("ANALYZE")
        monkeypatch.setattr(type(database), "run_composed", run)
        assert status(past, jobs.one(past.store, "often"))["executionCount"] == showing.COUNTED - 1
        # The one to come is among the newest.
        last = entries(past, found, Asked(100, showing.HISTORY - 2, None))
        assert [one["repeatCount"] for one in last] == [15002 - showing.HISTORY]
        assert jobs.listed(past.store, ("Completed",), 100, 0) == []
        finish(past, found)
        assert [one.name for one in jobs.listed(past.store, ("Completed",), 100, 0)] == ["often"]
        monkeypatch.undo()
        past.connection.execute("UPDATE schedules SET active = 1, ended_on = NULL, ended_by = NULL")
        past.connection.execute(
            "INSERT INTO system_jobs (id, job_id, job_version_id, name, state, status, reason, message_name, plan, "
            "occurrence_at, due_at, created_on, created_by, modified_on, modified_by, owner) "
            "VALUES (randomblob(16), ?, ?, 'often', 1, 10, 'scheduled', 'schedule', 1, 1e17, 1e17, 1, 1, 1, 1, 1)",
            (found.job_id, past.version(found.job_id)),
        )
    tables = [plan for plan in plans if plan.split()[1] in ("s", "o", "e", "events", "system_jobs")]
    assert tables and all(plan.startswith("SEARCH") for plan in tables), tables
    assert any("system_jobs_by_occurrence (job_id=? AND plan>?)" in plan for plan in tables)
    assert any("system_jobs_azure_runs (job_id=?)" in plan for plan in tables)
    walked = ("(rowid>?)", "system_jobs_by_job", "system_jobs_by_occurrence (job_id=? AND plan=?)")
    assert not [plan for plan in tables if any(text in plan for text in walked)]


def test_a_page_that_takes_long_ends_early_and_leads_on(past: Past, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(3):
        schedule(past, f"j{number}", f"job-{number}")
    monkeypatch.setattr(dialect, "LONGEST", -1.0)
    asked = dialect.page_of_jobs(past.store, HERE, ALL)
    assert [job["name"] for job in asked[0]] == ["j0"] and asked[1]
    monkeypatch.undo()
    asked = dialect.page_of_jobs(past.store, HERE, ALL)
    assert [job["name"] for job in asked[0]] == ["j0", "j1", "j2"] and not asked[1]


def test_a_success_that_is_not_kept_still_completes(past: Past) -> None:
    found = schedule(past, "often", "often")
    failed = occurred(past, found, 1, Status.FAILED)
    finish(past, found)
    assert jobs.one(past.store, "often").state == "Faulted"
    (ended,) = past.connection.execute("SELECT completed_on FROM system_jobs WHERE sequence = ?", (failed,)).fetchall()
    for later, state in ((-1, "Faulted"), (1, "Completed")):
        past.connection.execute(
            "INSERT OR REPLACE INTO alarms (job_id, succeeded_on) VALUES (?, ?)",
            (found.job_id, int(str(ended[0])) + later),
        )
        assert jobs.one(past.store, "often").state == state


def test_a_run_beside_the_schedule_is_found_among_many_of_the_job(past: Past) -> None:
    found = schedule(past, "often", "often")
    jobs.run_now(past.store, "often")
    (ready,) = [row for row in past.store.live_system_jobs(found.job_id) if row.plan is None]
    for _ in range(50):
        past.add(found.job_id, Status.SUCCEEDED)  # those of others
    past.connection.execute(
        "UPDATE system_jobs SET state = 3, status = 31, reason = 'exit', started_on = :now, completed_on = :now "
        "WHERE sequence = :sequence",
        {"now": past.now + MINUTE, "sequence": ready.sequence},
    )
    assert [(one["status"], one["repeatCount"]) for one in entries(past, found)] == [("Failed", 0)]
    assert status(past, found)["executionCount"] == 1


def test_a_missing_job_has_no_history(azure: Azure) -> None:
    assert error(azure.ask("GET", "nobody/history"))[0] == 404
