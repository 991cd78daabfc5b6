"""Daemons and runners that die at the worst moment: what ran goes on, what ended is known, nothing runs twice."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import time
from pathlib import Path

import apsw
import pytest

from jobctl import processes
from tests.conftest import Daemon, Jobctl, StartDaemon, wait_until
from tests.end_to_end.witness import Witness, is_alive, runners, state_of


def test_runs_neither_stop_nor_repeat_when_the_daemon_is_killed(daemon: StartDaemon, witness: Witness) -> None:
    witness.add("job", "sleep 1")
    first = daemon("--slots", 20)
    numbers = [witness.run("job") for _ in range(20)]
    witness.wait("S", count=15)
    first.kill()
    second = daemon("--slots", 20)
    rows = witness.ended(*numbers)
    assert [(row["status"], row["attempt"], row["exit_code"]) for row in rows] == [("succeeded", 1, 0)] * 20
    assert (len(witness.lines("S")), len(witness.lines("E"))) == (20, 20)
    assert second.alive


def test_a_run_that_ended_without_a_daemon_keeps_its_result(daemon: StartDaemon, witness: Witness, home: Path) -> None:
    witness.add("job", f"sleep 0.4; echo told; echo warned >&2; {witness.note('E')}; exit 3")
    first = daemon()
    number = witness.run("job")
    witness.wait("S")
    first.kill()
    witness.wait("E")
    wait_until(lambda: not runners(home), what="the runner has left")
    second = daemon()
    (row,) = witness.ended(number)
    assert (row["status"], row["reason"], row["exit_code"], row["attempt"]) == ("failed", "exit", 3, 1)
    assert 0.4 <= row["execution_time_span"] < 1.5
    assert row["log_bytes"] == len("told\nwarned\n")
    assert witness.jobctl("logs", number).stdout == "told\nwarned\n"
    assert len(witness.lines("S")) == 1
    started = apsw.Connection(str(home / "jobctl.db"), flags=apsw.SQLITE_OPEN_READONLY).execute(
        "SELECT s.completed_on < d.started_on FROM system_jobs AS s, daemons AS d WHERE d.pid = ?", (second.pid,)
    )
    assert started.fetchall() == [(1,)], "it is recorded as ended when it ended, not when that was found"


def test_a_torn_record_at_the_journals_end_costs_only_itself(daemon: StartDaemon, witness: Witness, home: Path) -> None:
    witness.add("job", "sleep 0.3")
    first = daemon()
    number = witness.run("job")
    witness.wait("S")
    first.kill()
    witness.wait("E")
    wait_until(lambda: not runners(home))
    (journal,) = (home / "run").glob("*.journal")
    with journal.open("ab") as file:
        file.write(b"\xff\0\0\0torn")
    daemon()
    assert witness.ending(number) == ("succeeded", None)


def test_a_runner_that_left_nothing_behind_is_lost_not_run_again(
    daemon: StartDaemon, witness: Witness, home: Path
) -> None:
    witness.add("job", "sleep 2")
    first = daemon()
    number = witness.run("job")
    witness.wait("S")
    wait_until(lambda: witness.row(number)["started_on"])
    first.kill()
    witness.wait("E")
    wait_until(lambda: not runners(home))
    for journal in (home / "run").glob("*.journal"):
        journal.unlink()
    daemon()
    assert witness.ending(number) == ("failed", "lost")
    assert len(witness.lines("S")) == 1


def frozen_runner(home: Path, witness: Witness) -> int:
    """The pid of the only runner, idle and stopped."""
    witness.ended(witness.run("job"))
    (runner,) = wait_until(lambda: found if len(found := list(runners(home))) == 1 else None)
    os.kill(runner, signal.SIGSTOP)
    wait_until(lambda: state_of(runner) == "T")
    return int(runner)


def test_claimed_but_never_begun_is_run_once_and_costs_no_retry(
    daemon: StartDaemon, witness: Witness, home: Path
) -> None:
    witness.add("job", "true")
    first = daemon("--slots", 1)
    runner = frozen_runner(home, witness)
    number = witness.run("job")
    wait_until(lambda: witness.row(number)["state"] == "locked")
    first.kill()
    os.kill(runner, signal.SIGKILL)
    daemon()
    (row,) = witness.ended(number)
    assert (row["status"], row["attempt"], row["retry_count"]) == ("succeeded", 1, 0)
    assert len(witness.lines("S", number)) == 1


def test_a_cancel_between_claim_and_begin_prevents_the_begin(daemon: StartDaemon, witness: Witness, home: Path) -> None:
    witness.add("job", "true")
    daemon("--slots", 1)
    runner = frozen_runner(home, witness)
    number = witness.run("job")
    wait_until(lambda: witness.row(number)["state"] == "locked")
    witness.jobctl("cancel", number, expect=0)
    witness.jobctl("cancel", number, expect=0)
    os.kill(runner, signal.SIGCONT)
    assert witness.ending(number) in {("canceled", "user"), ("succeeded", None)}
    # The order to run may have been read before the cancel; then it ran to its end, once.
    assert len(witness.lines("S", number)) == len(witness.lines("E", number)) <= 1


def test_the_killed_job_is_the_jobs_own_failure(daemon: StartDaemon, witness: Witness) -> None:
    witness.add("job", "kill -9 $$")
    daemon()
    (row,) = witness.ended(witness.run("job"))
    assert (row["status"], row["reason"], row["signal"], row["attempt"]) == ("failed", "signal", 9, 1)


ESCAPING = (
    'setsid sh -c \'trap "" TERM HUP; while :; do echo "T $JOBCTL_SEQUENCE" >>{path}; sleep 0.02; done\' & {body}'
)


def test_a_killed_runners_whole_tree_is_gone_before_its_work_is_decided(
    daemon: StartDaemon, witness: Witness, home: Path
) -> None:
    witness.add("holder", ESCAPING.format(path=witness.path, body="sleep 60"), "--token", "one")
    witness.add("next", "true", "--token", "one")
    daemon()
    holder, following = witness.run("holder"), witness.run("next")
    witness.wait("T", holder, 5)
    (pid,) = [int(line.split()[3]) for line in witness.lines("S", holder)]
    (runner,) = [info.ppid for info in processes.scan() if info.pid == pid]
    os.kill(runner, signal.SIGKILL)
    assert witness.ending(holder) == ("failed", "lost")
    assert witness.ending(following) == ("succeeded", None)
    kinds = [line.split()[:2] for line in witness.lines()]
    assert kinds.index(["S", str(following)]) > max(at for at, kind in enumerate(kinds) if kind == ["T", str(holder)])
    assert not is_alive(pid)


def test_everything_killed_and_every_slot_taken_recovery_needs_none(
    daemon: StartDaemon, witness: Witness, home: Path
) -> None:
    witness.add("long", "sleep 60")
    witness.add("short", "true")
    first = daemon("--slots", 3)
    numbers = [witness.run("long") for _ in range(3)]
    witness.wait("S", count=3)
    for pid in [first.pid, *runners(home)]:
        os.kill(pid, signal.SIGKILL)
    first.wait()
    after = witness.run("short")
    daemon("--slots", 1)
    assert witness.ending(after) == ("succeeded", None)
    assert {witness.ending(number) for number in numbers} == {("failed", "lost")}


@pytest.mark.parametrize("on_lost", ["fail", "retry"])
def test_after_a_reboot_what_ran_is_lost_at_once(
    daemon: StartDaemon, witness: Witness, home: Path, on_lost: str
) -> None:
    witness.add("job", '[ "$JOBCTL_ATTEMPT" = 2 ] || sleep 60', "--on-lost", on_lost)
    first = daemon()
    number = witness.run("job")
    witness.wait("S")
    wait_until(lambda: witness.row(number)["started_on"])
    for pid in [first.pid, *runners(home)]:
        os.kill(pid, signal.SIGKILL)
    first.wait()
    end_run(witness, number)
    database = apsw.Connection(str(home / "jobctl.db"))
    database.execute("UPDATE runners SET boot_id = 'another'; UPDATE daemons SET boot_id = 'another'")
    database.close()
    began = time.monotonic()
    daemon()
    (row,) = witness.ended(number)
    assert time.monotonic() - began < 5
    if on_lost == "fail":
        assert (row["status"], row["reason"], row["attempt"]) == ("failed", "lost", 1)
    else:
        assert (row["status"], row["attempt"], len(witness.lines("S"))) == ("succeeded", 2, 2)


def end_run(witness: Witness, sequence: int) -> None:
    """Kill the processes of a run, as a reboot does."""
    for line in witness.lines("S", sequence):
        pid = int(line.split()[3])
        for info in [*processes.descendants(pid), *filter(None, [processes.inspect(pid)])]:
            processes.signal_member(info, signal.SIGKILL)


KILLER = "import os\n\n\ndef kill() -> None:\n    {note}\n    os.kill(os.getppid(), 9)\n    while True:\n        pass\n"


@pytest.mark.parametrize("kind", ["command", "callable"])
def test_what_kills_its_runner_every_time_is_held_for_a_person(
    daemon: StartDaemon, witness: Witness, tmp_path: Path, kind: str
) -> None:
    if kind == "command":
        witness.add("poison", "kill -9 $PPID; sleep 60", "--on-lost", "retry")
    else:
        line = "'S %(JOBCTL_SEQUENCE)s %(JOBCTL_ATTEMPT)s\\n' % os.environ"
        note = f"open({str(witness.path)!r}, 'a').write({line})"
        (tmp_path / "poison_job.py").write_text(KILLER.format(note=note), encoding="utf-8")
        options = ("--callable", "poison_job:kill", "--env", f"PYTHONPATH={tmp_path}", "--on-lost", "retry")
        witness.jobctl("add", "poison", *options, expect=0)
    daemon()
    number = witness.run("poison")
    row = witness.reason(number, "held")
    assert (row["state"], row["status"], row["attempt"]) == ("suspended", "waiting", 3)
    assert len(witness.lines("S")) == 3
    witness.jobctl("resume", number, expect=0)
    witness.wait("S", number, 4)
    witness.reason(number, "held")
    witness.jobctl("cancel", number, expect=0)
    assert witness.ending(number) == ("canceled", "user")


def test_timeout_cancel_and_pause_work_on_what_was_adopted(daemon: StartDaemon, witness: Witness) -> None:
    witness.add("timed", "sleep 60", "--timeout", "3s", "--grace", "1s")
    witness.add("long", "sleep 60", "--grace", "1s")
    witness.add("short", "sleep 1.5")
    first = daemon("--slots", 3)
    timed, canceled, paused = witness.run("timed"), witness.run("long"), witness.run("short")
    witness.wait("S", count=3)
    first.kill()
    daemon("--slots", 3)
    witness.jobctl("pause", paused, "--wait", expect=0)
    (pid,) = [int(line.split()[3]) for line in witness.lines("S", paused)]
    assert state_of(pid) == "T"
    witness.jobctl("cancel", canceled, "--wait", expect=0)
    assert witness.ending(canceled) == ("canceled", "user")
    (row,) = witness.ended(timed)
    assert (row["status"], row["reason"]) == ("failed", "timeout")
    assert 2.9 <= row["execution_time_span"] < 5
    witness.jobctl("resume", paused, expect=0)
    (row,) = witness.ended(paused)
    assert (row["status"], row["attempt"]) == ("succeeded", 1)
    assert len(witness.lines("S", paused)) == 1


def test_a_paused_run_outlives_daemons_and_then_goes_on(daemon: StartDaemon, witness: Witness) -> None:
    witness.add("job", "sleep 2", "--timeout", "4s")
    witness.add("doomed", "sleep 60", "--grace", "1s")
    first = daemon()
    number, doomed = witness.run("job"), witness.run("doomed")
    witness.wait("S", count=2)
    witness.jobctl("pause", number, doomed, "--wait", expect=0)
    pid = int(witness.lines("S", number)[0].split()[3])
    for _ in range(2):
        first.kill()
        first = daemon()
        assert witness.row(number)["reason"] == "paused"
        assert state_of(pid) == "T"
    witness.jobctl("cancel", doomed, "--wait", expect=0)
    assert witness.ending(doomed) == ("canceled", "user")
    first.kill()
    witness.jobctl("resume", number, expect=0)
    daemon()
    (row,) = witness.ended(number)
    assert (row["status"], row["attempt"], len(witness.lines("S", number))) == ("succeeded", 1, 1)
    assert row["execution_time_span"] < 3.5, "time spent paused does not count"


def test_paused_then_its_runner_killed_is_lost_and_gone(daemon: StartDaemon, witness: Witness, home: Path) -> None:
    witness.add("job", "sleep 60")
    first = daemon()
    number = witness.run("job")
    witness.wait("S")
    witness.jobctl("pause", number, "--wait", expect=0)
    pid = int(witness.lines("S", number)[0].split()[3])
    first.kill()
    for runner in runners(home):
        os.kill(runner, signal.SIGKILL)
    daemon()
    assert witness.ending(number) == ("failed", "lost")
    assert not is_alive(pid)


def test_a_chain_goes_on_however_its_holder_ends(daemon: StartDaemon, witness: Witness) -> None:
    endings = {
        "fails": ("exit 4", ()),
        "dies": ("kill -11 $$", ()),
        "is-slow": ("sleep 60", ("--timeout", "0.2s", "--grace", "0.2s")),
        "loses": ("kill -9 $PPID; sleep 60", ()),
        "works": ("true", ()),
    }
    for name, (body, options) in endings.items():
        witness.add(name, body, "--token", "chain", *options)
    witness.add("canceled", "sleep 60", "--token", "chain", "--grace", "0.2s")
    numbers = [witness.run(name) for name in (*endings, "canceled", "works")]
    daemon("--slots", 4)
    witness.wait("S", numbers[-2])
    witness.jobctl("cancel", numbers[-2], expect=0)
    rows = witness.ended(*numbers)
    expected = ["exit", "signal", "timeout", "lost", None, "user", None]
    assert [row["reason"] for row in rows] == expected
    assert [int(line.split()[1]) for line in witness.lines("S")] == numbers


def test_every_run_that_ends_as_its_timeout_fires_has_one_reason(daemon: StartDaemon, witness: Witness) -> None:
    witness.add("edge", "sleep 0.1", "--timeout", "0.1s")
    daemon("--slots", 4)
    numbers = [submit("edge") for _ in range(60)]
    endings = {(row["status"], row["reason"]) for row in witness.ended(*numbers)}
    assert endings <= {("succeeded", None), ("failed", "timeout")}
    assert len(witness.lines("S")) == 60


def submit(name: str) -> int:
    import jobctl

    return jobctl.submit(name).sequence


def test_what_a_killed_client_was_told_is_stored(jobctl: Jobctl, environment: dict[str, str], tmp_path: Path) -> None:
    jobctl("add", "job", "--command", "true", expect=0)
    chance = random.Random(4)
    told = []
    for number in range(25):
        out = tmp_path / f"out{number}"
        with out.open("wb") as file:
            client = subprocess.Popen(
                jobctl.command("run", "job"), env=environment, stdout=file, stderr=subprocess.DEVNULL
            )
        try:
            client.wait(chance.uniform(0.05, 0.2))
        except subprocess.TimeoutExpired:
            client.kill()
            client.wait()
        told += out.read_text().split()
    rows = jobctl("monitor", "--json", "--limit", 100, expect=0).json["system_jobs"]
    assert {int(number) for number in told} <= {row["sequence"] for row in rows}
    assert len(rows) <= 25


def test_the_daemons_own_lock_is_not_inherited(daemon: StartDaemon, witness: Witness) -> None:
    witness.add("job", "sleep 60")
    first: Daemon = daemon()
    number = witness.run("job")
    witness.wait("S")
    first.kill()
    second = daemon()
    assert second.alive
    witness.jobctl("cancel", number, "--wait", expect=0)
