"""Hostile text: refused at every door that must refuse it, and shown escaped by every command that shows it."""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import apsw
import pytest

from jobctl import config, control
from jobctl.cli import COMMANDS
from jobctl.clock import system_clock
from jobctl.control import Conditions
from jobctl.model import Definition
from jobctl.output.tables import FORMATS
from jobctl.output.text import UNSAFE
from jobctl.store import Store
from tests.cli.here import run_here
from tests.cli.sentences import one_sentence, rows
from tests.cli.terminal import on_terminal
from tests.conftest import SOURCE, Completed, Jobctl, StartDaemon

pytestmark = pytest.mark.thorough

EVIL: Final = (
    "\x1b]0;owned\x07\x9b2J\u202ecod.exe\u2066\u200b\r\n\t\x7f\u2028\u00ad[bold red]x[/]|<b>{0}%s\\x1b`=1+1 ñ語🙂"
)
"""What a terminal would obey or hide, and what rich, a spreadsheet, Markdown or HTML would take for its own."""
ESCAPED: Final = r"\x1b]0;owned\x07\x9b2J\u202ecod.exe\u2066\u200b"
DEEP: Final = "[" * 63 + json.dumps(EVIL, ensure_ascii=False) + "]" * 63


# Doors


REFUSED: Final = ["\x1b[2J", "\x9b31m", "\u202ex", "a\rb", "\x07", "\u2028", "caf\udce9"]
DOORS: Final = [
    "add {} -- true",
    "add other --description {} -- true",
    "add other --tag {} -- true",
    "add other --token {} -- true",
    "add other --cwd {} -- true",
    "add other --env {} -- true",
    "add other --env {}=1 -- true",
    "add other --env K=@{} -- true",
    "add other --callable {}",
    "add other --every {} -- true",
    "add other --every 1h --tz {} -- true",
    "add other --every 1d --skip {} -- true",
    "edit one --description {}",
    "edit one --token {}",
    "edit one --no-env {}",
    "schedule one --cron {}",
    "schedule one --quartz {}",
    "schedule one --rrule {}",
    "schedule one --recurrence {}",
    "schedule one --at {}",
    "unschedule two --until {}",
    "unschedule two --until tomorrow --reason {}",
    "run one --regarding {}",
    "run one --regarding invoice:{}",
    "run one --on-event {}",
    "run one --key {}",
    "run one --after {}",
    "run one --data {}",
    "emit {}",
    "monitor --job {}",
    "monitor --token {}",
    "monitor --tag {}",
    "monitor --owner {}",
    "monitor --state {}",
    "report --stage {}",
    "report --message {}",
    "register {}",
    "{}",
]
DOORS_OF_COMMANDS: Final = ["add other --command {}", "add other -- true {}", "edit one -- {}", "run -- echo {}"]
"""A command may hold any text that is no terminal's command; it is shown escaped."""
DOORWAY: Final = {"JOBCTL_RUN": "ab" * 8, "JOBCTL_SEQUENCE": "1"}


@pytest.mark.parametrize("value", REFUSED, ids=ascii)
def test_control_characters_are_refused_at_every_door(home: Path, value: str) -> None:
    run_here("add", "one", "--", "true")
    run_here("add", "two", "--every", "1h", "--", "true")
    before = rows(home)
    for door in [*DOORS, *(DOORS_OF_COMMANDS if value[0] not in "\u202e\u2028" else [])]:
        words = [word.replace("{}", value) for word in door.split()]
        found = run_here(*words, env=DOORWAY if door.startswith("report") else None)
        one_sentence(found, 3 if found.returncode == 3 else 2)
        assert not re.search(UNSAFE, found.stdout + found.stderr.rstrip("\n")), door
    assert rows(home) == before


def test_what_is_too_long_is_refused(home: Path) -> None:
    run_here("add", "one", "--", "true")
    before = rows(home)
    for line in ("add {} -- true", "add other --tag {} -- true", "add other --token {} -- true", "run one --key {}"):
        one_sentence(run_here(*line.replace("{}", "x" * 201).split()), 2)
    one_sentence(run_here("emit", "x" * 101), 2)
    one_sentence(run_here("run", "one", "--regarding", "invoice:" + "x" * 300), 2)
    assert rows(home) == before


def test_what_only_hides_is_stored_and_shown(jobctl: Jobctl) -> None:
    """Invisible characters are no control characters: other languages need some of them."""
    hidden = "so\u00adft\u200b\ufeff"
    jobctl("add", "one", "--description", hidden, "--token", hidden, "--", "echo", hidden, expect=0)
    jobctl("run", "one", "--key", hidden, "--on-event", hidden, "--regarding", f"a:{hidden}", expect=0)
    shown = jobctl("show", "one", expect=0).stdout + jobctl("show", "1", expect=0).stdout
    assert not re.search(UNSAFE, shown.replace("\n", ""))
    assert shown.count(r"so\xadft\u200b\ufeff") >= 4
    assert jobctl("show", "1", "--json").json["system_job"]["key"] == hidden


# Shown


DEFINITION: Final = Definition(
    argv=("true", EVIL),
    cwd=f"/{EVIL}",
    environment={"K": EVIL},
    environment_from_file={"F": EVIL},
    environment_from_daemon=(EVIL,),
    token=EVIL,
    description=EVIL,
    tags=(EVIL,),
)

FILLED: Final = {
    "system_jobs": ("name", "dependency_token", "message", "friendly_message", "stage", "key", "regarding", "event"),
    "actors": ("name",),
    "hosts": ("name",),
    "daemons": ("version", "boot_id", "pid_namespace"),
    "schedules": ("pause_reason",),
    "tokens": ("name",),
}
ELSEWHERE: Final = {
    "system_jobs": ("reason", "message_name", "runner_id", "cancel_reason"),
    "jobs": ("name",),  # they are how a test finds them
    "job_versions": ("definition",),
    "schedules": ("spec", "time_zone", "overlap", "catch_up", "ended_by", "boot_id"),
    "plans": ("spec", "time_zone"),
    "payloads": ("data", "result"),
    "events": ("kind", "detail"),
    "waits": ("condition",),
    "runners": ("id", "boot_id", "pid_namespace"),
    "settings": ("name", "value"),
    "tokens": ("handle", "scopes"),
    "sessions": ("handle",),
    "azure_jobs": ("name",),  # told over HTTP alone, as JSON
}
"""Columns of jobctl's own words, JSON, or names."""


@pytest.fixture
def poisoned(jobctl: Jobctl, home: Path) -> Iterator[Path]:
    """A home that another version has filled: hostile text in every column that can hold text."""
    with Store.open(config.load(jobctl.environment), system_clock(), "user:tester") as store:
        control.add_job(store, "one", DEFINITION)
        control.add_job(store, "two", DEFINITION)
        jobctl("schedule", "one", "--every", "1h", expect=0)
        jobctl("unschedule", "one", "--until", "2099-01-01", "--reason", "x", expect=0)
        jobctl("run", "two", "--data", "1", expect=0)
        control.submit_adhoc(store, DEFINITION, conditions=Conditions(event="go"))
        control.submit_adhoc(store, DEFINITION, at=store.clock.now() + 10**10)
    jobctl("cancel", "2", expect=0)
    jobctl("token", "create", "ci", expect=0)
    database = apsw.Connection(str(home / "jobctl.db"))
    known = {(table, column) for columns in (FILLED, ELSEWHERE) for table, names in columns.items() for column in names}
    tables = [name for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
    for table in tables:
        columns = database.execute(f"SELECT name FROM pragma_table_info('{table}') WHERE type = 'TEXT'").fetchall()
        unknown = {(table, name) for (name,) in columns} - known
        assert not unknown, f"is it shown, and escaped? {unknown}"
    poison(database)
    database.close()
    yield home


def poison(database: apsw.Connection) -> None:
    database.execute("PRAGMA foreign_keys = ON")
    row_of = {"schedules": "job_id", "system_jobs": "sequence"}
    for table, columns in FILLED.items():
        for column in columns:
            # Each its own, where they have to differ.
            key = row_of.get(table, "id")
            database.execute(f"UPDATE {table} SET {column} = ? || {key}", (EVIL,))
    database.execute("UPDATE system_jobs SET progress = 40, event = CASE WHEN state = 1 THEN event END")
    numbers = [number for (number,) in database.execute("SELECT sequence FROM system_jobs")]
    for number in numbers:
        database.execute(
            "INSERT OR REPLACE INTO payloads (sequence, data, result) VALUES (?, ?, ?)", (number, DEEP, DEEP)
        )
    database.execute("UPDATE events SET detail = ?", (json.dumps({"message": EVIL, EVIL: EVIL}),))


def readings() -> list[str]:
    """Command lines that show what is stored."""
    numbers = range(1, 5)
    lines = ["list", "list --json", "show one", "show one --json", "show two", "next one", "next --all", "doctor"]
    lines += ["monitor", "monitor --json", "next one --json", "wait 2", "wait 2 --json", "stats", "stats --json"]
    lines += ["check", "check --json", "why one", "why two", "next --all --calendar", "list --color always"]
    lines += [f"{command} --format {kind}" for command in ("list", "monitor", "next --all") for kind in FORMATS]
    lines += [
        f"{command} {number}" for command in ("show", "show --json", "logs", "why", "why --json") for number in numbers
    ]
    lines += ["token list", "token list --json", "token revoke nobody"]
    lines += ["run two --after 2", "run two --at 2099-01-01 --json", "emit nobody", "postpone 4 --for 1h", "pause 4"]
    lines += [
        "cancel 3",
        "cancel 3",
        "rerun 2",
        "delete 2",
        "edit two --timeout 1m",
        "remove two",
        "monitor --color always",
    ]
    return [line for line in lines if line.split()[0] in COMMANDS]


def test_every_command_shows_it_escaped(poisoned: Path) -> None:
    seen = ""
    for line in readings():
        found = run_here(*line.split())
        check_harmless(line, found)
        seen += found.stdout
    assert seen.count(ESCAPED) > 50


def check_harmless(line: str, found: Completed) -> None:
    what = f"{line}: exit {found.returncode}\n{found.stdout[-3000:]}{found.stderr[-3000:]}"
    assert found.returncode in (0, 1, 2, 3, 4), what
    assert "Traceback" not in found.stderr and "internal error" not in found.stderr, what
    for text in (found.stdout, found.stderr):
        text = re.sub("\x1b\\[[0-9;]*m", "", text) if "--color" in line else text
        text = text.replace("\t", "") if "tsv" in line else text
        unsafe = re.search(UNSAFE, text.replace("\n", ""))
        assert not unsafe, (line, unsafe)
    if "--json" in line:
        assert found.stdout.isascii() and found.json["schema"] == 1


def test_json_gives_it_back_as_it_was(jobctl: Jobctl, poisoned: Path) -> None:
    document: dict[str, Any] = jobctl("show", "4", "--json", expect=0).json["system_job"]
    assert document["name"] == document["message"] == EVIL + "4"
    data = document["data"]
    for _ in range(63):
        (data,) = data
    assert data == EVIL


def test_a_terminal_shows_it_escaped(jobctl: Jobctl, poisoned: Path) -> None:
    for line in ("list", "token list", "show one", "show 3", "monitor", "next --all", "logs 3", "wait 2", "cancel 3 2"):
        shown, code = on_terminal(jobctl, *line.split(), columns=200)
        text = shown.decode()
        assert code in (0, 1, 4) and "Traceback" not in text, text
        assert not {"\x07", "\x9b", "\u202e", "\u2066", "\u200b", "\x7f", "\u2028"} & set(text), line
        assert "\x1b]" not in text, line


# From within a run


FORGER: Final = r"""
import json, os, socket, struct
def say(**frame):
    body = json.dumps({"k": "report", "sequence": int(os.environ["JOBCTL_SEQUENCE"]), **frame}).encode()
    with socket.socket(socket.AF_UNIX) as one:
        one.settimeout(5)
        one.connect(os.environ["JOBCTL_HOME"] + "/run/" + os.environ["JOBCTL_RUN"] + ".sock")
        one.sendall(struct.pack(">I", len(body)) + body)
        return one.recv(4096)
evil = EVIL
for frame in FRAMES:
    print(b"ok" in say(**frame))
os.write(1, evil.encode() + b"\xff\xfe\n")
os._exit(3)
"""
FRAMES: Final = """[
    {"progress": 40, "stage": evil + "\\ud800" + "x" * 5000, "message": evil + "\\udcff" + "y" * 5000},
    {"progress": float("inf"), "stage": ["x"], "message": {}},
    {"progress": "x", "stage": 5, "message": True},
]"""


def forge(jobctl: Jobctl, daemon: StartDaemon, frames: str) -> Completed:
    daemon()
    code = FORGER.replace("FRAMES", frames).replace("EVIL", repr(EVIL))
    return jobctl("run", "--wait", "--", sys.executable, "-I", "-c", code)


def test_what_a_run_reports_and_prints_is_kept_in_bounds_and_shown_escaped(jobctl: Jobctl, daemon: StartDaemon) -> None:
    found = forge(jobctl, daemon, FRAMES)
    assert found.returncode == 1
    check_harmless("run", found)
    document = jobctl("show", "1", "--json", expect=0).json["system_job"]
    assert (document["reason"], document["exit_code"], document["progress"]) == ("exit", 3, 40.0)
    assert document["stage"].startswith(EVIL) and len(document["stage"]) <= 1000
    for line in ("show 1", "monitor", "monitor --format csv", "wait 1", "logs 1 --json"):
        check_harmless(line, jobctl(*line.split()))
    shown, _ = on_terminal(jobctl, "logs", "1")
    assert not {"\x07", "\x9b", "\u202e"} & set(shown.decode()) and "\x1b]" not in shown.decode()
    assert r"\x1b]0;owned\x07" in shown.decode()


def test_a_number_beyond_all_measure_is_no_progress(jobctl: Jobctl, daemon: StartDaemon) -> None:
    forge(jobctl, daemon, '[{"progress": 10 ** 400, "stage": "on", "message": None}]')
    document = jobctl("show", "1", "--json", expect=0).json["system_job"]
    assert (document["reason"], document["exit_code"]) == ("exit", 3)


def test_a_callable_cannot_command_a_terminal_either(jobctl: Jobctl, daemon: StartDaemon, tmp_path: Path) -> None:
    (tmp_path / "evil_jobs.py").write_text(
        f"import jobctl\nEVIL = {EVIL!r}\n"
        "@jobctl.job\ndef raising():\n    raise RuntimeError(EVIL * 1000 + '\\ud800')\n"
        "@jobctl.job\ndef naming():\n    raise type(EVIL, (Exception,), {})(EVIL)\n"
        "@jobctl.job\ndef giving():\n    return {EVIL: [EVIL, EVIL]}\n"
        "@jobctl.job\ndef staging():\n    jobctl.current().progress(5, stage=EVIL)\n    return 1\n"
    )
    jobctl("register", "evil_jobs", cwd=tmp_path, env={"PYTHONPATH": f"{SOURCE}{os.pathsep}{tmp_path}"}, expect=0)
    daemon()
    for name, code in (("raising", 1), ("naming", 1), ("giving", 0), ("staging", 0)):
        check_harmless("run", jobctl("run", name, "--wait", expect=code))
    for number in range(1, 5):
        check_harmless("show", jobctl("show", number, expect=0))
        check_harmless("show --json", jobctl("show", number, "--json", expect=0))
    check_harmless("monitor", jobctl("monitor", expect=0))
    assert jobctl("show", "3", "--json").json["system_job"]["result"] == {EVIL: [EVIL, EVIL]}
