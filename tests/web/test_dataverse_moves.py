"""PATCH and DELETE of the Dataverse dialect: what leads where from each state, and what is refused."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import hypothesis.strategies as st
import pytest
from hypothesis import HealthCheck, given, settings

from jobctl.clock import from_datetime
from jobctl.model import OPERATION_BULK_DELETE, Reason, State, Status, SystemJob
from tests.cli.history import HOUR, Past
from tests.conftest import Jobctl, StartDaemon, WaitUntil
from tests.web.serving import Dataverse, serve

LATER = (datetime.now(UTC) + timedelta(days=30)).isoformat(timespec="seconds").replace("+00:00", "Z")
RUNNER = "0" * 16
STANDINGS: dict[str, tuple[Status, dict[str, Any]]] = {
    "ready": (Status.WAITING_FOR_RESOURCES, {}),
    "scheduled": (Status.WAITING, {"reason": "scheduled"}),
    "postponed": (Status.WAITING, {"reason": "postponed"}),
    "paused": (Status.WAITING, {"reason": "paused", "runner_id": RUNNER}),
    "canceling": (Status.WAITING, {"reason": "canceling", "runner_id": RUNNER}),
    "retrying": (Status.WAITING, {"reason": "retrying"}),
    "waiting_for_event": (Status.WAITING, {"reason": "waiting_for_event", "event": "orders"}),
    "after": (Status.WAITING, {"reason": "after"}),
    "held": (Status.WAITING, {"reason": "held"}),
    "running": (Status.IN_PROGRESS, {}),
    "pausing": (Status.PAUSING, {}),
    "being canceled": (Status.CANCELING, {}),
    "succeeded": (Status.SUCCEEDED, {}),
    "failed": (Status.FAILED, {"reason": "exit"}),
    "canceled": (Status.CANCELED, {"reason": "user"}),
    "maintenance, ready": (Status.WAITING_FOR_RESOURCES, {"platform": 1, "operation_type": 14}),
    "maintenance, suspended": (Status.WAITING, {"reason": "postponed", "platform": 1, "operation_type": 14}),
    "maintenance, running": (Status.IN_PROGRESS, {"platform": 1, "operation_type": 14}),
    "purge, running": (Status.IN_PROGRESS, {"operation_type": OPERATION_BULK_DELETE}),
}
"""Every state, status and reason that a request may meet."""
SUSPENDED = {"scheduled", "postponed", "paused", "retrying", "waiting_for_event", "after", "held"}
REQUESTS: dict[str, tuple[dict[str, Any], set[str]]] = {
    "resume": ({"statecode": 0, "statuscode": 0}, SUSPENDED),
    "resume, by state alone": ({"statecode": 0}, SUSPENDED),
    "pause": ({"statecode": 1, "statuscode": 10}, {"running", "pausing"}),
    "pause, by state alone": ({"statecode": 1}, {"running", "pausing"}),
    "pause, by its own status": ({"statuscode": 21}, {"running", "pausing"}),
    "cancel": (
        {"statecode": 3, "statuscode": 32},
        SUSPENDED | {"canceling", "ready", "running", "pausing", "being canceled", "purge, running"},
    ),
    "cancel, by status alone": (
        {"statuscode": 22},
        SUSPENDED | {"canceling", "ready", "running", "pausing", "being canceled", "purge, running"},
    ),
    "postpone": (
        {"statecode": 1, "statuscode": 10, "postponeuntil": LATER},
        SUSPENDED | {"ready", "running", "pausing", "maintenance, ready", "maintenance, suspended"},
    ),
    "postpone, by its instant alone": (
        {"postponeuntil": LATER},
        SUSPENDED | {"ready", "running", "pausing", "maintenance, ready", "maintenance, suspended"},
    ),
}
"""What is asked, and where it is legal (seed: operations by state; nothing of the platform's is paused or canceled)."""


@pytest.fixture(scope="module")
def past(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Past]:
    with Past(tmp_path_factory.mktemp("home")) as made:
        yield made


def plant(past: Past, standing: str) -> int:
    status, columns = STANDINGS[standing]
    job = past.store.job_id("work") or past.job("work")
    return past.add(job, status, due_at=past.now + HOUR, **columns)


@pytest.fixture(scope="module")
def service(past: Past) -> Iterator[Dataverse]:
    yield from serve(past.store.database.config.home)


@pytest.mark.parametrize("standing", STANDINGS)
@pytest.mark.parametrize("request_", REQUESTS)
def test_each_change_is_made_where_it_is_legal_and_nowhere_else(
    past: Past, service: Dataverse, request_: str, standing: str
) -> None:
    body, legal = REQUESTS[request_]
    number = plant(past, standing)
    before = past.store.system_job(number)
    answer = service.send("PATCH", address(before.id), body)
    after = past.store.find_system_job(number)
    assert after is not None
    if standing in legal:
        assert answer.status_code == 204, answer.text
        assert answer.headers["OData-EntityId"] == f"{service.base}{address(before.id)}"
        assert after != before and after.modified_by == "token:ci"
        assert_moved(before.state, after, body)
    else:
        assert answer.status_code == 409, answer.text
        error = answer.json()["error"]
        assert error["code"] == "0x80048408" and f"system job {number} is " in error["message"]
        assert "is not legal; legal: " in error["message"] or "nothing was" in error["message"]
        assert after == before


def assert_moved(was: State, after: SystemJob, body: dict[str, Any]) -> None:
    """It is where the change was to lead, or on the way there."""
    if "postponeuntil" in body:
        until = from_datetime(datetime.fromisoformat(body["postponeuntil"]))
        assert after.pause_until == until if was is State.LOCKED else after.due_at == until
        assert after.status is (Status.PAUSING if was is State.LOCKED else Status.WAITING)
    elif body.get("statuscode") in (32, 22):
        assert after.status in (Status.CANCELED, Status.CANCELING) or after.reason is Reason.CANCELING
    elif body.get("statecode") == 0:
        assert after.state is State.READY
    else:
        assert after.status is Status.PAUSING


def address(identifier: str) -> str:
    return f"asyncoperations({UUID(identifier)})"


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({"statecode": 3}, "statuscode 30 (what statecode 3 means alone) is reached by running"),
        ({"statecode": 2}, "statuscode 20 (what statecode 2 means alone)"),
        ({"statuscode": 31}, "statuscode 31 is reached by running, not by asking"),
        ({"statecode": 0, "statuscode": 32}, "statuscode 32 belongs to statecode 3, not 0"),
        ({"statecode": 4}, "statecode is one of 0, 1, 2, 3, not '4'"),
        ({"statecode": True}, "statecode is one of"),
        ({"statecode": "3"}, "statecode is one of"),
        ({"statuscode": 11}, "statuscode is one of 0, 10, 20, 21, 22, 30, 31, 32, not '11'"),
        ({"statecode": 3, "statuscode": 32, "postponeuntil": LATER}, "postponeuntil goes with statecode 1"),
        ({"postponeuntil": None}, "to run it now: statecode 0"),
        ({"postponeuntil": "tomorrow"}, "is no instant; write one as"),
        ({"postponeuntil": 5}, "is an instant such as"),
        ({"postponeuntil": "2001-01-01T00:00:00Z"}, "postpone needs an instant in the future"),
        ({"name": "x"}, "name cannot be changed; of a system job one may change: statecode, statuscode, postponeuntil"),
        ({"stateCode": 3}, "did you mean 'statecode'?"),
        ({}, "nothing to change"),
        ([], "the body is an object"),
    ],
)
def test_a_change_that_nobody_can_ask_for_is_told_why(past: Past, service: Dataverse, body: object, words: str) -> None:
    before = past.store.system_job(plant(past, "ready"))
    answer = service.send("PATCH", address(before.id), body)
    assert answer.status_code == 400 and words in answer.json()["error"]["message"], answer.text
    assert past.store.system_job(before.sequence) == before


@pytest.mark.parametrize(
    ("content", "kind", "words"),
    [
        (b"{", "application/json", "not valid JSON"),
        (b'{"statecode": 0, "statecode": 3}', "application/json", "a key appears twice"),
        (b"\xff", "application/json", "not UTF-8"),
        (b"<x/>", "application/xml", "the body is to be application/json, not 'application/xml'"),
        (b"[" * 100_000, "application/json", "nested deeper than 64"),
    ],
)
def test_a_body_that_cannot_be_read_is_told_why(
    past: Past, service: Dataverse, content: bytes, kind: str, words: str
) -> None:
    row = past.store.system_job(plant(past, "ready"))
    answer = service.client.patch(address(row.id), content=content, headers={"Content-Type": kind})
    status = 400 if kind == "application/json" else 415
    assert answer.status_code == status and words in answer.json()["error"]["message"], answer.text


def test_one_property_is_changed_by_itself(past: Past, service: Dataverse) -> None:
    row = past.store.system_job(plant(past, "ready"))
    assert service.send("PUT", f"{address(row.id)}/postponeuntil", {"value": LATER}).status_code == 204
    assert service.get(f"{address(row.id)}/postponeuntil").json()["value"] == LATER.replace("Z", ".000000Z")
    assert service.send("PUT", f"{address(row.id)}/statuscode", {"value": 32}).status_code == 204
    assert service.get(f"{address(row.id)}/statuscode/$value").text == "32"
    assert service.send("PUT", f"{address(row.id)}/name", {"value": "x"}).status_code == 400
    assert service.send("PUT", f"{address(row.id)}/statecode", {"state": 3}).status_code == 400


def test_a_change_answers_with_the_system_job_where_that_is_preferred(past: Past, service: Dataverse) -> None:
    row = past.store.system_job(plant(past, "scheduled"))
    answer = service.send(
        "PATCH", f"{address(row.id)}?$select=statuscode", {"statecode": 0}, prefer="return=representation"
    )
    assert answer.status_code == 200 and answer.headers["Preference-Applied"] == "return=representation"
    document = answer.json()
    assert document["statuscode"] == 0 and document["@odata.etag"] == answer.headers["ETag"]
    assert document["@odata.context"] == f"{service.base}$metadata#asyncoperations(statuscode)/$entity"


def test_a_change_holds_only_for_the_version_it_was_made_for(past: Past, service: Dataverse) -> None:
    row = past.store.system_job(plant(past, "ready"))
    etag = service.get(address(row.id)).headers["ETag"]
    assert service.get(address(row.id), if_none_match=etag).status_code == 304
    assert service.send("PATCH", address(row.id), {"postponeuntil": LATER}, if_match=etag).status_code == 204
    late = service.send("PATCH", address(row.id), {"statuscode": 32}, if_match=etag)
    assert late.status_code == 412 and late.json()["error"]["code"] == "0x80060882"
    assert "it is suspended (waiting, postponed) now" in late.json()["error"]["message"]
    assert service.send("DELETE", address(row.id), if_match=etag).status_code == 412
    assert service.send("PATCH", address(row.id), {"statuscode": 32}, if_none_match="*").status_code == 412
    assert past.store.system_job(row.sequence).state is State.SUSPENDED
    assert service.send("PATCH", address(row.id), {"statuscode": 32}, if_match="*").status_code == 204


@pytest.mark.parametrize("standing", STANDINGS)
def test_whatever_has_no_process_is_deleted_and_what_has_needs_force(
    past: Past, service: Dataverse, standing: str
) -> None:
    row = past.store.system_job(plant(past, standing))
    answer = service.send("DELETE", address(row.id))
    if not row.has_process:
        assert answer.status_code == 204
        assert service.get(address(row.id)).status_code == 404
        return
    assert answer.status_code == 409 and "add ?force=true" in answer.json()["error"]["message"]
    assert past.store.system_job(row.sequence) == row
    assert service.send("DELETE", f"{address(row.id)}?force=true").status_code == 204
    after = past.store.system_job(row.sequence)
    assert after.delete_requested and (after.status is Status.CANCELING or after.reason is Reason.CANCELING)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)
BODIES: st.SearchStrategy[object] = JSON | st.dictionaries(
    st.sampled_from(["statecode", "statuscode", "postponeuntil", "name", "@odata.type", "QuerySet", "JobName"]),
    st.sampled_from([0, 1, 2, 3, 10, 21, 32, 2**70, LATER, "x", None, True, [], {}, "\ud800"]),
    max_size=3,
)


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(BODIES)
def test_no_body_is_more_than_a_bad_one(past: Past, service: Dataverse, body: object) -> None:
    row = past.store.system_job(plant(past, "ready"))
    assert service.send("PATCH", address(row.id), body).status_code in (204, 400, 409)
    assert service.send("POST", "BulkDelete", body).status_code == 400


# With a daemon and processes


def test_a_running_one_is_paused_resumed_postponed_and_canceled(
    jobctl: Jobctl, daemon: StartDaemon, wait_until: WaitUntil, dataverse: Dataverse, tmp_path: Path
) -> None:
    daemon()
    ticks = tmp_path / "ticks"
    number = int(jobctl("run", "--", "sh", "-c", f"while :; do echo >> {ticks}; sleep 0.02; done", expect=0).stdout)

    def reached(state: int, status: int) -> dict[str, Any]:
        row: dict[str, Any] = wait_until(
            lambda: (row := dataverse.row(number))["statecode"] == state and row["statuscode"] == status and row
        )
        return row

    def change(body: dict[str, Any]) -> None:
        assert dataverse.send("PATCH", dataverse.address(number), body).status_code == 204

    wait_until(ticks.exists)
    change({"statecode": 1, "statuscode": 10})
    assert reached(1, 10)["jobctl_reason"] == "paused"
    stood = ticks.stat().st_size
    change({"statecode": 0, "statuscode": 0})
    reached(2, 20)
    wait_until(lambda: ticks.stat().st_size > stood)
    change({"statecode": 1, "statuscode": 10, "postponeuntil": LATER})
    row = reached(1, 10)
    assert (row["jobctl_reason"], row["postponeuntil"]) == ("postponed", LATER.replace("Z", ".000000Z"))
    change({"statecode": 3, "statuscode": 32})
    row = reached(3, 32)
    assert row["message"] == "canceled by token:ci" and row["completedon"] is not None
    deleted = dataverse.send("DELETE", dataverse.address(number))
    assert deleted.status_code == 204
    assert jobctl("show", number).returncode == 3


def test_a_running_one_is_stopped_before_it_is_deleted(
    jobctl: Jobctl, daemon: StartDaemon, wait_until: WaitUntil, dataverse: Dataverse, tmp_path: Path
) -> None:
    daemon()
    begun = tmp_path / "begun"
    number = int(jobctl("run", "--", "sh", "-c", f"echo $$ > {begun}; exec sleep 100", expect=0).stdout)
    wait_until(lambda: begun.exists() and begun.read_text().strip())
    address = dataverse.address(number)
    assert dataverse.send("DELETE", address).status_code == 409
    assert dataverse.send("DELETE", f"{address}?force=true").status_code == 204
    wait_until(lambda: dataverse.get(address).status_code == 404)
    assert not Path(f"/proc/{begun.read_text().strip()}").exists()
