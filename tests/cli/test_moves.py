"""`jobctl pause`, `resume`, `cancel`, `postpone`, `rerun` and `delete`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Jobctl, StartDaemon, WaitUntil

pytestmark = pytest.mark.thorough


def state(jobctl: Jobctl, sequence: int) -> dict[str, Any]:
    document: dict[str, Any] = jobctl("show", sequence, "--json", expect=0).json["system_job"]
    return document


def begin(jobctl: Jobctl, wait_until: WaitUntil, *command: str) -> int:
    """The number of a system job that runs."""
    sequence = int(jobctl("run", "--", *command, expect=0).stdout)
    wait_until(lambda: state(jobctl, sequence)["started_on"] is not None)
    return sequence


def test_pause_and_resume_a_running_one(
    jobctl: Jobctl, daemon: StartDaemon, wait_until: WaitUntil, tmp_path: Path
) -> None:
    daemon()
    ticks = tmp_path / "ticks"
    number = begin(jobctl, wait_until, "sh", "-c", f"while :; do echo >> {ticks}; sleep 0.02; done")
    wait_until(ticks.exists)
    assert jobctl("pause", "--wait", number, expect=0).stdout == f"{number} adhoc: paused\n"
    before = ticks.stat().st_size
    assert state(jobctl, number)["reason"] == "paused"
    assert ticks.stat().st_size == before
    assert jobctl("resume", "--wait", number, expect=0).stdout == f"{number} adhoc: in progress\n"
    wait_until(lambda: ticks.stat().st_size > before)
    assert jobctl("cancel", "--wait", number, expect=0).stdout.startswith(f"{number} adhoc: canceled (user)")


def test_a_request_returns_when_it_is_stored(jobctl: Jobctl, daemon: StartDaemon, wait_until: WaitUntil) -> None:
    daemon()
    number = begin(jobctl, wait_until, "sleep", "100")
    found = jobctl("pause", number, "--json", expect=0)
    assert found.json["errors"] == []
    assert found.json["system_jobs"][0]["status"] in ("pausing", "waiting")
    jobctl("cancel", "--wait", number, expect=0)


def test_refused_ones_are_told_and_the_others_done(jobctl: Jobctl) -> None:
    for _ in range(3):
        jobctl("run", "--", "true", expect=0)
    jobctl("cancel", "2", expect=0)
    found = jobctl("cancel", "1", "2", "3", expect=4)
    assert [line.split(":")[0] for line in found.stdout.splitlines()] == ["1 adhoc", "3 adhoc"]
    (sentence,) = found.stderr.splitlines()
    assert sentence.startswith("jobctl: system job 2 is completed") and "legal: rerun, delete" in sentence
    again = jobctl("cancel", "1", "99", "--json", expect=4).json
    assert [(error["id"], error["exit_code"]) for error in again["errors"]] == [("1", 4), ("99", 3)]
    assert again["system_jobs"] == []


def test_what_is_not_legal_changes_nothing(jobctl: Jobctl) -> None:
    jobctl("run", "--", "true", expect=0)
    before = state(jobctl, 1)
    for command in (("pause", "1"), ("resume", "1"), ("rerun", "1")):
        assert "is not legal" in jobctl(*command, expect=4).stderr
    assert state(jobctl, 1) == before


def test_postpone_by_a_duration_and_to_an_instant(jobctl: Jobctl) -> None:
    jobctl("run", "--at", "2099-01-01T00:00:00Z", "--", "true", expect=0)
    jobctl("postpone", "1", "--for", "2h", expect=0)
    assert state(jobctl, 1)["due_at"] == "2099-01-01T02:00:00.000000+00:00"
    found = jobctl("postpone", "1", "--until", "2098-01-01T00:00:00Z", expect=0, env={"TZ": "Asia/Tokyo"})
    assert found.stdout == "1 adhoc: postponed until 2098-01-01 09:00:00 +09:00\n"
    assert state(jobctl, 1)["postpone_until"] == "2098-01-01T00:00:00.000000+00:00"
    jobctl("resume", "1", expect=0)
    assert state(jobctl, 1)["state"] == "ready"


def test_postpone_pauses_a_running_one_and_it_goes_on_by_itself(
    jobctl: Jobctl, daemon: StartDaemon, wait_until: WaitUntil
) -> None:
    daemon()
    number = begin(jobctl, wait_until, "sleep", "2")
    found = jobctl("postpone", "--wait", "--for", "3s", number, expect=0)
    assert found.stdout.startswith(f"{number} adhoc: postponed until ")
    assert jobctl("wait", number, expect=0).stdout == f"{number} adhoc: succeeded\n"


@pytest.mark.parametrize(
    ("args", "sentence"),
    [
        (("1",), "give either --until INSTANT or --for DURATION"),
        (("1", "--until", "tomorrow", "--for", "1h"), "give either"),
        (("1", "--for", "0s"), "above zero"),
        (("1", "--for", "8000y"), "--for"),
        (("1", "--for", "500000w"), "--for"),
        (("1", "--until", "2001-01-01"), "in the future"),
    ],
)
def test_postpone_refuses(jobctl: Jobctl, args: tuple[str, ...], sentence: str) -> None:
    jobctl("run", "--", "true", expect=0)
    before = state(jobctl, 1)
    found = jobctl("postpone", *args, expect=2)
    assert sentence in found.stderr and found.stderr.count("\n") == 1
    assert state(jobctl, 1) == before


def test_cancel_next_skips_one_occurrence(jobctl: Jobctl) -> None:
    jobctl("add", "one", "--every", "1h", "--start", "in 1h", "--", "true", expect=0)
    first = state(jobctl, 1)
    assert jobctl("cancel", "one", expect=3).stderr.startswith("jobctl: job 'one' has no system job to cancel")
    skipped = jobctl("cancel", "--next", "one", expect=0, env={"TZ": "UTC"}).stdout
    instant = first["occurrence_at"][:19].replace("T", " ")
    assert skipped.startswith(f"1 one: {instant} +00:00 is skipped; next is 2, ")
    assert state(jobctl, 1)["status"] == "canceled"
    following = state(jobctl, 2)
    assert following["reason"] == "scheduled" and following["occurrence_at"] > first["occurrence_at"]


def test_cancel_next_of_the_last_occurrence(jobctl: Jobctl) -> None:
    jobctl("add", "one", "--at", "in 1h", "--", "true", expect=0)
    assert jobctl("cancel", "--next", "one", expect=0).stdout.endswith(" is skipped; nothing comes after it\n")


def test_a_name_that_was_resumed_does_not_mean_the_next_one_in_line(
    jobctl: Jobctl, daemon: StartDaemon, wait_until: WaitUntil
) -> None:
    daemon("--slots", "2")
    jobctl("add", "one", "--every", "1h", "--start", "in 1h", "--", "sleep", "100", expect=0)
    number = int(jobctl("run", "one", expect=0).stdout)
    wait_until(lambda: state(jobctl, number)["started_on"] is not None)
    jobctl("pause", "one", "--wait", expect=0)
    assert jobctl("resume", "one", "--wait", expect=0).stdout == f"{number} one: in progress\n"
    again = jobctl("resume", "one", expect=4).stderr
    assert f"system job {number} of 'one' goes on already (in progress)" in again
    assert again.endswith("to start 1 (scheduled) beside it: jobctl resume 1\n")
    assert state(jobctl, 1)["reason"] == "scheduled"
    jobctl("resume", "1", expect=0)
    jobctl("cancel", "1", str(number), "--wait", expect=0)
    assert jobctl("resume", "one", expect=0).stdout == "3 one: ready\n"
    jobctl("cancel", "3", "--wait", expect=0)


def test_rerun_has_the_same_data_and_a_new_number(jobctl: Jobctl, daemon: StartDaemon) -> None:
    daemon()
    jobctl("add", "one", "--command", 'test "$JOBCTL_DATA" = 7', expect=0)
    jobctl("run", "one", "--data", "7", "--wait", expect=0)
    found = jobctl("rerun", "one", "--wait", expect=0)
    assert found.stdout == "2 one: succeeded\n"
    assert (state(jobctl, 2)["rerun_of"], state(jobctl, 2)["data"]) == (1, 7)


def test_rerun_wait_exits_as_it_ended(jobctl: Jobctl, daemon: StartDaemon) -> None:
    daemon()
    jobctl("run", "--wait", "--", "false", expect=1)
    assert jobctl("rerun", "1", "--wait", expect=1).stdout == "2 adhoc: failed (exit 1): exit code 1\n"


def test_delete_needs_force_while_it_runs(
    jobctl: Jobctl, daemon: StartDaemon, wait_until: WaitUntil, home: Path
) -> None:
    daemon()
    number = begin(jobctl, wait_until, "sh", "-c", "echo started; sleep 100")
    assert "--force" in jobctl("delete", number, expect=4).stderr
    assert jobctl("delete", "--force", "--wait", number, expect=0).stdout == f"{number} adhoc: deleted\n"
    jobctl("show", number, expect=3)
    wait_until(lambda: not list((home / "logs").rglob(f"{number}.*")))


def test_delete_gives_the_row_as_it_was(jobctl: Jobctl) -> None:
    jobctl("run", "--", "true", expect=0)
    found = jobctl("delete", "1", "--json", expect=0)
    assert found.json["system_jobs"][0]["sequence"] == 1
    assert jobctl("monitor", "--json").json["system_jobs"] == []


def test_a_pause_that_came_too_late_is_refused(jobctl: Jobctl, daemon: StartDaemon, wait_until: WaitUntil) -> None:
    daemon()
    number = begin(jobctl, wait_until, "sleep", "100")
    jobctl("cancel", number, "--wait", expect=0)
    assert jobctl("pause", "--wait", number, expect=4).stdout == ""


def test_without_a_daemon_it_is_said(jobctl: Jobctl) -> None:
    jobctl("run", "--at", "in 1h", "--", "true", expect=0)
    assert jobctl("resume", "1", expect=0).stderr == "no daemon is running; start: jobctl daemon\n"
    assert jobctl("cancel", "1", expect=0).stderr == ""
