"""Numbers are never used again, ids lead to their system jobs, and both outlive the migration that made this cheap."""

from __future__ import annotations

import os
import shutil
import signal
from collections.abc import Callable
from pathlib import Path
from uuid import RFC_4122, UUID

import apsw
import pytest

from jobctl import control, submitting
from jobctl.clock import SystemClock
from jobctl.config import Config
from jobctl.database import SQL, Database
from jobctl.identity import END, identity, number_of, numbers_of
from jobctl.store import Store
from jobctl.submitting import Request
from tests.conftest import wait_until
from tests.store.history import ended, left, purge
from tests.store.test_database import OPEN, SLOW, finish, python
from tests.store.world import World

MIGRATION = "0007_fewer_pages.sql"
INSERT = """
INSERT INTO system_jobs (id, job_id, job_version_id, name, state, status, message_name, due_at, created_on, created_by,
                         modified_on, modified_by, owner, ready_on, completed_on)
VALUES (?, 1, 1, 'backup', 3, 30, 'run', 0, 0, 1, 0, 1, 1, 0, 0)
"""
"""As before the migration: the number is SQLite's to choose."""
GIVEN = [bytes([number]) * 16 for number in range(1, 6)]


# Ids


@pytest.mark.parametrize("number", [1, 2, 3, 41, 2**31, 2**32 - 1, 2**32, 2**32 + 41, END - 1])
def test_an_id_leads_back_to_its_number(number: int) -> None:
    made = {identity(number) for _ in range(10)}
    assert len(made) == 10, "whoever knows a number does not know the id"
    for one in made:
        found = UUID(bytes=one)
        assert (found.version, found.variant) == (8, RFC_4122)
        assert number_of(one) == number
        assert number in numbers_of(one.hex()[:8], number) and number not in numbers_of(one.hex()[:8], number - 1)


def test_eight_digits_tell_a_hundred_thousand_system_jobs_apart() -> None:
    assert len({identity(number).hex()[:8] for number in range(1, 100_001)}) == 100_000


def test_a_system_job_is_found_by_its_id_and_the_beginning_of_it(world: World) -> None:
    world.job()
    rows = [control.submit(world.store, "backup") for _ in range(20)]
    for row in rows:
        for digits in (8, 11, 12, 13, 31, 32):
            assert world.store.system_job_by_hex(row.id[:digits]) == [row.sequence]
        other = f"{row.id[:31]}{'0' if row.id[31] != '0' else '1'}"
        assert world.store.system_job_by_hex(other) == []
    assert {row.id for row in rows} == {world.row(row.sequence).id for row in rows}


def test_an_id_that_was_asked_for_is_found_and_there_once(world: World) -> None:
    world.job()
    own = control.submit(world.store, "backup")
    likeness = identity(own.sequence)  # as if it had been made from that number
    with world.store.write() as tx:
        given = submitting.submit_within(tx, tx.version_in_force("backup"), Request(), "http", id=likeness)
    assert given.id == likeness.hex() == world.row(given.sequence).id
    assert world.store.system_job_by_hex(given.id) == [given.sequence]
    assert world.store.system_job_by_hex(own.id) == [own.sequence]
    assert sorted(world.store.system_job_by_hex(own.id[:12])) == [own.sequence, given.sequence]
    with pytest.raises(apsw.ConstraintError), world.store.write() as tx:
        submitting.submit_within(tx, tx.version_in_force("backup"), Request(), "http", id=likeness)


def test_many_at_once_have_ids_of_their_numbers(world: World) -> None:
    world.job()
    (numbers,) = submitting.submit_many(world.store, "backup", [Request() for _ in range(50)])
    for number in numbers:
        assert number_of(bytes.fromhex(world.row(number).id)) == number
        assert world.store.system_job_by_hex(world.row(number).id) == [number]


# Numbers


def delete_newest(world: World) -> None:
    control.delete(world.store, max(left(world)))


def purge_all(world: World) -> None:
    purge(world, job="backup")


def sqlite_deletes_all(world: World) -> None:
    with world.store.database.write():
        world.store.database.connection.execute("DELETE FROM system_jobs")


@pytest.mark.parametrize("delete", [delete_newest, purge_all, sqlite_deletes_all])
def test_a_number_is_never_used_again(world: World, delete: Callable[[World], None]) -> None:
    used = {ended(world) for _ in range(3)}
    for _ in range(3):
        delete(world)
        fresh = [control.submit(world.store, "backup").sequence]
        fresh += next(submitting.submit_many(world.store, "backup", [Request(), Request()]))
        for number in fresh:
            control.cancel(world.store, number)
        assert min(fresh) > max(used) and len(set(fresh)) == 3
        used.update(fresh, left(world))


def test_what_was_undone_has_used_no_number(world: World) -> None:
    world.job()
    first = control.submit(world.store, "backup").sequence
    with pytest.raises(RuntimeError), world.store.write() as tx:
        submitting.submit_within(tx, tx.version_in_force("backup"), Request(), "run")
        raise RuntimeError
    with world.store.write() as tx:
        version = tx.version_in_force("backup")
        with pytest.raises(RuntimeError), tx.database.savepoint():
            submitting.submit_within(tx, version, Request(), "run")
            raise RuntimeError
        assert submitting.submit_within(tx, version, Request(), "run").sequence == first + 1


# The migration


@pytest.fixture
def old(tmp_path: Path) -> Config:
    """A home as it was before the migration: five system jobs, of which the newest two are deleted."""
    directory = tmp_path / "migrations"
    shutil.copytree(SQL / "migrations", directory, ignore=lambda _, names: [n for n in names if n >= MIGRATION])
    config = Config(tmp_path / "home")
    opened = Database(config, directory=directory)
    with opened.write():
        opened.connection.execute("INSERT INTO actors VALUES (1, 'user:alice')")
        opened.connection.execute("INSERT INTO jobs VALUES (1, 'backup', NULL, 0, 1, 0, 1, NULL, NULL)")
        opened.connection.execute('INSERT INTO job_versions VALUES (1, 1, 1, \'{"command": "true"}\', 0, 1)')
        opened.connection.execute("UPDATE jobs SET version_id = 1")
        opened.connection.executemany(INSERT, [(one,) for one in GIVEN])
        opened.connection.execute("DELETE FROM system_jobs WHERE sequence > 3")
    opened.close()
    return config


def migrated(config: Config) -> Store:
    return Store.open(config, SystemClock(), "user:alice")


def test_the_migration_leaves_a_sound_database(old: Config) -> None:
    with migrated(old) as store:
        connection = store.database.connection
        assert connection.pragma("integrity_check") == "ok"
        assert connection.execute("PRAGMA foreign_key_check").fetchall() == []
        assert connection.execute("SELECT count(*) FROM sqlite_sequence WHERE name = 'system_jobs'").get == 0
        texts = connection.execute("SELECT sql FROM sqlite_schema WHERE tbl_name = 'system_jobs'").fetchall()
        assert not any("AUTOINCREMENT" in str(text) for (text,) in texts)
        assert not connection.pragma("writable_schema")
    with migrated(old) as store:  # as another connection reads its schema
        assert store.database.connection.pragma("integrity_check") == "ok"
        assert [row.id for row in store.system_jobs()] == [one.hex() for one in GIVEN[2::-1]]


def test_an_old_and_a_new_home_have_one_schema(old: Config, tmp_path: Path) -> None:
    text = "SELECT type, name, tbl_name, sql FROM sqlite_schema ORDER BY name"
    with migrated(old) as one, migrated(Config(tmp_path / "new")) as other:
        schemas = [store.database.connection.execute(text).fetchall() for store in (one, other)]
    assert schemas[0] == schemas[1]


def test_numbers_go_on_after_the_migration(old: Config) -> None:
    with migrated(old) as store:
        row = control.submit(store, "backup")
        assert row.sequence == 6
        assert store.system_job_by_hex(row.id) == [6]
        control.cancel(store, 6)
        control.delete(store, 6)
        assert control.submit(store, "backup").sequence == 7


def test_ids_of_before_are_found_and_stay_alone(old: Config) -> None:
    with migrated(old) as store:
        for number, one in enumerate(GIVEN[:3], 1):
            assert store.system_job_by_hex(one.hex()) == store.system_job_by_hex(one.hex()[:8]) == [number]
        with pytest.raises(apsw.ConstraintError), store.write() as tx:
            submitting.submit_within(tx, tx.version_in_force("backup"), Request(), "http", id=GIVEN[0])
        control.delete(store, 1)
        assert store.system_job_by_hex(GIVEN[0].hex()) == []
        with store.write() as tx:
            row = submitting.submit_within(tx, tx.version_in_force("backup"), Request(), "http", id=GIVEN[0])
        assert store.system_job_by_hex(GIVEN[0].hex()) == [row.sequence]
        assert store.database.connection.pragma("integrity_check") == "ok"


def test_killed_in_the_middle_of_it_a_home_is_as_before(old: Config, tmp_path: Path) -> None:
    slow = tmp_path / "slow"
    shutil.copytree(SQL / "migrations", slow)
    more = SLOW.replace("extra", "growing")
    text = (slow / MIGRATION).read_text() + "CREATE TABLE growing (x); " + more
    (slow / MIGRATION).write_text(text)
    process = python(OPEN, old.home, slow)
    wal = old.home / "jobctl.db-wal"
    wait_until(lambda: wal.exists() and wal.stat().st_size > 4_000_000, what="the migration has written a lot")
    process.send_signal(signal.SIGKILL)
    finish([process])
    connection = apsw.Connection(str(old.database))
    assert connection.pragma("user_version") == 6 and connection.pragma("integrity_check") == "ok"
    assert connection.execute("SELECT seq FROM sqlite_sequence WHERE name = 'system_jobs'").get == 5
    assert "AUTOINCREMENT" in str(connection.execute("SELECT sql FROM sqlite_schema WHERE name = 'system_jobs'").get)
    connection.execute("DELETE FROM system_jobs WHERE sequence = 3")
    connection.execute(INSERT, (os.urandom(16),))
    assert connection.last_insert_rowid() == 6, "the old rules hold"
    connection.close()
    with migrated(old) as store:
        assert control.submit(store, "backup").sequence == 7


def test_a_table_that_is_not_as_it_was_made_is_not_edited(old: Config) -> None:
    connection = apsw.Connection(str(old.database))
    connection.execute("""
        PRAGMA writable_schema = ON;
        UPDATE sqlite_schema SET sql = replace(sql, 'PRIMARY KEY AUTOINCREMENT', 'PRIMARY KEY  AUTOINCREMENT');
        PRAGMA writable_schema = RESET
    """)
    connection.close()
    with pytest.raises(apsw.ConstraintError):
        migrated(old)
    connection = apsw.Connection(str(old.database))
    assert connection.pragma("user_version") == 6 and connection.pragma("integrity_check") == "ok"
    connection.close()
