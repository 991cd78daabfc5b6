"""`jobctl remove`."""

from __future__ import annotations

from tests.conftest import Jobctl


def test_remove_cancels_what_waits_and_frees_the_name(jobctl: Jobctl) -> None:
    jobctl("add", "one", "--every", "1h", "--", "true", expect=0)
    jobctl("run", "one", "--at", "in 2h", expect=0)
    done = jobctl("remove", "one", expect=0)
    assert done.stdout == "removed one; canceled 2 pending system jobs\n"
    assert jobctl("list", "--json").json["jobs"] == []
    assert {one["status"] for one in jobctl("monitor", "--json").json["system_jobs"]} == {"canceled"}
    jobctl("add", "one", "--", "true", expect=0)


def test_remove_in_json(jobctl: Jobctl) -> None:
    jobctl("add", "one", "--", "true", expect=0)
    document = jobctl("remove", "one", "--json", expect=0).json
    assert (document["schema"], document["job"]["name"], document["canceled"]) == (1, "one", 0)


def test_an_unknown_job_is_named_with_its_neighbour(jobctl: Jobctl) -> None:
    jobctl("add", "backup", "--", "true", expect=0)
    assert jobctl("remove", "bakup", expect=3).stderr == "jobctl: no job named 'bakup'; did you mean 'backup'?\n"
