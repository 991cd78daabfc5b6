"""The whole life of Azure's jobs, with a real service, a real daemon and real processes."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest

from jobctl.clock import system_clock
from tests.conftest import ClockFile, Jobctl, StartDaemon, wait_until
from tests.web.azure import LONG, SHORT, Azure, Document, error
from tests.web.conftest import StartServe

MINUTELY = {"frequency": "minute"}
FAR = {"frequency": "month", "interval": 18}
AHEAD = "2099-01-01T00:00Z"


@pytest.fixture
def azure(clock_file: ClockFile, jobctl: Jobctl, client: httpx.Client) -> Azure:
    """Of a home with a job that succeeds and one that fails, on clocks that the test moves."""
    jobctl("add", "report", "--", "true", expect=0)
    jobctl("add", "bad", "--retries", "1", "--retry-delay", "0s", "--command", "exit 3", expect=0)
    return Azure(client)


def moment(text: object) -> datetime:
    return datetime.fromisoformat(str(text))


def now() -> datetime:
    return datetime.fromtimestamp(system_clock().now() / 1_000_000, UTC)


def counted(found: Document) -> tuple[int, int, int]:
    status = found["status"]
    return status["executionCount"], status["failureCount"], status["faultedCount"]


def test_a_job_lives_from_its_start_to_its_count(azure: Azure, daemon: StartDaemon, clock_file: ClockFile) -> None:
    daemon()
    start = now() + timedelta(milliseconds=300)
    made = azure.put("nightly", startTime=start.isoformat(), recurrence={**MINUTELY, "count": 2})
    assert (made["state"], counted(made)) == ("Enabled", (0, 0, 0)) and "lastExecutionTime" not in made["status"]
    first = moment(made["status"]["nextExecutionTime"])
    assert start <= first < start + timedelta(seconds=1) and first.microsecond == 0  # schedules know whole seconds
    found = azure.until("nightly", executionCount=1)
    assert found["state"] == "Enabled"
    assert moment(found["status"]["nextExecutionTime"]) == first + timedelta(minutes=1)
    assert first <= moment(found["status"]["lastExecutionTime"]) < first + timedelta(seconds=20)
    clock_file.advance(59)
    found = azure.until("nightly", state="Completed")
    assert counted(found) == (2, 0, 0) and "nextExecutionTime" not in found["status"]
    history = azure.history("nightly")
    assert [(one["status"], one["repeatCount"], one["retryCount"]) for one in history] == [
        ("Completed", 2, 0),
        ("Completed", 1, 0),
    ]
    assert [moment(one["expectedExecutionTime"]) for one in history] == [first + timedelta(minutes=1), first]
    assert all(one["actionName"] == "MainAction" and one["message"] == "It succeeded." for one in history)
    assert all(moment(one["startTime"]) <= moment(one["endTime"]) for one in history)


def test_a_failing_job_is_faulted_after_its_retries(azure: Azure, daemon: StartDaemon) -> None:
    daemon()
    azure.put("breaks", action={"type": "jobctl", "job": "bad"})  # no times at all: once, now
    found = azure.until("breaks", state="Faulted")
    assert counted(found) == (2, 2, 1)
    assert [
        (one["status"], one["retryCount"], one["repeatCount"], one["message"]) for one in azure.history("breaks")
    ] == [
        ("Failed", 1, 1, "exit code 3"),
        ("Failed", 0, 1, "exit code 3"),
    ]
    entries = azure.ask("GET", "breaks/history").json()["value"]
    assert len({entry["id"] for entry in entries}) == 2
    assert all(entry["id"] == f"/azure/jobs/breaks/history/{entry['name'].rpartition('/')[2]}" for entry in entries)
    assert azure.history("breaks", filter="status eq completed") == []


def test_what_is_over_is_final(azure: Azure, daemon: StartDaemon, jobctl: Jobctl) -> None:
    daemon()
    azure.put("once")
    azure.until("once", state="Completed")
    for verb, answer in {
        "replaced": azure.ask("PUT", "once", {"action": {"type": "jobctl", "job": "report"}}),
        "changed": azure.ask("PATCH", "once", {"state": "disabled"}),
        "run": azure.ask("POST", "once/run"),
    }.items():
        status, code, message = error(answer)
        assert (status, code) == (409, "ConflictError")
        assert message == f"the Azure job 'once' is Completed, which is final: it can only be deleted, not {verb}"
    assert azure.ask("DELETE", "once").status_code == 200
    assert error(azure.ask("DELETE", "once"))[:2] == (404, "ResourceNotFound")
    assert error(azure.ask("GET", "once/history"))[0] == 404
    assert azure.put("once", recurrence=FAR)["state"] == "Enabled"
    azure.until("once", executionCount=1)
    assert len(azure.history("once")) == 1  # what it was before is another's history, though the job is the same
    assert (
        len(jobctl("monitor", "--job", "report", "--status", "succeeded", "--json", expect=0).json["system_jobs"]) == 2
    )


def test_slots_missed_while_disabled_are_not_made_up(azure: Azure, daemon: StartDaemon, clock_file: ClockFile) -> None:
    daemon()
    azure.put("often", recurrence={**MINUTELY, "interval": 2, "count": 3})
    first = moment(azure.until("often", executionCount=1)["status"]["nextExecutionTime"]) - timedelta(minutes=2)
    disabled = azure.patch("often", state="disabled")
    assert disabled["state"] == "Disabled" and "nextExecutionTime" not in disabled["status"]
    clock_file.advance(600)  # five slots
    daemon_has_looked(azure)
    assert counted(azure.get("often")) == (1, 0, 0)
    enabled = azure.patch("often", state="Enabled")
    following = moment(enabled["status"]["nextExecutionTime"])
    assert enabled["state"] == "Enabled" and counted(enabled) == (1, 0, 0)
    assert now() <= following <= now() + timedelta(minutes=2)
    assert (following - first) % timedelta(minutes=2) == timedelta(0)  # the phase is kept
    for number in (2, 3):
        clock_file.advance((following - now()).total_seconds() + 120 * (number - 2))
        azure.until("often", executionCount=number)
    found = azure.until("often", state="Completed")  # the count is of runs: what was missed took nothing of it
    assert counted(found) == (3, 0, 0)
    assert [one["repeatCount"] for one in azure.history("often")] == [3, 2, 1]


def daemon_has_looked(azure: Azure) -> None:
    """Whatever fell due before was decided on once this one, that fell due later, has run."""
    azure.put("witness", action={"type": "jobctl", "job": "bad"})
    azure.until("witness", state="Faulted")
    assert azure.ask("DELETE", "witness").status_code == 200


def test_one_that_is_made_disabled_begins_when_it_is_enabled(
    azure: Azure, daemon: StartDaemon, clock_file: ClockFile
) -> None:
    daemon()
    azure.put("sleeps", recurrence=FAR, state="disabled")
    azure.put("fixed", action={"type": "jobctl", "job": "bad"}, startTime=AHEAD, state="Disabled")
    azure.run("fixed")
    azure.until("fixed", executionCount=2)
    assert counted(azure.get("sleeps")) == (0, 0, 0) and azure.names(filter="state eq disabled") == ["fixed", "sleeps"]
    clock_file.advance(30)
    before = now()
    azure.patch("sleeps", state="enabled")  # the immediate run of one without startTime
    history = wait_until(lambda: azure.history("sleeps"))
    assert moment(history[0]["expectedExecutionTime"]) >= before
    assert moment(azure.patch("fixed", state="enabled")["status"]["nextExecutionTime"]) == moment(AHEAD)


def test_one_disabled_past_its_only_time_completes_without_a_run(
    azure: Azure, daemon: StartDaemon, clock_file: ClockFile
) -> None:
    daemon()
    azure.put("once", startTime=(now() + timedelta(seconds=60)).isoformat())
    azure.patch("once", state="disabled")
    clock_file.advance(120)
    assert azure.get("once")["state"] == "Disabled"
    enabled = azure.patch("once", state="enabled")
    assert (enabled["state"], counted(enabled)) == ("Completed", (0, 0, 0)) and azure.history("once") == []


def test_a_run_now_neither_counts_nor_moves_the_plan(azure: Azure, daemon: StartDaemon, home: Path) -> None:
    daemon()
    made = azure.put("later", startTime=AHEAD, recurrence={"frequency": "day", "count": 2})
    azure.run("later")
    found = azure.until("later", executionCount=1)
    assert found["state"] == "Enabled" and counted(found) == (1, 0, 0)
    assert found["status"]["nextExecutionTime"] == made["status"]["nextExecutionTime"] == "2099-01-01T00:00:00Z"
    (entry,) = azure.history("later")
    assert (entry["status"], entry["repeatCount"], entry["message"]) == ("Completed", 0, "It succeeded.")
    assert moment(entry["expectedExecutionTime"]) <= moment(entry["startTime"])
    azure.patch("later", state="disabled")
    azure.run("later")
    assert counted(azure.until("later", executionCount=2)) == (2, 0, 0)


def test_a_postponed_occurrence_is_told_of(azure: Azure, daemon: StartDaemon, jobctl: Jobctl) -> None:
    azure.put("waits")
    (row,) = jobctl("monitor", "--job", "report", "--json", expect=0).json["system_jobs"]
    jobctl("postpone", row["sequence"], "--until", "2099-01-01T06:00Z", expect=0)
    (entry,) = azure.history("waits", filter="status eq Postponed")
    assert (entry["status"], "endTime" in entry) == ("Postponed", False)
    jobctl("resume", row["sequence"], expect=0)
    daemon()
    azure.until("waits", state="Completed")
    assert [one["status"] for one in azure.history("waits")] == ["Completed"]


def test_a_canceled_run_failed_and_one_that_never_began_left_nothing(
    azure: Azure, daemon: StartDaemon, jobctl: Jobctl
) -> None:
    daemon()
    jobctl("add", "long", "--", "sleep", "600", expect=0)
    azure.put("stopped", action={"type": "jobctl", "job": "long"})
    running = "/azure/jobs/stopped is running"
    (row,) = wait_until(
        lambda: jobctl("monitor", "--job", "long", "--status", "in_progress", "--json").json["system_jobs"],
        what=running,
    )
    assert azure.history("stopped") == [] and azure.get("stopped")["state"] == "Enabled"
    last = "the last run of the Azure job 'stopped' is under way: nothing is left to disable"
    assert error(azure.ask("PATCH", "stopped", {"state": "disabled"})) == (409, "ConflictError", last)
    jobctl("cancel", row["sequence"], "--wait", expect=0)
    found = azure.until("stopped", state="Faulted")
    assert counted(found) == (1, 1, 0) and [one["status"] for one in azure.history("stopped")] == ["Failed"]
    azure.put("never", startTime=AHEAD, recurrence={"frequency": "day", "count": 1})
    (row,) = jobctl("monitor", "--job", "report", "--json", expect=0).json["system_jobs"]
    jobctl("cancel", row["sequence"], expect=0)
    assert azure.history("never") == []


def test_a_job_is_replaced_as_a_whole_and_changed_in_parts(azure: Azure) -> None:
    day = {"frequency": "day", "interval": 2, "schedule": {"hours": [5], "minutes": [15]}}
    made = azure.put("plan", startTime=AHEAD, recurrence=day)
    assert azure.put("plan", status=200, startTime=AHEAD, recurrence=day) == made  # the same again changes nothing
    patched = azure.patch("plan", recurrence={"interval": None, "count": 7, "schedule": {"minutes": [30]}})
    assert patched["recurrence"] == {"frequency": "day", "count": 7, "schedule": {"hours": [5], "minutes": [30]}}
    assert patched["startTime"] == AHEAD and patched["status"]["nextExecutionTime"] == "2099-01-01T05:30:00Z"
    assert azure.patch("plan", recurrence=None)["status"]["nextExecutionTime"] == "2099-01-01T00:00:00Z"
    replaced = azure.put("plan", status=200, startTime="2099-03-01", state="disabled")
    assert replaced["state"] == "Disabled" and "recurrence" not in replaced
    azure.patch("plan", action={"job": "bad"})
    assert azure.get("plan")["action"] == {
        "type": "jobctl",
        "job": "bad",
        "retryPolicy": {"retryType": "Fixed", "retryInterval": "PT0S", "retryCount": 1},
    }
    assert azure.get("plan")["state"] == "Disabled" and azure.names() == ["plan"]
    azure.put("free", startTime=AHEAD)  # of the job that has no schedule any more


def test_what_is_got_can_be_put(azure: Azure) -> None:
    azure.put("plan", action={"type": "jobctl", "job": "bad"}, startTime=AHEAD, recurrence={"frequency": "Week"})
    document = azure.ask("GET", "plan").json()
    answer = azure.ask("PUT", "plan", document)
    assert answer.status_code == 200 and answer.json() == document
    assert azure.ask("PATCH", "plan", document).json() == document


def test_the_command_line_and_the_service_see_one_schedule(azure: Azure, jobctl: Jobctl) -> None:
    azure.put("plan", startTime=AHEAD, recurrence={"frequency": "week", "schedule": {"weekDays": ["monday"]}})
    shown = jobctl("show", "report", "--json", expect=0).json["job"]["schedule"]
    assert shown["recurrence"]["schedule"] == {"weekDays": ["monday"]}
    assert azure.get("plan")["status"]["schedule"].startswith("at 00:00 on Monday")
    jobctl("unschedule", "report", "--until", "2099-02-01T12:00Z", expect=0)
    assert azure.get("plan")["status"]["nextExecutionTime"] == "2099-02-02T00:00:00Z"
    jobctl("unschedule", "report", expect=0)
    assert azure.get("plan")["state"] == "Disabled"
    assert azure.patch("plan", state="enabled")["status"]["nextExecutionTime"] == "2099-01-05T00:00:00Z"
    jobctl("reschedule", "report", "--cron", "0 3 * * *", "--tz", "UTC", expect=0)
    found = azure.get("plan")
    assert "recurrence" not in found and found["status"]["schedule"].startswith("at 03:00 every day")
    assert azure.patch("plan", state="disabled")["status"]["schedule"] == found["status"]["schedule"]
    status, code, message = error(azure.ask("PATCH", "plan", {"action": {"job": "bad"}}))
    assert (status, code) == (409, "ConflictError") and "give startTime or recurrence with the action" in message
    assert azure.patch("plan", recurrence={"frequency": "hour"})["recurrence"] == {"frequency": "hour"}
    jobctl("remove", "report", expect=0)
    assert error(azure.ask("GET", "plan"))[0] == 404 and azure.names() == []
    jobctl("add", "report", "--", "true", expect=0)
    assert azure.put("plan", startTime=AHEAD)["state"] == "Enabled"


def test_both_addresses_lead_to_the_same_job(azure: Azure, client: httpx.Client) -> None:
    long = Azure(client, LONG)
    long.put("plan", startTime=AHEAD)
    assert long.ask("GET", "plan").json()["id"] == f"{LONG}/plan"
    assert long.ask("GET", "plan").json()["name"] == "c/plan"
    elsewhere = Azure(client, LONG.replace("/s-1/", "/x%20y/").replace("resourceGroups", "RESOURCEGROUPS"))
    assert elsewhere.ask("GET", "plan").json()["id"] == f"{LONG.replace('s-1', 'x%20y')}/plan"
    assert azure.ask("GET", "plan").json()["id"] == f"{SHORT}/plan"
    assert long.get("plan") == azure.get("plan") == elsewhere.get("plan")
    wrapped = {"properties": {"action": {"type": "jobctl", "job": "bad"}, "startTime": AHEAD}, "name": "c/other"}
    assert long.ask("PUT", "other", wrapped).status_code == 201
    assert long.names() == azure.names() == ["other", "plan"]


@pytest.fixture
def limited(serve: StartServe, jobctl: Jobctl) -> Iterator[dict[str, Azure]]:
    """A client for each scope alone."""
    jobctl("add", "report", "--", "true", expect=0)
    base = serve()
    tokens = {
        scope: jobctl("token", "create", scope, "--scope", scope, expect=0).stdout.strip()
        for scope in ("read", "submit", "manage")
    }
    clients = {scope: base.client(token) for scope, token in tokens.items()}
    yield {scope: Azure(client) for scope, client in clients.items()} | {"nobody": Azure(base.client())}
    for client in clients.values():
        client.close()


def test_each_scope_may_what_it_says(limited: dict[str, Azure]) -> None:
    job = {"action": {"type": "jobctl", "job": "report"}, "startTime": AHEAD}
    requests = {
        ("PUT", "plan"): "manage",
        ("PATCH", "plan"): "manage",
        ("GET", ""): "read",
        ("GET", "plan"): "read",
        ("GET", "plan/history"): "read",
        ("POST", "plan/run"): "submit",
        ("DELETE", "plan"): "manage",
    }
    for (method, name), scope in requests.items():
        body = job if method in ("PUT", "PATCH") else None
        for who, azure in limited.items():
            answer = azure.ask(method, name, body)
            if who == "nobody":
                assert error(answer)[:2] == (401, "AuthenticationFailed")
                azure.client.cookies.clear()
            elif who != scope:
                said = f"this needs the scope {scope}; the token {who} does not have it"
                assert error(answer) == (403, "AuthenticationFailed", said), (method, name, who)
    # Those who may were not refused: the job was made, changed, run and deleted, though making shows it to no reader.
    assert limited["read"].names() == []


def test_of_many_that_want_the_same_job_one_gets_it(azure: Azure) -> None:
    def put(number: int) -> int:
        document = {"action": {"type": "jobctl", "job": "report"}, "startTime": AHEAD}
        return azure.ask("PUT", f"plan{number % 8}", document).status_code

    with ThreadPoolExecutor(8) as pool:
        statuses = list(pool.map(put, range(40)))
    (name,) = azure.names()
    ours = int(name.removeprefix("plan"))
    assert statuses.count(201) == 1
    assert {status for number, status in enumerate(statuses) if number % 8 == ours} == {200, 201}
    assert {status for number, status in enumerate(statuses) if number % 8 != ours} == {409}


def test_a_refused_change_changes_nothing(azure: Azure, jobctl: Jobctl) -> None:
    azure.put("plan", startTime=AHEAD, recurrence={"frequency": "week"})
    azure.put("other", action={"type": "jobctl", "job": "bad"}, startTime=AHEAD)
    before = azure.get("plan"), azure.get("other"), jobctl("monitor", "--json", expect=0).json["system_jobs"]
    for document in (
        {"action": {"job": "bad"}},  # the schedule of another: what was to go first is there still
        {"recurrence": {"endTime": "2098-01-01"}},
        {"startTime": "tomorrow", "state": "disabled"},
        {"state": "completed"},
    ):
        assert azure.ask("PATCH", "plan", document).status_code in (400, 409)
    assert before == (azure.get("plan"), azure.get("other"), jobctl("monitor", "--json", expect=0).json["system_jobs"])
