"""`jobctl show`."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.conftest import Jobctl, StartDaemon


def test_a_job_with_its_next_occurrences(jobctl: Jobctl) -> None:
    options = "--timeout 1m --retries 3 --retry-delay 2s --retry-backoff 2 --token disk --env A=b --env HOSTNAME"
    jobctl(
        "add", "one", "--cron", "@hourly", *options.split(), "--description", "Says hi", "--", "echo", "hi", expect=0
    )
    shown = jobctl("show", "one", expect=0).stdout
    for text in (
        "one Says hi",
        "runs echo hi",
        "1m, then 10s of grace",
        "3, after 2s, growing by 2",
        "A=b",
        "HOSTNAME (of the daemon)",
        "schedule",
    ):
        assert text in " ".join(shown.split()), text
    assert shown.partition("\nnext\n")[2].count(" (in ") == 3


def test_count_limits_what_comes_next(jobctl: Jobctl) -> None:
    jobctl("add", "one", "--every", "1h", "--count", "2", "--start", "in 1h", "--", "true", expect=0)
    assert len(jobctl("show", "one", "--json", expect=0).json["occurrences"]) == 2


def test_a_system_job_by_number_and_by_id(jobctl: Jobctl) -> None:
    jobctl("add", "one", "--", "true", expect=0)
    jobctl("run", "one", "--data", '{"a": [1]}', "--regarding", "invoice:7", expect=0)
    document = jobctl("show", "1", "--json", expect=0).json
    found = document["system_job"]
    assert (found["sequence"], found["job"], found["data"], found["regarding"]) == (1, "one", {"a": [1]}, "invoice:7")
    for text in (found["id"], found["id"][:20], f"id:{found['id'][:8]}"):
        assert jobctl("show", text, "--json", expect=0).json["system_job"] == found
    shown = jobctl("show", "1", expect=0).stdout
    assert shown.startswith("1 one ready\n")
    assert "ready (0), waiting_for_resources (0)" in shown and "invoice:7" in shown and found["id"] in shown


def test_a_job_may_have_a_hexadecimal_name(jobctl: Jobctl) -> None:
    jobctl("add", "deadbeef", "--", "true", expect=0)
    assert jobctl("show", "deadbeef", "--json", expect=0).json["job"]["name"] == "deadbeef"
    assert jobctl("show", "id:deadbeef", expect=3).stderr.startswith("jobctl: no system job with an id beginning")


@pytest.mark.parametrize(
    ("text", "code", "sentence"),
    [
        ("99", 3, "no system job 99; see: jobctl monitor"),
        ("9" * 40, 3, "no system job"),
        ("bakup", 3, "no job named 'bakup'; did you mean 'backup'?"),
        ("id:xyz", 2, "'id:xyz' is not the beginning of an id"),
        ("ffffffffffff", 3, "no system job with an id beginning ffffffffffff"),
        ("a\x1b[31m", 2, "an ID contains the control character U+001B"),
        ("", 3, "no job named ''"),
    ],
)
def test_what_is_not_there(jobctl: Jobctl, text: str, code: int, sentence: str) -> None:
    jobctl("add", "backup", "--", "true", expect=0)
    refused = jobctl("show", text, expect=code)
    assert refused.stderr.startswith(f"jobctl: {sentence}")
    assert refused.stderr.count("\n") == 1


def test_what_ended_shows_how(jobctl: Jobctl, daemon: StartDaemon, tmp_path: Path) -> None:
    jobctl("add", "one", "--command", "printf '\\033[31mred'; exit 3", expect=0)
    daemon()
    jobctl("run", "one", "--wait", expect=1)
    shown = jobctl("show", "1", expect=0).stdout
    assert shown.startswith("1 one failed (exit 3)")
    assert "exit code" in shown and "duration" in shown and "see: jobctl logs 1" in shown
    assert "failed (exit 3)" in jobctl("show", "one", expect=0).stdout.partition("\nlast\n")[2]
    assert "failed (exit 3)" in jobctl("list", expect=0).stdout
    assert jobctl("list", "--json").json["jobs"][0]["last"]["exit_code"] == 3
