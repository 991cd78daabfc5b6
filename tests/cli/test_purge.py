"""`jobctl purge`, and `--keep` of `add` and `edit`."""

from __future__ import annotations

import pytest

from tests.conftest import Jobctl

pytestmark = pytest.mark.thorough

NO_DAEMON = "no daemon is running; start: jobctl daemon\n"


@pytest.fixture
def ended(jobctl: Jobctl) -> list[int]:
    """Three canceled system jobs, and one that waits."""
    jobctl("add", "one", "--", "true", expect=0)
    numbers = [int(jobctl("run", "one", expect=0).stdout) for _ in range(4)]
    jobctl("cancel", *numbers[:3], expect=0)
    return numbers[:3]


def test_it_is_a_system_job_of_its_own(jobctl: Jobctl, ended: list[int]) -> None:
    found = jobctl("purge", "--job", "one", "--status", "canceled,failed", "--older-than", "1h", expect=0)
    assert (found.stdout, found.stderr) == ("5\n", NO_DAEMON)
    document = jobctl("show", 5, "--json", expect=0).json["system_job"]
    assert (document["name"], document["state"], document["operation_type"]) == ("purge", "ready", 13)
    assert (document["platform"], document["message_name"]) == (False, "run")
    wanted = {"status": ["canceled", "failed"], "job": "one", "older_than": 3600.0}
    assert document["data"] == {"name": "purge", "filter": wanted}


def test_it_can_be_named_canceled_and_found_by_its_type(jobctl: Jobctl, ended: list[int]) -> None:
    found = jobctl("purge", "--name", "tidy", "--older-than", "0s", "--json", expect=0)
    assert found.json["system_job"]["name"] == "tidy" and found.stderr == NO_DAEMON
    number = found.json["system_job"]["sequence"]
    listed = jobctl("monitor", "--type", "bulk_delete", "--json", expect=0).json["system_jobs"]
    assert [one["sequence"] for one in listed] == [number]
    jobctl("cancel", number, expect=0)


def test_a_dry_run_tells_how_many_and_deletes_none(jobctl: Jobctl, ended: list[int]) -> None:
    found = jobctl("purge", "--older-than", "0s", "--dry-run", expect=0)
    assert found.stdout.startswith("3 system jobs would be deleted (3 canceled), completed from ")
    document = jobctl("purge", "--job", "one", "--dry-run", "--json", expect=0).json
    assert (document["dry_run"], document["count"], document["by_status"]) == (True, 3, {"canceled": 3})
    assert document["oldest"] <= document["newest"] and document["log_bytes"] == 0
    assert jobctl("purge", "--older-than", "1d", "--dry-run", expect=0).stdout == "no system job would be deleted\n"
    assert len(jobctl("monitor", "--json", expect=0).json["system_jobs"]) == 4


def test_with_a_schedule_it_is_a_job(jobctl: Jobctl) -> None:
    line = ("purge", "--older-than", "30d", "--status", "succeeded", "--every", "day", "--at", "03:30", "--tz", "UTC")
    found = jobctl(*line, expect=0)
    added, schedule, first = found.stdout.splitlines()
    assert added == "added purge: deletes system jobs completed more than 30d ago, succeeded"
    assert "03:30" in schedule and first.startswith("first: ") and found.stderr == NO_DAEMON
    (occurrence,) = jobctl("monitor", "--json", expect=0).json["system_jobs"]
    assert (occurrence["job"], occurrence["operation_type"], occurrence["reason"]) == ("purge", 13, "scheduled")
    assert occurrence["data"]["filter"] == {"status": ["succeeded"], "older_than": 2592000.0}
    (job,) = jobctl("list", "--json", expect=0).json["jobs"]
    assert (job["name"], job["internal"], job["next_at"]) == ("purge", "bulk_delete", occurrence["due_at"])
    shown = jobctl("show", "purge", expect=0).stdout
    assert "completed more than 30d ago, succeeded" in shown and "03:30" in shown

    again = jobctl(*line, expect=4)
    assert "there is a job named 'purge' already" in again.stderr
    jobctl(*line, "--name", "other", expect=0)
    jobctl("run", "purge", expect=0)
    assert [one["operation_type"] for one in jobctl("monitor", "--json").json["system_jobs"]] == [13, 13, 13]
    jobctl("edit", "purge", "--description", "tidy up", expect=0)
    assert "jobctl's own bulk delete" in jobctl("edit", "purge", "--", "true", expect=2).stderr
    jobctl("unschedule", "purge", expect=0)
    jobctl("remove", "other", expect=0)


@pytest.mark.parametrize(
    ("line", "words", "code"),
    [
        ("purge", "purge what? Give a filter such as --job or --status, or --older-than", 2),
        ("purge --state ready", "only completed system jobs are deleted", 2),
        ("purge --status in_progress", "in_progress ones are not completed", 2),
        ("purge --status locked", "is none of", 2),
        ("purge --older-than soon", "no duration", 2),
        ("purge --older-than 1d --overlap skip", "need a schedule", 2),
        ("purge --older-than 1d --wait --dry-run", "--wait is for a purge that runs now", 2),
        ("purge --older-than 1d --wait --every day", "--wait is for a purge that runs now", 2),
        ("purge --older-than 1d --every fortnight", "fortnight", 2),
        ("purge --older-than 1d --at 2001-01-01 --end 2001-01-02", "past", 2),
        ("purge --older-than 1d --name adhoc --every day", "adhoc", 2),
        ("purge --older-than 1d --name 7", "cannot name a job", 2),
        ("purge --job nothing", "no job named 'nothing'", 3),
        ("add two --keep most -- true", "nothing to keep", 2),
        ("add two --keep 0 -- true", "from 1 to 100000", 2),
        ("edit one --keep -5", "-5", 2),
    ],
)
def test_bad_input_is_one_sentence(jobctl: Jobctl, line: str, words: str, code: int) -> None:
    jobctl("add", "one", "--", "true", expect=0)
    found = jobctl(*line.split(), expect=code)
    assert words in found.stderr and found.stderr.count("\n") == 1 and found.stdout == ""


def test_what_is_kept_is_part_of_the_job(jobctl: Jobctl) -> None:
    jobctl("add", "one", "--keep", "failed", "--", "true", expect=0)
    jobctl("add", "two", "--keep", "PT12H", "--", "true", expect=0)
    assert "successes go within about an hour" in jobctl("show", "one", expect=0).stdout
    jobctl("edit", "one", "--keep", "20", expect=0)
    assert jobctl("show", "one", "--json", expect=0).json["job"]["keep"] == "20"
    assert "the newest 20 completed ones" in jobctl("show", "one", expect=0).stdout
    jobctl("edit", "one", "--keep", "all", expect=0)
    assert "keeps" not in jobctl("show", "one", expect=0).stdout


@pytest.mark.parametrize("name", ["JOBCTL_RETENTION", "JOBCTL_RETENTION_FAILED", "JOBCTL_RETENTION_LOGS"])
def test_a_daemon_refuses_a_setting_it_cannot_read(jobctl: Jobctl, name: str) -> None:
    found = jobctl("daemon", "--until-idle", env={name: "a while"}, expect=2)
    assert name in found.stderr and found.stderr.count("\n") == 1
