"""Whatever is typed or given wrong: one sentence, the documented exit code, nothing changed, never a traceback."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from jobctl.cli import COMMANDS
from tests.cli.sentences import one_sentence, rows
from tests.conftest import Jobctl

pytestmark = pytest.mark.thorough

JSON_BOMB = "[" * 100_000 + "]" * 100_000
NEAR_ENOUGH = "did you mean 'backup'?"


UNKNOWN_NAMES = [
    "edit bakup --timeout 1m",
    "remove bakup",
    "show bakup",
    "schedule bakup --every 5m",
    "unschedule bakup",
    "reschedule bakup",
    "next bakup",
    "run bakup",
    "monitor --job bakup",
    "logs bakup",
    "logs -f bakup",
    "wait bakup",
    "pause bakup",
    "resume bakup",
    "cancel bakup",
    "cancel --next bakup",
    "postpone bakup --for 1h",
    "rerun bakup",
    "delete bakup",
]
UNKNOWN_NUMBERS = [
    f"{command} {number}"
    for command in ("show", "logs", "wait", "pause", "resume", "cancel", "rerun", "delete", "postpone --for 1h")
    for number in ("99", "9" * 30, "id:00000000")
]


@pytest.mark.parametrize("line", UNKNOWN_NAMES)
def test_unknown_names_get_the_nearest_one(jobctl: Jobctl, filled: Path, line: str) -> None:
    before = rows(filled)
    one_sentence(jobctl(*line.split()), 3, "no job named 'bakup'", NEAR_ENOUGH)
    assert rows(filled) == before


def test_unknown_system_jobs(jobctl: Jobctl, filled: Path) -> None:
    before = rows(filled)
    for line in UNKNOWN_NUMBERS:
        one_sentence(jobctl(*line.split()), 3, "no system job")
    assert rows(filled) == before


def test_unknown_commands_and_options(jobctl: Jobctl) -> None:
    one_sentence(jobctl("moniter"), 2, "no such command 'moniter'", "did you mean 'monitor'?")
    for command in COMMANDS:
        # 2 is an answer of a monitoring plugin; what it cannot answer is 3.
        one_sentence(jobctl(command, "--no-such-option"), 3 if command == "check" else 2, "--no-such-option")


IMPOSSIBLE = [
    ("run backup --at", "2026-02-30"),
    ("run backup --at", "25:00"),
    ("run backup --at", "yesterweek"),
    ("run backup --at", "@99999999999999999999"),
    ("run backup --at", "03/04/2026"),
    ("run backup --at", "２０２６-01-01"),
    ("run backup --at", ""),
    ("postpone 2 --until", "10000-01-01"),
    ("postpone 2 --for", "-1h"),
    ("postpone 2 --for", "5 parsecs"),
    ("wait 2 --timeout", "soon"),
    ("monitor --since", "noonish"),
    ("monitor --until", "2026-13-01"),
    ("schedule other --at", "2026-02-30 00:00"),
    ("schedule other --every", "0m"),
    ("schedule other --every", "5 fortnights"),
    ("schedule other --cron", "61 * * * *"),
    ("schedule other --cron", "* 24 * * *"),
    ("schedule other --cron", "* * 32 * *"),
    ("schedule other --cron", "* * * 13 *"),
    ("schedule other --cron", "* * * * 8"),
    ("schedule other --cron", "0 0 30 2 *"),
    ("schedule other --cron", "* * * *"),
    ("schedule other --cron", "* * * * * * * *"),
    ("schedule other --cron", "a b c d e"),
    ("next --cron", "0 0 31 4 *"),
    ("add other2 --timeout 1m --cron", "99 * * * *"),
    ("reschedule backup --tz Mars/Phobos --every", "5m"),
]


@pytest.mark.parametrize(("line", "value"), IMPOSSIBLE)
def test_impossible_instants_durations_and_cron_fields(jobctl: Jobctl, filled: Path, line: str, value: str) -> None:
    jobctl("add", "other", "--", "true", expect=0)
    before = rows(filled)
    command = ["--", "true"] if line.startswith("add") else []
    one_sentence(jobctl(*line.split(), value, *command), 2)
    assert rows(filled) == before


HOSTILE = ["\x1b[2J\x1b]0;x\x07", "a\rb", "a\nb", "\u202egnp.exe", "\x9b31m", "'; DROP TABLE jobs; --", "../../etc", ""]
PLACES = [
    "add {} -- true",
    "edit {} --timeout 1m",
    "remove {}",
    "show {}",
    "schedule {} --every 5m",
    "unschedule {}",
    "reschedule {}",
    "next {}",
    "run {}",
    "run backup --regarding {}",
    "run backup --data {}",
    "run backup --at {}",
    "monitor --job {}",
    "monitor --state {}",
    "monitor --type {}",
    "monitor --since {}",
    "logs {}",
    "wait {}",
    "pause {}",
    "cancel {}",
    "postpone {} --for 1h",
    "rerun {}",
    "delete {}",
    "completion {}",
    "{}",
]


@pytest.mark.parametrize("value", HOSTILE)
def test_names_with_terminal_escapes_and_worse(jobctl: Jobctl, filled: Path, value: str) -> None:
    before = rows(filled)
    for place in PLACES:
        found = jobctl(*(value if word == "{}" else word for word in place.split()))
        one_sentence(found, found.returncode)
        assert found.returncode in (2, 3), found.stderr
    assert rows(filled) == before


def test_arguments_that_are_not_utf8(jobctl: Jobctl, filled: Path) -> None:
    before = rows(filled)
    for place in [*PLACES, "run -- echo {}", "add other -- echo {}", "add other --command {}", "run backup --data @{}"]:
        value = "caf\udce9"
        found = jobctl(*(word.replace("{}", value) for word in place.split()))
        one_sentence(found, found.returncode)
        assert found.returncode in (2, 3), (place, found.stderr)
    assert rows(filled) == before


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (b"\xff\xfe", "UTF-8"),
        (b'"\x00"', "not valid JSON"),
        (b"", "not valid JSON"),
        (JSON_BOMB.encode(), "deeper than 64"),
        (b"[" * 65 + b"]" * 65, "deeper than 64"),
        (b'"' + b"x" * 1024 * 1024 + b'"', "1 MiB"),
        (b'"\\ud800"', ""),
        (b"1e999", ""),
        (b"9" * 5000, ""),
        (b'{"a": 1} x', "not valid JSON"),
    ],
)
def test_data_that_is_no_json(jobctl: Jobctl, filled: Path, tmp_path: Path, data: bytes, text: str) -> None:
    before = rows(filled)
    (tmp_path / "data").write_bytes(data)
    one_sentence(jobctl("run", "backup", "--data", f"@{tmp_path / 'data'}"), 2, text)
    process = subprocess.run(
        jobctl.command("run", "backup", "--data", "-"), input=data, env=jobctl.environment, capture_output=True
    )
    assert process.returncode == 2 and process.stderr.count(b"\n") == 1
    assert rows(filled) == before
