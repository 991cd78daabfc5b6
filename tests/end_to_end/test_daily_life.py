"""A newcomer's path: every command on real jobs, through the real command line and a real daemon."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

from tests.conftest import SOURCE, ClockFile, Jobctl, StartDaemon, wait_until
from tests.end_to_end.hostile import check_nothing_left, ended, show, submit, verdict

CODE = """
import jobctl

@jobctl.job(name="invoice", retries=1, token="ledger")
def invoice(month, copies=1):
    run = jobctl.current()
    run.progress(40, stage="rendering")
    run.log(f"invoice for {month}, run {run.sequence}, attempt {run.attempt}")
    run.progress(100, stage="sent")
    return {"month": month, "copies": copies}
"""


def status(jobctl: Jobctl, number: int) -> tuple[str, str | None]:
    row = show(jobctl, number)
    return row["status"], row["reason"]


def rows(jobctl: Jobctl, *filters: object) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = jobctl("monitor", *filters, "--json", expect=0).json["system_jobs"]
    return found


def test_from_add_to_remove(jobctl: Jobctl, daemon: StartDaemon, tmp_path: Path) -> None:
    """What is stored before there is a daemon is run once there is one."""
    early = jobctl("add", "hello", "--description", "greets", "--tag", "demo", "--", "sh", "-c", "echo hi; echo oh >&2")
    assert early.returncode == 0 and "added hello" in early.stdout
    stored = jobctl("run", "hello", expect=0)
    assert "no daemon is running; start: jobctl daemon" in stored.stderr
    assert status(jobctl, int(stored.stdout)) == ("waiting_for_resources", None)
    daemon()
    assert jobctl("wait", stored.stdout.strip()).returncode == 0
    assert jobctl("logs", "hello", expect=0).stdout == "hi\noh\n"
    assert jobctl("logs", "hello", "--stderr", expect=0).stdout == "oh\n"
    assert "hello" in jobctl("list", expect=0).stdout and "greets" in jobctl("show", "hello", expect=0).stdout
    again = jobctl("rerun", "hello", "--wait", "--json", expect=0).json["system_jobs"][0]
    assert (again["rerun_of"], again["status"], again["message_name"]) == (int(stored.stdout), "succeeded", "rerun")
    jobctl("edit", "hello", "--command", "exit 3", expect=0)
    failing = jobctl("run", "hello", "--wait")
    assert failing.returncode == 1 and "failed (exit 3)" in failing.stderr
    assert [row["status"] for row in rows(jobctl, "--job", "hello")] == ["failed", "succeeded", "succeeded"]
    assert [row["job_version"] for row in rows(jobctl, "--tag", "demo")] == [2, 1, 1]
    jobctl("delete", failing.stdout.split()[0], "--wait", expect=0)
    jobctl("remove", "hello", expect=0)
    assert jobctl("run", "hello").returncode == 3
    assert len(rows(jobctl)) == 2, "history stays"
    jobctl("add", "hello", "--", "true", expect=0)


def test_schedules_from_plan_to_end(jobctl: Jobctl, daemon: StartDaemon, tmp_path: Path) -> None:
    daemon()
    witness = tmp_path / "witness"
    jobctl("add", "tick", "--every", "1s", "--count", 2, "--command", f"echo tick >>{witness}", expect=0)
    assert jobctl("schedule", "tick", "--every", "1h").returncode == 4, "a job has at most one schedule"
    wait_until(lambda: len(rows(jobctl, "--job", "tick", "--status", "succeeded")) == 2)
    assert witness.read_text() == "tick\ntick\n"
    plan = jobctl("show", "tick", "--json").json["job"]["schedule"]
    assert (plan["active"], plan["fired"], plan["ended_by"]) == (False, 2, "finished")
    jobctl("reschedule", "tick", "--cron", "30 6 * * mon-fri", "--tz", "Europe/Madrid", expect=0)
    coming = jobctl("next", "tick", "-n", 3, "--json", expect=0).json["occurrences"]
    assert len(coming) == 3 and all("06:30:00" in one["local"] for one in coming)
    pending = rows(jobctl, "--job", "tick", "--state", "suspended")
    assert [(row["reason"], row["occurrence_at"]) for row in pending] == [("scheduled", coming[0]["at"])]
    jobctl("cancel", "--next", "tick", expect=0)
    assert status(jobctl, pending[0]["sequence"]) == ("canceled", "user")
    (following,) = rows(jobctl, "--job", "tick", "--state", "suspended")
    assert following["occurrence_at"] == coming[1]["at"]
    jobctl("postpone", "tick", "--for", "1h", expect=0)
    assert show(jobctl, following["sequence"])["reason"] == "postponed"
    jobctl("resume", "tick", expect=0)
    assert verdict(ended(jobctl, [following["sequence"]])[following["sequence"]])[0] == "succeeded"
    jobctl("unschedule", "tick", expect=0)
    assert jobctl("unschedule", "tick").returncode == 4
    assert rows(jobctl, "--state", "ready,suspended,locked") == []


def test_once_at_an_instant_and_now(jobctl: Jobctl, daemon: StartDaemon) -> None:
    daemon()
    jobctl("add", "at", "--at", "in 1s", "--", "true", expect=0)
    jobctl("add", "now", "--now", "--", "true", expect=0)
    late = submit(jobctl, "--at", "2020-01-01T00:00", "--", "true")
    soon = submit(jobctl, "--at", "in 1s", "--", "true")
    far = submit(jobctl, "--at", "in 1h", "--", "true")
    assert {row["status"] for row in ended(jobctl, [late, soon]).values()} == {"succeeded"}
    wait_until(lambda: len(rows(jobctl, "--status", "succeeded")) == 4)
    assert status(jobctl, far) == ("waiting", "scheduled")
    jobctl("resume", far, expect=0)
    assert ended(jobctl, [far])[far]["status"] == "succeeded"


def test_pause_postpone_resume_and_cancel_in_the_middle(
    jobctl: Jobctl, daemon: StartDaemon, home: Path, tmp_path: Path
) -> None:
    daemon("--slots", 2)
    steps = tmp_path / "steps"
    script = f"for i in $(seq 40); do echo $i >>{steps}; sleep 0.05; done"
    number = submit(jobctl, "--", "sh", "-c", script)
    wait_until(lambda: steps.exists() and len(steps.read_text().split()) > 3)
    jobctl("pause", number, "--wait", expect=0)
    assert status(jobctl, number) == ("waiting", "paused")
    seen = steps.read_text()
    assert jobctl("run", "--wait", "--", "true").returncode == 0, "its slot is free for others"
    assert steps.read_text() == seen
    assert jobctl("pause", number).returncode == 4
    jobctl("resume", number, "--wait", expect=0)
    wait_until(lambda: steps.read_text() != seen)
    jobctl("postpone", number, "--for", "1s", "--wait", expect=0)
    assert status(jobctl, number) == ("waiting", "postponed")
    row = ended(jobctl, [number])[number]
    assert row["status"] == "succeeded" and steps.read_text().split() == [str(i) for i in range(1, 41)]
    assert row["execution_time_span"] < 20 and row["attempt"] == 1
    endless = submit(jobctl, "--", "sleep", "999")
    wait_until(lambda: show(jobctl, endless)["started_on"])
    assert jobctl("delete", endless).returncode == 4, "delete needs --force while a process lives"
    jobctl("cancel", endless, "--wait", expect=0)
    assert status(jobctl, endless) == ("canceled", "user") and jobctl("cancel", endless).returncode == 4
    forced = submit(jobctl, "--", "sleep", "999")
    wait_until(lambda: show(jobctl, forced)["started_on"])
    jobctl("delete", forced, "--force", "--wait", expect=0)
    assert jobctl("show", forced).returncode == 3
    check_nothing_left(home)


def test_retries_keep_one_system_job(jobctl: Jobctl, daemon: StartDaemon, tmp_path: Path) -> None:
    daemon()
    third = f"echo $JOBCTL_ATTEMPT | tee -a {tmp_path}/tries; [ $JOBCTL_ATTEMPT -ge 3 ]"
    jobctl("add", "third", "--retries", 4, "--retry-delay", "0.1s", "--retry-backoff", 2, "--command", third, expect=0)
    jobctl("add", "never", "--retries", 1, "--retry-delay", "0s", "--command", "exit 9", expect=0)
    jobctl("add", "odd", "--success-codes", "0,75", "--command", "exit 75", expect=0)
    jobctl(
        "add", "slow", "--timeout", "0.5s", "--retries", 1, "--retry-delay", "0s", "--command", "sleep 999", expect=0
    )
    names = ("third", "never", "odd", "slow")
    numbers = {name: submit(jobctl, name) for name in names}
    done = ended(jobctl, numbers.values())
    found = {name: (*verdict(done[n]), done[n]["attempt"], done[n]["retry_count"]) for name, n in numbers.items()}
    assert found == {
        "third": ("succeeded", None, 0, None, 3, 2),
        "never": ("failed", "exit", 9, None, 2, 1),
        "odd": ("succeeded", None, 75, None, 1, 0),
        "slow": ("failed", "timeout", None, 15, 2, 1),
    }
    assert done[numbers["third"]]["message"] is None, "an earlier attempt's failure is not the verdict"
    assert jobctl("logs", "third").stdout == "1\n2\n3\n"
    assert (tmp_path / "tries").read_text() == "1\n2\n3\n"


def test_a_token_keeps_the_order_of_submission(jobctl: Jobctl, daemon: StartDaemon, tmp_path: Path) -> None:
    chain = tmp_path / "chain"
    mark = f"echo {{}} $JOBCTL_SEQUENCE >>{chain}"
    script = f"{mark.format('B')}; sleep 0.1; {mark.format('E')}; exit $((JOBCTL_SEQUENCE % 2))"
    jobctl("add", "low", "--token", "disk", "--command", script, expect=0)
    jobctl("add", "high", "--token", "disk", "--priority", 9, "--command", script, expect=0)
    numbers = [submit(jobctl, name) for name in ("low", "high", "low")]
    held = submit(jobctl, "low", "--at", "in 3s")
    numbers += [held, submit(jobctl, "high"), submit(jobctl, "low")]
    daemon("--slots", 4)
    assert show(jobctl, numbers[-1])["blocked_by"] == numbers[-2]
    ended(jobctl, numbers)
    assert chain.read_text().splitlines() == [f"{mark} {number}" for number in numbers for mark in "BE"]


def test_a_token_survives_a_long_absence_of_the_daemon(
    jobctl: Jobctl, daemon: StartDaemon, clock_file: ClockFile
) -> None:
    """What was missed leaves the queue, and what runs in its place is not kept waiting for it."""
    for name in "abc":
        jobctl("add", name, "--token", "disk", "--every", "1m", "--", "true", expect=0)
    clock_file.advance(300)
    daemon()
    wait_until(lambda: len(rows(jobctl, "--status", "succeeded")) == 3, 10, "one run of each for the gap")
    assert {row["dropped"] for row in rows(jobctl, "--status", "canceled")} == {5}
    for name in "abc":
        jobctl("unschedule", name, expect=0)


def test_a_registered_callable_takes_data_and_gives_a_result(
    jobctl: Jobctl, daemon: StartDaemon, tmp_path: Path
) -> None:
    daemon()
    (tmp_path / "billing.py").write_text(CODE)
    jobctl("register", "billing", cwd=tmp_path, expect=0)
    job = jobctl("show", "invoice", "--json").json["job"]
    assert (job["callable"], job["retries"], job["token"]) == ("billing:invoice", 1, "ledger")
    number = submit(jobctl, "invoice", "--data", '{"month": "2026-10", "copies": 2}', "--regarding", "customer:4711")
    row = ended(jobctl, [number])[number]
    assert row["result"] == {"month": "2026-10", "copies": 2} and row["data"] == {"month": "2026-10", "copies": 2}
    assert (row["progress"], row["stage"], row["regarding"]) == (100.0, "sent", "customer:4711")
    assert jobctl("logs", number).stdout == f"invoice for 2026-10, run {number}, attempt 1\n"
    (tmp_path / "data.json").write_text('["2026-11"]')
    second = jobctl("run", "invoice", "--data", f"@{tmp_path}/data.json", "--wait", "--json", expect=0).json[
        "system_job"
    ]
    third = jobctl("run", "invoice", "--data", "-", "--wait", "--json", input='"2026-12"', expect=0).json["system_job"]
    assert [one["result"]["month"] for one in (second, third)] == ["2026-11", "2026-12"]
    wrong = jobctl("run", "invoice", "--data", '{"year": 1}', "--wait", "--json")
    assert wrong.returncode == 1 and wrong.json["system_job"]["reason"] == "arguments"
    assert wrong.json["system_job"]["attempt"] == 1


def test_progress_is_seen_while_it_runs(jobctl: Jobctl, daemon: StartDaemon, tmp_path: Path) -> None:
    daemon()
    python = f"PYTHONPATH={SOURCE} {sys.executable} -m jobctl report"
    stop = tmp_path / "stop"
    script = (
        f"{python} --progress 40% --stage copying; until [ -e {stop} ]; do sleep 0.05; done; {python} --message done"
    )
    number = submit(jobctl, "--", "sh", "-c", script)
    row = wait_until(lambda: (row := show(jobctl, number))["stage"] and row)
    assert (row["progress"], row["stage"], row["status"]) == (40.0, "copying", "in_progress")
    stop.touch()
    assert ended(jobctl, [number])[number]["status"] == "succeeded"
    assert (show(jobctl, number)["progress"], show(jobctl, number)["stage"]) == (40.0, "copying")
    assert jobctl("report", "--progress", 1).returncode == 2, "outside a run there is nothing to report of"


def test_surroundings_are_those_of_add(jobctl: Jobctl, daemon: StartDaemon, tmp_path: Path) -> None:
    secret, place = tmp_path / "secret", tmp_path / "place"
    secret.write_text("s3cret\n")
    place.mkdir()
    options = ["--env", "PLAIN=a b", "--env", "FROM_DAEMON", "--env", "ABSENT", "--env", f"API_KEY=@{secret}"]
    argv = ["--", "sh", "-c", "pwd; umask; env | sort"]
    words = ["umask 027; exec", *jobctl.command("add", "look", *options, *argv)]
    script = " ".join([words[0], *(f"'{word}'" for word in words[1:])])
    environment = {**jobctl.environment, "LC_TIME": "C", "STRAY": "1"}
    assert os.spawnve(os.P_WAIT, "/bin/sh", ["sh", "-c", f"cd '{place}'; {script}"], environment) == 0
    assert "s3cret" not in jobctl("show", "look").stdout
    daemon(env={"FROM_DAEMON": "yes", "STRAY": "2", "LC_TIME": "x"})
    number = submit(jobctl, "look")
    row = ended(jobctl, [number])[number]
    lines = jobctl("logs", number).stdout.splitlines()
    found = dict(line.split("=", 1) for line in lines[2:])
    assert lines[:2] == [str(place), "0027"]
    assert (found["PLAIN"], found["FROM_DAEMON"], found["API_KEY"], found["LC_TIME"]) == ("a b", "yes", "s3cret", "C")
    assert found["PATH"] == jobctl.environment["PATH"] and found["HOME"] == jobctl.environment["HOME"]
    assert not {"STRAY", "ABSENT", "PYTHONPATH"} & set(found)
    own = {name: found[name] for name in found if name.startswith("JOBCTL_")}
    assert own.pop("JOBCTL_RUN")
    assert own == {
        "JOBCTL_ID": row["id"],
        "JOBCTL_SEQUENCE": str(number),
        "JOBCTL_JOB": "look",
        "JOBCTL_ATTEMPT": "1",
        "JOBCTL_DEPTH": "0",
        "JOBCTL_HOME": jobctl.environment["JOBCTL_HOME"],
    }
    refused = jobctl("add", "leak", "--env", "DB_PASSWORD=x", "--", "true")
    assert refused.returncode == 2 and "DB_PASSWORD=@FILE" in refused.stderr


def test_data_reaches_the_run_inline_or_as_a_file(jobctl: Jobctl, daemon: StartDaemon, home: Path) -> None:
    daemon()
    script = 'if [ -n "$JOBCTL_DATA_FILE" ]; then stat -c "%a %s" "$JOBCTL_DATA_FILE"; else echo "$JOBCTL_DATA"; fi'
    jobctl("add", "data", "--command", script, expect=0)
    texts = {"small": '{"a": [1, "é"]}', "inline": json.dumps("x" * 65_534), "file": json.dumps("x" * 65_535)}
    out = {}
    for name, text in texts.items():
        number = int(jobctl("run", "data", "--data", "-", input=text, expect=0).stdout)
        assert ended(jobctl, [number])[number]["status"] == "succeeded"
        out[name] = jobctl("logs", number).stdout.strip()
    assert json.loads(out["small"]) == {"a": [1, "é"]}
    assert out["inline"] == texts["inline"] and out["file"] == "600 65537"
    assert not list((home / "run").glob("*.data")), "the file goes with the run"
    assert jobctl("run", "data", "--data", "-", input=json.dumps("x" * (1 << 20))).returncode == 2


def test_exit_codes_of_waiting(jobctl: Jobctl, daemon: StartDaemon) -> None:
    daemon("--slots", 3)
    good, bad, long = (submit(jobctl, "--", "sh", "-c", text) for text in ("exit 0", "exit 5", "sleep 999"))
    assert jobctl("wait", good).returncode == 0
    assert jobctl("wait", good, bad).returncode == 1
    timed_out = jobctl("wait", long, "--timeout", "0.2s")
    assert timed_out.returncode == 124 and "the time is up" in timed_out.stderr
    assert jobctl("wait", 999_999).returncode == 3
    assert jobctl("run", "--wait", "--", "true").returncode == 0
    assert jobctl("run", "--wait", "--", "false").returncode == 1
    jobctl("cancel", long, "--wait", expect=0)
    assert jobctl("wait", long).returncode == 1, "canceled is not done"


def test_a_run_that_submits_raises_the_depth(jobctl: Jobctl, daemon: StartDaemon) -> None:
    daemon("--slots", 2)
    nest = f"PYTHONPATH={SOURCE} {sys.executable} -m jobctl run nest"
    jobctl("add", "nest", "--command", nest, expect=0)
    first = submit(jobctl, "nest")
    wait_until(lambda: rows(jobctl, "--job", "nest", "--status", "failed"), 40)
    found = sorted(rows(jobctl, "--job", "nest"), key=lambda row: row["sequence"])
    assert [row["depth"] for row in found] == list(range(17))
    assert found[0]["sequence"] == first and found[0]["parent"] is None
    assert [row["parent"] for row in found[1:]] == [row["id"] for row in found[:-1]]
    assert found[1]["created_by"] == f"run:{first}"
    assert [row["exit_code"] for row in found] == [0] * 16 + [4]
    assert "nested 16 deep" in jobctl("logs", found[-1]["sequence"]).stdout


def test_logs_follow_a_run_to_its_end(jobctl: Jobctl, daemon: StartDaemon) -> None:
    daemon()
    number = submit(jobctl, "--", "sh", "-c", "for i in 1 2 3 4 5; do echo $i; sleep 0.2; done; exit 3")
    followed = jobctl("logs", "-f", number, timeout=30)
    assert followed.stdout == "1\n2\n3\n4\n5\n" and "failed (exit 3)" in followed.stderr
    assert jobctl("logs", number, "-n", 2).stdout == "4\n5\n"
    stamped = jobctl("logs", number, "--timestamps").stdout.splitlines()
    assert len(stamped) == 5 and all(line.endswith(str(n)) and ":" in line for n, line in enumerate(stamped, 1))


def test_unknown_names_and_numbers_are_one_sentence(jobctl: Jobctl) -> None:
    jobctl("add", "backup", "--", "true", expect=0)
    for command in (["pause"], ["wait"], ["postpone", "--for", "1h"], ["rerun"], ["show"], ["logs"]):
        for target in ("bakcup", "4711"):
            done = jobctl(*command, target)
            assert done.returncode == 3 and len(done.stderr.strip().splitlines()) == 1, done.stderr
            assert target in done.stderr and done.stdout == ""
            assert target.isdecimal() or "did you mean 'backup'?" in done.stderr
