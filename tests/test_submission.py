"""What one submission asks of SQLite and of the disk: its price where everything else is warm."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import jobctl as module
from jobctl import kept, moves
from jobctl.kept import open_store
from jobctl.model import Reason, State, Status
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
    return [" ".join(sql.replace(",", "").split()[:2]) for sql in found]


def test_a_submission_is_four_statements(jobctl: Jobctl) -> None:
    jobctl("add", "one", "--", "true", expect=0)
    module.submit("one", data={"warm": True})
    plain = ["BEGIN IMMEDIATE", "SELECT version_id", "INSERT INTO", "COMMIT"]
    assert statements_of_a_submission() == plain
    assert statements_of_a_submission(data="1") == [*plain[:3], "INSERT INTO", "COMMIT"]


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
