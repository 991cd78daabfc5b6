"""The JSON shape: exactly the documented keys, each with its meaning."""

from __future__ import annotations

import json
import re

from jobctl.document import instant, job_document, system_job_document
from jobctl.model import Definition, Reason, State, Status
from tests.samples import HEX, NOW, job, plan, system_job

KEYS = """
id, sequence, job, job_version, name, state, state_code, status, status_code, reason, operation_type, platform, message,
friendly_message, error_code, exit_code, signal, data, result, dependency_token, blocked_by, depth, parent, rerun_of,
key, priority, created_on, created_by, modified_on, modified_by, owner, owning_user, owning_team, owning_business_unit,
owning_extension, primary_entity_type, regarding, occurrence_at, due_at, postpone_until, ready_on, started_on,
completed_on, execution_time_span, recurrence_pattern, recurrence_start_time, time_zone, utc_conversion_time_zone_code,
attempt, retry_count, is_waiting_for_event, event, message_name, stage, progress, dropped, log_bytes, host, daemon
"""


def test_a_system_job_has_exactly_the_documented_keys() -> None:
    assert list(system_job_document(system_job())) == re.findall(r"\w+", KEYS)


def test_a_system_job_speaks_dataverse() -> None:
    document = system_job_document(system_job(regarding="invoice:4711", utc_offset=60), '{"a": [1.5]}', "null")
    expected = {
        "id": HEX,
        "state": "completed",
        "state_code": 3,
        "status": "succeeded",
        "status_code": 30,
        "data": {"a": [1.5]},
        "result": None,
        "owner": "user:alice",
        "owning_user": "alice",
        "primary_entity_type": "invoice",
        "regarding": "invoice:4711",
        "execution_time_span": 60.0,
        "utc_conversion_time_zone_code": 60,
        "is_waiting_for_event": False,
    }
    assert {key: document[key] for key in expected} == expected
    json.dumps(document)


def test_a_postponed_one_shows_until_when() -> None:
    waiting = system_job(state=State.SUSPENDED, status=Status.WAITING, reason=Reason.POSTPONED, completed_on=None)
    document = system_job_document(waiting)
    assert document["postpone_until"] == document["due_at"]
    held = system_job(state=State.SUSPENDED, status=Status.WAITING, reason=Reason.HELD)
    assert system_job_document(held)["postpone_until"] is None


def test_owners_that_are_no_users() -> None:
    assert system_job_document(system_job(owner="run:42"))["owning_user"] is None


def test_instants_are_utc_with_microseconds_and_offset() -> None:
    assert instant(None) is None
    assert instant(0) == "1970-01-01T00:00:00.000000+00:00"
    assert instant(NOW + 1) == "2026-11-18T11:06:40.000001+00:00"


def test_a_job_with_its_definition_and_schedule() -> None:
    document = job_document(job(its_plan=plan()), NOW, words="cron 0 3 * * *", last=system_job())
    assert (document["name"], document["version"], document["argv"]) == ("backup", 3, ["tar", "czf", "a b"])
    assert document["summary"] == "tar czf 'a b'"
    schedule = document["schedule"]
    assert (schedule["plan"], schedule["notation"], schedule["expression"]) == (2, "cron", "0 3 * * *")
    assert (schedule["words"], schedule["end"], schedule["count"]) == ("cron 0 3 * * *", instant(NOW + 1), 5)
    assert document["next_at"] == instant(NOW)
    assert document["last"]["sequence"] == 1
    json.dumps(document)


def test_every_field_of_a_definition_is_shown() -> None:
    document = job_document(job())
    assert set(Definition.__slots__) <= set(document)
    assert (document["schedule"], document["next_at"], document["last"]) == (None, None, None)
