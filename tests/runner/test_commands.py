"""How commands start, what they find, and what their end is called."""

from __future__ import annotations

import os
import resource
import sys
from pathlib import Path

import pytest

from jobctl import model
from jobctl.runner import outcome
from tests.conftest import wait_until
from tests.runner.harness import RunnerProcess

SUCCEEDED, FAILED = model.Status.SUCCEEDED, model.Status.FAILED


def test_statuses_are_those_of_the_model() -> None:
    assert (outcome.SUCCEEDED, outcome.FAILED, outcome.CANCELED) == (SUCCEEDED, FAILED, model.Status.CANCELED)


def test_success(runner: RunnerProcess) -> None:
    result = runner.run("exit 0")
    assert result["status"] == SUCCEEDED
    assert (result["reason"], result["exit_code"], result["message"]) == (None, 0, None)
    assert 0 < result["run_time"] < 5_000_000
    assert result["log_bytes"] == 0
    assert not list((runner.home / "logs").rglob("*"))


def test_failure_names_the_exit_code(runner: RunnerProcess) -> None:
    result = runner.run("exit 3")
    assert result["status"] == FAILED
    assert (result["reason"], result["exit_code"], result["message"]) == ("exit", 3, "exit code 3")


def test_success_codes(runner: RunnerProcess) -> None:
    assert runner.run("exit 3", success_codes=[0, 3])["status"] == SUCCEEDED
    assert runner.run("exit 0", success_codes=[3])["reason"] == "exit"


def test_status_of_the_kernel_is_taken_as_it_is(runner: RunnerProcess) -> None:
    argv = [sys.executable, "-c", "import os; os._exit(300)"]
    assert runner.daemon.outcome(runner.submit(runner.work(argv=argv)))["exit_code"] == 44


@pytest.mark.parametrize(("signal", "text"), [("KILL", "SIGKILL (9)"), ("SEGV", "SIGSEGV (11)"), ("40", "signal 40")])
def test_killed_by_a_signal(runner: RunnerProcess, signal: str, text: str) -> None:
    result = runner.run(f"kill -{signal} $$")
    assert (result["status"], result["reason"], result["exit_code"]) == (FAILED, "signal", None)
    assert result["message"] == f"killed by {text}"


@pytest.mark.parametrize(
    ("argv", "text"),
    [
        (["no-such-command"], "no-such-command: No such file or directory (errno 2)"),
        (["/etc/passwd"], "/etc/passwd: Permission denied (errno 13)"),
        (["{home}/script"], "{home}/script: its interpreter is missing: No such file or directory (errno 2)"),
        (["{home}/binary"], "{home}/binary: Exec format error (errno 8)"),
        (["/bin/echo", "x" * 300_000], "/bin/echo: Argument list too long (errno 7)"),
    ],
)
def test_what_cannot_start_says_why(runner: RunnerProcess, argv: list[str], text: str) -> None:
    for name, content in {"script": "#!/no/such/interpreter\n", "binary": "\0"}.items():
        (runner.home / name).write_text(content)
        (runner.home / name).chmod(0o755)
    argv = [part.replace("{home}", str(runner.home)) for part in argv]
    result = runner.daemon.outcome(runner.submit(runner.work(argv=argv)))
    assert (result["status"], result["reason"], result["exit_code"]) == (FAILED, "spawn", None)
    assert result["message"] == "cannot start " + text.replace("{home}", str(runner.home))


@pytest.mark.parametrize(
    ("cwd", "why"), [("/no/such", "No such file or directory"), ("/etc/passwd", "Not a directory")]
)
def test_directory_that_cannot_be_entered(runner: RunnerProcess, cwd: str, why: str) -> None:
    result = runner.run("true", cwd=cwd)
    assert result["reason"] == "spawn"
    assert result["message"].startswith(f"cannot change to directory {cwd}: {why}")


def test_nothing_is_begun_when_descriptors_run_out(runner: RunnerProcess) -> None:
    runner.run("true")
    before = resource.prlimit(runner.process.pid, resource.RLIMIT_NOFILE)
    # Not one more, whatever the last run has not closed yet.
    resource.prlimit(runner.process.pid, resource.RLIMIT_NOFILE, (3, before[1]))
    sequence = runner.start("echo ran")
    message = runner.daemon.wait("unbegun", sequence)["message"]
    assert "Too many open files" in message or "errno 24" in message
    resource.prlimit(runner.process.pid, resource.RLIMIT_NOFILE, before)
    assert not runner.daemon.all("end", sequence)
    assert runner.records("unbegun")[0]["sequence"] == sequence
    assert runner.run("true")["status"] == SUCCEEDED


def test_descriptors_input_mask_and_actions_are_the_ordinary_ones(runner: RunnerProcess) -> None:
    sequence = runner.start(
        "readlink /proc/self/fd/0; ls /proc/self/fd; grep -E 'Sig(Blk|Ign)' /proc/self/status; umask"
    )
    runner.daemon.outcome(sequence)
    first, *rest = runner.log(sequence).decode().split("\n")
    assert first == "/dev/null"
    assert rest[:4] == ["0", "1", "2", "3"]  # ls itself holds the directory
    # But for 32 and 33, which the C library keeps to itself and lets every child it spawns ignore.
    assert [int(line.split()[1], 16) & ~(3 << 31) for line in rest[4:6]] == [0, 0]
    assert rest[6] == "0022"


def test_broken_pipe_ends_a_producer_quietly(runner: RunnerProcess) -> None:
    sequence = runner.start("yes | head -1")
    assert runner.daemon.outcome(sequence)["status"] == SUCCEEDED
    assert runner.log(sequence) == b"y\n"


def test_question_on_stdin_ends_at_once(runner: RunnerProcess) -> None:
    assert runner.run("cat; read answer")["exit_code"] == 1


def test_environment_is_complete_and_nothing_else(runner: RunnerProcess) -> None:
    sequence = runner.submit(runner.work(argv=["env"], environment={"PATH": "/usr/bin", "A": "1"}, umask=0o077))
    runner.daemon.outcome(sequence)
    assert set(runner.log(sequence).decode().split()) == {
        "PATH=/usr/bin",
        "A=1",
        f"JOBCTL_RUN={runner.name}",
        f"JOBCTL_HOME={runner.home}",
        f"JOBCTL_ID={sequence:032x}",
        f"JOBCTL_SEQUENCE={sequence}",
        "JOBCTL_JOB=test",
        "JOBCTL_ATTEMPT=1",
        "JOBCTL_DEPTH=0",
    }


def test_a_job_is_killed_before_its_runner_when_memory_runs_out(runner: RunnerProcess) -> None:
    sequence = runner.start("cat /proc/self/oom_score_adj")
    runner.daemon.outcome(sequence)
    own = int(Path(f"/proc/{runner.process.pid}/oom_score_adj").read_text())
    assert int(runner.log(sequence)) > own


def test_data_comes_in_the_environment_or_a_private_file(runner: RunnerProcess) -> None:
    sequence = runner.start('printf %s "$JOBCTL_DATA"', data='{"a":"é"}')
    runner.daemon.outcome(sequence)
    assert runner.log(sequence).decode() == '{"a":"é"}'
    large = '"' + "x" * 100_000 + '"'
    sequence = runner.start(
        'cat "$JOBCTL_DATA_FILE"; stat -c %a "$JOBCTL_DATA_FILE" >&2; echo $JOBCTL_DATA', data=large
    )
    assert runner.daemon.outcome(sequence)["status"] == SUCCEEDED
    assert runner.log(sequence, stream=1).decode() == large + "\n"
    assert runner.log(sequence, stream=2) == b"600\n"
    assert not list(runner.home.glob("run/*.data"))


def test_run_ends_with_its_main_process_and_leftovers_are_named(runner: RunnerProcess) -> None:
    result = runner.run("sleep 999 & echo done")
    assert (result["status"], result["message"]) == (SUCCEEDED, "ended 1 leftover process")
    assert result["run_time"] < 2_000_000
    assert runner.members() == []


def test_leftovers_in_other_sessions_are_ended_even_by_force(runner: RunnerProcess) -> None:
    stubborn = "setsid sh -c 'trap \"\" TERM; echo >> ready; while :; do sleep 0.05; done' >/dev/null 2>&1"
    result = runner.run(
        f"({stubborn} & ) ; setsid {stubborn} & until [ $(wc -l < ready) = 2 ]; do sleep 0.01; done; exit 7"
    )
    assert (result["status"], result["exit_code"]) == (FAILED, 7)
    assert result["message"].startswith("exit code 7; ended ")
    assert result["run_time"] < 2_000_000
    assert runner.members() == []


def test_reader_of_the_last_output_may_finish(runner: RunnerProcess) -> None:
    sequence = runner.submit(runner.work(argv=["/bin/bash", "-c", "exec > >(sleep 0.03; cat); echo last"]))
    assert runner.daemon.outcome(sequence)["message"] is None
    assert runner.log(sequence) == b"last\n"


def test_output_is_kept_with_stream_and_as_bytes(runner: RunnerProcess) -> None:
    sequence = runner.start("printf 'out\\000\\377'; printf 'err' >&2")
    assert runner.daemon.outcome(sequence)["log_bytes"] == 8
    assert (runner.log(sequence, stream=1), runner.log(sequence, stream=2)) == (b"out\0\xff", b"err")


def test_much_output_costs_no_memory(runner: RunnerProcess) -> None:
    size = 200 * 1024 * 1024
    sequence = runner.start(f"head -c {size} /dev/zero | tr '\\0' x")
    assert runner.daemon.outcome(sequence, 30)["log_bytes"] == size
    kept = runner.log(sequence)
    assert 1024 * 1024 <= len(kept) <= 3 * 512 * 1024
    assert runner.memory("VmHWM") < 20 * 1024 * 1024


def test_no_zombie_and_no_descriptor_is_left(runner: RunnerProcess) -> None:
    runner.run("true")
    before = len(os.listdir(f"/proc/{runner.process.pid}/fd"))
    works = [runner.work(argv=["/bin/sh", "-c", "(true &) ; echo x"]) for _ in range(100)]
    runner.submit(*works)
    runner.daemon.outcome(works[-1]["sequence"], 30)
    assert len(os.listdir(f"/proc/{runner.process.pid}/fd")) == before
    from jobctl.processes import scan

    assert [process for process in scan() if process.ppid == runner.process.pid] == []


def test_orphans_of_a_long_run_are_reaped_while_it_runs(runner: RunnerProcess) -> None:
    from jobctl.processes import scan

    sequence = runner.start("for i in 1 2 3 4 5; do (true &); done; echo x > spawned; sleep 999")
    wait_until((runner.home / "spawned").exists)
    wait_until(
        lambda: not [process for process in scan() if process.ppid == runner.process.pid and process.state == "Z"]
    )
    runner.daemon.send("cancel", sequence=sequence, reason="user")
    runner.daemon.outcome(sequence)
