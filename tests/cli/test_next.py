"""`jobctl next`."""

from __future__ import annotations

import pytest

from tests.conftest import Jobctl


def instants(jobctl: Jobctl, *arguments: object) -> list[str]:
    document = jobctl("next", "--json", *arguments, expect=0).json
    assert document["schema"] == 1
    return [occurrence["at"][:19] for occurrence in document["occurrences"]]


def test_an_anchor_equal_to_from_is_listed_and_a_cron_match_is_not(jobctl: Jobctl) -> None:
    start = ("--from", "2030-01-01T00:00Z", "-n", "2", "--tz", "UTC")
    assert instants(jobctl, "--every", "1h", *start) == ["2030-01-01T00:00:00", "2030-01-01T01:00:00"]
    assert instants(jobctl, "--cron", "0 * * * *", *start) == ["2030-01-01T01:00:00", "2030-01-01T02:00:00"]


def test_daylight_saving_is_marked(jobctl: Jobctl) -> None:
    arguments = ("--cron", "30 2 * * *", "--tz", "Europe/Madrid", "--from", "2027-03-27T12:00Z", "-n", "2", "--json")
    shifted, after = jobctl("next", *arguments, expect=0).json["occurrences"]
    assert shifted == {
        "at": "2027-03-28T01:00:00.000000+00:00",
        "local": "2027-03-28 03:00:00 +02:00 Europe/Madrid",
        "note": "shifted out of the gap",
    }
    assert after["note"] == ""


def test_limits_are_kept(jobctl: Jobctl) -> None:
    every = ("--every", "1h", "--start", "2030-01-01", "--tz", "UTC")
    assert len(instants(jobctl, *every)) == 10
    assert len(instants(jobctl, *every, "--count", "3")) == 3
    assert instants(jobctl, *every, "--end", "2030-01-01T01:00")[-1] == "2030-01-01T01:00:00"
    assert instants(jobctl, "--at", "2030-01-01T05:00Z") == ["2030-01-01T05:00:00"]


def test_the_stored_schedule_of_a_job(jobctl: Jobctl) -> None:
    jobctl(
        "add", "one", "--every", "1h", "--start", "2030-01-01T00:30", "--count", "5", "--tz", "UTC", "--", "x", expect=0
    )
    expected = [f"2030-01-01T{hour:02}:30:00" for hour in range(5)]
    assert instants(jobctl, "one") == expected
    assert instants(jobctl, "one", "-n", "2") == expected[:2]
    assert instants(jobctl, "one", "-n", "1", "--from", "2030-01-01T02:30Z") == ["2030-01-01T02:30:00"]


def test_a_preview_stores_nothing(jobctl: Jobctl) -> None:
    jobctl("next", "--every", "1h", expect=0)
    assert jobctl("monitor", "--json").json["system_jobs"] == []


def test_for_people_it_says_how_far(jobctl: Jobctl) -> None:
    header, line = jobctl("next", "--every", "1h", "--start", "in 2h", "-n", "1", expect=0).stdout.splitlines()
    assert header.split() == ["LOCAL", "UTC", "IN", "NOTE"]
    assert "in 1h 59m" in line or "in 2h" in line


@pytest.mark.parametrize(
    ("arguments", "code", "sentence"),
    [
        ([], 2, "give either the name of a job or a schedule"),
        (["one", "--every", "5m"], 2, "give either the name of a job or a schedule"),
        (["noe"], 3, "no job named 'noe'; did you mean 'one'?"),
        (["one"], 4, "job 'one' has no schedule; make one with: jobctl schedule one …"),
        (["--every", "5m", "-n", "0"], 2, "invalid value for '-n': 0 is not in the range"),
        (["--every", "5m", "--from", "soon"], 2, "invalid value for '--from': 'soon' is no instant"),
    ],
)
def test_bad_input(jobctl: Jobctl, arguments: list[str], code: int, sentence: str) -> None:
    jobctl("add", "one", "--", "true", expect=0)
    assert jobctl("next", *arguments, expect=code).stderr.startswith(f"jobctl: {sentence}")
