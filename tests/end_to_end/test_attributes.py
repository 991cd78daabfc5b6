"""Every attribute that seed 003 gives a system job is shown under its name, and says what is so."""

from __future__ import annotations

import getpass
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import pytest

from tests.conftest import SOURCE, Jobctl, StartDaemon, wait_until
from tests.end_to_end.hostile import ended, show, submit

pytestmark = pytest.mark.thorough

ATTRIBUTES: Final = {
    "AsyncOperationId": "id",
    "Name": "name",
    "OperationType": "operation_type",
    "MessageName": "message_name",
    "StateCode": "state_code",
    "StatusCode": "status_code",
    "PostponeUntil": "postpone_until",
    "RecurrencePattern": "recurrence_pattern",
    "RecurrenceStartTime": "recurrence_start_time",
    "DependencyToken": "dependency_token",
    "Sequence": "sequence",
    "CreatedOn": "created_on",
    "CreatedBy": "created_by",
    "ModifiedOn": "modified_on",
    "ModifiedBy": "modified_by",
    "StartedOn": "started_on",
    "CompletedOn": "completed_on",
    "ExecutionTimeSpan": "execution_time_span",
    "RetryCount": "retry_count",
    "ErrorCode": "error_code",
    "Message": "message",
    "FriendlyMessage": "friendly_message",
    "Data": "data",
    "Depth": "depth",
    "IsWaitingForEvent": "is_waiting_for_event",
    "OwnerId": "owner",
    "OwningUser": "owning_user",
    "OwningTeam": "owning_team",
    "OwningBusinessUnit": "owning_business_unit",
    "OwningExtensionId": "owning_extension",
    "PrimaryEntityType": "primary_entity_type",
    "RegardingObjectId": "regarding",
    "UTCConversionTimeZoneCode": "utc_conversion_time_zone_code",
    "WorkflowStageName": "stage",
}
"""What the seed's table lists, by the key that holds it."""
ME: Final = f"user:{getpass.getuser()}"
JOBCTL: Final = f"PYTHONPATH={SOURCE} {sys.executable} -m jobctl"


def at(text: str) -> datetime:
    """An instant as it is shown: ISO 8601 in UTC, with microseconds and offset."""
    moment = datetime.fromisoformat(text)
    assert moment.utcoffset() == timedelta(0) and text == moment.isoformat(timespec="microseconds")
    return moment


def in_order(row: dict[str, Any], *names: str) -> None:
    moments = [at(row[name]) for name in names]
    assert moments == sorted(moments), {name: row[name] for name in names}


def test_every_attribute_is_shown_from_the_beginning_to_the_end(jobctl: Jobctl, daemon: StartDaemon) -> None:
    number = submit(jobctl, "--", "true")
    assert not set(ATTRIBUTES.values()) - set(show(jobctl, number))
    daemon()
    assert not set(ATTRIBUTES.values()) - set(ended(jobctl, [number])[number])


def test_one_that_fails_is_tried_again_and_succeeds(jobctl: Jobctl, daemon: StartDaemon, tmp_path: Path) -> None:
    go = tmp_path / "go"
    told = f"{JOBCTL} report --progress 40 --stage copying --message 'half of it'"
    script = f"{told}; until [ -e {go} ]; do sleep 0.02; done; rm {go}; sleep 0.3; [ $JOBCTL_ATTEMPT = 2 ] || exit 7"
    retrying = ("--retries", 3, "--retry-delay", "1h", "--priority", 5, "--token", "disk")
    jobctl("add", "load", *retrying, "--command", script, expect=0)
    before = datetime.now(UTC)
    number = submit(jobctl, "load", "--data", '{"n": 1}', "--regarding", "invoice:4711")
    new = show(jobctl, number)
    assert before <= at(new["created_on"]) <= datetime.now(UTC)
    assert (new["state_code"], new["status_code"], new["retry_count"], new["attempt"]) == (0, 0, 0, 0)
    assert (new["created_by"], new["modified_by"], new["owner"], new["owning_user"]) == (ME, ME, ME, ME[5:])
    assert (new["started_on"], new["completed_on"], new["execution_time_span"]) == (None, None, None)
    assert (new["primary_entity_type"], new["regarding"]) == ("invoice", "invoice:4711")
    assert (new["message_name"], new["operation_type"], new["platform"]) == ("run", 10, False)
    daemon()
    running = wait_until(lambda: (row := show(jobctl, number))["stage"] and row)
    assert (running["state_code"], running["status_code"]) == (2, 20)
    assert (running["progress"], running["stage"], running["message"]) == (40.0, "copying", "half of it")
    go.touch()
    waiting = wait_until(lambda: (row := show(jobctl, number))["reason"] == "retrying" and row)
    assert (waiting["state_code"], waiting["status_code"], waiting["retry_count"]) == (1, 10, 1)
    assert (waiting["exit_code"], waiting["error_code"], waiting["message"]) == (7, 7, "exit code 7")
    assert waiting["postpone_until"] == waiting["due_at"] and waiting["modified_by"] == "daemon"
    assert 3500 < (at(waiting["postpone_until"]) - datetime.now(UTC)).total_seconds() <= 3600
    jobctl("resume", number, expect=0)
    go.touch()
    row = ended(jobctl, [number])[number]
    assert (row["state_code"], row["status_code"], row["attempt"], row["retry_count"]) == (3, 30, 2, 1)
    assert (row["exit_code"], row["error_code"], row["postpone_until"]) == (0, None, None)
    assert (row["progress"], row["stage"], row["modified_by"]) == (40.0, "copying", "daemon")
    in_order(row, "created_on", "ready_on", "started_on", "completed_on", "modified_on")
    took = (at(row["completed_on"]) - at(row["started_on"])).total_seconds()
    assert 0.3 <= row["execution_time_span"] <= took + 0.05, "what the last attempt took"
    assert (row["dependency_token"], row["priority"], row["data"]) == ("disk", 5, {"n": 1})


@pytest.mark.parametrize(
    ("options", "script", "reason", "code", "signal"),
    [
        ((), "exit 3", "exit", 3, None),
        ((), "kill -9 $$", "signal", None, 9),
        (("--timeout", "0.2s"), "exec sleep 999", "timeout", None, 15),
    ],
)
def test_a_failure_tells_its_code_and_its_cause(
    jobctl: Jobctl,
    daemon: StartDaemon,
    options: tuple[str, ...],
    script: str,
    reason: str,
    code: int | None,
    signal: int | None,
) -> None:
    jobctl("add", "bad", *options, "--command", script, expect=0)
    daemon()
    number = submit(jobctl, "bad")
    row = ended(jobctl, [number])[number]
    assert (row["status_code"], row["reason"], row["exit_code"], row["signal"]) == (31, reason, code, signal)
    assert row["error_code"] == code
    assert row["message"]


def test_depth_and_parent_through_nested_submissions(jobctl: Jobctl, daemon: StartDaemon) -> None:
    jobctl("add", "third", "--command", f"{JOBCTL} run -- true", expect=0)
    jobctl("add", "second", "--command", f"{JOBCTL} run third --wait", expect=0)
    jobctl("add", "first", "--command", f"{JOBCTL} run second --wait", expect=0)
    daemon("--slots", 4)
    top = submit(jobctl, "first")
    assert ended(jobctl, [top])[top]["status"] == "succeeded"
    rows = jobctl("monitor", "--json", expect=0).json["system_jobs"][::-1]
    assert [(row["job"], row["depth"]) for row in rows] == [("first", 0), ("second", 1), ("third", 2), ("adhoc", 3)]
    assert [row["parent"] for row in rows] == [None, *(row["id"] for row in rows[:-1])]
    assert [row["created_by"] for row in rows] == [ME, *(f"run:{row['sequence']}" for row in rows[:-1])]
    deepest = {"JOBCTL_ID": rows[-1]["id"], "JOBCTL_SEQUENCE": "4", "JOBCTL_DEPTH": "15"}
    sixteen = int(jobctl("run", "first", "--at", "2099-01-01", env=deepest, expect=0).stdout)
    assert show(jobctl, sixteen)["depth"] == 16
    refused = jobctl("run", "first", env={**deepest, "JOBCTL_DEPTH": "16"}, expect=4)
    assert "nested 16 deep at most; this would be 17" in refused.stderr
    assert len(jobctl("monitor", "--json", expect=0).json["system_jobs"]) == 5


def test_what_a_run_said_last_stays_when_it_has_ended(jobctl: Jobctl, daemon: StartDaemon) -> None:
    daemon()
    number = submit(jobctl, "--", "sh", "-c", f"{JOBCTL} report --message '12 of 12 copied'; sleep 0.3")
    assert ended(jobctl, [number])[number]["message"] == "12 of 12 copied"


def test_the_last_change_tells_who_made_it_and_when(jobctl: Jobctl) -> None:
    number = submit(jobctl, "--at", "in 1h", "--", "true")
    before = show(jobctl, number)
    jobctl("postpone", number, "--for", "1h", env={"JOBCTL_SEQUENCE": "77"}, expect=0)
    row = show(jobctl, number)
    assert (row["created_by"], row["modified_by"]) == (ME, "run:77")
    assert at(row["modified_on"]) > at(before["modified_on"]) and row["created_on"] == before["created_on"]


def test_a_change_shows_itself_at_once(jobctl: Jobctl) -> None:
    number = submit(jobctl, "--at", "in 1h", "--", "true")
    found = jobctl("postpone", number, "--for", "1h", "--json", env={"JOBCTL_SEQUENCE": "77"}, expect=0)
    shown = show(jobctl, number)
    assert shown.pop("after", []) == []  # only `show` tells of predecessors
    assert found.json["system_jobs"] == [shown]


def test_sequence_grows_with_every_submission_and_is_never_used_again(jobctl: Jobctl) -> None:
    numbers = [submit(jobctl, "--", "true") for _ in range(2)]
    jobctl("delete", numbers[-1], expect=0)
    numbers.append(submit(jobctl, "--", "true"))
    assert numbers == [1, 2, 3]


def test_what_an_event_releases_was_waiting_for_it(jobctl: Jobctl) -> None:
    number = submit(jobctl, "--on-event", "orders", "--", "true")
    row = show(jobctl, number)
    assert (row["is_waiting_for_event"], row["event"], row["reason"]) == (True, "orders", "waiting_for_event")
    assert row["postpone_until"] is None
    jobctl("emit", "orders", expect=0)
    assert (show(jobctl, number)["is_waiting_for_event"], show(jobctl, number)["state_code"]) == (False, 0)


def test_an_occurrence_tells_its_schedule(jobctl: Jobctl) -> None:
    schedule = ("--rrule", "FREQ=DAILY;INTERVAL=3;", "--start", "2099-01-01T00:00", "--tz", "Europe/Madrid")
    jobctl("add", "often", *schedule, "--", "true", expect=0)
    row = show(jobctl, 1)
    first = "2098-12-31T23:00:00.000000+00:00"
    assert (row["recurrence_start_time"], row["occurrence_at"], row["postpone_until"]) == (first, first, first)
    assert (row["time_zone"], row["message_name"]) == ("Europe/Madrid", "schedule")
    jobctl("postpone", 1, "--for", "1h", expect=0)
    row = show(jobctl, 1)
    assert row["occurrence_at"] == first and row["postpone_until"] == "2099-01-01T00:00:00.000000+00:00"
    manual = show(jobctl, submit(jobctl, "often"))
    assert (manual["recurrence_pattern"], manual["recurrence_start_time"], manual["occurrence_at"]) == (
        None,
        None,
        None,
    )


def test_the_recurrence_pattern_is_the_rule_as_it_was_given(jobctl: Jobctl) -> None:
    jobctl("add", "often", "--rrule", "FREQ=DAILY;INTERVAL=3;", "--start", "2099-01-01T00:00", "--", "true", expect=0)
    assert show(jobctl, 1)["recurrence_pattern"] == "FREQ=DAILY;INTERVAL=3;"


def test_every_occurrence_belongs_to_whom_the_schedule_belongs(jobctl: Jobctl) -> None:
    jobctl("add", "often", "--every", "1h", "--start", "2099-01-01", "--", "true", expect=0)
    jobctl("resume", "often", expect=0, env={"JOBCTL_SEQUENCE": "77"})
    rows = jobctl("monitor", "--json", expect=0).json["system_jobs"]
    assert [(row["created_by"], row["owner"]) for row in rows] == [("run:77", ME), (ME, ME)]


def test_the_zone_in_use_at_creation_is_told(jobctl: Jobctl) -> None:
    number = int(jobctl("run", "--", "true", env={"TZ": "Asia/Tokyo"}, expect=0).stdout)
    assert show(jobctl, number)["utc_conversion_time_zone_code"] == 9 * 60


@pytest.mark.parametrize(
    ("script", "words"),
    [("true", "It succeeded."), ("exit 3", "It ended with exit code 3.")],
    ids=["success", "failure"],
)
def test_the_friendly_message_says_in_words_how_it_ended(
    jobctl: Jobctl, daemon: StartDaemon, script: str, words: str
) -> None:
    daemon()
    number = submit(jobctl, "--", "sh", "-c", script)
    assert ended(jobctl, [number])[number]["friendly_message"] == words
