"""`jobctl add`."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Jobctl


def added(jobctl: Jobctl, *arguments: object, **options: Any) -> Any:
    """The document of a job named `one`, just added."""
    return jobctl("add", "one", "--json", *arguments, expect=0, **options).json["job"]


def test_argv_is_kept_word_by_word(jobctl: Jobctl) -> None:
    words = ["tar", "--create", "-f", "a b", "--json", "--", "", "$HOME", "é\n"]
    job = added(jobctl, "--", *words)
    assert (job["argv"], job["command"], job["callable"]) == (words, None, None)


def test_command_is_text_for_the_shell(jobctl: Jobctl) -> None:
    text = "cd /srv && make |\n\ttee log"
    assert added(jobctl, "--command", text)["command"] == text


def test_callable_records_its_interpreter_and_path(jobctl: Jobctl, tmp_path: Path) -> None:
    job = added(jobctl, "--callable", "shop.reports:daily", cwd=tmp_path)
    assert (job["callable"], job["python"], job["path"]) == ("shop.reports:daily", sys.executable, [str(tmp_path)])
    assert job["isolate"] is False


def test_every_option_arrives(jobctl: Jobctl, tmp_path: Path) -> None:
    options = "--timeout 1m30s --grace 5s --retries 3 --retry-delay 2s --retry-backoff 1.5 --success-codes 75,0"
    options += " --token disk --priority 7 --on-lost retry --description Nightly --tag a --tag b --tag a"
    job = added(jobctl, "--cwd", tmp_path, *options.split(), "--", "true")
    expected = {
        "cwd": str(tmp_path),
        "timeout": 90.0,
        "grace": 5.0,
        "retries": 3,
        "retry_delay": 2.0,
        "retry_backoff": 1.5,
        "success_codes": [0, 75],
        "token": "disk",
        "priority": 7,
        "on_lost": "retry",
        "description": "Nightly",
        "tags": ["a", "b"],
    }
    assert {name: job[name] for name in expected} == expected


def test_only_the_named_variables_are_recorded(jobctl: Jobctl) -> None:
    env = {"LC_TIME": "C", "SHELL": "/bin/sh", "TZ": "UTC", "VIRTUAL_ENV": "/v", "AWS_SECRET": "s", "FOO": "bar"}
    environment = added(jobctl, "--", "true", env=env)["environment"]
    assert set(environment) - {"USER", "LOGNAME"} == {"PATH", "HOME", "LANG", "LC_TIME", "SHELL", "TZ", "VIRTUAL_ENV"}
    assert environment["PATH"] == jobctl.environment["PATH"]


def test_env_has_three_forms(jobctl: Jobctl, tmp_path: Path) -> None:
    (tmp_path / "key").write_text("s3cret")
    options = ("--env", "A=1", "--env", "B", "--env", "API_KEY=@key", "--env", "LANG=C", "--env", "E=")
    job = added(jobctl, *options, "--", "true", cwd=tmp_path)
    assert (job["environment"]["A"], job["environment"]["LANG"], job["environment"]["E"]) == ("1", "C", "")
    assert job["environment_from_daemon"] == ["B"]
    assert job["environment_from_file"] == {"API_KEY": str(tmp_path / "key")}


def test_the_last_of_the_same_variable_counts(jobctl: Jobctl) -> None:
    job = added(jobctl, "--env", "A=1", "--env", "A", "--env", "B", "--env", "B=2", "--", "true")
    assert job["environment_from_daemon"] == ["A"]
    assert "A" not in job["environment"]
    assert job["environment"]["B"] == "2"


def test_a_literal_secret_is_refused_and_not_repeated(jobctl: Jobctl) -> None:
    for name in ("GITHUB_TOKEN", "my_secret", "DB_PASSWORD", "API_KEY"):
        refused = jobctl("add", "one", "--env", f"{name}=hunter2", "--", "true", expect=2)
        assert f"--env {name}=@FILE" in refused.stderr
        assert "hunter2" not in refused.stderr
    added(jobctl, "--env", "API_KEY", "--", "true")


def test_umask_and_directory_are_recorded(jobctl: Jobctl, tmp_path: Path) -> None:
    before = os.umask(0o027)
    try:
        job = added(jobctl, "--", "true", cwd=tmp_path)
    finally:
        os.umask(before)
    assert (job["umask"], job["cwd"]) == ("0027", str(tmp_path))


def test_a_relative_directory_becomes_absolute(jobctl: Jobctl, tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    assert added(jobctl, "--cwd", "sub", "--", "true", cwd=tmp_path)["cwd"] == str(tmp_path / "sub")


def test_a_missing_directory_or_file_is_told_of_and_accepted(jobctl: Jobctl) -> None:
    done = jobctl("add", "one", "--cwd", "/not/there", "--env", "KEY=@/nor/there", "--", "true", expect=0)
    assert "the directory, /not/there, does not exist now" in done.stderr
    assert "the file of KEY, /nor/there, does not exist now" in done.stderr


def test_a_deleted_present_directory_is_one_sentence(jobctl: Jobctl, tmp_path: Path) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    line = f"cd {gone} && rmdir {gone} && exec {' '.join(jobctl.command('add', 'one', '--', 'true'))}"
    done = subprocess.run(["sh", "-c", line], env=jobctl.environment, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (
        2,
        "jobctl: the present directory has been deleted; change to another one\n",
    )


def test_python_must_be_an_executable(jobctl: Jobctl, tmp_path: Path) -> None:
    plain = tmp_path / "python"
    plain.write_text("#!/bin/sh\n")
    refused = jobctl("add", "one", "--callable", "a:b", "--python", plain, expect=2)
    assert refused.stderr == f"jobctl: --python {plain}: there is no executable file of that name\n"
    plain.chmod(plain.stat().st_mode | stat.S_IXUSR)
    link = tmp_path / "link"
    link.symlink_to(plain)
    assert added(jobctl, "--callable", "a:b", "--python", link)["python"] == str(link)


def test_a_schedule_may_follow_at_once(jobctl: Jobctl) -> None:
    done = jobctl("add", "one", "--cron", "0 3 * * *", "--tz", "Europe/Madrid", "--", "true", expect=0)
    first = done.stdout.splitlines()[-1]
    assert first.startswith("first: ")
    assert " 03:00:00 +0" in first and "Europe/Madrid (in " in first
    assert "no daemon is running; start: jobctl daemon" in done.stderr


def test_a_schedule_that_never_fires_adds_nothing(jobctl: Jobctl) -> None:
    for schedule in (["--cron", "0 0 31 2 *"], ["--every", "5m", "--end", "2020-01-01"], ["--every", "nonsense"]):
        assert jobctl("add", "one", *schedule, "--", "true", expect=2).stderr.count("\n") == 1
    assert jobctl("list", "--json").json["jobs"] == []


def test_a_name_is_taken_once(jobctl: Jobctl) -> None:
    added(jobctl, "--", "true")
    refused = jobctl("add", "one", "--", "false", expect=4)
    assert refused.stderr.startswith("jobctl: there is a job named 'one' already")


@pytest.mark.parametrize(
    "name", ["1a", "a b", "-a", "é", "a/b", "a" * 101, "", ".a", "adhoc", "a\nb", "\x1b[31m", "a\x7f"]
)
def test_a_bad_name_is_refused(jobctl: Jobctl, name: str) -> None:
    refused = jobctl("add", "--command", "true", "--", name) if name == "-a" else jobctl("add", name, "--command", "x")
    assert (refused.returncode, refused.stdout) == (2, "")
    assert refused.stderr.startswith("jobctl: ") and refused.stderr.count("\n") == 1
    assert "\x1b" not in refused.stderr


@pytest.mark.parametrize("name", ["a", "A.b_c-9", "a" * 100])
def test_a_good_name_is_accepted(jobctl: Jobctl, name: str) -> None:
    jobctl("add", name, "--", "true", expect=0)


@pytest.mark.parametrize(
    "arguments",
    [
        ["one", "--", b"a\xff"],
        ["one", "--command", b"echo \xff"],
        ["one", "--env", b"A=\xff", "--", "x"],
        [b"o\xffe", "--", "x"],
        ["one", "--description", b"\xff", "--", "x"],
        ["one", "--", "a\x1b[0m"],
        ["one", "--command", "a\x07"],
        ["one", "--env", "A=\x1b", "--", "x"],
        ["one", "--token", "a\nb", "--", "x"],
        ["one", "--tag", "a\x1bb", "--", "x"],
        ["one", "--cwd", "/a\x1bb", "--", "x"],
    ],
)
def test_invalid_utf8_and_control_characters_are_refused(jobctl: Jobctl, arguments: list[str | bytes]) -> None:
    argv = [*map(os.fsencode, jobctl.command("add")), *(os.fsencode(each) for each in arguments)]
    done = subprocess.run(argv, env=jobctl.environment, capture_output=True)
    assert (done.returncode, done.stdout) == (2, b"")
    assert done.stderr.count(b"\n") == 1
    assert done.stderr.isascii() and b"\x1b" not in done.stderr


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ([], "say what to run: --command TEXT, --callable MOD:FUNC, or -- and the command's words"),
        (["--"], "nothing follows --; write the command and its arguments after it"),
        (["ls"], "unexpected 'ls'; the words of a command go after --"),
        (["--command", "x", "--", "y"], "give one of --command TEXT, --callable MOD:FUNC and -- ARGV, not several"),
        (["--command", " "], "invalid value for '--command': the command is empty"),
        (["--callable", "nonsense"], "invalid value for '--callable': 'nonsense' names no callable; write MODULE:FUNC"),
        (["--timeout", "0s", "--", "x"], "--timeout must be longer than zero"),
        (["--timeout", "5x", "--", "x"], "invalid value for '--timeout': '5x' is no duration"),
        (["--retries", "-1", "--", "x"], "invalid value for '--retries': -1 is not in the range"),
        (["--retry-backoff", "0.5", "--", "x"], "--retry-backoff 0.5 is not a factor from 1 to 1000"),
        (["--retry-backoff", "nan", "--", "x"], "--retry-backoff nan is not a factor from 1 to 1000"),
        (["--success-codes", "0,256", "--", "x"], "invalid value for '--success-codes': '0,256' is no list"),
        (["--success-codes", "", "--", "x"], "invalid value for '--success-codes': '' is no list"),
        (["--env", "=5", "--", "x"], "'' cannot name a variable"),
        (["--env", "1A=5", "--", "x"], "'1A' cannot name a variable"),
        (["--env", "JOBCTL_HOME=/x", "--", "x"], "JOBCTL_HOME is set by jobctl itself"),
        (["--env", "KEY=@", "--", "x"], "--env KEY=@ lacks the file"),
        (["--python", "/bin/sh", "--", "x"], "--python is for a callable; this job runs a command"),
        (["--isolate", "--", "x"], "--isolate is for a callable; this job runs a command"),
        (["--token", " ", "--", "x"], "invalid value for '--token': a token has from 1 to 100 characters"),
        (["--tag", "a b", "--", "x"], "invalid value for '--tag': 'a b' is no tag"),
        (["--on-lost", "maybe", "--", "x"], "invalid value for '--on-lost': 'maybe' is not one of 'fail', 'retry'"),
        (["--count", "3", "--", "x"], "--count needs a schedule"),
        (
            ["--now", "--at", "fri", "--", "x"],
            "give one of --now, --at, --every, --cron, --quartz, --rrule, --recurrence or --on-start",
        ),
        (
            ["--tz", "Europe/Madird", "--now", "--", "x"],
            "no time zone named 'Europe/Madird'; did you mean 'Europe/Madrid'?",
        ),
    ],
)
def test_bad_options_are_one_sentence(jobctl: Jobctl, arguments: list[str], sentence: str) -> None:
    refused = jobctl("add", "one", *arguments, expect=2)
    assert refused.stderr.startswith(f"jobctl: {sentence}")
    assert refused.stderr.count("\n") == 1
