"""`jobctl run --after`, `--on-event` and `--key`, `jobctl emit`, and a job's `--concurrency`."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.cli.sentences import one_sentence, rows
from tests.conftest import Jobctl, StartDaemon, wait_until

pytestmark = pytest.mark.thorough

NO_DAEMON = "no daemon is running; start: jobctl daemon\n"


def submit(jobctl: Jobctl, *args: object) -> int:
    return int(jobctl("run", *args, expect=0).stdout)


def row(jobctl: Jobctl, sequence: int) -> dict[str, Any]:
    document: dict[str, Any] = jobctl("show", sequence, "--json", expect=0).json["system_job"]
    return document


def standing(jobctl: Jobctl, sequence: int) -> str:
    found = row(jobctl, sequence)
    return str(found["reason"] or found["status"])


@pytest.fixture
def one(jobctl: Jobctl) -> Jobctl:
    """With a job `one`, and system job 1 of it, which is ready."""
    jobctl("add", "one", "--", "true", expect=0)
    assert submit(jobctl, "one") == 1
    return jobctl


# After


def test_it_waits_and_says_so(one: Jobctl) -> None:
    found = one("run", "one", "--after", "1", expect=0)
    assert found.stdout == "2\n"
    assert found.stderr == "jobctl: 2 one waits for those it is to come after\n" + NO_DAEMON
    document = row(one, 2)
    assert (document["state"], document["reason"], document["ready_on"]) == ("suspended", "after", None)


ENDINGS = [
    ("", 0, "succeeded"),
    ("", 3, "dependency"),
    (":success", 0, "succeeded"),
    (":failure", 0, "dependency"),
    (":failure", 3, "succeeded"),
    (":any", 0, "succeeded"),
    (":any", 3, "succeeded"),
]


def test_it_runs_once_the_other_has_ended_so(jobctl: Jobctl, daemon: StartDaemon, tmp_path: Path) -> None:
    go = tmp_path / "go"
    ends = {
        code: submit(jobctl, "--", "sh", "-c", f"until [ -e {go} ]; do sleep 0.02; done; exit {code}")
        for code in (0, 3)
    }
    numbers = [submit(jobctl, "--after", f"{ends[code]}{ending}", "--", "true") for ending, code, _ in ENDINGS]
    daemon("--slots", 4)
    wait_until(lambda: all(row(jobctl, number)["started_on"] for number in ends.values()))
    assert {standing(jobctl, number) for number in numbers} == {"after"}
    go.touch()
    jobctl("wait", *numbers, expect=1)
    assert [standing(jobctl, number) for number in numbers] == [expected for _, _, expected in ENDINGS]
    for number, (_, code, expected) in zip(numbers, ENDINGS, strict=True):
        document = row(jobctl, number)
        if expected == "dependency":
            assert document["message"].startswith(f"not run: it was to run once #{ends[code]} had ")
            assert (document["status"], document["started_on"]) == ("canceled", None)
        else:
            assert document["started_on"] >= row(jobctl, ends[code])["completed_on"]
    found = jobctl("run", "--after", ends[3], "--wait", "--", "true", expect=1)
    assert f"not run: it was to run once #{ends[3]} had " in found.stderr


def test_a_name_means_the_one_that_runs_else_the_newest_completed(jobctl: Jobctl, daemon: StartDaemon) -> None:
    daemon()
    jobctl("add", "load", "--", "false", expect=0)
    jobctl("run", "load", "--wait", expect=1)
    done = submit(jobctl, "--after", "load:failure", "--wait", "--", "true")
    assert standing(jobctl, done) == "succeeded"
    jobctl("edit", "load", "--", "sleep", "1000", expect=0)
    running = submit(jobctl, "load")
    wait_until(lambda: row(jobctl, running)["started_on"])
    waiting = submit(jobctl, "--after", "load:any", "--", "true")
    assert standing(jobctl, waiting) == "after"
    jobctl("cancel", running, "--wait", expect=0)
    jobctl("wait", waiting, expect=0)


def test_it_waits_for_all_it_names(one: Jobctl, daemon: StartDaemon) -> None:
    second = submit(one, "--on-event", "go", "--", "true")
    third = submit(one, "--after", 1, "--after", f"{second}:any", "--", "true")
    daemon()
    one("wait", 1, expect=0)
    assert standing(one, third) == "after"
    one("cancel", second, expect=0)
    one("wait", third, expect=0)


def test_a_chain_falls_with_its_first(one: Jobctl) -> None:
    numbers = [1]
    for _ in range(3):
        numbers.append(submit(one, "one", "--after", numbers[-1]))
    one("cancel", "1", expect=0)
    assert [standing(one, number) for number in numbers] == ["user", "dependency", "dependency", "dependency"]
    found = one("run", "one", "--after", "1", expect=0)
    assert "5 one: canceled (dependency): not run: it was to run once #1 had succeeded" in found.stderr
    one("delete", "1", expect=0)
    one_sentence(one("run", "one", "--after", "1"), 3, "no system job 1")


def test_what_is_due_later_waits_for_both(one: Jobctl, daemon: StartDaemon) -> None:
    daemon()
    one("wait", "1", expect=0)
    assert standing(one, submit(one, "one", "--at", "2099-01-01", "--after", "1")) == "scheduled"
    endless = submit(one, "--", "sleep", "1000")
    number = submit(one, "one", "--at", "2099-01-01", "--after", endless)
    assert standing(one, number) == "after"
    one("cancel", endless, "--wait", expect=0)
    assert standing(one, number) == "dependency"


def test_resume_waives_what_it_was_to_wait_for(one: Jobctl) -> None:
    number = submit(one, "one", "--after", "1", "--on-event", "go")
    one("resume", number, expect=0)
    document = row(one, number)
    assert document["state"] == "ready" and document["message"].endswith(" waived what it was to wait for")
    one("cancel", "1", expect=0)
    assert standing(one, number) == "waiting_for_resources"


# Events


def test_an_event_releases_what_waits_for_it_and_is_then_forgotten(jobctl: Jobctl, daemon: StartDaemon) -> None:
    found = jobctl("run", "--on-event", "orders arrived", "--", "true", expect=0)
    assert found.stderr == "jobctl: 1 adhoc waits for the event orders arrived\n" + NO_DAEMON
    assert submit(jobctl, "--on-event", "orders arrived", "--", "true") == 2
    assert submit(jobctl, "--on-event", "else", "--", "true") == 3
    daemon()
    assert jobctl("emit", "nobody waits for this", expect=0).stdout == "0\n"
    assert jobctl("emit", "orders arrived", expect=0).stdout == "2\n"
    jobctl("wait", "1", "2", expect=0)
    assert jobctl("emit", "orders arrived", expect=0).stdout == "0\n"
    late = submit(jobctl, "--on-event", "orders arrived", "--", "true")
    assert standing(jobctl, late) == standing(jobctl, 3) == "waiting_for_event"


def test_emit_tells_whom_it_released(jobctl: Jobctl) -> None:
    submit(jobctl, "--on-event", "go", "--", "true")
    found = jobctl("emit", "go", "--json", expect=0)
    assert found.json["released"] == 1
    (document,) = found.json["system_jobs"]
    assert (document["sequence"], document["state"], document["is_waiting_for_event"]) == (1, "ready", False)
    assert found.stderr == NO_DAEMON
    assert jobctl("emit", "go", expect=0).stderr == "", "nobody has to act on it"


def test_a_job_may_emit_what_another_waits_for(jobctl: Jobctl, daemon: StartDaemon) -> None:
    daemon("--slots", 2)
    waiting = submit(jobctl, "--on-event", "go", "--", "true")
    words = " ".join(jobctl.command("emit", "go"))
    emitting = submit(
        jobctl, "--", "sh", "-c", f"PYTHONPATH={jobctl.environment['PYTHONPATH']} JOBCTL_HOME=$JOBCTL_HOME {words}"
    )
    jobctl("wait", waiting, emitting, expect=0)
    assert jobctl("logs", emitting, expect=0).stdout == "1\n"


# Keys


def test_the_same_key_is_the_same_request(one: Jobctl) -> None:
    request = ("run", "one", "--key", "2026-10", "--data")
    assert one(*request, '{"month": "2026-10", "n": 1}', expect=0).stdout == "2\n"
    again = one(*request, '{ "month" : "2026-10","n":1 }', expect=0)
    assert again.stdout == "2\n"
    assert "2 one was submitted with this key before; nothing was added" in again.stderr
    stored = one("monitor", "--json").stdout
    one_sentence(one(*request, '{"month": "2026-11"}'), 4, "'2026-10'", "system job 2 with other data")
    one_sentence(one("run", "one", "--key", "2026-10"), 4, "system job 2 with other data")
    assert one("monitor", "--json").stdout == stored
    one("add", "two", "--", "true", expect=0)
    assert submit(one, "two", "--key", "2026-10") == 3, "a key is the job's own"
    assert row(one, 2)["key"] == "2026-10"


def test_the_key_of_a_command_holds_for_that_command(jobctl: Jobctl) -> None:
    assert submit(jobctl, "--key", "k", "--", "echo", "a") == submit(jobctl, "--key", "k", "--", "echo", "a") == 1
    one_sentence(jobctl("run", "--key", "k", "--", "echo", "b"), 4, "system job 1")


def test_the_same_key_gives_the_end_of_what_has_run(one: Jobctl, daemon: StartDaemon) -> None:
    daemon()
    one("run", "one", "--key", "k", "--wait", expect=0)
    again = one("run", "one", "--key", "k", "--wait", "--json", expect=0)
    assert (again.json["system_job"]["sequence"], again.json["system_job"]["status"]) == (2, "succeeded")
    one("delete", "2", expect=0)
    assert submit(one, "one", "--key", "k") == 3, "forgotten with its system job"


def test_many_at_once_with_one_key_are_one(one: Jobctl) -> None:
    running = [
        subprocess.Popen(
            one.command("run", "one", "--key", "k", "--data", "1"),
            env=one.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for _ in range(8)
    ]
    ends = [(process.communicate(timeout=60), process.returncode) for process in running]
    assert {(out, code) for (out, _), code in ends} == {("2\n", 0)}, ends
    assert len(one("monitor", "--json").json["system_jobs"]) == 2


# A job's limit


def test_no_more_of_a_job_run_than_its_concurrency(jobctl: Jobctl, daemon: StartDaemon, tmp_path: Path) -> None:
    witness, stop = tmp_path / "witness", tmp_path / "stop"
    script = f"echo B >>{witness}; until [ -e {stop} ]; do sleep 0.02; done; echo E >>{witness}"
    jobctl("add", "few", "--concurrency", 2, "--command", script, expect=0)
    numbers = [submit(jobctl, "few") for _ in range(4)]
    daemon("--slots", 8)
    wait_until(lambda: witness.exists() and witness.read_text() == "B\nB\n")
    jobctl("run", "--wait", "--", "true", expect=0)  # there are slots, and others use them
    assert witness.read_text() == "B\nB\n"
    assert [standing(jobctl, number) for number in numbers[2:]] == ["waiting_for_resources"] * 2
    jobctl("edit", "few", "--concurrency", 3, expect=0)
    wait_until(lambda: witness.read_text() == "B\nB\nB\n")
    jobctl("edit", "few", "--no-concurrency", expect=0)
    wait_until(lambda: witness.read_text() == "B\nB\nB\nB\n")
    stop.touch()
    jobctl("wait", *numbers, expect=0)


def test_the_concurrency_is_shown_and_has_to_be_above_zero(jobctl: Jobctl) -> None:
    jobctl("add", "few", "--concurrency", 2, "--", "true", expect=0)
    assert "2 at a time" in jobctl("show", "few", expect=0).stdout
    assert jobctl("show", "few", "--json", expect=0).json["job"]["concurrency"] == 2
    for value in ("0", "-1", "many", ""):
        one_sentence(jobctl("add", "other", "--concurrency", value, "--", "true"), 2, "--concurrency")
    one_sentence(jobctl("edit", "few", "--concurrency", 2, "--no-concurrency"), 2, "exclude each other")


# Wrong ones

WRONG = [
    ("--after 1:sucess", 2, "did you mean 'success'?"),
    ("--after 1:", 2, "is no way to end"),
    ("--after :any", 3, "no job named ''"),
    ("--after 99", 3, "no system job 99"),
    ("--after oen", 3, "did you mean 'one'?"),
    ("--after id:00000000:any", 3, "no system job"),
    ("--after id:xyz:any", 2, "is not the beginning of an id"),
    ("--after 1:any --after 1:failure", 2, "twice"),
    ("--after 1 --after 99", 3, "no system job 99"),
    ("--on-event _", 2, "event"),
    ("--on-event a\x1bb", 2, "U+001B"),
    (f"--on-event {'x' * 101}", 2, "from 1 to 100"),
    (f"--key {'x' * 201}", 2, "from 1 to 200"),
    ("--key _", 2, "key"),
    ("--key a\nb", 2, "U+000A"),
]


@pytest.mark.parametrize(("options", "code", "text"), WRONG)
def test_what_is_wrong_is_refused_and_nothing_is_stored(
    one: Jobctl, home: Path, options: str, code: int, text: str
) -> None:
    before = rows(home)
    words = ["" if word == "_" else word for word in options.split(" ")]
    one_sentence(one("run", "one", *words), code, text)
    assert rows(home) == before


def test_emit_refuses_what_is_no_event(jobctl: Jobctl) -> None:
    for event in ("", " ", "a\tb", "\u202ex", "x" * 101):
        one_sentence(jobctl("emit", event), 2, "event")
