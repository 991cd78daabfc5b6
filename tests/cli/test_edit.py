"""`jobctl edit`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Jobctl

pytestmark = pytest.mark.thorough

CHANGEABLE = {"version", "last", "modified_on", "modified_by", "created_on"}


def edited(jobctl: Jobctl, *arguments: object, cwd: str | Path = "/") -> dict[str, Any]:
    """What an edit of job `one` changed in its document."""
    before = jobctl("show", "one", "--json", expect=0).json["job"]
    after = jobctl("edit", "one", "--json", *arguments, expect=0, cwd=cwd).json["job"]
    return {name: after[name] for name in after if after[name] != before[name] and name not in CHANGEABLE}


@pytest.fixture
def one(jobctl: Jobctl) -> None:
    options = "--timeout 1m --token disk --tag a --env A=1 --env B --env C_KEY=@/etc/hosts --retries 2"
    jobctl("add", "one", *options.split(), "--", "true", expect=0)


@pytest.mark.usefixtures("one")
def test_only_what_is_given_changes(jobctl: Jobctl) -> None:
    assert edited(jobctl, "--timeout", "2m") == {"timeout": 120.0}
    assert edited(jobctl, "--retries", "0", "--priority", "5") == {"retries": 0, "priority": 5}
    assert edited(jobctl, "--no-timeout", "--no-token", "--no-tags") == {"timeout": None, "token": None, "tags": []}
    assert edited(jobctl, "--tag", "x", "--tag", "y") == {"tags": ["x", "y"]}
    assert edited(jobctl, "--description", "Hi") == {"description": "Hi"}
    assert edited(jobctl, "--description", "") == {"description": ""}


@pytest.mark.usefixtures("one")
def test_variables_are_added_replaced_and_left_out(jobctl: Jobctl) -> None:
    before = jobctl("show", "one", "--json").json["job"]["environment"]
    assert edited(jobctl, "--env", "A=2", "--env", "D=4") == {"environment": {**before, "A": "2", "D": "4"}}
    changed = edited(jobctl, "--no-env", "A", "--env", "C_KEY", "--no-env", "B")
    assert "A" not in changed["environment"]
    assert (changed["environment_from_daemon"], changed["environment_from_file"]) == (["C_KEY"], {})


@pytest.mark.usefixtures("one")
def test_what_it_runs_can_change_its_kind(jobctl: Jobctl, tmp_path: Path) -> None:
    shell = edited(jobctl, "--command", "echo hi")
    assert (shell["argv"], shell["command"]) == (None, "echo hi")
    called = edited(jobctl, "--callable", "m:f", "--cwd", tmp_path)
    assert (called["callable"], called["command"]) == ("m:f", None)
    assert (called["python"], called["path"]) == (sys.executable, [str(tmp_path)])
    assert edited(jobctl, "--isolate") == {"isolate": True}
    assert edited(jobctl, "--cwd", "/") == {"cwd": "/", "path": ["/"]}
    words = edited(jobctl, "--", "ls", "--json")
    assert (words["argv"], words["callable"], words["python"], words["isolate"]) == (
        ["ls", "--json"],
        None,
        None,
        False,
    )


@pytest.mark.usefixtures("one")
def test_an_edit_makes_a_version_only_when_something_differs(jobctl: Jobctl) -> None:
    assert jobctl("edit", "one", "--timeout", "1m", expect=0).stdout == "one is like that already\n"
    assert jobctl("show", "one", "--json").json["job"]["version"] == 1
    assert jobctl("edit", "one", "--timeout", "2m", expect=0).stdout == "changed one: timeout\n"
    assert jobctl("show", "one", "--json").json["job"]["version"] == 2


@pytest.mark.usefixtures("one")
@pytest.mark.parametrize(
    ("arguments", "code", "sentence"),
    [
        (["one"], 2, "nothing to change: say what, as in jobctl edit one --timeout 30m"),
        (["oen", "--timeout", "1m"], 3, "no job named 'oen'; did you mean 'one'?"),
        (["one", "--timeout", "1m", "--no-timeout"], 2, "--timeout and --no-timeout exclude each other"),
        (["one", "--tag", "a", "--no-tags"], 2, "--tag and --no-tags exclude each other"),
        (["one", "--env", "A=1", "--no-env", "A"], 2, "--env A and --no-env A exclude each other"),
        (["one", "--no-env", "Z"], 2, "--no-env Z: the job has no variable of that name"),
        (["one", "--python", "/bin/sh"], 2, "--python is for a callable; this job runs a command"),
        (["one", "--env", "X_TOKEN=1"], 2, "--env X_TOKEN=… would keep a secret in the database"),
        (["one", "--every", "5m"], 2, "no such option --every"),
    ],
)
def test_bad_edits_change_nothing(jobctl: Jobctl, arguments: list[str], code: int, sentence: str) -> None:
    refused = jobctl("edit", *arguments, expect=code)
    assert refused.stderr.startswith(f"jobctl: {sentence}")
    assert jobctl("show", "one", "--json").json["job"]["version"] == 1
