"""`jobctl pause`, `resume`, `cancel`, `postpone`, `rerun` and `delete` with filters, and --dry-run."""

from __future__ import annotations

import json
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from jobctl import bulk, control
from jobctl.errors import Refused
from jobctl.logs import LogWriter
from jobctl.model import State, Status, SystemJob
from jobctl.store import Filter, Store
from tests.cli.history import HOUR, MINUTE, Past
from tests.cli.sentences import rows
from tests.conftest import Jobctl, StartDaemon, WaitUntil

pytestmark = pytest.mark.thorough


@pytest.fixture
def past(home: Path) -> Iterator[Past]:
    with Past(home) as found:
        yield found


def statuses(past: Past) -> list[tuple[int, str]]:
    return [(one.sequence, one.status.label) for one in past.store.system_jobs(limit=1000)][::-1]


def mixed(past: Past) -> None:
    """Numbers 1 to 6: ready, running, succeeded, failed, held, canceled; 7 is of another job."""
    one = past.job("one", tags=("night",))
    past.add(one, Status.WAITING_FOR_RESOURCES, dependency_token="disk")
    past.add(one, Status.IN_PROGRESS)
    past.add(one, Status.SUCCEEDED)
    past.add(one, Status.FAILED, reason="exit")
    past.add(one, Status.WAITING, reason="held")
    past.add(one, Status.CANCELED, reason="user", created_on=past.now - 9 * HOUR)
    past.add(past.job("two"), Status.WAITING_FOR_RESOURCES)


def test_what_the_filter_chooses_is_done_and_counted(jobctl: Jobctl, past: Past) -> None:
    mixed(past)
    found = jobctl("cancel", "--tag", "night", "--state", "ready,suspended", expect=0)
    assert [line.split(":")[0] for line in found.stdout.splitlines()] == ["1 one", "5 one"]
    assert found.stderr == "jobctl: cancel: 2 done\n"
    assert statuses(past) == [
        (1, "canceled"),
        (2, "in_progress"),
        (3, "succeeded"),
        (4, "failed"),
        (5, "canceled"),
        (6, "canceled"),
        (7, "waiting_for_resources"),
    ]


def test_what_is_not_legal_is_named_and_skipped(jobctl: Jobctl, past: Past) -> None:
    mixed(past)
    found = jobctl("cancel", "--job", "one", "--state", "suspended,completed", expect=4)
    assert found.stdout.startswith("5 one: canceled") and found.stdout.count("\n") == 1
    *sentences, summary = found.stderr.splitlines()
    assert [sentence.split(" is ")[0] for sentence in sentences] == [
        "jobctl: system job 3",
        "jobctl: system job 4",
        "jobctl: system job 6",
    ]
    assert summary == "jobctl: cancel: 1 done, 3 refused"
    document = jobctl("delete", "--job", "one", "--json", expect=4).json
    assert [one["sequence"] for one in document["system_jobs"]] == [1, 3, 4, 5, 6]
    assert [(error["id"], error["exit_code"]) for error in document["errors"]] == [("2", 4)]
    assert "--force" in document["errors"][0]["message"] and document["dry_run"] is False
    assert [sequence for sequence, _ in statuses(past)] == [2, 7]


@pytest.mark.parametrize(
    ("command", "chosen"),
    [
        ("pause", {1: "refused", 2: "pausing"}),
        ("resume", {5: "ready"}),
        ("cancel", {1: "canceled", 2: "canceling", 5: "canceled"}),
        ("postpone --for 1h", {1: "postponed", 2: "pausing", 5: "postponed"}),
        ("rerun", {3: "ready", 4: "ready", 6: "ready"}),
    ],
)
def test_without_a_state_each_takes_what_it_is_made_for(
    jobctl: Jobctl, past: Past, command: str, chosen: dict[int, str]
) -> None:
    mixed(past)
    refused = sum(word == "refused" for word in chosen.values())
    found = jobctl(*command.split(), "--tag", "night", "--json", expect=4 if refused else 0)
    done = found.json["system_jobs"]
    assert [one["rerun_of"] or one["sequence"] for one in done] == [
        n for n, word in chosen.items() if word != "refused"
    ]
    for one in done:
        word = chosen[one["rerun_of"] or one["sequence"]]
        assert word in (one["state"], one["status"], one["reason"])
    assert len(found.json["errors"]) == refused


def test_the_next_occurrence_is_left_alone_unless_it_is_named(jobctl: Jobctl) -> None:
    jobctl("add", "one", "--every", "1h", "--start", "in 1h", "--", "true", expect=0)
    jobctl("run", "one", "--at", "in 2h", expect=0)
    for command in ("resume", "cancel", "delete"):
        found = jobctl(command, "--job", "one", "--dry-run", expect=0)
        assert found.stdout.startswith("2 one: scheduled, would be ") and found.stdout.count("\n") == 1
        assert "1 next occurrences of schedules left alone (--reason scheduled names them)" in found.stderr
        named = jobctl(command, "--job", "one", "--reason", "scheduled", "--dry-run", expect=0)
        assert [line.split()[0] for line in named.stdout.splitlines()] == ["1", "2"]
    postponed = jobctl("postpone", "--job", "one", "--for", "10m", "--dry-run", expect=0).stdout
    assert [line.split()[0] for line in postponed.splitlines()] == ["1", "2"]
    jobctl("cancel", "--job", "one", "--state", "suspended", expect=0)
    (following,) = jobctl("monitor", "--state", "suspended", "--json", expect=0).json["system_jobs"]
    assert (following["sequence"], following["reason"]) == (3, "scheduled")


@pytest.mark.parametrize("command", ["pause", "resume", "cancel", "postpone --for 1h", "rerun", "delete --force"])
def test_a_dry_run_says_what_would_be_and_changes_nothing(jobctl: Jobctl, past: Past, home: Path, command: str) -> None:
    mixed(past)
    writer = LogWriter(home, 3, 1, lambda: 0)
    writer.write(1, b"kept")
    writer.close()
    before = rows(home)
    what = command.split()[0]
    dry = jobctl(*command.split(), "--tag", "night", "--dry-run")
    assert rows(home) == before
    assert jobctl("logs", "3", expect=0).stdout == "kept"
    assert all(", would be " in line for line in dry.stdout.splitlines()) and dry.stdout
    assert dry.stderr.splitlines()[-1].startswith(f"jobctl: {what}, dry run: {dry.stdout.count(chr(10))} would be done")
    document = jobctl(*command.split(), "--tag", "night", "--dry-run", "--json").json
    assert rows(home) == before and document["dry_run"] is True
    real = jobctl(*command.split(), "--tag", "night")
    assert real.returncode == dry.returncode and real.stdout.count("\n") == dry.stdout.count("\n")
    assert rows(home) != before


def test_a_dry_run_of_ids(jobctl: Jobctl, past: Past, home: Path) -> None:
    mixed(past)
    before = rows(home)
    found = jobctl("cancel", "1", "3", "99", "--dry-run", expect=4)
    assert found.stdout == "1 one: ready, would be canceled\n"
    assert found.stderr.splitlines()[-1] == "jobctl: cancel, dry run: 1 would be done, 2 refused"
    assert jobctl("delete", "3", "--dry-run", expect=0).stdout == "3 one: succeeded, would be deleted\n"
    assert rows(home) == before


@pytest.mark.parametrize(
    ("args", "code", "sentence"),
    [
        ("cancel", 2, "Give IDs, or a filter"),
        ("cancel 1 --job one", 2, "IDs and filters exclude each other"),
        ("cancel --next --job one", 2, "--next needs the name of a job"),
        ("cancel 1 --dry-run --wait", 2, "nothing to --wait for"),
        ("cancel --job oen", 3, "did you mean 'one'?"),
        ("postpone --job one --until 2001-01-01", 2, "in the future"),
        ("pause --state runing", 2, "is none of"),
        ("rerun --limit 3", 2, "no such option"),
    ],
)
def test_bad_input(jobctl: Jobctl, past: Past, home: Path, args: str, code: int, sentence: str) -> None:
    mixed(past)
    before = rows(home)
    found = jobctl(*args.split(), expect=code)
    assert sentence in found.stderr.splitlines()[-1] and found.stdout == ""
    assert rows(home) == before


def test_nothing_to_do_is_said(jobctl: Jobctl, past: Past) -> None:
    mixed(past)
    found = jobctl("rerun", "--job", "two", expect=0)
    assert (found.stdout, found.stderr) == ("", "jobctl: no system job matches; nothing was done\n")
    document = jobctl("rerun", "--job", "two", "--json", expect=0).json
    assert document == {"schema": 1, "system_jobs": [], "errors": [], "dry_run": False}


def test_running_ones_are_paused_and_resumed_for_real(
    jobctl: Jobctl, daemon: StartDaemon, wait_until: WaitUntil
) -> None:
    daemon("--slots", "2")
    jobctl("add", "one", "--tag", "night", "--", "sleep", "100", expect=0)
    for _ in range(2):
        jobctl("run", "one", expect=0)

    def running() -> list[str]:
        found = jobctl("monitor", "--status", "in_progress", "--json", expect=0).json["system_jobs"]
        return [one["sequence"] for one in found if one["started_on"]]

    wait_until(lambda: len(running()) == 2)
    found = jobctl("pause", "--tag", "night", "--wait", expect=0)
    assert found.stdout.splitlines() == ["1 one: paused", "2 one: paused"]
    assert found.stderr == "jobctl: pause: 2 done\n"
    jobctl("resume", "--reason", "paused", "--wait", expect=0)
    assert len(running()) == 2
    assert jobctl("cancel", "--job", "one", "--wait", expect=0).stdout.count("canceled (user)") == 2
    rerun = jobctl("rerun", "--status", "canceled", "--json", expect=0).json["system_jobs"]
    assert [one["rerun_of"] for one in rerun] == [1, 2]
    jobctl("cancel", "--job", "one", "--wait", expect=0)


def test_many_are_done_in_short_transactions_and_those_added_meanwhile_are_not(past: Past) -> None:
    one = past.job("one")
    past.many(one, 1500, every=MINUTE, until=past.now)
    moved: list[int] = []
    batches = 0
    for batch in bulk.perform(past.store, Filter(states=(State.COMPLETED,), job="one"), control.rerun):
        batches += 1
        assert not past.connection.in_transaction
        moved += [done.before.sequence for done in batch]
        if batches == 1:
            past.add(one, Status.SUCCEEDED)
    assert moved == list(range(1, 1501)) and batches > 2
    assert len(past.store.system_jobs(Filter(message_name="rerun"), 2000)) == 1500


def test_a_refusal_undoes_only_its_own_part(past: Past, home: Path) -> None:
    mixed(past)

    def move(store: Store, sequence: int) -> SystemJob:
        with store.write() as tx:
            canceled = control.cancel(tx, sequence)
            tx.event("seen", sequence=sequence)
            if sequence == 1:
                raise Refused("not this one")
            return canceled

    found = [done for batch in bulk.perform(past.store, Filter(states=(State.READY,)), move) for done in batch]
    assert [(done.before.sequence, done.error is None) for done in found] == [(1, False), (7, True)]
    assert dict(statuses(past))[1] == "waiting_for_resources" and dict(statuses(past))[7] == "canceled"
    assert [event.kind for event in past.store.events(sequence=1)] == []
    assert [event.kind for event in past.store.events(sequence=7)] == ["cancel", "seen"]


def test_one_that_went_on_since_it_was_chosen_is_not_touched(past: Past, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bulk, "LONGEST", 0.0)
    mixed(past)
    other = Store.open(past.store.database.config, past.store.clock, "user:bob")
    with other:
        batches = bulk.perform(past.store, Filter(states=(State.READY,)), control.cancel)
        assert [done.before.sequence for done in next(batches)] == [1]
        control.postpone(other, 7, past.now + HOUR)
        assert [done for batch in batches for done in batch] == []
    assert dict(statuses(past))[7] == "waiting"


def test_interrupted_in_the_middle_the_document_is_whole_and_true(jobctl: Jobctl, past: Past) -> None:
    one = past.job("one")
    past.many(one, 5000, every=MINUTE, until=past.now)
    process = subprocess.Popen(
        jobctl.command("delete", "--job", "one", "--json"),
        env=jobctl.environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert process.stdout is not None and process.stderr is not None
    text = process.stdout.read(1)
    process.send_signal(signal.SIGINT)
    text += process.stdout.read()
    summary = process.stderr.read().decode()
    assert process.wait(20) == 130
    done = len(json.loads(text)["system_jobs"])
    assert 0 < done < 5000 and summary == f"jobctl: delete: {done:,} done\n"
    assert len(past.store.system_jobs(limit=10_000)) == 5000 - done
