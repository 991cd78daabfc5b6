"""Azure Scheduler's jobs over real HTTP, with a real daemon and real processes."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx

from tests.conftest import Jobctl, StartDaemon, wait_until
from tests.web.conftest import StartServe
from tests.web.serving import make_token

COLLECTION = "/subscriptions/8d2e/resourceGroups/lab/providers/Microsoft.Scheduler/jobCollections/home"
JOBS = f"{COLLECTION}/jobs"
DAILY = {"frequency": "day", "interval": 2, "schedule": {"hours": [6, 18], "minutes": [0]}}


def job(name: str, **elements: Any) -> dict[str, Any]:
    return {"action": {"type": "jobctl", "job": name}, **elements}


def put(client: httpx.Client, name: str, expect: int = 200, /, **elements: Any) -> dict[str, Any]:
    answer = client.put(f"{JOBS}/{name}", json=job(name, **elements))
    assert answer.status_code == expect, answer.text
    found: dict[str, Any] = answer.json()["properties" if answer.is_success else "error"]
    return found


def get(client: httpx.Client, name: str) -> dict[str, Any]:
    answer = client.get(f"{JOBS}/{name}", params={"api-version": "2016-03-01"})
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()["properties"]
    return found


def history(client: httpx.Client, name: str, **parameters: object) -> list[dict[str, Any]]:
    answer = client.get(f"{JOBS}/{name}/history", params={f"${key}": str(value) for key, value in parameters.items()})
    assert answer.status_code == 200, answer.text
    return [entry["properties"] for entry in answer.json()["value"]]


def moment(text: str) -> datetime:
    return datetime.fromisoformat(text)


def soon(**later: float) -> str:
    return (datetime.now(UTC) + timedelta(**later)).isoformat()


def test_a_job_runs_as_often_as_it_says_and_is_completed(
    jobctl: Jobctl, daemon: StartDaemon, client: httpx.Client
) -> None:
    jobctl("add", "report", "--", "true", expect=0)
    made = put(client, "report", 201, recurrence={"frequency": "minute", "count": 1})
    assert made["state"] == "Enabled" and made["status"]["executionCount"] == 0
    assert made["status"]["lastExecutionTime"] is None and made["status"]["nextExecutionTime"]
    daemon()
    wait_until(lambda: get(client, "report")["state"] == "Completed")
    status = get(client, "report")["status"]
    assert (status["executionCount"], status["failureCount"], status["faultedCount"]) == (1, 0, 0)
    assert status["nextExecutionTime"] is None and moment(status["lastExecutionTime"]) <= datetime.now(UTC)
    (entry,) = history(client, "report")
    assert (entry["status"], entry["actionName"], entry["retryCount"], entry["repeatCount"]) == (
        "Completed",
        "MainAction",
        0,
        1,
    )
    assert moment(entry["expectedExecutionTime"]) <= moment(entry["startTime"]) <= moment(entry["endTime"])
    assert put(client, "report", 409)["code"] == "ConflictError"
    assert "Completed, which is final" in client.patch(f"{JOBS}/report", json={"state": "Disabled"}).text
    assert client.post(f"{JOBS}/report/run").status_code == 409
    assert client.delete(f"{JOBS}/report").status_code == 200
    assert client.get(f"{JOBS}/report").status_code == client.delete(f"{JOBS}/report").status_code == 404
    assert put(client, "report", 201, recurrence=DAILY, startTime="2099-01-01T00:00Z")["status"]["executionCount"] == 0
    assert jobctl("show", "report", expect=0)


def test_one_that_fails_is_faulted_after_its_retries(jobctl: Jobctl, daemon: StartDaemon, client: httpx.Client) -> None:
    jobctl("add", "bad", "--retries", "2", "--retry-delay", "15s", "--command", "exit 3", expect=0)
    policy = {"retryType": "fixed", "retryInterval": "PT15S", "retryCount": 2}
    answer = client.put(f"{JOBS}/bad", json={"action": {"type": "jobctl", "job": "bad", "retryPolicy": policy}})
    assert answer.status_code == 201, answer.text
    assert answer.json()["properties"]["action"]["retryPolicy"] == {**policy, "retryType": "Fixed"}
    daemon()
    wait_until(lambda: history(client, "bad"))
    (entry,) = history(client, "bad", filter="status eq 'postponed'")
    assert (entry["status"], entry["retryCount"]) == ("Postponed", 1)
    assert get(client, "bad")["state"] == "Enabled" and get(client, "bad")["status"]["failureCount"] == 1
    jobctl("edit", "bad", "--retries", "0", expect=0)
    (row,) = jobctl("monitor", "--json", expect=0).json["system_jobs"]
    jobctl("resume", row["sequence"], expect=0)
    wait_until(lambda: get(client, "bad")["state"] == "Faulted")
    status = get(client, "bad")["status"]
    assert (status["executionCount"], status["failureCount"], status["faultedCount"]) == (2, 2, 1)
    (entry,) = history(client, "bad", filter="status eq 'Failed'")
    assert "3" in entry["message"] and not history(client, "bad", filter="status eq 'Completed'")


def test_a_disabled_job_has_no_next_execution_and_goes_on_from_now(jobctl: Jobctl, client: httpx.Client) -> None:
    jobctl("add", "report", "--", "true", expect=0)
    put(client, "report", 201, startTime="2099-01-01T06:00Z", recurrence=DAILY)
    answer = client.patch(f"{JOBS}/report", json={"properties": {"state": "disabled"}})
    assert answer.status_code == 200 and answer.json()["properties"]["state"] == "Disabled", answer.text
    assert get(client, "report")["status"]["nextExecutionTime"] is None
    assert get(client, "report")["recurrence"] == DAILY  # a change of one element leaves the others
    found = client.patch(f"{JOBS}/report", json={"state": "Enabled"}).json()["properties"]
    assert (found["state"], found["status"]["nextExecutionTime"]) == ("Enabled", "2099-01-01T06:00:00Z")
    changed = client.patch(f"{JOBS}/report", json={"recurrence": {"frequency": "hour"}, "state": "disabled"})
    assert changed.json()["properties"]["recurrence"] == {"frequency": "hour"}
    assert changed.json()["properties"]["startTime"] == "2099-01-01T06:00Z"
    assert changed.json()["properties"]["state"] == "Disabled"


def test_the_same_put_again_changes_nothing(jobctl: Jobctl, client: httpx.Client) -> None:
    jobctl("add", "report", "--", "true", expect=0)
    put(client, "report", 201, recurrence=DAILY)
    first = jobctl("show", "report", "--json", expect=0).json
    put(client, "report", 200, recurrence=DAILY)
    whole = client.get(f"{JOBS}/report").json()
    assert client.put(f"{JOBS}/report", json=whole).status_code == 200  # what was answered may come back
    assert jobctl("show", "report", "--json", expect=0).json == first
    assert put(client, "report", 200, recurrence={**DAILY, "interval": 3})["recurrence"]["interval"] == 3


def test_what_a_job_answers_of_its_retries_may_come_back(jobctl: Jobctl, client: httpx.Client) -> None:
    for name, delay, told in (("soon", "1.5s", "PT1.5S"), ("late", "2000000s", "PT2000000S")):
        jobctl("add", name, "--retries", "30", "--retry-delay", delay, "--retry-backoff", "2", "--", "true", expect=0)
        put(client, name, 201, startTime="2099-01-01", recurrence=DAILY)
        whole = client.get(f"{JOBS}/{name}").json()
        assert whole["properties"]["action"]["retryPolicy"]["retryInterval"] == told
        assert client.put(f"{JOBS}/{name}", json=whole).status_code == 200
        assert client.patch(f"{JOBS}/{name}", json={"state": "Disabled"}).status_code == 200


def test_the_same_put_while_its_last_execution_runs_starts_no_other(
    jobctl: Jobctl, daemon: StartDaemon, client: httpx.Client
) -> None:
    jobctl("add", "slow", "--", "sleep", "1000", expect=0)
    put(client, "slow", 201)
    daemon()
    wait_until(lambda: [row["state"] for row in rows(jobctl)] == ["locked"])
    assert put(client, "slow")["state"] == "Enabled"
    (row,) = rows(jobctl)
    jobctl("cancel", row["sequence"], expect=0)


def rows(jobctl: Jobctl) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = jobctl("monitor", "--json", expect=0).json["system_jobs"]
    return found


RECURRENCES: list[dict[str, Any]] = [
    {"frequency": "day", "schedule": {"hours": [5]}},
    {"frequency": "day", "schedule": {"minutes": [15], "hours": [5]}},
    {"frequency": "day", "schedule": {"minutes": [15], "hours": [5, 17]}},
    {"frequency": "day", "schedule": {"minutes": [15, 45], "hours": [5, 17]}},
    {"frequency": "day", "schedule": {"minutes": [0, 15, 30, 45]}},
    {"frequency": "hour"},
    {"frequency": "week", "schedule": {"minutes": [0], "hours": [5], "weekDays": ["Monday", "wednesday"]}},
    {"frequency": "week", "schedule": {"hours": 17, "minutes": 30, "weekDays": "saturday"}},
    {"frequency": "month", "schedule": {"minutes": [0], "hours": [5], "monthDays": [28, -1]}},
    {"frequency": "month", "schedule": {"monthlyOccurrences": [{"day": "friday", "occurrence": -1}]}},
    {"frequency": "month", "interval": 2, "schedule": {"monthlyOccurrences": [{"day": "friday"}], "monthDays": [13]}},
    {"frequency": "Month", "interval": 18, "count": 7},
    {"frequency": "day", "endTime": "2099-04-01"},
]


def test_a_recurrence_means_what_it_means_on_the_command_line(jobctl: Jobctl, client: httpx.Client) -> None:
    jobctl("add", "there", "--", "true", expect=0)
    for number, recurrence in enumerate(RECURRENCES):
        name = f"here{number}"
        jobctl("add", name, "--", "true", expect=0)
        document = {"startTime": "2099-01-31T14:05:00Z", "recurrence": recurrence}
        made = put(client, name, 201, **document)
        assert made["recurrence"] == {**recurrence, "frequency": recurrence["frequency"].lower()}
        jobctl("reschedule" if number else "schedule", "there", "--recurrence", json.dumps(document), expect=0)
        here, there = (instants(jobctl, one) for one in (name, "there"))
        assert here == there and len(here) >= 7, recurrence
        assert get(client, "there")["recurrence"] == made["recurrence"]  # made by the command, it is one, too
        assert get(client, "there")["status"]["nextExecutionTime"] == made["status"]["nextExecutionTime"]


def instants(jobctl: Jobctl, name: str) -> list[str]:
    """The next occurrences, by the command line."""
    found = jobctl("next", name, "-n", "8", "--json", expect=0).json
    return [occurrence["at"] for occurrence in found["occurrences"]]


REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"recurrence": {"frequency": "year"}}, "recurrence.frequency"),
    ({"recurrence": {"interval": 2}}, "recurrence.frequency is missing"),
    ({"recurrence": {"frequency": "minute", "interval": 1001}}, "recurrence.interval"),
    ({"recurrence": {"frequency": "hour", "interval": 0}}, "recurrence.interval"),
    ({"recurrence": {"frequency": "day", "interval": 549}}, "recurrence.interval"),
    ({"recurrence": {"frequency": "week", "interval": 79}}, "recurrence.interval"),
    ({"recurrence": {"frequency": "month", "interval": 19}}, "recurrence.interval"),
    ({"recurrence": {"frequency": "day", "count": 2, "endTime": "2099-01-01"}}, "both count and endTime"),
    ({"recurrence": {"frequency": "day", "endTime": "2001-01-01"}}, "in the past"),
    ({"recurrence": {"frequency": "day", "schedule": {"weekDays": ["monday"]}}}, "weekDays goes with frequency week"),
    ({"recurrence": {"frequency": "day", "schedule": {"hours": [24]}}}, "hours[0]"),
    ({"recurrence": {"frequency": "day", "schedule": {"months": [1]}}}, "months"),
    ({"startTime": "tomorrow"}, "startTime"),
    ({"startTim": "2099-01-01"}, "startTim"),
    ({"state": "Completed"}, "becomes Completed by itself"),
    ({"state": 7}, "state cannot be 7"),
    ({"action": {"type": "http", "request": {"uri": "http://host/"}}}, "only jobs that are defined can be run"),
    ({"action": {"type": "jobctl", "job": "other"}}, "has to name the job at this address"),
    ({"action": {"type": "jobctl", "job": "report", "errorAction": {}}}, "errorAction is not offered"),
    ({"action": None}, "action is missing"),
    ({"action": {"type": "jobctl", "job": "report", "retryPolicy": {"retryType": "fixed"}}}, "jobctl edit report"),
    (
        {"action": {"type": "jobctl", "job": "report", "retryPolicy": {"retryType": "fixed", "retryCount": 21}}},
        "retryCount",
    ),
    (
        {"action": {"type": "jobctl", "job": "report", "retryPolicy": {"retryType": "fixed", "retryInterval": "PT9S"}}},
        "retryInterval",
    ),
    ({"properties": {}, "state": "Enabled"}, "stands beside properties"),
]


def test_what_is_wrong_is_said_and_nothing_is_done(jobctl: Jobctl, client: httpx.Client) -> None:
    jobctl("add", "report", "--", "true", expect=0)
    for elements, words in REFUSED:
        error = put(client, "report", 400, **elements)
        assert error["code"] == "BadRequest" and words in error["message"], error
        assert client.get(f"{JOBS}/report").status_code == 404
    assert not jobctl("monitor", "--json", expect=0).json["system_jobs"]


def test_a_job_is_run_now_beside_its_schedule(jobctl: Jobctl, daemon: StartDaemon, client: httpx.Client) -> None:
    jobctl("add", "report", "--", "true", expect=0)
    put(client, "report", 201, startTime="2099-01-01", recurrence={"frequency": "day", "count": 1})
    client.patch(f"{JOBS}/report", json={"state": "Disabled"})
    daemon()
    answer = client.post(f"{JOBS}/report/run", params={"api-version": "2016-03-01"})
    assert answer.status_code == 200 and answer.headers["x-ms-request-id"]
    wait_until(lambda: get(client, "report")["status"]["executionCount"] == 1)
    assert get(client, "report")["state"] == "Disabled"


def test_lists_are_paged_and_filtered(jobctl: Jobctl, client: httpx.Client) -> None:
    for number in range(5):
        jobctl("add", f"job{number}", "--", "true", expect=0)
        put(client, f"job{number}", 201, startTime="2099-01-01", state="Disabled" if number % 2 else "Enabled")
    jobctl("add", "other", "--", "true", expect=0)
    jobctl("schedule", "other", "--cron", "0 3 * * *", expect=0)
    names, address = [], f"{JOBS}?$top=2"
    while address:
        page = client.get(address).json()
        names += [one["name"] for one in page["value"]]
        assert len(page["value"]) <= 2
        address = page.get("nextLink", "")
    assert names == [f"home/job{number}" for number in range(5)]
    disabled = client.get(JOBS, params={"$filter": "state eq disabled", "$skip": "1"}).json()
    assert [one["id"] for one in disabled["value"]] == [f"{JOBS}/job3"]
    for wrong in (
        "$top=0",
        "$top=101",
        "$skip=-1",
        "$filter=state eq 3",
        "$filter=name eq 'x'",
        "api-version=1999-01-01",
    ):
        error = client.get(f"{JOBS}?{wrong}")
        assert error.status_code == 400 and error.json()["error"]["code"] == "BadRequest", error.text
    assert "another notation, cron" in client.get(f"{JOBS}/other").json()["error"]["message"]
    assert "jobctl unschedule other" in put(client, "other", 409)["message"]
    missing = put(client, "nobody", 400)
    assert "no job named 'nobody'" in missing["message"] and "jobctl add" in missing["message"]


def test_the_history_is_paged(jobctl: Jobctl, daemon: StartDaemon, client: httpx.Client) -> None:
    jobctl("add", "report", "--", "true", expect=0)
    put(client, "report", 201, startTime="2099-01-01")
    daemon()
    for _ in range(5):
        assert client.post(f"{JOBS}/report/run").status_code == 200
    wait_until(lambda: len(history(client, "report")) == 5)
    assert [entry["repeatCount"] for entry in history(client, "report")] == [5, 4, 3, 2, 1]
    page = client.get(f"{JOBS}/report/history?$top=3&$filter=status eq completed").json()
    assert [entry["properties"]["repeatCount"] for entry in page["value"]] == [5, 4, 3]
    rest = client.get(page["nextLink"]).json()
    assert [entry["properties"]["repeatCount"] for entry in rest["value"]] == [2, 1] and "nextLink" not in rest


def test_scopes_are_asked_for_and_errors_have_the_form_of_the_original(
    jobctl: Jobctl, serve: StartServe, token: str
) -> None:
    jobctl("add", "report", "--", "true", expect=0)
    served = serve()
    with served.client(token) as all_of_it:
        put(all_of_it, "report", 201, startTime="2099-01-01")
    for scope, allowed in (("read", {"GET"}), ("submit", {"POST"}), ("manage", {"PATCH"})):
        with served.client(make_token(jobctl, scope, scope)) as client:
            answers = {
                "GET": client.get(f"{JOBS}/report"),
                "POST": client.post(f"{JOBS}/report/run"),
                "PATCH": client.patch(f"{JOBS}/report", json={"state": "Enabled"}),
            }
        for method, answer in answers.items():
            assert answer.status_code == (200 if method in allowed else 403), (scope, method, answer.text)
            assert answer.headers["x-ms-request-id"]
            assert method in allowed or answer.json()["error"]["code"] == "AuthorizationFailed"
    with served.client() as nobody:
        answer = nobody.get(f"{JOBS}/report")
        assert answer.status_code == 401 and answer.json()["error"]["code"] == "AuthenticationFailed"
    with served.client(token) as client:
        answer = client.post(f"{JOBS}/report")
        assert answer.status_code == 405 and answer.json()["error"]["code"] == "InvalidHttpVerb"
        assert client.get(f"{JOBS}/report/nothing").json()["error"]["code"] == "ResourceNotFound"
        assert client.put(f"{JOBS}/report", content=b"[]", headers={"Content-Type": "application/json"}).is_client_error
