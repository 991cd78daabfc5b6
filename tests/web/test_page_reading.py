"""The Monitor page read: every view, signed in or not, its filters, languages, and names that would be markup."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from html import unescape

import httpx
import pytest

from jobctl import control, scheduling
from jobctl.model import Definition, Status
from jobctl.scheduling import Planned
from jobctl.submitting import submit_adhoc
from jobctl.timeline import Bar
from jobctl.web.page import axis
from jobctl.web.page.rendering import FILES
from tests.cli.history import Past
from tests.conftest import Jobctl
from tests.web.browsing import Person, check_page
from tests.web.dialect import fill
from tests.web.serving import ENVIRONMENT, Served, make_token

SCRIPT = "<script>alert(1)</script>"
BREAKOUT = '"><img src=x onerror=alert(1)>'
ODD = "\u202egpj.exe\x1b[2J"
VIEWS = (
    "/monitor",
    "/monitor?status=failed&limit=5",
    "/monitor/jobs",
    "/monitor/jobs/planned",
    "/monitor/month",
    "/monitor/month?month=2027-03&job=planned",
    "/monitor/timeline",
    "/monitor/timeline?since=7d",
    "/monitor/1",
)


@dataclass
class Known:
    served: Served
    jobctl: Jobctl
    person: Person
    token: str
    hostile: list[int]


@pytest.fixture(scope="module")
def known(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Known]:
    """A server for a home with a past, a schedule and hostile names."""
    home = tmp_path_factory.mktemp("home")
    with Past(home) as past:
        fill(past)
        control.add_job(
            past.store, "planned", Definition(argv=("true",), tags=("nightly", SCRIPT), description=BREAKOUT)
        )
        spec = {"notation": "cron", "expression": "30 2 * * *"}
        scheduling.schedule(past.store, "planned", Planned(spec, "Europe/Madrid"))
        names = (SCRIPT, BREAKOUT, ODD)
        hostile = [
            submit_adhoc(past.store, Definition(command=name), name=name, data='"</pre><b2>"').sequence
            for name in names
        ]
        ended = past.job("ended")
        hostile.append(past.add(ended, Status.FAILED, reason="exit", exit_code=7, message=SCRIPT, stage=BREAKOUT))
    environment = {"JOBCTL_HOME": str(home), "TZ": "Europe/Madrid", "LANG": "C.UTF-8", **ENVIRONMENT}
    jobctl = Jobctl({"PATH": "/usr/bin:/bin", **environment})
    token = make_token(jobctl)
    served = Served(jobctl, (), home / "serve.log")
    try:
        yield Known(served, jobctl, Person(served, token), token, hostile)
    finally:
        served.end()


@pytest.mark.parametrize("view", VIEWS)
def test_each_view_is_a_page_in_both_languages(known: Known, view: str) -> None:
    spanish = Person(known.served, known.token, "es-ES,en;q=0.3")
    for person, language, word in ((known.person, "en", "Sign out"), (spanish, "es", "Salir")):
        answer = person.get(view)
        assert answer.status_code == 200
        checked = check_page(answer)
        assert ("html", {"lang": language}) in checked.tags and word in checked.text
        assert answer.headers["content-language"] == language and "Accept-Language" in answer.headers["vary"]
        assert answer.headers["cache-control"] == "no-store"
        assert "Europe/Madrid" in checked.text and "UTC+0" in checked.text
        assert "<time datetime=" in answer.text


@pytest.mark.parametrize("view", VIEWS)
def test_who_is_not_signed_in_is_led_to_where_one_signs_in(known: Known, view: str) -> None:
    stranger = Person(known.served, None)
    led = stranger.get(view)
    assert led.status_code == 303
    address = led.headers["location"]
    assert address.startswith("/monitor/sign-in")
    form = stranger.page(address)
    onward = unescape(re.findall(r'name="next" value="([^"]*)"', form)[0])
    assert onward == view
    entered = stranger.post("/monitor/sign-in", token=known.token, next=onward)
    assert (entered.status_code, entered.headers["location"]) == (303, view)
    stranger.page(view)


@pytest.mark.parametrize(
    "address",
    ["//evil.example", "https://evil.example", "/monitor\\@evil", "/monitorx", "/\\evil", "/monitor//evil", "x"],
)
def test_nobody_is_led_elsewhere(known: Known, address: str) -> None:
    entered = Person(known.served, None).post("/monitor/sign-in", token=known.token, next=address)
    assert (entered.status_code, entered.headers["location"]) == (303, "/monitor")


def test_what_is_public_and_what_is_not(known: Known) -> None:
    stranger = Person(known.served, None)
    assert stranger.get("/").headers["location"] == "/monitor"
    for name, kind in (("monitor.css", "text/css"), ("monitor.js", "text/javascript"), ("icon.svg", "image/svg+xml")):
        answer = stranger.get(f"/monitor/static/{name}")
        assert answer.status_code == 200 and answer.content == FILES[name]
        assert answer.headers["content-type"].startswith(kind) and "immutable" in answer.headers["cache-control"]
    assert stranger.get("/monitor/static/base.html").status_code == 404
    assert stranger.get("/monitor/static/..%2frendering.py").status_code == 303
    stream = stranger.client.get("/monitor/live", headers={"Accept": "text/event-stream"})
    assert stream.status_code == 401 and "alice" not in stream.text
    for address in ("/monitor/1/cancel", "/monitor/jobs/planned/run", "/monitor/jobs/planned/unschedule"):
        refused = stranger.post(address)
        assert refused.status_code == 401 and "Sign in" in check_page(refused).text


def test_a_wrong_token_lets_nobody_in(known: Known) -> None:
    stranger = Person(known.served, None)
    for token in ("", known.token[:-1] + "~", "x" * 500, "jobctl_\x00"):
        answer = stranger.post("/monitor/sign-in", token=token)
        assert answer.status_code == 401 and "lets nobody in" in check_page(answer).text
        assert not stranger.client.cookies
    answer = stranger.client.post(
        "/monitor/sign-in", data={"token": known.token}, headers={"Origin": "http://evil.example"}
    )
    assert answer.status_code == 403 and not stranger.client.cookies
    assert stranger.client.post("/monitor/sign-in", json={"token": known.token}).status_code == 415


def test_who_signs_out_is_out(known: Known) -> None:
    person = Person(known.served, known.token)
    assert person.post("/monitor/sign-out").status_code == 403  # without the key of a form
    session = person.client.cookies["jobctl_session"]
    assert person.send("/monitor", "/monitor/sign-out").headers["location"] == "/monitor/sign-in"
    assert person.get("/monitor").status_code == 303
    again = known.served.client(None, cookies={"jobctl_session": session})
    assert again.get("/monitor").status_code == 401


def test_a_token_in_a_header_reads_as_well(known: Known) -> None:
    answer = httpx.get(f"{known.served.url}/monitor", headers={"X-TOKEN": known.token})
    assert answer.status_code == 200 and "Sign out" not in answer.text


def test_a_token_that_may_not_read_sees_nothing(known: Known) -> None:
    person = Person(known.served, make_token(known.jobctl, "writer", "submit", "manage"))
    for view in VIEWS:
        text = person.page(view, 403)
        assert "this needs the scope read" in text and "nightly" not in text
    refused = person.post("/monitor/jobs/planned/run", form_key="x")
    assert refused.status_code == 403


def numbers(text: str) -> list[int]:
    return [int(found) for found in re.findall(r'<tr id="r(\d+)"', text)]


def test_the_table_chooses_as_the_command_does(known: Known) -> None:
    for filters in (
        {},
        {"status": "failed"},
        {"state": "ready,suspended"},
        {"job": "Backup"},
        {"reason": "user", "job": "a_b.c"},
        {"since": "30h"},
        {"until": "30h"},
        {"token": "ledger"},
        {"token": "LEDGER"},
        {"owner": "bob"},
        {"owner": "user:alice", "status": "succeeded"},
        {"tag": "nightly"},
        {"message-name": "schedule"},
        {"type": "workflow"},
        {"type": "13"},
    ):
        options = [word for name, value in filters.items() for word in (f"--{name}", value)]
        rows = known.jobctl("monitor", "--json", "--limit", 500, *options, expect=0).json["system_jobs"]
        wanted = [row["sequence"] for row in rows]
        address = httpx.QueryParams({**filters, "limit": "500"})
        assert numbers(known.person.page(f"/monitor?{address}")) == wanted, filters
    assert len(numbers(known.person.page("/monitor?limit=500"))) > 40


@pytest.mark.parametrize(
    ("filters", "status"),
    [
        ({"state": "reddy"}, 400),
        ({"status": "failed,faild"}, 400),
        ({"reason": "<b2>"}, 400),
        ({"since": "03/04/2026"}, 400),
        ({"until": "never"}, 400),
        ({"type": "x"}, 400),
        ({"job": "Bakup"}, 404),
    ],
)
def test_a_bad_filter_is_told_in_the_commands_words(known: Known, filters: dict[str, str], status: int) -> None:
    options = [word for name, value in filters.items() for word in (f"--{name}", value)]
    said = known.jobctl("monitor", *options).stderr.strip()
    for view in ("/monitor", "/monitor/timeline"):
        answer = known.person.get(f"{view}?{httpx.QueryParams(filters)}")
        assert answer.status_code == status
        checked = check_page(answer)
        shown = re.findall(r'role="alert">.*?<span>(.*?)</span>', answer.text)
        sentence = unescape(shown[0]).removeprefix(f"{next(iter(filters))}: ")
        assert sentence in said.replace("\n", " ") and checked.text.count(sentence) == 1


@pytest.mark.parametrize(
    "query",
    [
        "limit=0",
        "limit=501",
        "limit=x",
        "after=-1",
        "after=0",
        "nothing=1",
        "state=ready&state=locked",
        "text=%00",
        "text=%ff",
    ],
)
def test_bad_parameters_are_one_sentence(known: Known, query: str) -> None:
    known.person.page(f"/monitor?{query}", 400)


def test_pages_follow_one_another(known: Known) -> None:
    everything = numbers(known.person.page("/monitor?limit=500"))
    found: list[int] = []
    address = "/monitor?limit=7"
    while True:
        text = known.person.page(address)
        found += numbers(text)
        following = re.findall(r'rel="next" href="([^"]+)"', text)
        if not following:
            break
        address = unescape(following[0])
    assert found == everything


def test_a_search_finds_names_and_messages(known: Known) -> None:
    assert numbers(known.person.page("/monitor?text=ENDED+6")) == [7]
    assert known.hostile[0] in numbers(known.person.page("/monitor?text=%3Cscript"))
    empty = known.person.page("/monitor?text=%25")
    assert numbers(empty) == [] and "No system job matches" in empty


def test_hostile_names_stay_text(known: Known) -> None:
    pages = ["/monitor?limit=500", "/monitor/timeline?since=7d", "/monitor/jobs", "/monitor/jobs/planned"]
    pages += [f"/monitor/{number}" for number in known.hostile]
    pages += ["/monitor?" + str(httpx.QueryParams({"text": BREAKOUT, "tag": SCRIPT, "limit": "3"}))]
    shown = ""
    for view in pages:
        checked = check_page(known.person.get(view))
        assert "\x1b" not in checked.text and "\u202e" not in checked.text
        shown += checked.text
    for text in (SCRIPT, BREAKOUT, r"\u202egpj.exe\x1b[2J", '"</pre><b2>"'):
        assert text in shown
    for address in (f"/monitor/jobs/{BREAKOUT}", f"/monitor/{SCRIPT}", "/monitor/99999999999999999999999"):
        check_page(answer := known.person.get(address))
        assert answer.status_code in (303, 404)


def test_what_is_not_there_is_a_page(known: Known) -> None:
    for address, words in (
        ("/monitor/4711", "no system job 4711"),
        ("/monitor/jobs/plannd", "did you mean 'planned'?"),
        ("/monitor/nothing", "nothing is found"),
        ("/monitor/4711/log", "no system job 4711"),
    ):
        assert words in unescape(known.person.page(address, 404))
    for query in ("month=2027-13", "month=x", "month=0000-01"):
        assert "is no month" in known.person.page(f"/monitor/month?{query}", 400)
    assert "has no schedule" in known.person.page("/monitor/month?job=Backup", 409)
    assert known.person.get("/monitor/1/cancel").status_code == 405


def test_one_that_stands_still_hides_none_that_runs() -> None:
    def bar(kind: str, goes_on: bool) -> Bar:
        return Bar("long", kind, 10, 90, 1, 0, 1, 1, 1, "long", 20, None, goes_on)

    bars = [bar("paused", False), bar("running", True), bar("paused", True), bar("succeeded", False)]
    drawn = [(one.kind, one.bar is not None and one.bar.open) for one in axis.line("long", bars, []).drawn]
    # What lies within a run, and is over, is drawn over it.
    assert drawn == [("paused", True), ("succeeded", False), ("running", True), ("paused", False)]


@pytest.mark.parametrize("until", ["9999-12-30", "2027-01-01"])
def test_an_axis_of_all_times_is_drawn(known: Known, until: str) -> None:
    assert "planned" in known.person.page(f"/monitor/timeline?since=1970-01-02&until={until}")


def test_a_month_counts_what_the_calendar_does(known: Known) -> None:
    text = known.person.page("/monitor/month?month=2027-03")
    calendar = known.jobctl("next", "--all", "--calendar", "--from", "2027-03-01", "--json", expect=0).json["calendar"]
    days = dict(re.findall(r'<time datetime="(2027-03-\d\d)">.*?<b>(\d+)</b>', text))
    assert days == {day["date"]: str(day["count"]) for day in calendar["days"]}
    assert "the clocks go forward" in text and "31 planned" in text


def test_the_instants_of_a_page_are_those_of_the_home(known: Known) -> None:
    row = known.jobctl("show", "1", "--json", expect=0).json["system_job"]
    text = known.person.page("/monitor/1")
    machine = re.findall(r'<time datetime="([^"]+)" title="[^"]*">([^<]+)</time>', text)
    assert machine
    for instant, shown in machine:
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+0[12]:00", instant)
        assert shown in instant.replace("T", " ").replace("+", " +")
    assert row["created_on"][:4] == machine[0][0][:4]
