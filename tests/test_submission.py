"""What one submission asks of SQLite and of the disk: its price where everything else is warm."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import jobctl as module
from jobctl import control, kept, moves
from jobctl.clock import SystemClock, utc_offset
from jobctl.config import Config, variables
from jobctl.errors import JobNotFound
from jobctl.kept import open_store
from jobctl.model import Definition, Reason, State, Status
from jobctl.store import Store
from jobctl.submitting import OUTSIDE, CallerContext, caller_context
from tests.conftest import Jobctl

FRAME = 24 + 4096
"""Bytes of the write-ahead log for one page."""


@pytest.fixture(autouse=True)
def let_go() -> Iterator[None]:
    yield
    kept.close()


def statements_of_a_submission(**said: Any) -> list[str]:
    """The first words of the statements that are run for it."""
    found: list[str] = []

    def noted(cursor: object, sql: str, bindings: object) -> bool:
        found.append(sql)
        return True

    with open_store() as store:
        store.database.connection.exec_trace = noted
    module.submit("one", **said)
    with open_store() as store:
        store.database.connection.exec_trace = None
    return [" ".join(sql.split()[:3]) for sql in found]


def test_a_submission_is_three_statements(jobctl: Jobctl) -> None:
    jobctl("add", "one", "--", "true", expect=0)
    module.submit("one", data={"warm": True})
    plain = ["BEGIN IMMEDIATE", "INSERT INTO system_jobs", "COMMIT"]
    assert statements_of_a_submission() == plain
    assert statements_of_a_submission(data="1") == [*plain[:2], "INSERT INTO payloads", "COMMIT"]


def test_a_submission_writes_a_page_of_the_table_and_of_three_indexes(jobctl: Jobctl, home: Path) -> None:
    jobctl("add", "one", "--", "true", expect=0)
    module.submit("one")
    log = home / "jobctl.db-wal"
    before = log.stat().st_size
    for number in range(1, 4):
        module.submit("one")
        assert log.stat().st_size == before + number * 4 * FRAME


def test_what_it_gives_is_what_is_stored(jobctl: Jobctl) -> None:
    jobctl("add", "one", "--priority", "3", "--", "true", expect=0)
    given = [
        module.submit("one", data=[1], regarding="invoice:7"),
        module.submit("one", at="in 2h"),
        module.submit("one", on_event="dawn"),
        module.submit("one", key="k"),
    ]
    given.append(module.submit("one", after=given[0]))
    with open_store() as store:
        assert given == [store.system_job(one.sequence) for one in given]
    assert [type(one.state) for one in given] == [State] * 5 and type(given[0].status) is Status


def test_it_gives_what_was_submitted_whatever_became_of_it(jobctl: Jobctl) -> None:
    """The row is read from what was written, also when it is looked at later."""
    jobctl("add", "one", "--", "true", expect=0)
    given = module.submit("one")
    with open_store() as store:
        newest = store.system_jobs()[0].sequence
        with store.write() as tx:
            moves.complete(tx, tx.system_job(newest), Status.CANCELED, Reason.USER)
    assert (given.sequence, given.state) == (newest, State.READY)


def test_what_was_rolled_back_is_not_remembered(jobctl: Jobctl) -> None:
    """An actor that a failed transaction wrote has no number: the next one must not use it."""
    jobctl("add", "one", "--", "true", expect=0)
    with open_store() as store:
        with pytest.raises(RuntimeError), store.write() as tx:
            lost = tx.id_of("user:nobody-else")
            raise RuntimeError
        with store.write() as tx:
            assert tx.id_of("user:somebody") == lost
            assert tx.id_of("user:nobody-else") != lost


def another(home: Path) -> Store:
    return Store.open(Config(home), SystemClock(), "user:somebody-else")


def test_what_others_commit_between_two_submissions_counts(jobctl: Jobctl, home: Path) -> None:
    jobctl("add", "one", "--", "true", expect=0)
    jobctl("add", "two", "--", "true", expect=0)
    first = module.submit("one")
    with another(home) as other:
        between = control.submit(other, "one").sequence
        second = module.submit("one")
        assert [between, second.sequence] == [first.sequence + 1, first.sequence + 2]
        control.edit_job(other, "one", {"argv": ("false",), "priority": 7})
        edited = module.submit("one")
        assert (edited.job_version, edited.priority) == (second.job_version + 1, 7)
        control.cancel(other, edited.sequence)
        control.delete(other, edited.sequence)
        assert module.submit("one").sequence == edited.sequence + 1, "a number is never used again"
        control.remove_job(other, "one")
        with pytest.raises(JobNotFound):
            module.submit("one")
        control.add_job(other, "one", Definition(argv=("true",)))
        anew = module.submit("one")
        assert anew.job_id != first.job_id and module.submit("two").job == "two" and module.submit("one").job == "one"


def test_what_the_same_connection_commits_between_two_submissions_counts(jobctl: Jobctl) -> None:
    jobctl("add", "one", "--", "true", expect=0)
    first = module.submit("one")
    with open_store() as store:
        control.edit_job(store, "one", {"priority": 7})
        control.submit(store, "one")
    assert (module.submit("one").sequence, module.submit("one").priority) == (first.sequence + 2, 7)
    with open_store() as store, pytest.raises(RuntimeError), store.write() as tx:
        tx.insert_plain(
            tx.version_first("one"), None, None, None, message_name="run", depth=0, parent=None, utc_offset=0
        )
        raise RuntimeError
    assert module.submit("one").sequence == first.sequence + 4


def test_submissions_of_several_jobs_in_turn_ask_nothing_again(jobctl: Jobctl) -> None:
    for name in ("one", "two"):
        jobctl("add", name, "--", "true", expect=0)
    for name in ("one", "two"):
        module.submit(name)
    assert statements_of_a_submission() == ["BEGIN IMMEDIATE", "INSERT INTO system_jobs", "COMMIT"]


def test_a_key_that_was_used_leaves_the_next_number_as_it_is(jobctl: Jobctl) -> None:
    jobctl("add", "one", "--", "true", expect=0)
    first = module.submit("one", key="k")
    assert module.submit("one", key="k").sequence == first.sequence
    assert module.submit("one").sequence == first.sequence + 1


def test_the_environment_is_read_anew_each_time(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("JOBCTL_ID", "JOBCTL_DEPTH"):
        monkeypatch.delenv(name, raising=False)
    assert caller_context() is OUTSIDE
    monkeypatch.setenv("JOBCTL_ID", "0123456789abcdef" * 2)
    assert caller_context() == CallerContext("0123456789abcdef" * 2, 1)
    monkeypatch.setenv("JOBCTL_DEPTH", "4")
    assert caller_context() == CallerContext("0123456789abcdef" * 2, 5)
    monkeypatch.setenv("JOBCTL_ID", "none")
    assert caller_context() is OUTSIDE


def test_something_else_in_the_place_of_the_environment_is_read_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "environ", {"JOBCTL_HOME": "/é"})
    assert variables() == {b"JOBCTL_HOME": "/é".encode()}


def test_another_zone_counts_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    summer = 1_750_000_000_000_000
    try:
        for zone, minutes in (("Europe/Madrid", 120), ("Asia/Kolkata", 330), ("UTC", 0)):
            monkeypatch.setenv("TZ", zone)
            time.tzset()
            assert utc_offset(summer) == minutes
    finally:
        monkeypatch.undo()
        time.tzset()


def test_the_offset_changes_in_the_minute_in_which_time_does(monkeypatch: pytest.MonkeyPatch) -> None:
    change = 1_743_296_400_000_000  # 2025-03-30 01:00 UTC, when summer time begins in Madrid
    try:
        monkeypatch.setenv("TZ", "Europe/Madrid")
        time.tzset()
        assert [utc_offset(change + by) for by in (-1, 0, -1)] == [60, 120, 60]
    finally:
        monkeypatch.undo()
        time.tzset()


def test_another_home_and_one_made_anew_get_what_is_submitted(
    jobctl: Jobctl, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    jobctl("add", "one", "--", "true", expect=0)
    assert [module.submit("one").sequence for _ in range(2)] == [1, 2]
    monkeypatch.setenv("JOBCTL_HOME", str(tmp_path / "elsewhere"))
    with pytest.raises(JobNotFound):
        module.submit("one")
    monkeypatch.setenv("JOBCTL_HOME", str(home))
    assert module.submit("one").sequence == 3
    home.rename(tmp_path / "moved")
    with pytest.raises(JobNotFound):
        module.submit("one")
