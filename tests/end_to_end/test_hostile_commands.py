"""Commands that misbehave: each ends with the promised state, reason and message, and nothing else is affected."""

from __future__ import annotations

import os
import pty
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from tests.conftest import Jobctl, StartDaemon, processes_of, read_process, wait_until
from tests.end_to_end.hostile import (
    Bystander,
    check_nothing_left,
    ended,
    left_of,
    memory,
    show,
    submit,
    verdict,
    zombies,
)

pytestmark = pytest.mark.thorough

SUCCEEDED = ("succeeded", None, 0, None)
SPAWN = ("failed", "spawn", None, None)

ENDINGS = {
    "exit 256": SUCCEEDED,
    "exit 300": ("failed", "exit", 44, None),
    "exit 255": ("failed", "exit", 255, None),
    "kill -9 $$": ("failed", "signal", None, 9),
    "kill -SEGV $$": ("failed", "signal", None, 11),
    "kill -TERM $$": ("failed", "signal", None, 15),
    "kill -40 $$": ("failed", "signal", None, 40),
    "trap '' TERM INT HUP; kill $PPID; kill -INT $PPID; kill -HUP $PPID; exit 7": ("failed", "exit", 7, None),
    "exec 0<&- 1>&- 2>&-; sleep 0.1": SUCCEEDED,
    "cat": SUCCEEDED,
}
"""How shell texts end that break nothing but themselves."""


def executable(path: Path, text: str, mode: int = 0o755) -> Path:
    path.write_text(text)
    path.chmod(mode)
    return path


def test_every_exit_status_is_the_one_of_the_kernel(
    jobctl: Jobctl, daemon: StartDaemon, home: Path, tmp_path: Path
) -> None:
    daemon("--slots", 3)
    bystander = Bystander(jobctl, tmp_path)
    numbers = {submit(jobctl, "--", "sh", "-c", text): text for text in ENDINGS}
    rows = ended(jobctl, numbers)
    assert {text: verdict(rows[number]) for number, text in numbers.items()} == ENDINGS
    said = {text: rows[number]["message"] for number, text in numbers.items()}
    assert said["kill -9 $$"] == "killed by SIGKILL (9)" and said["exit 300"] == "exit code 44"
    bystander.check()
    check_nothing_left(home)


def test_what_cannot_be_started_says_why(jobctl: Jobctl, daemon: StartDaemon, home: Path, tmp_path: Path) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    big = executable(tmp_path / "big", "x" * 300_000, 0o600)
    cases: dict[str, tuple[list[object], list[str]]] = {
        "missing": (["--", "/no/such"], ["/no/such", "No such file or directory (errno 2)"]),
        "not-on-path": (["--", "no-such-command"], ["no-such-command", "errno 2"]),
        "directory": (["--", tmp_path], [str(tmp_path), "Permission denied (errno 13)"]),
        "not-executable": (["--", executable(tmp_path / "plain", "hi", 0o644)], ["plain", "errno 13"]),
        "no-format": (["--", executable(tmp_path / "format", "\x7fhi")], ["format", "Exec format error (errno 8)"]),
        "no-interpreter": (["--", executable(tmp_path / "script", "#!/no/x\n")], ["script", "its interpreter"]),
        "no-cwd": (["--cwd", gone, "--", "true"], ["cannot change to directory", str(gone), "errno 2"]),
        "too-long": (["--env", f"BIG=@{big}", "--", "true"], ["too large for a variable"]),
        "no-secret": (["--env", f"KEY=@{tmp_path}/none", "--", "true"], [f"{tmp_path}/none", "KEY"]),
    }
    for name, (args, _) in cases.items():
        jobctl("add", name, "--retries", 3, "--retry-delay", "0s", *args, expect=0)
    gone.rmdir()
    daemon("--slots", 2)
    bystander = Bystander(jobctl, tmp_path)
    numbers = {submit(jobctl, name): name for name in cases}
    rows = ended(jobctl, numbers)
    assert {name: verdict(rows[number]) for number, name in numbers.items()} == dict.fromkeys(cases, SPAWN)
    for number, name in numbers.items():
        for part in cases[name][1]:
            assert part in rows[number]["message"], f"{name}: {rows[number]['message']}"
        assert (rows[number]["attempt"], rows[number]["retry_count"]) == (1, 0), f"{name} spent a retry"
    bystander.check()
    check_nothing_left(home)


def test_a_gigabyte_of_output_costs_the_daemon_nothing(
    jobctl: Jobctl, daemon: StartDaemon, home: Path, tmp_path: Path
) -> None:
    process = daemon("--slots", 2)
    bystander = Bystander(jobctl, tmp_path)
    before = memory(process.pid)
    script = "echo FIRST; head -c 1000000000 /dev/zero; echo LAST; echo ERROR >&2"
    number = submit(jobctl, "--", "sh", "-c", script)
    row = ended(jobctl, [number])[number]
    assert (verdict(row), row["log_bytes"]) == (SUCCEEDED, 1_000_000_000 + len("FIRST\nLAST\nERROR\n"))
    assert memory(process.pid) - before < 20_000_000
    assert max(memory(pid) for pid in processes_of(home) if pid != process.pid) < 60_000_000
    shown = subprocess.run(
        jobctl.command("logs", str(number)), env=jobctl.environment, capture_output=True, timeout=30, check=True
    )
    assert shown.stdout.startswith(b"FIRST\n" + b"\0" * 500_000)
    assert shown.stdout.endswith((b"\0" * 500_000 + b"LAST\nERROR\n", b"\0" * 500_000 + b"ERROR\nLAST\n"))
    assert b"bytes left out" in shown.stderr
    assert sum(file.stat().st_size for file in (home / "logs").rglob("*") if file.is_file()) < 1_700_000
    bystander.check()


def test_output_is_kept_byte_for_byte(jobctl: Jobctl, daemon: StartDaemon, tmp_path: Path) -> None:
    noise = tmp_path / "noise"
    noise.write_bytes(bytes(range(256)) * 100 + os.urandom(30_000) + b"\0\xff\xed\xa0\x80\x1b]0;owned\x07")
    daemon()
    number = submit(jobctl, "--", "cat", noise)
    assert verdict(ended(jobctl, [number])[number]) == SUCCEEDED
    assert show(jobctl, number)["log_bytes"] == noise.stat().st_size
    shown = subprocess.run(
        jobctl.command("logs", str(number)), env=jobctl.environment, capture_output=True, timeout=30, check=True
    )
    assert shown.stdout == noise.read_bytes()
    assert "".join(piece["text"] for piece in jobctl("logs", number, "--json", expect=0).json["output"])


def test_a_run_inherits_nothing_by_accident(
    jobctl: Jobctl, daemon: StartDaemon, environment: dict[str, str], tmp_path: Path
) -> None:
    process = daemon(env={"STRAY": "1"})
    script = textwrap.dedent("""\
        ls /proc/self/fd | tr '\\n' ' '; echo
        grep -E 'Sig(Blk|Ign)' /proc/self/status | tr -d '\\t\\n'; echo
        cat /proc/self/oom_score_adj; nice; echo "stray=$STRAY"; readlink /proc/self/fd/0
        yes | head -1
        """)
    number = submit(jobctl, "--", "sh", "-c", script)
    assert verdict(ended(jobctl, [number])[number]) == SUCCEEDED
    lines = jobctl("logs", number, expect=0).stdout.splitlines()
    assert lines[0].split() == ["0", "1", "2", "3"], "3 is the directory that ls reads"
    assert lines[1] == "SigBlk:" + "0" * 16 + "SigIgn:" + "0" * 16
    assert int(lines[2]) > int(read_process(process.pid, "oom_score_adj"))
    assert lines[3:] == ["0", "stray=", "/dev/null", "y"]


def test_leftovers_end_with_the_run_and_are_counted(jobctl: Jobctl, daemon: StartDaemon, home: Path) -> None:
    daemon("--slots", 2)
    pipe = submit(jobctl, "--", "sh", "-c", "sleep 999 & echo done")
    many = submit(jobctl, "--", "sh", "-c", "for i in $(seq 100); do sleep 999 & done; setsid sleep 999 & exit 3")
    bare = submit(jobctl, "--", "sh", "-c", "env -i /bin/sh -c 'trap \"\" TERM; (setsid sleep 999 &) ; exit 0'")
    rows = ended(jobctl, (pipe, many, bare))
    assert verdict(rows[pipe]) == SUCCEEDED and rows[pipe]["message"] == "ended 1 leftover process"
    assert rows[pipe]["execution_time_span"] < 2 and jobctl("logs", pipe).stdout == "done\n"
    assert verdict(rows[many]) == ("failed", "exit", 3, None)
    assert rows[many]["message"] == "exit code 3; ended 101 leftover processes"
    assert verdict(rows[bare]) == SUCCEEDED
    check_nothing_left(home)


def test_cancel_and_timeout_reach_every_descendant(
    jobctl: Jobctl, daemon: StartDaemon, home: Path, tmp_path: Path
) -> None:
    escape = "setsid sleep 999 & setsid setsid sleep 999 & (env -i setsid sleep 999 &) & touch {0}; wait"
    deaf = "trap '' TERM HUP INT; sh -c \"trap '' TERM; sleep 999; sleep 999\" & touch {0}; while :; do sleep 1; done"
    stopped = "touch {0}; kill -STOP $$; sleep 999"
    shapes = {"escape": escape, "deaf": deaf, "stopped": stopped}
    numbers: dict[str, int] = {}
    daemon("--slots", 7)
    bystander = Bystander(jobctl, tmp_path)
    for name, script in shapes.items():
        for kind, more in (("cancel", ()), ("timeout", ("--timeout", "1s"))):
            mark = tmp_path / f"{name}-{kind}"
            jobctl("add", f"{name}-{kind}", "--grace", "0.3s", *more, "--command", script.format(mark), expect=0)
            numbers[f"{name}-{kind}"] = submit(jobctl, f"{name}-{kind}")
    wait_until(lambda: all((tmp_path / name).exists() for name in numbers), what="all have begun")
    jobctl("cancel", "--wait", *(number for name, number in numbers.items() if "cancel" in name), expect=0)
    rows = ended(jobctl, numbers.values())
    for name, number in numbers.items():
        expected = ("canceled", "user") if "cancel" in name else ("failed", "timeout")
        assert verdict(rows[number])[:2] == expected, f"{name}: {rows[number]}"
        assert rows[number]["signal"] == (9 if name.startswith("deaf") else 15), name
        assert "cancel" in name or rows[number]["message"] == "timed out after 1s"
    assert not [words for words in left_of(home).values() if "999" in words]
    bystander.check()
    check_nothing_left(home)


def test_a_paused_run_is_canceled_within_its_grace(
    jobctl: Jobctl, daemon: StartDaemon, home: Path, tmp_path: Path
) -> None:
    process = daemon()
    mark = tmp_path / "mark"
    jobctl("add", "deaf", "--grace", "0.3s", "--command", f"trap '' TERM; touch {mark}; sleep 999 & wait; wait")
    number = submit(jobctl, "deaf")
    wait_until(mark.exists)
    jobctl("pause", number, "--wait", expect=0)
    process.kill()
    daemon()
    jobctl("cancel", number, "--wait", expect=0, timeout=15)
    assert verdict(show(jobctl, number))[:2] == ("canceled", "user")
    check_nothing_left(home)


def test_a_parent_that_waits_for_its_childs_exec_can_be_paused(
    jobctl: Jobctl, daemon: StartDaemon, tmp_path: Path
) -> None:
    """After vfork the parent cannot be stopped before the child, which may be stopped first, has called exec."""
    daemon()
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    script = (
        f"import os; open({str(tmp_path / 'begun')!r}, 'w').close();"
        f" os.posix_spawn('/bin/true', ['true'], {{}}, file_actions=[(os.POSIX_SPAWN_OPEN, 0, {str(fifo)!r}, 0, 0)])"
    )
    number = submit(jobctl, "--", sys.executable, "-c", script)

    def in_vfork() -> bool:
        states = [
            read_process(pid, "stat").rpartition(b")")[2].split()[0]
            for pid in left_of(Path(jobctl.environment["JOBCTL_HOME"]))
        ]
        return (tmp_path / "begun").exists() and b"D" in states

    wait_until(in_vfork, what="the parent waits for the child's exec")
    paused = jobctl("pause", number, "--wait", timeout=15)
    assert paused.returncode == 0, paused.stderr
    jobctl("resume", number, "--wait", expect=0)
    os.close(os.open(fifo, os.O_WRONLY))
    assert verdict(ended(jobctl, [number])[number]) == SUCCEEDED


def test_a_run_that_kills_its_runner_is_lost_and_held_after_three_times(
    jobctl: Jobctl, daemon: StartDaemon, home: Path, tmp_path: Path
) -> None:
    daemon("--slots", 2)
    bystander = Bystander(jobctl, tmp_path)
    kill = f"echo $JOBCTL_ATTEMPT >>{tmp_path}/starts; setsid sleep 999 & kill -9 $PPID; sleep 999"
    jobctl("add", "once", "--command", kill)
    jobctl("add", "poison", "--on-lost", "retry", "--command", kill)
    once, poison = submit(jobctl, "once"), submit(jobctl, "poison")
    assert verdict(ended(jobctl, [once])[once]) == ("failed", "lost", None, None)
    wait_until(lambda: show(jobctl, poison)["reason"] == "held", what="the poison job is held")
    assert sorted((tmp_path / "starts").read_text().split()) == ["1", "1", "2", "3"]
    assert show(jobctl, poison)["state"] == "suspended"
    jobctl("cancel", poison, expect=0)
    bystander.check()
    check_nothing_left(home)


def test_nonsense_on_the_runners_socket_harms_nobody(
    jobctl: Jobctl, daemon: StartDaemon, home: Path, tmp_path: Path
) -> None:
    daemon("--slots", 2)
    bystander = Bystander(jobctl, tmp_path)
    forger = tmp_path / "forger.py"
    forger.write_text(
        textwrap.dedent("""\
        import os, socket, struct
        path = os.environ["JOBCTL_HOME"] + "/run/" + os.environ["JOBCTL_RUN"] + ".sock"
        number = os.environ["JOBCTL_SEQUENCE"].encode()
        end = b'{"k":"end","n":1,"sequence":%s,"claim":1,"attempt":1,"outcome":{"status":31}}' % number
        bodies = [end, b"[]", b"null", b"\\xff\\xff", b'{"k":[1]}', b'{"k":"cancel","sequence":%s}' % number,
                  b'{"k":"report"}', b'{"k":"report","sequence":"x","progress":1e999,"stage":{}}', b"[" * 9999,
                  b'{"k":"hello"}', b'{"k":"hello","generation":-1}', b'{"k":"hello","generation":"9"}']
        for message in [struct.pack(">I", len(body)) + body for body in bodies] + [b"\\xff" * 9, b"\\0\\0", b""]:
            with socket.socket(socket.AF_UNIX) as one:
                one.settimeout(1)
                one.connect(path)
                one.sendall(message)
                one.shutdown(socket.SHUT_WR)
                try:
                    while one.recv(4096):
                        pass
                except OSError:
                    pass
        print("harmless")
        """)
    )
    number = submit(jobctl, "--", sys.executable, "-I", forger)
    assert verdict(ended(jobctl, [number])[number]) == SUCCEEDED
    assert jobctl("logs", number).stdout == "harmless\n"
    bystander.check()


def test_a_daemon_with_closed_descriptors_runs_jobs_as_ever(jobctl: Jobctl, home: Path) -> None:
    number = submit(jobctl, "--", "sh", "-c", "cat; echo out; echo err >&2")
    command = ["sh", "-c", 'exec "$@" <&- >&- 2>&-', "sh", *jobctl.command("daemon", "--until-idle")]
    with subprocess.Popen(command, env=jobctl.environment, cwd="/", start_new_session=True) as process:
        try:
            assert process.wait(30) == 0
        finally:
            process.kill()
    assert verdict(show(jobctl, number)) == SUCCEEDED
    assert jobctl("logs", number).stdout == "out\nerr\n"


def test_ctrl_c_stops_the_daemon_and_reaches_no_job(
    jobctl: Jobctl, daemon: StartDaemon, home: Path, tmp_path: Path
) -> None:
    begun, stop = tmp_path / "begun", tmp_path / "stop"
    script = f"trap 'echo INT' INT; trap 'echo HUP' HUP; touch {begun}; until [ -e {stop} ]; do sleep 0.05; done"
    number = submit(jobctl, "--", "sh", "-c", script)
    ours, theirs = pty.openpty()
    command = jobctl.command("daemon", "--shutdown-timeout", "0.2s")
    process = subprocess.Popen(command, env=jobctl.environment, preexec_fn=lambda: os.login_tty(theirs))
    os.close(theirs)
    try:
        wait_until(begun.exists)
        os.write(ours, b"\x03")
        assert process.wait(20) == 0
    finally:
        process.kill()
        process.wait()
        os.close(ours)  # the terminal is gone as well
    daemon()
    stop.touch()
    assert verdict(ended(jobctl, [number])[number]) == SUCCEEDED
    assert jobctl("logs", number).stdout == ""


def test_many_runs_leave_no_descriptor_and_no_zombie(jobctl: Jobctl, daemon: StartDaemon, home: Path) -> None:
    process = daemon("--slots", 2)

    def descriptors() -> dict[int, int]:
        return {pid: len(os.listdir(f"/proc/{pid}/fd")) for pid in processes_of(home)}

    submitter = "import jobctl\nfor _ in range({}): jobctl.submit('brief')"
    jobctl("add", "brief", "--command", "(setsid sleep 0.01 &) ; sleep 0.02 & exit 0", expect=0)

    def run(count: int) -> None:
        code = submitter.format(count)
        subprocess.run([sys.executable, "-c", code], env=jobctl.environment, check=True, timeout=60)
        done = lambda: not jobctl("monitor", "--state", "ready,locked,suspended", "--json").json["system_jobs"]  # noqa: E731
        wait_until(done, 40, "all are completed")

    run(10)
    before = descriptors()
    run(150)
    assert descriptors() == before and process.alive
    assert zombies(home) == []
    assert not jobctl("monitor", "--status", "failed", "--json").json["system_jobs"]
    check_nothing_left(home)


def test_the_daemon_reaps_as_the_first_process_of_a_namespace(jobctl: Jobctl, home: Path, tmp_path: Path) -> None:
    for _ in range(5):
        submit(jobctl, "--", "sh", "-c", "(setsid sleep 0.3 &); exit 0")
    inspect = "for s in /proc/[0-9]*/stat; do cut -d' ' -f3 $s 2>/dev/null; done | grep -c Z"
    census = submit(jobctl, "--at", "in 2s", "--", "sh", "-c", inspect)
    command = ["unshare", "-Urpf", "--mount-proc", "--kill-child", *jobctl.command("daemon")]
    try:
        process = subprocess.Popen(command, env=jobctl.environment, cwd="/", start_new_session=True)
    except FileNotFoundError:
        return
    try:
        ended(jobctl, [census])
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()
    assert jobctl("logs", census).stdout == "0\n"
