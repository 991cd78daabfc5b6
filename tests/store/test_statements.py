"""What a connection does with a statement that it has run before."""

from __future__ import annotations

from pathlib import Path

import apsw

from jobctl import claiming
from jobctl.clock import SystemClock
from jobctl.config import Config
from jobctl.database import Database
from jobctl.store import Store


def test_a_turn_of_the_daemon_compiles_nothing_again(tmp_path: Path) -> None:
    compiled: list[int] = []

    def authorize(action: int, *about: object) -> int:
        """SQLite asks it while it compiles a statement, and at no other time."""
        compiled.append(action)
        return apsw.SQLITE_OK

    def turn(store: Store, limit: int) -> None:
        with store.write() as tx:
            tx.due(limit)
            list(claiming.queue(tx, host, limit))
            tx.database.run("claimable", {"host_id": host, "limit": limit})

    with Store.open(Config(tmp_path / "home"), SystemClock(), "daemon", daemon=True) as store:
        with store.write() as tx:
            host = tx.host_id("here")
        store.database.connection.authorizer = authorize
        turn(store, 1)
        assert compiled.count(apsw.SQLITE_SELECT) >= 3
        compiled.clear()
        for limit in (1, 2, 50):
            turn(store, limit)
        assert apsw.SQLITE_SELECT not in compiled


def test_a_statement_is_prepared_once_whatever_is_bound(tmp_path: Path) -> None:
    opened = Database(Config(tmp_path / "home"))
    prepared: list[int] = []

    def note(*arguments: object) -> int:
        prepared.append(1)
        return apsw.SQLITE_OK

    try:
        opened.connection.authorizer = note  # asked whenever a statement is prepared
        counts = []
        for limit in (1, 2, 3):
            opened.run("queue", {"host_id": limit, "limit": limit, "inline": limit})
            counts.append(len(prepared))
        assert counts[0] > 0 and counts == [counts[0]] * 3
    finally:
        opened.close()
