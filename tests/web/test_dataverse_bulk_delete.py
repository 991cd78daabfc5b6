"""The action BulkDelete: a purge as a system job, once and by a recurrence, and what it cannot choose by."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

import pytest

from jobctl.model import Status
from tests.cli.history import DAY, HOUR, Past
from tests.conftest import Jobctl, StartDaemon, WaitUntil
from tests.web.serving import Dataverse, serve


def condition(attribute: str, operator: str, *values: object) -> dict[str, Any]:
    """As Dataverse's clients write one."""
    written = [{"Value": str(value), "Type": "System.String"} for value in values]
    return {"AttributeName": attribute, "Operator": operator, "Values": written}


def body(*conditions: dict[str, Any], **more: Any) -> dict[str, Any]:
    criteria = {"FilterOperator": "And", "Conditions": list(conditions), "Filters": []}
    query = {"EntityName": "asyncoperation", "Criteria": criteria}
    mail: dict[str, Any] = {"SendEmailNotification": False, "ToRecipients": [], "CCRecipients": []}
    return {"QuerySet": [query], "JobName": "old ones", **mail, "RecurrencePattern": "", **more}


@pytest.fixture
def past(dataverse: Dataverse, home: Any) -> Iterator[Past]:
    with Past(home) as made:
        yield made


def test_a_bulk_delete_is_a_system_job_that_deletes_what_was_chosen(
    jobctl: Jobctl, daemon: StartDaemon, wait_until: WaitUntil, dataverse: Dataverse, past: Past
) -> None:
    backup, other = past.job("backup"), past.job("other")
    old = {"created_on": past.now - 20 * DAY, "completed_on": past.now - 20 * DAY + HOUR}
    goes = [past.add(backup, Status.SUCCEEDED, **old) for _ in range(3)]
    past.add(backup, Status.SUCCEEDED)
    past.add(backup, Status.FAILED, reason="exit", **old)
    past.add(other, Status.SUCCEEDED, **old)
    chosen = (
        condition("statecode", "Equal", 3),
        condition("statuscode", "In", 30, 32),
        condition("completedon", "OlderThanXDays", 10),
        condition("jobctl_job", "Equal", "backup"),
    )
    answer = dataverse.send("POST", "BulkDelete", body(*chosen))
    assert answer.status_code == 200, answer.text
    assert answer.json()["@odata.context"].endswith("#Microsoft.Dynamics.CRM.BulkDeleteResponse")
    address = f"asyncoperations({answer.json()['JobId']})"
    made = dataverse.get(address).json()
    assert (made["operationtype"], made["name"], made["statecode"]) == (13, "old ones", 0)
    assert made["messagename"] == "http"
    assert dataverse.get("asyncoperations?$filter=sequence in (1,2,3)").json()["value"] != []
    daemon()
    ended = wait_until(lambda: (row := dataverse.get(address).json())["statecode"] == 3 and row)
    assert ended["statuscode"] == 30
    left = {row["sequence"] for row in dataverse.get("asyncoperations").json()["value"]}
    assert left == {4, 5, 6, made["sequence"]} and goes == [1, 2, 3]


def test_a_recurring_bulk_delete_is_a_job_with_a_schedule(jobctl: Jobctl, dataverse: Dataverse) -> None:
    asked = body(
        condition("statecode", "Equal", 3),
        condition("completedon", "OlderThanXWeeks", 2),
        RecurrencePattern="FREQ=DAILY;INTERVAL=1;",
        StartDateTime="2099-03-01T02:00:00Z",
    )
    answer = dataverse.send("POST", "BulkDelete", asked)
    assert answer.status_code == 200, answer.text
    row = dataverse.get(f"asyncoperations({answer.json()['JobId']})").json()
    assert (row["operationtype"], row["statecode"], row["statuscode"]) == (13, 1, 10)
    assert row["recurrencepattern"] == "FREQ=DAILY;INTERVAL=1;"
    assert row["recurrencestarttime"] == row["postponeuntil"] == "2099-03-01T02:00:00.000000Z"
    job = jobctl("show", "old-ones", "--json", expect=0).json["job"]
    assert job["settings"]["filter"]["older_than"] == 14 * 86400 and job["schedule"]["time_zone"] == "UTC"
    again = dataverse.send("POST", "BulkDelete", asked)
    assert again.status_code == 409 and "a job named 'old-ones' already" in again.json()["error"]["message"]


def test_one_that_starts_later_waits_for_its_time(dataverse: Dataverse) -> None:
    answer = dataverse.send(
        "POST", "BulkDelete", body(condition("statecode", "Equal", 3), StartDateTime="2099-01-01T00:00:00Z")
    )
    row = dataverse.get(f"asyncoperations({answer.json()['JobId']})").json()
    assert (row["statecode"], row["postponeuntil"]) == (1, "2099-01-01T00:00:00.000000Z")


def test_an_instant_of_completion_is_kept_to(
    jobctl: Jobctl, daemon: StartDaemon, wait_until: WaitUntil, dataverse: Dataverse, past: Past
) -> None:
    job = past.job("backup")
    for days in (9, 5, 1):
        past.add(job, Status.SUCCEEDED, created_on=past.now - days * DAY, completed_on=past.now - days * DAY + HOUR)
    at = dataverse.row(2)["completedon"]
    daemon()
    for operator, left in (("LessThan", {2, 3}), ("LessEqual", {3})):
        answer = dataverse.send("POST", "BulkDelete", body(condition("completedon", operator, at)))
        address = f"asyncoperations({answer.json()['JobId']})"
        wait_until(partial(is_completed, dataverse, address))
        rows = dataverse.get("asyncoperations?$filter=operationtype eq 10").json()["value"]
        assert {row["sequence"] for row in rows} == left


def is_completed(dataverse: Dataverse, address: str) -> bool:
    return bool(dataverse.get(address).json()["statecode"] == 3)


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ([], "the body is an object with QuerySet and JobName"),
        (body(), "delete what? Criteria needs a condition"),
        (body(condition("statecode", "Equal", 1)), "only completed system jobs are deleted"),
        (body(condition("statuscode", "In", 30, 20)), "in_progress ones are not completed"),
        (body(condition("statuscode", "NotEqual", 30)), "statuscode cannot be restricted by 'NotEqual'"),
        (body(condition("statuscode", "Equal", 33)), "'33' is none of 0, 10, 20"),
        (body(condition("message", "Equal", "x")), "cannot be chosen by message; it can by statecode"),
        (body(condition("statcode", "Equal", 3)), "did you mean 'statecode'?"),
        (body(condition("jobctl_reason", "Equal", "timeot")), "did you mean 'timeout'?"),
        (body(condition("completedon", "OlderThanXDays", "x")), "takes a whole number, of a century at most"),
        (body(condition("completedon", "OlderThanXDays", 99999)), "of a century at most"),
        (body(condition("ownerid", "Equal", "x")), "there is no user 'x'"),
        (body(condition("statecode", "Equal", 3), condition("statecode", "Equal", 3)), "restricted twice"),
        (
            body(condition("statecode", "Equal", 3), SendEmailNotification=True),
            "SendEmailNotification is nothing jobctl has",
        ),
        (body(condition("statecode", "Equal", 3), ToRecipients=[{}]), "ToRecipients is nothing jobctl has"),
        (body(condition("statecode", "Equal", 3), JobName=None), "JobName is a text, the name of what is to delete"),
        (body(condition("statecode", "Equal", 3), JobName=""), "the JobName has from 1 to 256 characters"),
        (body(condition("statecode", "Equal", 3), RunNow="yes"), "RunNow is true or false"),
        (body(condition("statecode", "Equal", 3), RunNow=True, RecurrencePattern="FREQ=DAILY;"), "neither recurs nor"),
        (body(condition("statecode", "Equal", 3), RecurrencePattern="FREQ=SOMETIMES"), "FREQ"),
        (body(condition("statecode", "Equal", 3), StartDateTime=3), "StartDateTime is an instant such as"),
        (body(condition("statecode", "Equal", 3), QuerySet=[]), "QuerySet is a list with one query"),
        (body(QuerySet=[{"EntityName": "account"}]), "EntityName is asyncoperation"),
        (
            body(QuerySet=[{"EntityName": "asyncoperation", "Criteria": {"FilterOperator": "Or"}}]),
            "FilterOperator is And",
        ),
        (body(QuerySet=[{"EntityName": "asyncoperation", "LinkEntities": []}]), "has no 'LinkEntities' here"),
        ({**body(condition("statecode", "Equal", 3)), "Jobname": "x"}, "did you mean 'JobName'?"),
    ],
)
def test_what_a_bulk_delete_cannot_do_is_told_and_nothing_is_made(bulk: Dataverse, asked: object, words: str) -> None:
    answer = bulk.send("POST", "BulkDelete", asked)
    assert answer.status_code == 400 and words in answer.json()["error"]["message"], answer.text
    assert bulk.get("asyncoperations").json()["value"] == []


@pytest.fixture(scope="module")
def bulk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Dataverse]:
    yield from serve(tmp_path_factory.mktemp("home"))
