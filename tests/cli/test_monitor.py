"""`jobctl monitor`."""

from __future__ import annotations

import csv
import io
import random
import re
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from jobctl.commands.monitor_columns import FRIENDLY, attributes
from jobctl.model import REASONS, Reason, State, Status
from jobctl.selection import matches, pages, screen
from jobctl.store import Filter
from tests.cli.history import HOUR, MINUTE, SECOND, Past
from tests.cli.terminal import on_terminal
from tests.conftest import Jobctl, StartDaemon

pytestmark = pytest.mark.thorough

TITLES = ["NUMBER", "JOB", "STATUS", "DUE", "START", "END", "DURATION", "ATTEMPT", "MESSAGE"]


def numbers(jobctl: Jobctl, *filters: str) -> list[int]:
    return [one["sequence"] for one in jobctl("monitor", "--json", *filters, expect=0).json["system_jobs"]]


def test_one_row_each_newest_first(jobctl: Jobctl, daemon: StartDaemon) -> None:
    daemon()
    jobctl("add", "bad", "--command", "exit 3", expect=0)
    jobctl("run", "--wait", "--", "true", expect=0)
    jobctl("run", "--wait", "bad", expect=1)
    titles, second, first = jobctl("monitor", expect=0).stdout.splitlines()
    assert titles.split() == TITLES
    assert re.fullmatch(r" +2  bad .* failed \(exit 3\) .* 1 +exit code 3", " " + second)
    assert len(re.findall(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d [+-]\d\d:\d\d", first)) == 3
    (row, _) = csv.DictReader(io.StringIO(jobctl("monitor", "--format", "csv", expect=0).stdout))
    assert (row["number"], row["job"], row["status"], row["attempt"]) == ("2", "bad", "failed", "1")


def test_filters(jobctl: Jobctl) -> None:
    jobctl("add", "one", "--token", "disk", "--tag", "night", "--", "true", expect=0)
    jobctl("run", "one", expect=0)
    jobctl("run", "--", "true", expect=0)
    jobctl("run", "one", "--at", "in 1h", expect=0)
    jobctl("run", "--", "true", expect=0)
    jobctl("cancel", "4", expect=0)
    owner = jobctl("show", "1", "--json").json["system_job"]["owner"]
    for filters, expected in (
        ("", [4, 3, 2, 1]),
        ("--job one", [3, 1]),
        ("--job adhoc", [4, 2]),
        ("--state ready", [2, 1]),
        ("--state suspended,Completed", [4, 3]),
        ("--status canceled", [4]),
        ("--status waiting-for-resources --job one", [1]),
        ("--token disk", [3, 1]),
        ("--tag night", [3, 1]),
        ("--type workflow --limit 2", [4, 3]),
        ("--type 13", []),
        (f"--owner {owner}", [4, 3, 2, 1]),
        (f"--owner {owner.partition(':')[2]} --limit 1", [4]),
        ("--owner user:nobody-of-that-name", []),
        ("--since 1970-01-01 --until 2000-01-01", []),
        ("--reason user", [4]),
        ("--reason scheduled,user --job one", [3]),
        ("--message-name run --state ready", [2, 1]),
        ("--message-name schedule", []),
        ("--until now", [4, 3, 2, 1]),
        ("--until yesterday", []),
        ("--since 1h --until 30m", []),
    ):
        assert numbers(jobctl, *filters.split()) == expected, filters


def test_an_unknown_job_is_an_error_but_a_removed_one_is_not(jobctl: Jobctl) -> None:
    jobctl("add", "backup", "--", "true", expect=0)
    assert numbers(jobctl, "--job", "backup") == []
    found = jobctl("monitor", "--job", "bakup", expect=3)
    assert found.stderr == "jobctl: no job named 'bakup'; did you mean 'backup'?\n"
    jobctl("run", "backup", expect=0)
    jobctl("remove", "backup", expect=0)
    assert numbers(jobctl, "--job", "backup") == [1]


@pytest.mark.parametrize(
    ("args", "sentence"),
    [
        ("--state runing", "is none of ready, suspended, locked, completed"),
        ("--status ready", "is none of waiting_for_resources"),
        ("--type backup", "is no operation type"),
        ("--limit 0", "--limit"),
        ("--since 32:00", "--since"),
        ("--watch --format csv", "exclude each other"),
        ("--json --format csv", "exclude each other"),
        ("--colum x", "no such option"),
        ("--columns statu", "no column 'statu'; did you mean 'status'?"),
        ("--columns job,,state", "no column ''"),
        ("--columns qqqq", "every attribute that --json has"),
        ("--reason tired", "is none of scheduled"),
        ("--message-name me", "--message-name"),
        ("--timeline --watch", "takes the filters"),
        ("--timeline --columns job", "takes the filters"),
        ("--timeline --since now --until yesterday", "nothing between"),
    ],
)
def test_bad_input(jobctl: Jobctl, args: str, sentence: str) -> None:
    found = jobctl("monitor", *args.split(), expect=2)
    assert sentence in found.stderr and found.stderr.count("\n") == 1


def test_nothing_to_show_is_said_on_a_terminal(jobctl: Jobctl) -> None:
    assert on_terminal(jobctl, "monitor") == (b"jobctl: nothing yet; submit one: jobctl run -- COMMAND\r\n", 0)
    assert on_terminal(jobctl, "monitor", "--state", "ready") == (b"jobctl: no system job matches\r\n", 0)
    assert on_terminal(jobctl, "stats") == (b"jobctl: no job yet; define one: jobctl add NAME -- COMMAND\r\n", 0)
    assert jobctl("monitor", expect=0).stdout.split() == TITLES


def test_fits_eighty_columns(jobctl: Jobctl, daemon: StartDaemon) -> None:
    daemon()
    jobctl("add", "a-name-that-is-rather-long-for-a-job", "--command", "exit 3", expect=0)
    jobctl("run", "--wait", "a-name-that-is-rather-long-for-a-job", expect=1)
    jobctl("run", "--wait", "--", "/no/such/program/in/a/directory/far/away/from/here", expect=1)
    shown, code = on_terminal(jobctl, "--color", "never", "monitor")
    lines = [line.rstrip() for line in shown.decode().splitlines()]
    assert code == 0 and all(len(line) <= 80 for line in lines)
    assert lines[0].split() == ["number", "job", "status", "when", "took", "try", "message"]
    assert "failed (spawn)" in lines[2] and "failed (exit 3)" in lines[3]
    shown, _ = on_terminal(jobctl, "--color", "never", "monitor", columns=160)
    titles = ["number", "job", "status", "due", "start", "end", "took", "try", "message"]
    assert shown.decode().split("\n")[0].split() == titles


def test_names_and_messages_cannot_speak_to_the_terminal(jobctl: Jobctl, daemon: StartDaemon) -> None:
    daemon()
    jobctl("run", "--wait", "--", "/no/such\u202e\u2066/program", expect=1)
    for args in (("monitor",), ("show", "1")):
        shown, _ = on_terminal(jobctl, "--color", "never", *args, columns=160)
        assert shown.replace(b"\r\n", b"").decode().isprintable()


@pytest.fixture
def past(home: Path) -> Iterator[Past]:
    with Past(home) as found:
        yield found


def random_rows(past: Past, chance: random.Random, number: int) -> list[dict[str, Any]]:
    """So many rows of every kind, as they were written."""
    tags: dict[int, tuple[str, ...]] = {}
    for name, of_job in (("one", ("a",)), ("two", ("a", "b")), ("three", ())):
        tags[past.job(name, tags=of_job)] = of_job
    owners = {name: past.actor(name) for name in ("user:alice", "user:bob", "daemon")}
    rows = []
    for _ in range(number):
        status = chance.choice(list(Status))
        reason = chance.choice([*sorted(REASONS[status])] or [None])
        owner = chance.choice(list(owners))
        row: dict[str, Any] = {
            "job": chance.choice(list(tags)),
            "status": status,
            "reason": reason,
            "owner": owner,
            "created_on": past.now - chance.randrange(100) * MINUTE,
            "dependency_token": chance.choice([None, "disk", "net"]),
            "message_name": chance.choice(["run", "schedule", "rerun"]),
            "operation_type": chance.choice([10, 10, 13]),
            "platform": chance.random() < 0.1,
        }
        columns = {name: value for name, value in row.items() if name not in ("job", "status", "owner")}
        if reason is Reason.CANCELING:
            columns["runner_id"] = "0" * 16
        row["sequence"] = past.add(row["job"], status, **columns, owner=owners[owner])
        row |= {"tags": tags[row["job"]], "name": past.name(row["job"])}
        rows.append(row)
    return rows


def random_filter(past: Past, chance: random.Random) -> tuple[Filter, dict[str, Any]]:
    some: dict[str, Any] = {
        "states": tuple(chance.sample(list(State), 2)),
        "statuses": tuple(chance.sample(list(Status), 4)),
        "reasons": tuple(chance.sample([Reason.SCHEDULED, Reason.EXIT, Reason.USER, Reason.MISSED, Reason.HELD], 3)),
        "job": chance.choice(["one", "two", "nobody"]),
        "since": past.now - chance.randrange(100) * MINUTE,
        "until": past.now - chance.randrange(100) * MINUTE,
        "token": chance.choice(["disk", "net"]),
        "operation_type": chance.choice([10, 13]),
        "owner": chance.choice(["user:alice", "daemon", "user:nobody"]),
        "tag": chance.choice(["a", "b", "c"]),
        "message_name": chance.choice(["run", "schedule", "api"]),
    }
    kept = {name: some[name] for name in chance.sample(list(some), chance.choice([0, 1, 1, 2, 2, 3, 4]))}
    return Filter(**kept), kept


def wanted(row: dict[str, Any], kept: dict[str, Any]) -> bool:
    """What each filter says, in words of its own."""
    tests: dict[str, Callable[[Any], bool]] = {
        "states": lambda value: row["status"].state in value,
        "statuses": lambda value: row["status"] in value,
        "reasons": lambda value: row["reason"] in value,
        "job": lambda value: row["name"] == value,
        "since": lambda value: row["created_on"] >= value,
        "until": lambda value: row["created_on"] <= value,
        "token": lambda value: row["dependency_token"] == value,
        "operation_type": lambda value: row["operation_type"] == value,
        "owner": lambda value: row["owner"] == value,
        "tag": lambda value: value in row["tags"],
        "message_name": lambda value: row["message_name"] == value,
    }
    return all(tests[name](value) for name, value in kept.items()) and (not row["platform"] or "operation_type" in kept)


def test_filters_combine_and_mean_the_same_everywhere(past: Past) -> None:
    chance = random.Random(4)
    rows = random_rows(past, chance, 150)
    store, found = past.store, 0
    stored = [store.system_job(row["sequence"]) for row in rows]
    for _ in range(250):
        chosen, kept = random_filter(past, chance)
        expected = [row["sequence"] for row in rows if wanted(row, kept)]
        found += bool(expected)
        assert [one.sequence for one in store.system_jobs(chosen, 1000)] == expected[::-1], kept
        assert [number for page in pages(store, chosen, 7) for number in page] == expected, kept
        assert sorted(one.sequence for one in screen(store, chosen, 1000).rows) == expected, kept
        assert [one.sequence for one in stored if matches(store, chosen, one)] == expected, kept
    assert found > 100


def test_every_attribute_is_a_column_in_every_format(jobctl: Jobctl, past: Past) -> None:
    past.add(past.job("one"), Status.FAILED, reason="exit", exit_code=3, message="no space", progress=40.5)
    (document,) = jobctl("monitor", "--json", expect=0).json["system_jobs"]
    assert set(attributes()) == set(document)
    names = list(dict.fromkeys((*document, *FRIENDLY)))
    for format in ("csv", "tsv", "plain", "github", "html"):
        text = jobctl("monitor", "--columns", ",".join(names), "--format", format, expect=0).stdout
        assert "no space" in text
    (row,) = csv.DictReader(io.StringIO(jobctl("monitor", "--columns", ",".join(names), "--format", "csv").stdout))
    assert list(row) == names
    for name, value in document.items():
        text = str(value).lower() if isinstance(value, bool) else str(value)
        assert row[name] == ("" if value is None else text), name
    (chosen,) = jobctl("monitor", "--json", "--columns", "sequence,status,data,progress,took").json["system_jobs"]
    assert chosen == {"sequence": 1, "status": "failed", "data": None, "progress": 40.5, "took": 1.0}
    shown, code = on_terminal(jobctl, "--color", "never", "monitor", "--columns", "job,exit-code,took,message")
    assert code == 0
    titles, _, cells = shown.decode().splitlines()
    assert (titles.split(), cells.split()) == (
        ["job", "exit_code", "took", "message"],
        ["one", "3", "1.0s", "no", "space"],
    )


def test_instants_absolute_or_relative(jobctl: Jobctl, past: Past) -> None:
    past.add(past.job("one"), Status.SUCCEEDED, created_on=past.now - 3 * HOUR, completed_on=past.now - 2 * HOUR)
    absolute = r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d"
    (_, plain) = jobctl("monitor", "--relative", expect=0).stdout.splitlines()
    assert plain.split()[3:] == ["3h", "ago", "3h", "ago", "2h", "ago", "1s", "1"]
    (_, plain) = jobctl("monitor", "--absolute", expect=0).stdout.splitlines()
    assert len(re.findall(absolute + " [+-]", plain)) == 3
    for columns, args, pattern, number in (
        (80, ("--relative",), "2h ago", 1),
        (80, ("--absolute",), absolute, 1),
        (160, ("--relative",), "[32]h ago", 3),
        (160, ("--absolute",), absolute, 3),
        (160, ("--absolute", "--columns", "number,when,started_on"), absolute, 2),
        (160, ("--relative", "--columns", "number,when,started_on"), "[32]h ago", 2),
    ):
        shown, _ = on_terminal(jobctl, "--color", "never", "monitor", *args, columns=columns)
        assert len(re.findall(pattern, shown.decode())) == number, (args, shown)
    machine = jobctl("monitor", "--relative", "--columns", "due,when", "--format", "csv", expect=0).stdout.split()[1]
    for text in machine.split(","):
        assert datetime.fromisoformat(text).utcoffset() == timedelta(0)


def test_the_screen_has_what_runs_first_and_then_what_is_next(past: Past) -> None:
    one = past.job("one")
    running = [past.add(one, Status.IN_PROGRESS, started_on=past.now - age * MINUTE) for age in (90, 1, 30)]
    for index in range(60):
        past.add(one, Status.SUCCEEDED, completed_on=past.now - index * SECOND, created_on=past.now - index * SECOND)
    later = [
        past.add(
            one, Status.WAITING, reason="scheduled", due_at=past.now + wait * MINUTE, plan=None, occurrence_at=None
        )
        for wait in (50, 5)
    ]
    ready = [past.add(one, Status.WAITING_FOR_RESOURCES, priority=priority) for priority in (0, 5)]
    paused = past.add(one, Status.WAITING, reason="paused", runner_id="1" * 16)
    found = screen(past.store, Filter(), 12)
    expected = [running[0], running[2], running[1], paused, ready[1], ready[0], later[1], later[0]]
    assert [row.sequence for row in found.rows] == [*expected, 4, 5, 6, 7]
    assert (found.running, found.waiting) == (3, 5)
    assert [row.sequence for row in screen(past.store, Filter(), 4).rows] == [*expected[:3], paused]
    assert [row.sequence for row in screen(past.store, Filter(), 7).rows] == [*expected[:5], 4, 5]
    assert [row.sequence for row in screen(past.store, Filter(), 2).rows] == expected[:2]
    assert [row.sequence for row in screen(past.store, Filter(states=(State.READY,)), 9).rows] == ready[::-1]
