"""The one connection policy: creating, migrating, refusing, waiting, and permissions."""

from __future__ import annotations

import hashlib
import os
import shutil
import signal
import stat
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import cast

import apsw
import pytest

from jobctl import database, statements
from jobctl.config import Config
from jobctl.database import APPLICATION_ID, Database
from jobctl.errors import CannotOpen, JobctlError, StorageFailed, TryAgain
from jobctl.locks import FileLock
from tests.conftest import SOURCE, wait_until

MIGRATIONS = database.SQL / "migrations"
NEWEST = statements.migrations()[-1][0]
MORE = f"{NEWEST + 1:04}_more.sql"
SECOND_MIGRATION = (
    "CREATE TABLE extra (x INTEGER) STRICT; INSERT INTO extra VALUES (1); ALTER TABLE jobs ADD note TEXT;"
)


@pytest.fixture
def config(tmp_path: Path) -> Config:
    return Config(tmp_path / "home")


@pytest.fixture
def two(tmp_path: Path) -> Path:
    """One more migration behind those there are."""
    directory = tmp_path / "migrations"
    directory.mkdir()
    shutil.copytree(MIGRATIONS, directory, dirs_exist_ok=True)
    (directory / MORE).write_text(SECOND_MIGRATION)
    return directory


def create(config: Config) -> None:
    Database(config).close()


def raw(config: Config) -> apsw.Connection:
    return apsw.Connection(str(config.database))


def version(config: Config) -> int:
    connection = raw(config)
    try:
        return int(connection.pragma("user_version"))
    finally:
        connection.close()


def digest(config: Config) -> str:
    return hashlib.sha256(config.database.read_bytes()).hexdigest()


def python(code: str, *arguments: object) -> subprocess.Popen[str]:
    """A process of its own that runs `code`; its arguments are in sys.argv[1:]."""
    return subprocess.Popen(
        [sys.executable, "-c", code, *map(str, arguments)],
        env={**os.environ, "PYTHONPATH": str(SOURCE), "PYTHONDONTWRITEBYTECODE": "1"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def finish(processes: list[subprocess.Popen[str]], timeout: float = 60.0) -> list[tuple[int, str]]:
    found = []
    for process in processes:
        with process:
            out, _ = process.communicate(timeout=timeout)
        found.append((process.returncode, out))
    return found


OPEN = """
import pathlib, sys
from jobctl.config import Config
from jobctl.database import Database
Database(Config(pathlib.Path(sys.argv[1])), directory=pathlib.Path(sys.argv[2])).close()
"""


# Creating and migrating


def test_a_new_home_is_created_in_wal_mode_with_every_commit_full(config: Config) -> None:
    opened = Database(config)
    try:
        pragma = opened.connection.pragma
        assert pragma("journal_mode") == "wal" and pragma("synchronous") == 2 and pragma("foreign_keys") == 1
        assert (pragma("application_id"), pragma("user_version")) == (APPLICATION_ID, NEWEST)
    finally:
        opened.close()


def test_a_home_created_between_two_reads_is_no_stranger(config: Config, monkeypatch: pytest.MonkeyPatch) -> None:
    real, others = Database._header, iter([True])

    class Interrupted:
        """A connection beside which another process wants to migrate as soon as it has answered once."""

        def __init__(self, connection: apsw.Connection) -> None:
            self.connection = connection

        def pragma(self, name: str) -> object:
            answer = self.connection.pragma(name)
            if next(others, False):
                with suppress(TryAgain):  # or else it has to wait
                    Database(config, wait=0.0).close()
            return answer

        def __getattr__(self, name: str) -> object:
            return getattr(self.connection, name)

    def header(self: Database) -> tuple[int, int]:
        kept, self.connection = self.connection, cast(apsw.Connection, Interrupted(self.connection))
        try:
            return real(self)
        finally:
            self.connection = kept

    monkeypatch.setattr(Database, "_header", header)
    create(config)
    assert version(config) == NEWEST


def test_ten_processes_create_one_home_at_once(config: Config) -> None:
    results = finish([python(OPEN, config.home, MIGRATIONS) for _ in range(10)])
    assert results == [(0, "")] * 10
    assert version(config) == NEWEST


def test_a_migration_keeps_what_was_there_and_a_backup_of_before(config: Config, two: Path) -> None:
    create(config)
    connection = raw(config)
    connection.execute("INSERT INTO actors (name) VALUES ('user:alice')")
    connection.close()
    Database(config, directory=two).close()
    assert version(config) == NEWEST + 1
    backup = config.home / f"jobctl.db.before-{NEWEST + 1}"
    assert stat.S_IMODE(backup.stat().st_mode) == 0o600
    old = apsw.Connection(str(backup))
    assert old.pragma("user_version") == NEWEST
    assert old.execute("SELECT name FROM actors").fetchall() == [("user:alice",)]
    old.close()


def test_a_migration_that_fails_changes_nothing_and_can_be_repeated(config: Config, two: Path) -> None:
    create(config)
    good = (two / MORE).read_text()
    (two / MORE).write_text(good + "INSERT INTO nonesuch VALUES (1);")
    with pytest.raises(apsw.SQLError):
        Database(config, directory=two)
    assert version(config) == NEWEST
    (two / MORE).write_text(good)
    Database(config, directory=two).close()
    assert version(config) == NEWEST + 1


SLOW = "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) INSERT INTO extra SELECT i FROM n;"


def test_killed_in_the_middle_it_is_as_before_and_resumes(config: Config, two: Path) -> None:
    create(config)
    text = (two / MORE).read_text()
    (two / MORE).write_text(text + SLOW)
    process = python(OPEN, config.home, two)
    wal = config.home / "jobctl.db-wal"
    # It has written beyond its cache, so it is in the middle of a migration that never ends.
    wait_until(lambda: wal.exists() and wal.stat().st_size > 4_000_000, what="the migration has written a lot")
    process.send_signal(signal.SIGKILL)
    finish([process])
    connection = raw(config)
    assert connection.pragma("user_version") == NEWEST
    assert connection.execute("SELECT count(*) FROM sqlite_schema WHERE name = 'extra'").fetchone() == (0,)
    connection.close()
    (two / MORE).write_text(text)
    Database(config, directory=two).close()
    assert version(config) == NEWEST + 1


def test_a_migration_needs_the_daemons_lock(config: Config, two: Path) -> None:
    create(config)
    daemon = FileLock(config.daemon_lock)
    assert daemon.acquire()
    with pytest.raises(TryAgain, match="stop the daemon"):
        Database(config, directory=two, wait=0.1)
    assert version(config) == NEWEST and not (config.home / f"jobctl.db.before-{NEWEST + 1}").exists()
    Database(config, directory=two, daemon=True).close()
    assert version(config) == NEWEST + 1
    Database(config, directory=two).close()
    daemon.release()


MIGRATE_TOGETHER = """
import pathlib, sys
from jobctl.config import Config
from jobctl import database
real = database.Database.back_up
def slow(self, target):
    real(self, target)
    print("backed up", flush=True)
    sys.stdin.readline()
database.Database.back_up = slow
database.Database(Config(pathlib.Path(sys.argv[1])), directory=pathlib.Path(sys.argv[2])).close()
"""


def test_a_second_process_waits_while_the_first_migrates(config: Config, two: Path) -> None:
    create(config)
    first = subprocess.Popen(
        [sys.executable, "-c", MIGRATE_TOGETHER, str(config.home), str(two)],
        env={**os.environ, "PYTHONPATH": str(SOURCE)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert first.stdin is not None and first.stdout is not None
    first.stdout.readline()
    second = python(OPEN, config.home, two)
    try:
        wait_until(lambda: second.poll() is not None or blocked(second.pid), what="the second ends or waits")
        assert second.poll() is None, finish([second])
    finally:
        first.communicate("\n")
        finish([second])
    assert (first.returncode, second.returncode) == (0, 0)


def blocked(pid: int) -> bool:
    """Whether one of its threads waits for a lock."""
    with open("/proc/locks", encoding="ascii") as locks:
        return any("->" in line and f" {pid} " in line for line in locks)


def test_a_backup_is_made_by_one_process_only(config: Config, two: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    free: list[bool] = []
    locks = (config.daemon_lock, config.write_lock)
    monkeypatch.setattr(Database, "back_up", lambda *_: free.append(all(FileLock(lock).is_free() for lock in locks)))
    Database(config, directory=two).close()
    assert not any(free)


# Permissions


def test_files_are_private_whatever_the_umask(config: Config) -> None:
    old = os.umask(0)
    try:
        opened = Database(config)
        with opened.write():
            opened.connection.execute("INSERT INTO actors (name) VALUES ('x')")
        opened.back_up(config.home / "copy")
        found = {path: stat.S_IMODE(path.stat().st_mode) for path in [config.home, *config.home.rglob("*")]}
        opened.close()
    finally:
        os.umask(old)
    assert {"jobctl.db", "jobctl.db-wal", "jobctl.db-shm", "write.lock", "copy"} <= {path.name for path in found}
    for path, mode in found.items():
        assert mode == (0o700 if path.is_dir() else 0o600), path


def test_directories_above_the_home_are_private_too(tmp_path: Path) -> None:
    old = os.umask(0)
    try:
        create(Config(tmp_path / "state" / "jobctl"))
    finally:
        os.umask(old)
    assert stat.S_IMODE((tmp_path / "state").stat().st_mode) & 0o022 == 0


def test_a_home_open_to_others_is_closed(config: Config) -> None:
    config.home.mkdir(mode=0o755)
    create(config)
    assert stat.S_IMODE(config.home.stat().st_mode) == 0o700


# What it refuses


def refused_unchanged(config: Config, error: type[JobctlError], match: str) -> None:
    before, names = digest(config), {path.name for path in config.home.iterdir()}
    with pytest.raises(error, match=match):
        Database(config)
    assert digest(config) == before
    assert {path.name for path in config.home.iterdir()} - names <= {"run", "logs"}


def test_a_newer_version_is_refused_with_both_numbers_and_left_as_it_was(config: Config) -> None:
    create(config)
    connection = raw(config)
    connection.pragma("user_version", 9999)
    connection.close()
    refused_unchanged(config, CannotOpen, f"9999.*version {NEWEST}")


@pytest.mark.parametrize("application", [1, 0])
def test_another_programs_database_is_refused(application: int, config: Config) -> None:
    config.home.mkdir()
    connection = raw(config)
    connection.execute("CREATE TABLE theirs (x); PRAGMA user_version = 3")
    connection.pragma("application_id", application)
    connection.close()
    refused_unchanged(config, CannotOpen, "not a jobctl database")


def test_another_programs_database_without_numbers_is_refused(config: Config) -> None:
    config.home.mkdir()
    connection = raw(config)
    connection.execute("CREATE TABLE theirs (x)")
    connection.close()
    refused_unchanged(config, CannotOpen, "not a jobctl database")


def test_a_file_that_is_no_database_is_refused(config: Config) -> None:
    config.home.mkdir()
    config.database.write_text("dear diary, " * 1000)
    refused_unchanged(config, CannotOpen, "not a jobctl database")


def test_a_damaged_database_is_told_and_not_written(config: Config) -> None:
    create(config)
    content = bytearray(config.database.read_bytes())
    content[4096:12288] = os.urandom(8192)
    config.database.write_bytes(content)
    before = digest(config)
    with pytest.raises(StorageFailed, match="damaged"):
        opened = Database(config)
        try:
            fault = opened.check()
            raise StorageFailed(f"damaged: {fault}") if fault else AssertionError("not noticed")
        finally:
            opened.close()
    assert digest(config) == before


def test_a_directory_in_its_place_is_refused(config: Config) -> None:
    config.database.mkdir(parents=True)
    with pytest.raises(CannotOpen):
        Database(config)


AS_NOBODY = """
import os, pathlib, sys
from jobctl.clock import system_clock
from jobctl.config import Config
from jobctl.errors import JobctlError
from jobctl.store import Store
from jobctl import control
import jobctl.finding, jobctl.schedule, jobctl.logs
os.setgid(65534); os.setuid(65534)
with Store.open(Config(pathlib.Path(sys.argv[1])), system_clock(), "user:nobody") as store:
    print(len(store.system_jobs()))
    try:
        control.submit(store, "backup")
    except JobctlError as error:
        print(type(error).__name__, error)
"""


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root to become somebody else")
def test_a_read_only_database_can_be_read_and_says_why_it_cannot_be_written(home: Path) -> None:
    from tests.store.world import World

    world = World.new(home)
    world.job()
    world.close()
    for path in [home, *home.rglob("*")]:
        os.chown(path, 65534, 65534)
    (home / "jobctl.db").chmod(0o400)
    ((code, out),) = finish([python(AS_NOBODY, home)])
    assert code == 0, out
    assert out.splitlines()[0] == "0" and "CannotOpen" in out and "read-only" in out
