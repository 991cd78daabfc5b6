"""`jobctl why` as it is printed; what it says is tested beside the store and end to end."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest

from tests.cli.terminal import on_terminal
from tests.cli.test_startup import HEAVY, imported
from tests.conftest import Jobctl, StartDaemon

pytestmark = pytest.mark.thorough

INSTANT = r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d"


def test_a_system_job_in_lines(jobctl: Jobctl) -> None:
    jobctl("run", "--", "true", expect=0)
    lines = jobctl("why", 1, expect=0).stdout.splitlines()
    assert lines[:2] == ["1 true ready", "  no daemon has ever run here"]
    assert re.fullmatch(rf"  it is ready since {INSTANT} \(\w+\)", lines[2])
    assert lines[3:] == ["to change it: jobctl daemon"]


def test_a_job_in_lines(jobctl: Jobctl) -> None:
    jobctl("add", "backup", "--cron", "@daily", "--", "true", expect=0)
    lines = jobctl("why", "backup", expect=0).stdout.splitlines()
    assert lines[0] == "backup" and lines[1].startswith("  next, 1: not due yet: its schedule planned it for ")
    assert lines[-1] == "to change it: jobctl resume 1"


def test_in_json(jobctl: Jobctl) -> None:
    jobctl("run", "--at", "2099-01-01T00:00Z", "--", "true", expect=0)
    document = jobctl("why", 1, "--json", expect=0).json
    assert list(document) == ["schema", "why"] and list(document["why"]) == ["subject", "reasons", "command"]
    assert document["why"]["subject"] == {"job": "adhoc", "system_job": 1, "state": "suspended", "status": "waiting"}
    first, second = document["why"]["reasons"]
    assert (first["code"], first["at"]) == ("not_due", "2099-01-01T00:00:00.000000+00:00")
    assert second == {"code": "no_daemon", "text": "no daemon has ever run here", "since": None}
    assert document["why"]["command"] == "jobctl resume 1"


def test_on_a_terminal_nothing_is_cut_and_nothing_wider(jobctl: Jobctl) -> None:
    jobctl("add", "a" * 90, "--token", "b" * 90, "--", "true", expect=0)
    for _ in range(2):
        jobctl("run", "a" * 90, expect=0)
    shown, code = on_terminal(jobctl, "why", 2)
    lines = re.sub(r"\x1b\[[0-9;]*m", "", shown.decode()).split("\r\n")
    assert code == 0 and lines[-2] == "to change it: jobctl daemon"
    assert "b" * 90 in shown.decode()
    wide = [line for line in lines[1:-2] if len(line) > 80 and " " in line.strip()]
    assert not wide and any(line.startswith("    ") for line in lines)


def test_what_jobs_say_cannot_command_the_terminal(jobctl: Jobctl, daemon: StartDaemon, tmp_path: Path) -> None:
    (tmp_path / "evil.py").write_text("def run():\n    raise ValueError('\\x1b[31m')\n")
    jobctl("add", "evil", "--callable", "evil:run", "--cwd", tmp_path, "--python", sys.executable, expect=0)
    daemon()
    jobctl("run", "evil", "--wait", expect=1)
    told = jobctl("why", 1, expect=0).stdout
    assert r"ValueError: \x1b[31m" in told and "\x1b" not in told
    jobctl("run", "--on-event", "mañana; rm x", "--", "true", expect=0)
    assert jobctl("why", 2, expect=0).stdout.endswith("to change it: jobctl emit 'mañana; rm x'\n")


@pytest.mark.parametrize(
    ("arguments", "code", "sentence"),
    [
        (["99"], 3, "no system job 99; see: jobctl monitor"),
        (["bakup"], 3, "no job named 'bakup'; did you mean 'backup'?"),
        (["id:xyz"], 2, "'id:xyz' is not the beginning of an id"),
        ([], 2, "missing argument"),
    ],
)
def test_what_is_not_there(jobctl: Jobctl, arguments: list[str], code: int, sentence: str) -> None:
    jobctl("add", "backup", "--", "true", expect=0)
    refused = jobctl("why", *arguments, expect=code)
    assert sentence in refused.stderr and refused.stderr.count("\n") == 1 and refused.stdout == ""


def test_by_id_as_by_number(jobctl: Jobctl) -> None:
    jobctl("run", "--at", "2099-01-01", "--", "true", expect=0)
    found = jobctl("show", 1, "--json", expect=0).json["system_job"]["id"]
    assert jobctl("why", found[:10], "--json", expect=0).json == jobctl("why", 1, "--json", expect=0).json


def test_it_changes_nothing(jobctl: Jobctl) -> None:
    jobctl("add", "backup", "--every", "1h", "--", "true", expect=0)
    before = jobctl("show", 1, "--json", expect=0).json
    jobctl("why", "backup", expect=0)
    jobctl("why", 1, expect=0)
    assert jobctl("show", 1, "--json", expect=0).json == before


def test_it_stays_light(jobctl: Jobctl) -> None:
    jobctl("add", "once", "--at", "2030-01-01", "--", "true", expect=0)
    assert imported(jobctl, "why", "once", "--json") & HEAVY == set()


def test_show_tells_it_in_one_line_with_what_it_waits_for(jobctl: Jobctl) -> None:
    jobctl("run", "--at", "2099-01-01", "--", "true", expect=0)
    jobctl("run", "--after", "1:any", "--on-event", "go", "--key", "k-1", "--", "true", expect=0)
    shown = " ".join(jobctl("show", 2, expect=0).stdout.split())
    for text in ("why it comes after 1 true, which must end first: that is scheduled until", "after 1, once it ends"):
        assert text in shown
    assert "event go" in shown and "key k-1" in shown
    document = jobctl("show", 2, "--json", expect=0).json["system_job"]
    assert document["after"] == [{"sequence": 1, "condition": "any", "met_on": None}]
    jobctl("cancel", 1, expect=0)
    assert "1, once it ends: met 20" in jobctl("show", 2, expect=0).stdout
    assert jobctl("show", 2, "--json", expect=0).json["system_job"]["after"][0]["met_on"] is not None
    assert "after" not in jobctl("monitor", "--json", expect=0).json["system_jobs"][0]
    assert " why " not in jobctl("show", 1, expect=0).stdout


def test_what_was_run_without_a_definition_is_asked_for_by_its_shelf(jobctl: Jobctl) -> None:
    assert "no job named 'adhoc'" in jobctl("why", "adhoc", expect=3).stderr
    jobctl("run", "--", "true", expect=0)
    jobctl("run", "--", "false", expect=0)
    assert jobctl("why", "adhoc", expect=0).stdout.splitlines()[0] == "2 false ready"
