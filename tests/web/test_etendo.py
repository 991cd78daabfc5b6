"""Etendo RX's asynchronous processes over real HTTP, with a real daemon and real processes."""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.conftest import Jobctl, StartDaemon, wait_until
from tests.web.conftest import StartServe

Entries = list[dict[str, Any]]
FINAL = {"DONE", "ERROR", "REJECTED"}


def start(client: httpx.Client, name: str, data: object = None, **parameters: str) -> str:
    answer = client.post("/async-process/", params={"process": name, **parameters}, json=data)
    assert answer.status_code == 202, answer.text
    assert set(answer.json()) == {"id", "status"} and answer.json()["status"] == "OK"
    found = str(answer.json()["id"])
    assert re.fullmatch("[0-9A-F]{32}", found)
    return found


def entries(client: httpx.Client, process: str) -> Entries:
    answer = client.get(f"/async-process/{process}")
    assert answer.status_code == 200, answer.text
    found: Entries = answer.json()
    return found


def states(found: Entries) -> list[str]:
    """Oldest first."""
    return [entry["state"] for entry in reversed(found)]


def ended(client: httpx.Client, process: str) -> Entries:
    found: Entries = wait_until(
        lambda: (known := entries(client, process)) and known[0]["state"] in FINAL and known, what="the process is over"
    )
    return found


def told(lines: Iterator[str]) -> Iterator[dict[str, Any]]:
    """The data of each event."""
    for line in lines:
        if line.startswith("data: "):
            yield json.loads(line.removeprefix("data: "))


def test_a_process_is_queued_and_its_history_told(jobctl: Jobctl, daemon: StartDaemon, client: httpx.Client) -> None:
    jobctl("add", "report", "--command", 'echo "12 rows of $JOBCTL_DATA"', expect=0)
    process = start(client, "report", {"report": {"month": "2026-02"}})
    (accepted,) = entries(client, process)
    assert accepted["state"] == "ACCEPTED" and json.loads(accepted["params"]) == {"report": {"month": "2026-02"}}
    daemon()
    found = ended(client, process)
    assert states(found) == ["ACCEPTED", "STARTED", "DONE"]
    assert found[0]["log"] == '12 rows of {"report": {"month": "2026-02"}}\n'
    for entry in found:
        assert set(entry) == {"id", "asyncProcessId", "state", "time", "description", "log", "params"}
        assert entry["asyncProcessId"] == process and uuid.UUID(entry["id"])
        moment = datetime.strptime(entry["time"], "%d-%m-%Y %H:%M:%S:%f").replace(tzinfo=UTC)
        assert abs((moment - datetime.now(UTC)).total_seconds()) < 60
    assert len({entry["id"] for entry in found}) == 3
    assert entries(client, process) == found  # told again, it is the same
    (row,) = jobctl("monitor", "--json", expect=0).json["system_jobs"]
    assert (row["id"].upper(), row["message_name"], row["created_by"]) == (process, "http", "token:ci")


def test_the_request_of_the_documentation_is_answered(jobctl: Jobctl, serve: StartServe, token: str) -> None:
    """As it is printed there, but for the body; with a hyphenated id, and in the other case."""
    jobctl("add", "noop", "--", "true", expect=0)
    with serve().client() as client:
        headers = {"Host": "localhost:8099", "X-TOKEN": token, "Content-Type": "application/json"}
        answer = client.post("/async-process/?process=noop", headers=headers, content=b"{\n}")
        process = str(answer.json()["id"])
        for written in (process, process.lower(), str(uuid.UUID(process))):
            assert client.get(f"/async-process/{written}", headers={"X-TOKEN": token}).status_code == 200
        assert client.post("/async-process?process=noop", headers=headers).status_code == 202


def test_each_end_has_its_state(jobctl: Jobctl, daemon: StartDaemon, client: httpx.Client, tmp_path: Path) -> None:
    jobctl("add", "fails", "--command", "echo broken >&2; exit 3", expect=0)
    jobctl("add", "again", "--retries", "1", "--retry-delay", "0s", "--command", "echo try; exit 4", expect=0)
    jobctl("add", "waits", "--", "sleep", "100", expect=0)
    daemon()
    failed = ended(client, start(client, "fails"))
    assert states(failed) == ["ACCEPTED", "STARTED", "ERROR"] and failed[0]["log"] == "broken\n"
    retried = ended(client, start(client, "again"))
    assert states(retried) == ["ACCEPTED", "STARTED", "RETRY", "STARTED", "ERROR"]
    assert retried[2]["log"] == "try\n" and "attempt 1" in retried[2]["description"]
    process = start(client, "waits")
    wait_until(lambda: states(entries(client, process)) == ["ACCEPTED", "STARTED"])
    jobctl("cancel", f"id:{process}", expect=0)
    assert states(ended(client, process)) == ["ACCEPTED", "STARTED", "REJECTED"]


def test_what_waits_says_so(jobctl: Jobctl, client: httpx.Client, daemon: StartDaemon) -> None:
    jobctl("add", "tokened", "--token", "ledger", "--", "true", expect=0)
    first, second = start(client, "tokened"), start(client, "tokened")
    assert states(entries(client, first)) == ["ACCEPTED"]
    found = entries(client, second)
    assert states(found) == ["ACCEPTED", "WAITING"] and "waits for 1 to end" in found[0]["description"]
    jobctl("postpone", "1", "--for", "1h", expect=0)
    found = entries(client, first)
    assert states(found) == ["ACCEPTED", "WAITING"] and "postponed by user:" in found[0]["description"]
    jobctl("run", "tokened", "--at", "in 1h", expect=0)
    later = jobctl("show", "3", "--json", expect=0).json["system_job"]["id"]
    assert states(entries(client, later)) == ["ACCEPTED", "WAITING"]
    daemon()
    jobctl("resume", "1", expect=0)
    assert states(ended(client, first)) == ["ACCEPTED", "WAITING", "STARTED", "DONE"]
    assert states(ended(client, second)) == ["ACCEPTED", "STARTED", "DONE"]


def test_what_stood_still_goes_on(jobctl: Jobctl, client: httpx.Client, daemon: StartDaemon, tmp_path: Path) -> None:
    go = tmp_path / "go"
    jobctl("add", "slow", "--command", f"until test -e {go}; do sleep 0.02; done", expect=0)
    daemon()
    process = start(client, "slow")
    wait_until(lambda: states(entries(client, process)) == ["ACCEPTED", "STARTED"])
    jobctl("pause", f"id:{process}", "--wait", expect=0)
    assert states(entries(client, process)) == ["ACCEPTED", "STARTED", "WAITING"]
    jobctl("resume", f"id:{process}", expect=0)
    go.touch()
    assert states(ended(client, process)) == ["ACCEPTED", "STARTED", "WAITING", "STARTED", "DONE"]


def test_callers_bring_their_own_ids(jobctl: Jobctl, client: httpx.Client) -> None:
    jobctl("add", "noop", "--", "true", expect=0)
    jobctl("add", "other", "--", "true", expect=0)
    own = str(uuid.uuid4())
    assert start(client, "noop", {"a": 1}, run_id=own) == own.replace("-", "").upper()
    assert start(client, "noop", {"a": 1}, run_id=own.upper()) == own.replace("-", "").upper()
    assert len(jobctl("monitor", "--json", expect=0).json["system_jobs"]) == 1
    for name, data in (("noop", {"a": 2}), ("noop", None), ("other", {"a": 1})):
        refused = client.post("/async-process/", params={"process": name, "run_id": own}, json=data)
        assert refused.status_code == 409 and "system job 1" in refused.json()["error"]["message"]


@pytest.mark.parametrize(
    ("method", "address", "body", "status", "words"),
    [
        ("POST", "/async-process/", "{}", 400, "name a job"),
        ("POST", "/async-process/?process=", "{}", 400, "name a job"),
        ("POST", "/async-process/?process=raport", "{}", 404, "did you mean 'report'?"),
        ("POST", "/async-process/?process=adhoc", "{}", 404, "no job named 'adhoc'"),
        ("POST", "/async-process/?process=report&process=report", "{}", 400, "more than once"),
        ("POST", "/async-process/?process=report&proces=x", "{}", 400, "did you mean 'process'?"),
        ("POST", "/async-process/?process=report%00", "{}", 400, "control character"),
        ("POST", "/async-process/?process=%ff", "{}", 400, "not percent-encoded UTF-8"),
        ("POST", "/async-process/?process=report&run_id=7", "{}", 400, "run_id is a UUID"),
        ("POST", "/async-process/?process=report", "{", 400, "not valid JSON"),
        ("POST", "/async-process/?process=report", '{"a": 1, "a": 2}', 400, "a key appears twice"),
        ("POST", "/async-process/?process=report", "NaN", 400, "NaN"),
        ("POST", "/async-process/?process=report", '"\\ud800"', 400, "not valid JSON"),
        ("POST", "/async-process/?process=report", "[" * 65 + "]" * 65, 400, "nested deeper than 64"),
        ("POST", "/async-process/?process=report", "[" * 500_000, 400, "nested deeper than 64"),
        ("POST", "/async-process/?process=report", json.dumps("x" * 1_048_600), 400, "larger than 1 MiB"),
        ("GET", "/async-process/00000000000000000000000000000000", None, 404, "no process with that id"),
        ("GET", "/async-process/1", None, 404, "no process with that id"),
        ("GET", "/async-process/..%2f..%2fetc%2fpasswd", None, 404, "nothing is found"),
        ("GET", "/async-process/sse/00000000000000000000000000000000", None, 404, "no process with that id"),
        ("GET", "/async-process/latest?limit=3", None, 400, "no parameter 'limit'"),
        ("GET", "/async-process/", None, 405, "it takes POST"),
        ("DELETE", "/async-process/latest", None, 405, "it takes GET, HEAD"),
        ("POST", "/async-process-execution/", "{}", 404, "nothing is found"),
    ],
)
def test_bad_requests_are_one_sentence_and_start_nothing(
    asked: httpx.Client, method: str, address: str, body: str | None, status: int, words: str
) -> None:
    headers = {} if body is None else {"Content-Type": "application/json"}
    answer = asked.request(method, address, content=body, headers=headers)
    assert answer.status_code == status, answer.text
    document = answer.json()
    if address.startswith("/async-process/"):
        assert document["status"] == "ERROR"
    assert set(document["error"]) == {"code", "message"}
    assert words in document["error"]["message"]
    assert asked.get("/async-process/latest").json() == []


@pytest.fixture(scope="module")
def asked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    """A client of a server whose home has a job `report`, for what changes nothing."""
    from jobctl import control
    from jobctl.model import Definition
    from tests.cli.history import Past
    from tests.web.serving import listening

    with Past(tmp_path_factory.mktemp("home")) as past:
        control.add_job(past.store, "report", Definition(argv=("true",)))
        with listening(past.store.database.config.home) as found:
            base = found.base.removesuffix("/api/data/v9.0/")
            with httpx.Client(base_url=base, headers=found.headers, timeout=30) as made:
                yield made


def test_the_latest_are_those_that_changed_last(jobctl: Jobctl, client: httpx.Client, daemon: StartDaemon) -> None:
    jobctl("add", "noop", "--", "true", expect=0)
    jobctl("add", "waits", "--", "sleep", "100", expect=0)
    first = start(client, "noop")
    assert client.get("/async-process/latest").json() == []  # nothing is known of it but that it came
    daemon()
    ended(client, first)
    running = start(client, "waits")
    wait_until(lambda: states(entries(client, running)) == ["ACCEPTED", "STARTED"])
    found = client.get("/async-process/latest").json()
    assert [(one["id"], one["state"]) for one in found] == [(running, "STARTED"), (first, "DONE")]
    assert all(set(one) == {"id", "lastUpdate", "description", "state"} for one in found)
    jobctl("cancel", f"id:{running}", "--wait", expect=0)
    assert client.get("/async-process/latest").json()[0]["state"] == "REJECTED"


def test_a_stream_tells_each_entry_and_ends_with_the_process(
    jobctl: Jobctl, client: httpx.Client, daemon: StartDaemon, tmp_path: Path
) -> None:
    go = tmp_path / "go"
    report = f"jobctl report --stage rendering --progress 40; until test -e {go}; do sleep 0.02; done"
    report = report.replace("jobctl report", " ".join([*jobctl.command("report")]))
    jobctl("add", "slow", "--env", f"PYTHONPATH={jobctl.environment['PYTHONPATH']}", "--command", report, expect=0)
    process = start(client, "slow")
    with client.stream("GET", f"/async-process/sse/{process}") as stream:
        assert stream.headers["content-type"].startswith("text/event-stream")
        events = told(stream.iter_lines())
        assert next(events)["state"] == "ACCEPTED"
        daemon()
        begun = next(events)
        assert (begun["state"], begun["description"]) == ("STARTED", "running")
        while "rendering, 40 %" not in (said := next(events))["description"]:
            pass
        assert said["id"] == begun["id"]
        go.touch()
        rest = [event["state"] for event in events]
        assert rest[-1] == "DONE" and set(rest[:-1]) <= {"STARTED"}
    last = entries(client, process)[0]["id"]
    again = client.get(f"/async-process/sse/{process}", headers={"Last-Event-ID": last})
    assert again.status_code == 204  # a browser does not ask again then
    second = entries(client, process)[1]["id"]
    rest_of_it = client.get(f"/async-process/sse/{process}", headers={"Last-Event-ID": second}).text
    assert [event["state"] for event in told(iter(rest_of_it.splitlines()))] == ["DONE"]


def test_a_stream_ends_when_its_token_is_revoked(jobctl: Jobctl, client: httpx.Client) -> None:
    jobctl("add", "noop", "--", "true", expect=0)
    process = start(client, "noop")
    with client.stream("GET", f"/async-process/sse/{process}") as stream:
        lines = stream.iter_lines()
        assert next(told(lines))["state"] == "ACCEPTED"
        jobctl("token", "revoke", "ci", expect=0)
        assert [line for line in lines if line.startswith("data")] == []


def test_hostile_output_stays_text(jobctl: Jobctl, client: httpx.Client, daemon: StartDaemon) -> None:
    jobctl("add", "hostile", "--command", r"printf '</script>\n\ndata: x\n\033[2J\377'", expect=0)
    daemon()
    process = start(client, "hostile", {"<b>": "\u2028"})
    found = ended(client, process)
    assert found[0]["log"] == "</script>\n\ndata: x\n\x1b[2J\ufffd"
    with client.stream("GET", f"/async-process/sse/{process}") as stream:
        assert [event["state"] for event in told(stream.iter_lines())] == ["ACCEPTED", "STARTED", "DONE"]


def test_parameters_that_there_are_not_are_named(jobctl: Jobctl, client: httpx.Client) -> None:
    jobctl("add", "noop", "--", "true", expect=0)
    process = start(client, "noop")
    for address in (process, "latest", f"sse/{process}"):
        refused = client.get(f"/async-process/{address}", params={"limit": "1"})
        assert refused.status_code == 400 and "no parameter 'limit'" in refused.json()["error"]["message"], address
