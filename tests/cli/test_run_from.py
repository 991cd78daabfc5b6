"""`jobctl run NAME --from FILE`: many system jobs, one JSON object a line."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from jobctl.commands import lines
from jobctl.commands.context import App
from tests.conftest import Jobctl


def rows(jobctl: Jobctl) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(jobctl("monitor", "--json", "--limit", 100, expect=0).stdout)[
        "system_jobs"
    ]
    return found[::-1]


@pytest.fixture
def job(jobctl: Jobctl) -> Jobctl:
    jobctl("add", "load", "--command", "true", expect=0)
    return jobctl


def write(path: Path, *lines: object) -> Path:
    file = path / "lines.jsonl"
    file.write_text("".join((line if isinstance(line, str) else json.dumps(line)) + "\n" for line in lines))
    return file


def test_each_line_is_a_system_job_in_order(job: Jobctl, tmp_path: Path) -> None:
    file = write(
        tmp_path, {"data": {"n": 1}}, {}, "", {"data": [1, "ü"], "regarding": "order:7"}, {"at": "2099-01-01T00:00Z"}
    )
    done = job("run", "load", "--from", file, expect=0)
    assert done.stdout.split() == ["1", "2", "3", "4"]
    seen = rows(job)
    assert [row["state"] for row in seen] == ["ready", "ready", "ready", "suspended"]
    assert [row["reason"] for row in seen] == [None, None, None, "scheduled"]
    assert [row["regarding"] for row in seen] == [None, None, "order:7", None]
    assert [json.loads(job("show", n, "--json", expect=0).stdout)["system_job"]["data"] for n in (1, 2, 3)] == [
        {"n": 1},
        None,
        [1, "ü"],
    ]


def test_one_by_one_and_together_leave_the_same_rows(job: Jobctl, tmp_path: Path) -> None:
    job("run", "load", "--data", '{"n": 1}', "--regarding", "order:7", expect=0)
    job("run", "load", "--from", write(tmp_path, {"data": {"n": 1}, "regarding": "order:7"}), expect=0)
    one, many = (json.loads(job("show", n, "--json", expect=0).stdout)["system_job"] for n in (1, 2))
    own = {"id", "sequence", "created_on", "modified_on", "ready_on", "due_at"}
    assert {k: v for k, v in one.items() if k not in own} == {k: v for k, v in many.items() if k not in own}


def test_what_a_line_may_say_beside_its_data(job: Jobctl, tmp_path: Path) -> None:
    file = write(tmp_path, {"key": "a"}, {"key": "a"}, {"after": [1]}, {"after": "1:any"}, {"on_event": "go"})
    assert job("run", "load", "--from", file, expect=0).stdout.split() == ["1", "1", "2", "3", "4"]
    assert [row["reason"] for row in rows(job)] == [None, "after", "after", "waiting_for_event"]


def test_a_token_keeps_its_order(job: Jobctl, tmp_path: Path) -> None:
    job("add", "link", "--token", "chain", "--command", "true", expect=0)
    job("run", "link", "--from", write(tmp_path, {}, {}, {}), expect=0)
    assert [row["blocked_by"] for row in rows(job)] == [None, 1, 2]


def test_from_stdin_and_as_json(job: Jobctl) -> None:
    done = job("run", "load", "--from", "-", "--json", input='{"data": 1}\n{"data": 2}', expect=0)
    assert json.loads(done.stdout) == {"schema": 1, "sequences": [1, 2]}


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("[1]", "not a JSON object"),
        ("{", "not valid JSON"),
        ('{"data": NaN}', "NaN is not a JSON number"),
        ('{"data": 1, "data": 2}', "a key appears twice"),
        ('{"dta": 1}', "unknown member 'dta'; did you mean 'data'?"),
        ('{"at": "soon"}', "soon"),
        ('{"at": 5}', "at is a text, not int"),
        ('{"regarding": "nothing"}', "TYPE:ID"),
        ('{"key": ""}', "key"),
        ('{"after": "x"}', "after takes numbers"),
        ('{"on_event": 1}', "event is a text"),
        ('{"data": "' + "[" * 70 + '"}', None),
        ('{"data": ' + "[" * 70 + "]" * 70 + "}", "nested deeper than 64"),
        ('{"data": "' + "x" * (1 << 20) + '"}', "larger than 1 MiB"),
    ],
)
def test_one_bad_line_and_nothing_is_submitted(job: Jobctl, tmp_path: Path, line: str, words: str | None) -> None:
    done = job("run", "load", "--from", write(tmp_path, {}, line, {}), expect=0 if words is None else 2)
    assert len(rows(job)) == (3 if words is None else 0)
    if words is not None:
        assert "line 2: " in done.stderr and words in done.stderr and done.stderr.count("\n") == 1


@pytest.mark.parametrize(
    "options", [["--data", "1"], ["--key", "k"], ["--wait"], ["--after", "1"], ["--at", "in 5m"], ["--on-event", "e"]]
)
def test_what_belongs_into_the_lines_is_refused_beside_them(job: Jobctl, tmp_path: Path, options: list[str]) -> None:
    assert "--from" in job("run", "load", "--from", write(tmp_path, {}), *options, expect=2).stderr


def test_a_missing_file_and_an_unknown_job(job: Jobctl, tmp_path: Path) -> None:
    assert "cannot read" in job("run", "load", "--from", tmp_path / "none", expect=2).stderr
    assert "no job named 'lod'" in job("run", "lod", "--from", write(tmp_path, {}), expect=3).stderr


def test_a_line_like_the_one_before_is_not_read_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[bytes] = []
    members = lines._members

    def noted(line: bytes) -> dict[str, Any]:
        read.append(line)
        return members(line)

    monkeypatch.setattr(lines, "_members", noted)
    file = write(tmp_path, {"data": 1}, {"data": 1}, "", {"data": 1}, {"data": 2}, {"data": 1})
    found = list(lines.requests(App(str(tmp_path)), str(file)))
    assert [one.data for one in found] == ["1", "1", "1", "2", "1"]
    assert read == [b'{"data": 1}\n', b'{"data": 2}\n', b'{"data": 1}\n']


def test_a_byte_order_mark_is_refused(job: Jobctl, tmp_path: Path) -> None:
    file = write(tmp_path, {}, "\ufeff{}")
    assert "line 2: it is not valid JSON: it begins with a byte order mark" in job("run", "load", "--from", file).stderr
