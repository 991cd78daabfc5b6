"""Every recurrence of the documentation over HTTP: given back as it was, with the command line's instants."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from jobctl import scheduling
from jobctl.clock import SystemClock, to_datetime
from jobctl.config import Config
from jobctl.store import Store
from tests.conftest import ClockFile, Jobctl
from tests.end_to_end.timeline import Timeline
from tests.schedule.test_azure import ROWS
from tests.web.azure import Azure
from tests.web.conftest import StartServe

TICK = timedelta(microseconds=1)


@pytest.fixture
def timeline(jobctl: Jobctl, clock_file: ClockFile) -> Timeline:
    """Half past a minute that no row names, so that none falls between two questions."""
    found = Timeline(jobctl, clock_file, "01:07:30")
    jobctl("add", "report", "--", "true", expect=0)
    return found


@pytest.fixture
def azure(timeline: Timeline, client: httpx.Client) -> Azure:
    return Azure(client)


def previewed(jobctl: Jobctl, *arguments: object) -> list[str]:
    """The next five, as `jobctl next` says."""
    done = jobctl("next", *arguments, "-n", 5, "--json", expect=0)
    return [row["at"] for row in done.json["occurrences"]]


def test_every_row_of_the_table_comes_back_and_means_what_it_means_elsewhere(
    azure: Azure, jobctl: Jobctl, home: Any
) -> None:
    assert len(ROWS) >= 34
    for number, (schedule, frequency, start, _, _) in enumerate(ROWS):
        given: dict[str, Any] = {"startTime": start, "recurrence": {"frequency": frequency, "schedule": schedule}}
        made = azure.put("row", status=200 if number else 201, **given)
        assert {name: made[name] for name in given} == given
        wanted = previewed(jobctl, "--recurrence", json.dumps(given))
        with Store.open(Config(home), SystemClock(), "user:test") as store:
            plan = store.job("report").plan
        assert plan is not None and (plan.time_zone, plan.catch_up) == ("UTC", "none")
        stored, at = scheduling.schedule_of(plan), datetime.fromisoformat(made["status"]["nextExecutionTime"]) - TICK
        found = []
        for _ in range(5):
            at = stored.next_after(at) or at
            found.append(at)
        assert found == [datetime.fromisoformat(each) for each in wanted], schedule
    assert previewed(jobctl, "report") == wanted


@pytest.mark.parametrize(
    ("start", "recurrence", "following"),
    [
        # The documentation's example: now is 8 April 2015, 13:00, and the job recurs every two days.
        ("2015-04-07T14:00Z", {"frequency": "day", "interval": 2}, "2015-04-09T14:00:00Z"),
        ("2015-04-05T14:00Z", {"frequency": "day", "interval": 2}, "2015-04-09T14:00:00Z"),
        ("2015-04-01T14:00Z", {"frequency": "day", "interval": 2}, "2015-04-09T14:00:00Z"),
        # And its table of start times.
        (None, None, None),
        ("2015-04-07T14:00Z", None, None),
        ("2015-04-09T14:00+02:00", None, "2015-04-09T12:00:00Z"),
        (None, {"frequency": "day"}, None),
        ("2015-04-09T14:00", {"frequency": "day"}, "2015-04-09T14:00:00Z"),
        (None, {"frequency": "day", "schedule": {"hours": [5]}}, None),
        ("2015-04-07", {"frequency": "day", "schedule": {"hours": [5]}}, "2015-04-09T05:00:00Z"),
        ("2015-04-20T06:00Z", {"frequency": "day", "schedule": {"hours": [5]}}, "2015-04-21T05:00:00Z"),
        ("2015-04-20T06:00Z", {"frequency": "day", "schedule": {}}, "2015-04-20T06:00:00Z"),
        ("2015-01-31T06:00Z", {"frequency": "month"}, "2015-04-30T06:00:00Z"),
        ("2015-01-31T06:00Z", {"frequency": "month", "schedule": {"monthDays": 31}}, "2015-05-31T06:00:00Z"),
        ("2015-04-07T14:00Z", {"frequency": "WEEK", "endTime": "2015-04-14T14:00Z"}, "2015-04-14T14:00:00Z"),
    ],
)
def test_the_first_instant_follows_the_table(
    jobctl: Jobctl,
    clock_file: ClockFile,
    serve: StartServe,
    start: str | None,
    recurrence: dict[str, Any] | None,
    following: str | None,
) -> None:
    now = datetime(2015, 4, 8, 13, tzinfo=UTC)
    clock_file.set(wall=now.timestamp() - datetime.now(UTC).timestamp())
    token = jobctl("token", "create", "ci", "--scope", "read", "--scope", "manage", expect=0).stdout.strip()
    jobctl("add", "report", "--", "true", expect=0)
    given: dict[str, Any] = {
        name: value for name, value in (("startTime", start), ("recurrence", recurrence)) if value is not None
    }
    with serve().client(token) as client:
        made = Azure(client).put("plan", **given)
    found = datetime.fromisoformat(made["status"]["nextExecutionTime"])
    if following is None:  # at once, whatever the schedule says
        assert now <= found < now + timedelta(minutes=5)
    else:
        assert found == datetime.fromisoformat(following)
    if recurrence is not None:
        assert made["recurrence"] == {**recurrence, "frequency": recurrence["frequency"].lower()}


def test_the_immediate_run_is_followed_by_the_schedule(azure: Azure, home: Any) -> None:
    azure.put("plan", recurrence={"frequency": "day", "schedule": {"hours": [5, 17], "minutes": [15]}})
    with Store.open(Config(home), SystemClock(), "user:test") as store:
        plan = store.job("report").plan
    assert plan is not None
    schedule, at = scheduling.schedule_of(plan), to_datetime(plan.activated_at)
    assert schedule.first(at) == at
    assert [schedule.next_after(at)] == [datetime(2027, 6, 1, 5, 15, tzinfo=UTC)]


def test_no_row_names_the_minute_of_these_tests() -> None:
    named = {minute for row in ROWS for minute in row[0].get("minutes", ())}
    started = {int(row[2][14:16]) for row in ROWS}
    assert not {7, 8, 9} & (named | started)
