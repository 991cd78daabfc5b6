"""What a person asks for on the page, with a real daemon: the same rules, refusals and scopes as the command line."""

from __future__ import annotations

from datetime import datetime, timedelta
from html import unescape
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Jobctl, StartDaemon, wait_until
from tests.web.browsing import Person, check_page
from tests.web.conftest import StartServe
from tests.web.serving import Served, make_token

MOVES = ("cancel", "pause", "postpone", "rerun", "resume")


@pytest.fixture
def served(serve: StartServe) -> Served:
    return serve()


@pytest.fixture
def person(served: Served, token: str) -> Person:
    return Person(served, token)


def row(jobctl: Jobctl, sequence: int) -> dict[str, Any]:
    found: dict[str, Any] = jobctl("show", sequence, "--json", expect=0).json["system_job"]
    return found


def is_now(jobctl: Jobctl, sequence: int, status: str) -> None:
    wait_until(lambda: row(jobctl, sequence)["status"] == status, what=f"{sequence} is {status}")


def test_a_job_is_run_watched_and_run_again(jobctl: Jobctl, daemon: StartDaemon, person: Person) -> None:
    jobctl("add", "fails", "--command", "echo broken >&2; exit 3", expect=0)
    daemon()
    sent = person.send("/monitor/jobs", "/monitor/jobs/fails/run")
    assert (sent.status_code, sent.headers["location"]) == (303, "/monitor/1?done=run")
    is_now(jobctl, 1, "failed")
    text = person.page(sent.headers["location"])
    assert "Submitted as 1." in text and "failed (exit 3)" in text and '<span class="stderr">broken' in text
    assert person.offers("/monitor/1") == {"rerun"}
    again = person.send("/monitor/1", "/monitor/1/rerun")
    assert again.headers["location"] == "/monitor/2?done=rerun&of=1"
    assert row(jobctl, 2)["rerun_of"] == 1 and row(jobctl, 2)["created_by"] == "token:ci"
    assert "This is the new run." in person.page(again.headers["location"])


def test_one_that_runs_is_paused_resumed_and_canceled(jobctl: Jobctl, daemon: StartDaemon, person: Person) -> None:
    jobctl("add", "slow", "--", "sleep", "100", expect=0)
    daemon()
    jobctl("run", "slow", expect=0)
    is_now(jobctl, 1, "in_progress")
    wait_until(lambda: row(jobctl, 1)["started_on"])
    assert person.offers("/monitor/1") == {"pause", "postpone", "cancel"}
    person.send("/monitor/1", "/monitor/1/pause")
    wait_until(lambda: row(jobctl, 1)["reason"] == "paused")
    assert person.offers("/monitor/1") == {"resume", "postpone", "cancel"}
    person.send("/monitor/1", "/monitor/1/postpone", until="2099-05-06T07:08", **{"for": ""})
    assert ">2099-05-06 07:08<" in person.page("/monitor")  # when it goes on, not when it began
    person.send("/monitor/1", "/monitor/1/resume")
    is_now(jobctl, 1, "in_progress")
    done = person.send("/monitor/1", "/monitor/1/cancel")
    assert "1 is canceled" in person.page(done.headers["location"])
    is_now(jobctl, 1, "canceled")


def test_the_next_occurrence_is_postponed_as_on_the_command_line(jobctl: Jobctl, person: Person) -> None:
    jobctl("add", "nightly", "--cron", "30 2 * * *", "--", "true", expect=0)
    until = (datetime.now() + timedelta(days=3)).replace(second=0, microsecond=0)
    sent = person.send("/monitor/1", "/monitor/1/postpone", until=f"{until:%Y-%m-%dT%H:%M}", **{"for": ""})
    assert sent.headers["location"] == "/monitor/1?done=postpone&of=1"
    found = row(jobctl, 1)
    assert found["reason"] == "postponed" and datetime.fromisoformat(found["due_at"]) == until.astimezone()
    person.send("/monitor/1", "/monitor/1/postpone", **{"for": "2h"})
    later = datetime.fromisoformat(row(jobctl, 1)["due_at"])
    assert later == until.astimezone() + timedelta(hours=2)


def test_a_run_may_have_data_and_a_time(jobctl: Jobctl, person: Person) -> None:
    jobctl("add", "report", "--", "true", expect=0)
    place = "/monitor/jobs/report/run"
    sent = person.send("/monitor/jobs/report", place, data=' {"a": "<b2>"} ', at="2099-01-01T09:00")
    assert sent.status_code == 303
    found = row(jobctl, 1)
    assert (found["data"], found["reason"], found["message_name"]) == ({"a": "<b2>"}, "scheduled", "http")
    for data, words in (("{", "not valid JSON"), ('{"a": 1, "a": 2}', "a key appears twice")):
        refused = person.send("/monitor/jobs/report", place, data=data)
        assert refused.status_code == 400 and words in unescape(refused.text)
        assert data in check_page(refused).text  # what was typed is still there
    assert len(jobctl("monitor", "--json", expect=0).json["system_jobs"]) == 1


def test_a_schedule_rests_and_ends(jobctl: Jobctl, person: Person) -> None:
    jobctl("add", "hourly", "--every", "1h", "--start", "2099-01-01T00:00Z", "--", "true", expect=0)
    place = "/monitor/jobs/hourly/unschedule"
    rested = person.send("/monitor/jobs/hourly", place, rest="yes", until="2099-02-01T00:00", reason="moving <disks>")
    assert rested.headers["location"] == "/monitor/jobs/hourly?done=rest"
    assert "rests" in person.page(rested.headers["location"])
    plan = jobctl("show", "hourly", "--json", expect=0).json["job"]["schedule"]
    assert plan["active"] and plan["pause_reason"] == "moving <disks>"
    assert person.send("/monitor/jobs/hourly", place, rest="yes", until="").status_code == 400
    assert "do-wake" in person.page("/monitor/jobs/hourly") and ">rests<" in person.page("/monitor/jobs")
    for past in ("now", "2020-01-01T00:00"):
        woken = person.send("/monitor/jobs/hourly", place, rest="yes", until=past)
        assert "goes on" in person.page(woken.headers["location"])
        assert "do-wake" not in person.page("/monitor/jobs/hourly") and ">rests<" not in person.page("/monitor/jobs")
    ended = person.send("/monitor/jobs/hourly", place)
    assert "has ended" in person.page(ended.headers["location"])
    assert not jobctl("show", "hourly", "--json", expect=0).json["job"]["schedule"]["active"]
    assert row(jobctl, 1)["reason"] == "unscheduled"
    refused = person.post(place, form_key=person.key())
    assert refused.status_code == 409 and "has no schedule" in check_page(refused).text


def test_what_rests_until_further_notice_says_no_more(jobctl: Jobctl, person: Person) -> None:
    jobctl("add", "once", "--at", "2099-01-01T00:00Z", "--", "true", expect=0)
    jobctl("unschedule", "once", "--until", "9999-12-30T23:59:59.999999Z", expect=0)  # as Azure's disabled ones
    for view in ("/monitor", "/monitor/1", "/monitor/jobs", "/monitor/jobs/once", "/monitor/month?month=2099-01"):
        text = check_page(person.get(view)).text
        assert "until further notice" in text and "9999" not in text
    for command in (("list",), ("show", "once"), ("why", "once"), ("next", "once")):
        shown = jobctl(*command, expect=0).stdout
        assert "9999" not in shown and ("until further notice" in shown or command == ("list",))


def test_what_is_not_legal_is_refused_as_by_the_command(jobctl: Jobctl, person: Person, daemon: StartDaemon) -> None:
    jobctl("add", "noop", "--", "true", expect=0)
    daemon()
    jobctl("run", "noop", "--wait", expect=0)
    jobctl("run", "noop", "--at", "in 1h", expect=0)
    key = person.key()
    for sequence, illegal in ((1, ("cancel", "pause", "resume", "postpone")), (2, ("pause", "rerun"))):
        for verb in illegal:
            options = ("--for", "1h") if verb == "postpone" else ()
            said = jobctl(verb, sequence, *options, expect=4).stderr
            before = row(jobctl, sequence)
            answer = person.post(f"/monitor/{sequence}/{verb}", form_key=key, **{"for": "1h"})
            checked = check_page(answer)
            assert answer.status_code == 409 and row(jobctl, sequence) == before
            assert f"system job {sequence} is " in checked.text and f"{verb} is not legal; legal: " in checked.text
            assert said.strip().removeprefix("jobctl: ").removeprefix("error: ") in checked.text
    for fields, words in (
        ({"until": "2001-01-01T00:00"}, "postpone needs an instant in the future"),
        ({"until": "03/04/2099"}, "leaves the order of day and month open"),
        ({"for": "0s"}, "above zero"),
        ({"for": "9000000d"}, "longer than the calendar"),
        ({"for": "2930000d"}, "beyond the year 9999"),
        ({}, "give either"),
        ({"until": "2099-01-01T00:00", "for": "1h"}, "give either"),
        ({"until": "\x1b[2J"}, "control character"),
    ):
        answer = person.post("/monitor/2/postpone", form_key=key, **fields)
        assert answer.status_code == 400 and words in check_page(answer).text, fields
    assert person.post("/monitor/99/cancel", form_key=key).status_code == 404
    assert person.post("/monitor/1/explode", form_key=key).status_code == 404
    assert person.post("/monitor/jobs/nop/run", form_key=key).status_code == 404


def test_each_scope_allows_its_own(jobctl: Jobctl, served: Served) -> None:
    jobctl("add", "hourly", "--every", "1h", "--start", "2099-01-01T00:00Z", "--", "true", expect=0)
    jobs = {"/monitor/jobs/hourly/run": "submit", "/monitor/jobs/hourly/unschedule": "manage"}
    actions = {**jobs, **{f"/monitor/1/{verb}": "manage" for verb in MOVES}}
    for scopes in ((), ("submit",), ("manage",)):
        person = Person(served, make_token(jobctl, "-".join(("may", *scopes)), "read", *scopes))
        key = person.page("/monitor/jobs").partition('name="form_key" value="')[2][:64]
        assert ("run" in person.offers("/monitor/jobs/hourly")) == ("submit" in scopes)
        assert ("unschedule" in person.offers("/monitor/jobs/hourly")) == ("manage" in scopes)
        assert bool(person.offers("/monitor/1")) == ("manage" in scopes)
        for action, scope in actions.items():
            if scope in scopes:
                continue
            answer = person.post(action, form_key=key)
            assert answer.status_code == 403 and f"this needs the scope {scope}" in check_page(answer).text
    assert [one["sequence"] for one in jobctl("monitor", "--json", expect=0).json["system_jobs"]] == [1]


def test_who_may_change_but_not_read_is_not_shown_anything(jobctl: Jobctl, served: Served) -> None:
    jobctl("add", "secret", "--every", "1h", "--start", "2099-01-01T00:00Z", "--", "true", expect=0)
    headers = {"X-TOKEN": make_token(jobctl, "blind", "submit", "manage")}
    with served.client() as client:
        for action, status in (("/monitor/1/pause", 409), ("/monitor/jobs/secret/run", 400)):
            answer = client.post(action, headers=headers, data={"data": "{"})
            assert answer.status_code == status and "form" not in answer.text.replace("form-action", "")


def test_a_cookie_alone_changes_nothing(jobctl: Jobctl, person: Person) -> None:
    jobctl("add", "noop", "--", "true", expect=0)
    for fields in ({}, {"form_key": "0" * 64}):
        answer = person.post("/monitor/jobs/noop/run", **fields)
        assert answer.status_code == 403 and "load the page anew" in check_page(answer).text
    elsewhere = person.client.post(
        "/monitor/jobs/noop/run", data={"form_key": person.key()}, headers={"Origin": "http://evil.example"}
    )
    assert elsewhere.status_code == 403
    assert jobctl("monitor", "--json", expect=0).json["system_jobs"] == []


def test_output_stays_text_however_hostile(jobctl: Jobctl, daemon: StartDaemon, person: Person, tmp_path: Path) -> None:
    hostile = tmp_path / "hostile"
    hostile.write_bytes(
        b"</pre><script>alert(1)</script>\n\x1b[31mred\x1b[0m\x1b]0;title\x07\x1b[2J\r\n\xff\xfe\xe2\x80\xae&amp;\n"
    )
    jobctl("add", "hostile", "--", "cat", hostile, expect=0)
    daemon()
    jobctl("run", "hostile", "--wait", expect=0)
    checked = check_page(person.get("/monitor/1"))
    assert "</pre><script>alert(1)</script>\nred\\x1b]0;title\\x07\\x1b[2J\n\\xff\\xfe\\u202e&amp;\n" in checked.text
    whole = person.get("/monitor/1/log")
    assert whole.content == hostile.read_bytes() and whole.headers["content-type"] == "text/plain; charset=utf-8"
    assert whole.headers["x-content-type-options"] == "nosniff"


def test_long_output_is_cut_to_its_last_lines(jobctl: Jobctl, daemon: StartDaemon, person: Person) -> None:
    jobctl("add", "long", "--command", "seq 1 3000", expect=0)
    daemon()
    jobctl("run", "long", "--wait", expect=0)
    text = check_page(person.get("/monitor/1")).text
    assert "2500\n" not in text and "2501\n" in text and "3000\n" in text
    assert "the last 500 lines" in text
    assert person.get("/monitor/1/log").text.splitlines() == [str(number) for number in range(1, 3001)]


def test_without_a_daemon_the_page_says_so(jobctl: Jobctl, person: Person) -> None:
    jobctl("add", "noop", "--", "true", expect=0)
    person.send("/monitor/jobs", "/monitor/jobs/noop/run")
    for view in ("/monitor", "/monitor/1", "/monitor/jobs"):
        assert "No daemon is running" in person.page(view)
