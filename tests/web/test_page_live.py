"""The streams of the page: rows that change, the log as it is written, and their ends."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.conftest import Jobctl, StartDaemon
from tests.web.browsing import Person
from tests.web.conftest import StartServe

Told = tuple[str, Any]


@pytest.fixture
def person(serve: StartServe, token: str) -> Person:
    return Person(serve(), token)


def events(stream: httpx.Response) -> Iterator[Told]:
    """The name and the document of each event."""
    assert stream.status_code == 200 and stream.headers["content-type"].startswith("text/event-stream")
    name = ""
    for line in stream.iter_lines():
        if line.startswith("event: "):
            name = line.removeprefix("event: ")
        elif line.startswith("data: "):
            text = line.removeprefix("data: ")
            yield name, json.loads(text) if text else None
        elif line == "data:":
            yield name, None


def until(told: Iterator[Told], name: str, words: str) -> Any:
    """The first event of that name that holds the words."""
    for found, document in told:
        if found == name and words in json.dumps(document):
            return document
    raise AssertionError(f"no {name} with {words!r}")


def test_rows_change_as_their_system_jobs_do(jobctl: Jobctl, daemon: StartDaemon, person: Person) -> None:
    jobctl("add", "noop", "--", "true", expect=0)
    jobctl("add", "hostile", "--command", "exit 3", "--description", "<script>", expect=0)
    with person.client.stream("GET", "/monitor/live") as stream:
        told = events(stream)
        name, first = next(told)
        assert name == "rows" and first["order"] == [] and "No daemon is running" in first["pieces"]["totals"]
        jobctl("run", "noop", expect=0)
        change = until(told, "rows", 'id=\\"r1\\"')
        assert change["order"] == [1] and change["told"] == ["1 noop: ready"]
        daemon()
        change = until(told, "rows", "succeeded")
        assert change["told"] == ["1 noop: succeeded"] and list(change["rows"]) == ["1"]
        jobctl("run", "--", "sh", "-c", "exit 4 # <script>", expect=0)
        change = until(told, "rows", "exit 4)")
        assert change["order"] == [2, 1] and "&lt;script&gt;" in change["rows"]["2"]
        assert "<script" not in change["rows"]["2"]


def test_a_filter_holds_for_the_stream_too(jobctl: Jobctl, daemon: StartDaemon, person: Person) -> None:
    jobctl("add", "noop", "--", "true", expect=0)
    jobctl("add", "fails", "--", "false", expect=0)
    daemon()
    with person.client.stream("GET", "/monitor/live?status=failed") as stream:
        told = events(stream)
        assert next(told)[1]["order"] == []
        for name in ("noop", "fails", "noop"):
            jobctl("run", name, "--wait")
        while not (change := next(told)[1])["order"]:
            pass
        assert change["order"] == [2]
    assert person.get("/monitor/live?status=faild").status_code == 400


def test_output_is_told_as_it_is_written(jobctl: Jobctl, daemon: StartDaemon, person: Person, tmp_path: Path) -> None:
    go = tmp_path / "go"
    script = f"echo '<b>one</b>'; until test -e {go}; do sleep 0.02; done; printf '\\033[1mtwo' >&2; exit 3"
    jobctl("add", "slow", "--command", script, expect=0)
    daemon()
    jobctl("run", "slow", expect=0)
    with person.client.stream("GET", "/monitor/1/live?from=0.0") as stream:
        told = events(stream)
        parts = until(told, "log", "one")
        assert parts == [{"attempt": 1, "stderr": False, "text": "<b>one</b>\n", "left_out": 0}]
        go.touch()
        found: list[Told] = list(told)
    names = [name for name, _ in found]
    (last,) = [document for name, document in found if name == "log"]
    assert [(part["stderr"], part["text"]) for part in last] == [(True, "two")]
    assert names[-1] == "over"
    pieces: dict[str, str] = {}
    for name, document in found:
        if name == "pieces":
            pieces |= document["pieces"]  # what did not change is not sent again
    assert "failed (exit 3)" in pieces["standing"] and "rerun" in pieces["actions"]
    assert "1 slow: failed (exit 3)" in [
        sentence for name, one in found if name == "pieces" for sentence in one["told"]
    ]


def test_a_browser_that_knows_the_end_is_told_not_to_come_back(
    jobctl: Jobctl, daemon: StartDaemon, person: Person
) -> None:
    jobctl("add", "says", "--command", "echo out", expect=0)
    daemon()
    jobctl("run", "says", "--wait", expect=0)
    with person.client.stream("GET", "/monitor/1/live") as stream:
        lines = list(stream.iter_lines())
    assert "event: over" in lines
    place = [line.removeprefix("id: ") for line in lines if line.startswith("id: ")][-1]
    again = person.client.get("/monitor/1/live", headers={"Last-Event-ID": place})
    assert again.status_code == 204
    part = person.client.get("/monitor/1/live", headers={"Last-Event-ID": "1.1"}).text
    assert '"text": "ut\\n"' in part
    for odd in ("x", "1", "1.-1", "9" * 40, "é.1"):
        assert "event: over" in person.client.get("/monitor/1/live", params={"from": odd}).text


def test_a_stream_ends_with_its_session(jobctl: Jobctl, person: Person) -> None:
    jobctl("add", "noop", "--", "true", expect=0)
    with person.client.stream("GET", "/monitor/live") as stream:
        told = events(stream)
        next(told)
        jobctl("token", "revoke", "ci", expect=0)
        assert list(told) == []
    assert person.get("/monitor/live").status_code == 303


def test_a_system_job_that_is_deleted_ends_its_stream(jobctl: Jobctl, person: Person) -> None:
    jobctl("add", "noop", "--", "true", expect=0)
    jobctl("run", "noop", "--at", "in 1h", expect=0)
    with person.client.stream("GET", "/monitor/1/live") as stream:
        told = events(stream)
        assert next(told)[0] == "pieces"
        jobctl("delete", "1", expect=0)
        list(told)
    assert person.client.get("/monitor/1/live", headers={"Accept": "text/event-stream"}).status_code == 404
