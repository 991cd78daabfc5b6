"""The one connection policy: SQLite through apsw, WAL, every commit FULL, one writer at a time in a fair queue."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import apsw

from jobctl.config import Config, ensure_home
from jobctl.errors import CannotOpen, DiskFull, JobctlError, NotPermitted, StorageFailed, TimedOut, TryAgain
from jobctl.faults import no_space as no_space
from jobctl.faults import raise_os_error
from jobctl.locks import FileLock
from jobctl.statements import SQL as SQL
from jobctl.statements import Asked, all_statements, migrations, newest_migration
from jobctl.statements import statements as statements

APPLICATION_ID = 0x6A6F6263
MARK = r"/\*([a-z]+)\*/"
WAIT = 5.0
"""Seconds a command waits for another writer."""

Row = tuple[Any, ...]


class Database:
    """One connection to the home's database; created and migrated on the way if need be."""

    def __init__(
        self, config: Config, *, wait: float = WAIT, daemon: bool = False, directory: Path = SQL / "migrations"
    ) -> None:
        self.config = config
        self.path = config.database
        self._place = os.fsencode(config.database)
        self.wait = wait
        self.directory = directory
        self.newest = newest_migration(directory)
        self.lock = FileLock(config.write_lock)
        self.read_only = False
        self._named = all_statements()
        self._known: dict[str, tuple[str, Callable[[Any], Any]]] = {}
        self._texts: dict[str, str] = {}
        with translated(self.path):
            self.connection = self._open()
            try:
                self.do = self.connection.cursor().execute
                """For what has no answer: a cursor for each statement would cost as much as some statements."""
                self._prepare(daemon)
                self._file = os.stat(self._place)[1:3]  # inode and device
            except BaseException:
                self.connection.close()
                raise

    def _open(self) -> apsw.Connection:
        read_only = self.path.exists() and not os.access(self.path, os.W_OK)
        if not read_only:
            try:
                ensure_home(self.config)
                # Created here so that it is 0600 whatever the umask; O_EXCL, because closing a file that SQLite
                # has open in this process would drop its locks.
                os.close(os.open(self.path, os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600))
            except FileExistsError:
                pass
            except OSError as error:
                raise_os_error(self.path, error)
        flags = apsw.SQLITE_OPEN_READONLY if read_only else apsw.SQLITE_OPEN_READWRITE
        connection = apsw.Connection(str(self.path), flags=flags)
        connection.setbusytimeout(int(self.wait * 1000))
        # Plans must not depend on what is bound: SQLite would make most of them anew for every single use, which takes
        # ten times as long as using them.
        connection.config(apsw.SQLITE_DBCONFIG_ENABLE_QPSG, 1)
        self.read_only = read_only
        return connection

    def _prepare(self, daemon: bool) -> None:
        execute = self.connection.execute
        application, version = self._header()
        newest = self.newest
        foreign = application != APPLICATION_ID and (application or version or self._has_tables())
        if foreign or version > newest:
            self._refuse(application, version, newest)
        if version < newest and self.read_only:
            raise CannotOpen(f"{self.path} has an older schema, and is read-only: it cannot be migrated")
        if version < newest:
            self._migrate(version, daemon)
        if not self.read_only:
            execute("PRAGMA synchronous = FULL")
        execute("PRAGMA foreign_keys = ON")
        if daemon:
            # Its statements about many rows keep for a moment what they may have to undo: not in a file of a disk that
            # may be full, though the home's is not. It sorts nothing large.
            execute("PRAGMA temp_store = MEMORY")

    def _header(self) -> tuple[int, int]:
        with self.read():  # both of one moment: another process may be creating the database
            return int(self.connection.pragma("application_id")), int(self.connection.pragma("user_version"))

    def _has_tables(self) -> bool:
        with self.read():  # with the header: or a database that is just being created looks like a stranger's
            tables = self.run("tables")
            return bool(tables) and not int(self.connection.pragma("application_id"))

    def _refuse(self, application: int, version: int, newest: int) -> None:
        if application == APPLICATION_ID:
            raise CannotOpen(
                f"{self.path} has schema version {version}, written by a newer jobctl;"
                f" this one knows version {newest}: upgrade jobctl"
            )
        raise CannotOpen(f"{self.path} is not a jobctl database; move it away or set JOBCTL_HOME")

    def _migrate(self, version: int, daemon: bool) -> None:
        guard = FileLock(self.config.daemon_lock)
        if version and not daemon and not guard.acquire(self.wait) and self._header()[1] == version:
            raise TryAgain("this jobctl needs to migrate the database: stop the daemon first (its runs continue)")
        try:
            if version == 0:
                # Only a new file can be made so that it shrinks when a great part of history is deleted.
                self.connection.execute("PRAGMA auto_vacuum = INCREMENTAL; PRAGMA journal_mode = WAL")
            for number, text in migrations(self.directory):
                self._migrate_one(number, text, version)
        finally:
            guard.release()

    def _migrate_one(self, number: int, text: str, version: int) -> None:
        if self._header()[1] >= number:
            return
        if version:  # a database that is just being created holds nothing worth a copy
            self.back_up(self.path.with_name(f"{self.path.name}.before-{number}"))
        with self.write():
            if self._header()[1] >= number:  # another process was first
                return
            self.connection.execute(text)
            self.connection.execute(f"PRAGMA application_id = {APPLICATION_ID}; PRAGMA user_version = {number}")

    def back_up(self, target: Path) -> None:
        """Copy the live database to `target` (0600), by SQLite's own means."""
        target.unlink(missing_ok=True)
        os.close(os.open(target, os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
        copy = apsw.Connection(str(target))
        try:
            with copy.backup("main", self.connection, "main") as backup:
                while not backup.done:
                    backup.step(1000)
        finally:
            copy.close()

    @contextmanager
    def write(self) -> Iterator[None]:
        """A transaction whose commit survives a power cut: all of it or nothing.

        It waits in the writers' queue, because SQLite's own waiting is not fair.
        """
        self.begin()
        try:
            yield
        except BaseException as error:
            self.end(error)
            raise
        self.end(None)

    def begin(self) -> None:
        """What `write` does at first. Raises CannotOpen or TryAgain."""
        if self.read_only:
            raise CannotOpen(f"cannot write the database {self.path}: it is read-only")
        try:
            if not self.lock.acquire(self.wait):
                raise TryAgain(f"the database {self.path} is locked by another writer; try again")
            self.do("BEGIN IMMEDIATE")
        except BaseException as error:
            self._release()
            translate(self.path, error)
            raise

    def end(self, error: BaseException | None) -> None:
        """What it does at last: a commit, or for an `error` nothing of all that."""
        try:
            if error is None:
                self.do("COMMIT")
        except BaseException as failed:
            translate(self.path, failed)
            raise
        finally:
            self._release()
        if error is not None:
            translate(self.path, error)

    def _release(self) -> None:
        try:
            if self.connection.in_transaction:
                self.connection.execute("ROLLBACK")
        finally:
            self.lock.pass_on()

    @property
    def in_transaction(self) -> bool:
        return self.connection.in_transaction

    @contextmanager
    def savepoint(self) -> Iterator[None]:
        """A part of a transaction that can fail by itself: what it did is undone, the rest stands."""
        with translated(self.path):
            self.connection.execute("SAVEPOINT part")
            try:
                yield
                self.connection.execute("RELEASE part")
            except BaseException:
                if self.connection.in_transaction:
                    self.connection.execute("ROLLBACK TO part; RELEASE part")
                raise

    @contextmanager
    def read(self) -> Iterator[None]:
        """One snapshot for several reads; keep it short, the write-ahead log cannot be reused under it."""
        with translated(self.path):
            if self.connection.in_transaction:
                yield
                return
            self.connection.execute("BEGIN DEFERRED")
            try:
                yield
            finally:
                self.connection.execute("ROLLBACK")

    def run(self, name: str, parameters: Mapping[str, Any] | None = None) -> list[Row]:
        """The rows of a named statement."""
        try:
            known = self._known.get(name)
            if known is None:
                return self._first_run(name, parameters or {})
            text, values = known
            return self.connection.execute(text, values(parameters)).fetchall()
        except BaseException as error:
            translate(self.path, error)
            raise

    def rows(self, name: str, parameters: Mapping[str, Any] | None = None) -> Generator[Row, None, None]:
        """The same one by one: rows that are not asked for are not read. It ends with its transaction at the latest."""
        if name not in self._known:
            yield from self._first_run(name, parameters or {})
            return
        text, values = self._known[name]
        with translated(self.path), closing(self.connection.execute(text, values(parameters))) as cursor:
            yield from cursor

    def _first_run(self, name: str, parameters: Mapping[str, Any]) -> list[Row]:
        """Learn in which order the statement takes its parameters: to bind them by name costs more than the rest."""
        text, asked = self._text(name), Asked(parameters)
        rows = self.connection.execute(text, asked).fetchall()
        self._known[name] = text, asked.values_of()
        return rows

    def run_in_order(self, name: str, values: Sequence[Any]) -> None:
        """A named statement without an answer; the values are bound in the order in which it names its parameters."""
        try:
            self.do(self._texts.get(name) or self._text(name), values)
        except BaseException as error:
            translate(self.path, error)
            raise

    def run_many(self, name: str, parameters: Iterable[Mapping[str, Any] | Sequence[Any]]) -> None:
        """A named statement without an answer, run once for each of the parameters: by name, or in order (quicker)."""
        with translated(self.path):
            self.connection.executemany(self._text(name), parameters)

    def _text(self, name: str) -> str:
        """A named statement without comments and indents: the cache of statements reads all of it at each call."""
        found = self._texts.get(name)
        if found is None:
            lines = (line.strip() for line in self._named[name].splitlines())
            found = self._texts[name] = "\n".join(line for line in lines if line and not line.startswith("--"))
        return found

    def fragment(self, name: str, **parts: str) -> str:
        """A named fragment of a statement, on one line, with `parts` in the places of its marks."""
        text = " ".join(line for line in self._named[name].splitlines() if not line.startswith("--")).strip()
        return _filled(text, parts)

    def run_composed(self, name: str, parts: Mapping[str, str], parameters: Mapping[str, Any]) -> list[Row]:
        """The rows of a named statement whose marks `/*part*/` are replaced: by fragments, never by what was typed."""
        with translated(self.path):
            return self.connection.execute(_filled(self._named[name], parts), parameters).fetchall()

    def interrupt_when(self, over: Callable[[], bool] | None) -> None:
        """From now on, end a statement as TimedOut once `over` is true; None: never."""
        self.connection.set_progress_handler(over, 10_000)

    def changes(self) -> int:
        return self.connection.changes()

    def data_version(self) -> int:
        """A number that changes when another connection commits."""
        with translated(self.path):
            # The file control of that name only knows of commits that this connection has read.
            return int(self.connection.pragma("data_version"))

    def moment(self) -> int:
        """A number that changes with each commit of this connection, and with others' once it has begun to read."""
        return self.connection.data_version()

    def set_wait(self, seconds: float) -> None:
        """How long to wait for another writer from now on."""
        self.wait = seconds
        self.connection.setbusytimeout(int(seconds * 1000))

    def check(self, largest: int | None = None) -> str | None:
        """The first fault that a quick check of the whole file finds; a file above `largest` bytes is not read."""
        if largest is not None and self.path.stat().st_size > largest:
            return None
        try:
            ((answer,),) = self.connection.execute("PRAGMA quick_check(1)").fetchall()
        except apsw.CorruptError as error:
            answer = str(error)
        return None if answer == "ok" else str(answer)

    def in_place(self) -> bool:
        """Whether the path still leads to the file that is open."""
        try:
            return os.stat(self._place)[1:3] == self._file
        except OSError:
            return False

    def is_current(self) -> bool:
        """Whether it is still the file at its path, of the version this code knows."""
        if not self.in_place():
            return False
        with translated(self.path):
            return int(self.connection.pragma("user_version")) == self.newest

    def close(self) -> None:
        self.lock.close()
        self.connection.close()


def _filled(text: str, parts: Mapping[str, str]) -> str:
    """`text` with each mark `/*part*/` replaced by that part."""
    return re.sub(MARK, lambda mark: parts[mark[1]], text)


def engine_version() -> tuple[str, str]:
    """The versions of the SQLite library and of apsw."""
    return apsw.sqlite_lib_version(), apsw.apsw_version()


class translated:
    """Around what asks SQLite: its errors become jobctl's, each one sentence."""

    __slots__ = ("path",)

    def __init__(self, path: Path) -> None:
        self.path = path

    def __enter__(self) -> None: ...

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if error is not None and not isinstance(error, JobctlError):
            translate(self.path, error)


def translate(path: Path, error: BaseException) -> None:
    """Raise what an error of SQLite's or of the operating system means; nothing for any other."""
    try:
        raise error
    except (apsw.BusyError, apsw.LockedError):
        raise TryAgain(f"the database {path} is locked by another process; try again") from None
    except apsw.InterruptError:
        raise TimedOut(f"reading {path} took too long") from None
    except apsw.NotADBError:
        raise CannotOpen(f"{path} is not a jobctl database; move it away or set JOBCTL_HOME") from None
    except apsw.CorruptError:
        raise StorageFailed(f"the database {path} is damaged; restore a backup of it") from None
    except apsw.FullError:
        raise DiskFull(f"cannot write {path}: the disk is full") from None
    except apsw.ReadOnlyError:
        raise CannotOpen(f"cannot write the database {path}: it is read-only") from None
    except apsw.CantOpenError:
        raise CannotOpen(f"cannot open the database {path}") from None
    except (apsw.PermissionsError, apsw.AuthError):
        raise NotPermitted(f"no permission for the database {path}") from None
    except apsw.IOError as error:
        if no_space(path):  # SQLite says so only of some files: not when its shared memory cannot grow
            raise DiskFull(f"cannot write {path}: the disk is full") from None
        raise StorageFailed(f"cannot read or write {path}: {error}") from None
    except OSError as error:
        raise_os_error(path, error)
    except BaseException:
        return
