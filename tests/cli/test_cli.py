"""The entry: help, errors in one sentence, exit codes, and streams that are closed or full."""

from __future__ import annotations

import os
import signal
import subprocess
from pathlib import Path

import pytest

from jobctl import __version__
from jobctl.cli import COMMANDS, SECTIONS
from tests.conftest import Jobctl, WaitUntil


@pytest.mark.parametrize("arguments", [(), ("--help",), ("-h",)])
def test_help_shows_every_command_under_its_purpose(jobctl: Jobctl, arguments: tuple[str, ...]) -> None:
    shown = jobctl(*arguments, expect=0)
    assert not shown.stderr
    for title, commands in SECTIONS.items():
        section = shown.stdout.partition(f"{title}:\n")[2].partition("\n\n")[0]
        lines = {line.split()[0]: line for line in section.splitlines()}
        assert list(lines) == list(commands)
        assert all(commands[name].summary in line for name, line in lines.items())


def test_help_needs_no_home(jobctl: Jobctl, home: Path) -> None:
    jobctl("--help", expect=0)
    jobctl("add", "--help", expect=0)
    assert list(home.iterdir()) == []


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_shows_an_example(jobctl: Jobctl, name: str) -> None:
    shown = jobctl(name, "--help", expect=0).stdout
    assert shown.startswith(f"Usage: jobctl {name} ")
    assert shown.count("  jobctl ") + shown.count('eval "$(jobctl ') >= 1
    assert "--json" in shown


def test_version(jobctl: Jobctl) -> None:
    assert jobctl("--version", expect=0).stdout == f"jobctl {__version__}\n"


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["lst"], "no such command 'lst'; did you mean 'list'?"),
        (["xyzzy"], "no such command 'xyzzy'"),
        (["--hom", "x", "list"], "no such option --hom; did you mean --home? (see: jobctl --help)"),
        (["add", "a", "--timout", "3s"], "no such option --timout; did you mean --timeout? (see: jobctl add --help)"),
        (["add"], "missing argument NAME"),
        (["add", "a", "--timeout"], "option '--timeout' requires an argument"),
        (["--color", "pink", "list"], "invalid value for '--color': 'pink' is not one of 'auto', 'always', 'never'"),
        (["list", "--json", "--format", "csv"], "--json and --format exclude each other"),
        (["list", "--format", "xml"], "invalid value for '--format': 'xml' is not one of"),
        (["list", "extra"], "got unexpected extra argument (extra) (see: jobctl list --help)"),
    ],
)
def test_bad_usage_is_one_sentence_and_exit_2(jobctl: Jobctl, arguments: list[str], sentence: str) -> None:
    refused = jobctl(*arguments, expect=2)
    assert refused.stdout == ""
    assert refused.stderr.startswith(f"jobctl: {sentence}")
    assert refused.stderr.count("\n") == 1


def test_an_error_never_carries_an_escape_to_the_terminal(jobctl: Jobctl) -> None:
    for arguments in (["\x1b[31mred"], ["show", "\x1b]0;x\x07"], ["list", "\x1b[2J"], ["add", "a", "--\x1b[1m"]):
        assert "\x1b" not in jobctl(*arguments, expect=2).stderr


def test_an_unexpected_failure_names_the_switch_for_its_traceback(jobctl: Jobctl, tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text(
        "import jobctl.store\ndef broken(self): raise ZeroDivisionError('a bug')\njobctl.store.Store.jobs = broken\n"
    )
    env = {"PYTHONPATH": f"{tmp_path}:{jobctl.environment['PYTHONPATH']}"}
    failed = jobctl("list", env=env, expect=70)
    expected = "jobctl: internal error, ZeroDivisionError: a bug (JOBCTL_DEBUG=1 shows the traceback)\n"
    assert failed.stderr == expected
    assert "Traceback" in jobctl("list", env={**env, "JOBCTL_DEBUG": "1"}, expect=70).stderr


def shell(jobctl: Jobctl, line: str) -> subprocess.CompletedProcess[bytes]:
    command = " ".join(jobctl.command())
    return subprocess.run(["bash", "-c", line.format(jobctl=command)], env=jobctl.environment, capture_output=True)


def test_a_closed_pipe_ends_quietly(jobctl: Jobctl) -> None:
    ended = shell(jobctl, "{jobctl} next --every 1s -n 10000 | head -n 1; exit ${{PIPESTATUS[0]}}")
    assert (ended.returncode, ended.stderr) == (0, b"")
    assert ended.stdout.count(b"\n") == 1


def test_a_full_disk_under_stdout_exits_74(jobctl: Jobctl) -> None:
    ended = shell(jobctl, "{jobctl} list --json > /dev/full")
    assert (ended.returncode, ended.stderr) == (74, b"jobctl: cannot write: No space left on device\n")


@pytest.mark.parametrize("closed", [">&-", "2>&-", ">&- 2>&-", "<&-", "<&- >&- 2>&-"])
def test_closed_streams_change_nothing(jobctl: Jobctl, closed: str) -> None:
    assert shell(jobctl, f"{{jobctl}} add one {closed} -- true").returncode == 0
    assert [job["name"] for job in jobctl("list", "--json", expect=0).json["jobs"]] == ["one"]
    assert shell(jobctl, f"{{jobctl}} list {closed}").returncode == 0


def test_an_interrupt_exits_130_without_a_word(jobctl: Jobctl, tmp_path: Path, wait_until: WaitUntil) -> None:
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    (tmp_path / "slow.py").write_text(f"open({str(fifo)!r}).read()\n")
    process = subprocess.Popen(
        jobctl.command("register", "slow"), env=jobctl.environment, cwd=tmp_path, stderr=subprocess.PIPE
    )
    with process, open(fifo, "w"):  # opens once the command reads
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=30)
    assert (process.returncode, err) == (130, b"")


def test_home_as_an_option_is_made_and_kept_private(jobctl: Jobctl, tmp_path: Path) -> None:
    home = tmp_path / "else where"
    jobctl("--home", home, "add", "one", "--", "true", expect=0)
    assert home.stat().st_mode & 0o777 == 0o700
    assert jobctl("--home", home, "list", "--format", "csv", expect=0).stdout.splitlines()[1].startswith("one,,true")


def test_color_only_when_asked_for(jobctl: Jobctl) -> None:
    jobctl("add", "one", "--", "true", expect=0)
    assert "\x1b" not in jobctl("list", expect=0).stdout
    assert "\x1b" in jobctl("--color", "always", "list", expect=0).stdout
    assert "\x1b" not in jobctl("--color", "never", "list", expect=0).stdout
