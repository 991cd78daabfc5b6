"""What could keep jobctl from doing its work here: each check answers in one sentence and changes nothing."""

from __future__ import annotations

import os
import shutil
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from jobctl import control, database
from jobctl.clock import Clock, to_datetime
from jobctl.config import Config
from jobctl.errors import JobctlError
from jobctl.model import Definition
from jobctl.store import Store

MEBIBYTE = 1024 * 1024
KERNEL = (5, 4)
SQLITE = (3, 51, 3)
SQLITE_BACKPORTS = frozenset({(3, 50, 7), (3, 44, 6)})
"""Versions with the fix of the WAL-reset bug (sqlite.org/wal.html#walresetbug)."""
WAL_LIMIT = 64 * MEBIBYTE
LITTLE_SPACE, NO_SPACE = 256 * MEBIBYTE, 16 * MEBIBYTE
EARLIEST = 1_767_225_600_000_000
"""2026-01-01 UTC, before the first release: a clock that shows less is wrong."""

NETWORK = frozenset(
    {"nfs", "nfs4", "cifs", "smb3", "smbfs", "ncpfs", "9p", "afs", "coda", "ceph", "glusterfs", "lustre", "gpfs"}
    | {"ocfs2", "gfs2", "beegfs", "orangefs", "pvfs2"}
)
FLEETING = frozenset({"tmpfs", "ramfs"})


class Level(StrEnum):
    OK = "ok"
    WARN = "warn"
    FAIL = "fail"


@dataclass(frozen=True, slots=True)
class Check:
    name: str
    level: Level
    message: str


def ok(name: str, message: str) -> Check:
    return Check(name, Level.OK, message)


def warn(name: str, message: str) -> Check:
    return Check(name, Level.WARN, message)


def fail(name: str, message: str) -> Check:
    return Check(name, Level.FAIL, message)


def examine(config: Config, clock: Clock) -> Iterator[Check]:
    """All checks, in the order in which a person would look."""
    yield kernel()
    yield engine()
    yield from time_zones()
    present = home(config)
    yield present
    if present.level is Level.FAIL:
        return
    yield file_system(config.home)
    yield space(config.home)
    if not config.database.exists():
        yield ok("database", f"{config.database} is not there yet; the first command that stores something makes it")
        yield daemon(config, None)
        return
    yield permissions(config)
    yield links(config)
    sound = integrity(config)
    yield sound
    if sound.level is not Level.FAIL:
        yield from with_store(config, clock)


def with_store(config: Config, clock: Clock) -> Iterator[Check]:
    """The checks that read jobs and system jobs."""
    try:
        with Store.open(config, clock, "jobctl") as store:
            yield wall_clock(store)
            yield daemon(config, store)
            yield from jobs(store)
    except JobctlError as error:
        yield fail("store", str(error))


def kernel() -> Check:
    system = os.uname()
    if system.sysname != "Linux":
        return fail("kernel", f"{system.sysname} has no pidfd and no subreaper: the daemon runs on Linux only")
    numbers = tuple(int(part) for part in system.release.split("-")[0].split(".")[:2] if part.isdigit())
    if numbers < KERNEL:
        return fail("kernel", f"Linux {system.release} is too old: jobctl needs 5.4 or newer")
    try:
        os.close(os.pidfd_open(os.getpid()))
    except OSError as error:
        return fail("kernel", f"Linux {system.release} refuses pidfd_open ({error.strerror}): look at the sandbox")
    return ok("kernel", f"Linux {system.release}")


def engine() -> Check:
    """Whether the SQLite library in use has the known corruption bug."""
    text, binding = database.engine_version()
    version = tuple(int(part) for part in text.split("."))
    if version < SQLITE and version not in SQLITE_BACKPORTS:
        return fail("sqlite", f"SQLite {text} can damage a database in WAL mode; install apsw 3.51.3 or newer")
    return ok("sqlite", f"SQLite {text}, apsw {binding}")


def time_zones() -> Iterator[Check]:
    """The rules of time zones, and the machine's own."""
    import zoneinfo

    from jobctl.schedule import zones

    try:
        zoneinfo.ZoneInfo("Europe/Madrid")
        yield ok("tzdata", f"time zones from {tzdata_source()}")
    except (zoneinfo.ZoneInfoNotFoundError, OSError):
        yield fail("tzdata", "there are no time zones: install the package tzdata")
        return
    try:
        name = zones.local_zone_name()
        zones.zone(name)
    except JobctlError as error:
        yield warn("time zone", f"the machine's time zone is not usable: {error}")
        return
    asked = os.environ.get("TZ", "").removeprefix(":")
    if asked and asked != name and not asked.startswith("/"):
        yield warn("time zone", f"TZ={asked} names no time zone; {name} is used")
    else:
        yield ok("time zone", f"{name}, unless a schedule names its own")


def tzdata_source() -> str:
    """`/usr/share/zoneinfo (2026b)` or the Python package."""
    import zoneinfo

    for directory in zoneinfo.TZPATH:
        if (Path(directory) / "Europe/Madrid").is_file():
            try:
                with open(Path(directory) / "tzdata.zi", encoding="ascii") as file:
                    return f"{directory} ({file.readline().removeprefix('# version').strip()[:20]})"
            except (OSError, UnicodeDecodeError):
                return directory
    import tzdata  # type: ignore[import-untyped, unused-ignore]

    return f"the Python package tzdata ({tzdata.IANA_VERSION})"


def home(config: Config) -> Check:
    """Whether the home is a directory of ours."""
    try:
        status = os.stat(config.home)
    except FileNotFoundError:
        parent = next(directory for directory in config.home.parents if directory.exists())
        if not os.access(parent, os.W_OK | os.X_OK):
            return fail("home", f"{config.home} is not there and cannot be made: no permission for {parent}")
        return ok("home", f"{config.home} is not there yet; the first command makes it")
    except OSError as error:
        return fail("home", f"cannot use {config.home}: {error.strerror}")
    if not stat.S_ISDIR(status.st_mode):
        return fail("home", f"{config.home} is not a directory; set JOBCTL_HOME to one")
    if not os.access(config.home, os.R_OK | os.W_OK | os.X_OK):
        return fail("home", f"no permission to read and write {config.home}")
    if status.st_uid != os.geteuid():
        return warn("home", f"{config.home} belongs to user {status.st_uid}, not to you ({os.geteuid()})")
    return ok("home", str(config.home))


def file_system(directory: Path) -> Check:
    """SQLite's write-ahead log needs memory shared by all its users: no network file system has that."""
    where = existing(directory)
    kind = file_system_kind(where)
    if kind in NETWORK:
        return fail("file system", f"{where} is on {kind}, a network file system: the database would be damaged there")
    if kind.startswith("fuse"):
        return warn("file system", f"{where} is on {kind}: a local disk is safer for the database")
    if kind in FLEETING:
        return warn("file system", f"{where} is on {kind}: it is lost when the machine stops")
    if kind == "overlay":
        return warn("file system", f"{where} is on overlay: it is lost with the container; mount a volume there")
    return ok("file system", kind or "unknown")


def existing(directory: Path) -> Path:
    """The directory, or the nearest one above it that is there."""
    resolved = directory.resolve()
    return next(one for one in (resolved, *resolved.parents) if one.exists())


def file_system_kind(directory: Path, mounts: str | None = None) -> str:
    """The type of the file system that holds `directory`, as the kernel names it; empty when unknown."""
    if mounts is None:
        try:
            mounts = Path("/proc/self/mountinfo").read_text(encoding="utf-8", errors="surrogateescape")
        except OSError:
            return ""
    best, kind = -1, ""
    for line in mounts.splitlines():
        before, _, after = line.partition(" - ")
        fields = before.split()
        if len(fields) < 5 or not after:
            continue
        point = Path(unescape(fields[4]))
        if directory.is_relative_to(point) and len(point.parts) >= best:
            best, kind = len(point.parts), after.split()[0]
    return kind


def unescape(text: str) -> str:
    """mountinfo writes space, tab, newline and backslash in octal."""
    for octal, character in (("\\040", " "), ("\\011", "\t"), ("\\012", "\n"), ("\\134", "\\")):
        text = text.replace(octal, character)
    return text


def space(directory: Path) -> Check:
    usage = os.statvfs(existing(directory))
    free = usage.f_bavail * usage.f_frsize
    if usage.f_files and not usage.f_favail:
        return fail("space", "the file system has no free inodes")
    if free < NO_SPACE:
        return fail("space", f"only {size(free)} free: results and output can no longer be stored")
    if free < LITTLE_SPACE:
        return warn("space", f"only {size(free)} free")
    return ok("space", f"{size(free)} free")


def size(count: int) -> str:
    """`1.5 GiB`."""
    value, units = float(count), ["bytes", "KiB", "MiB", "GiB", "TiB"]
    while value >= 1024 and len(units) > 1:
        value /= 1024
        units.pop(0)
    return f"{value:.0f} {units[0]}" if value >= 100 or units[0] == "bytes" else f"{value:.1f} {units[0]}"


def permissions(config: Config) -> Check:
    """Nobody else may read what jobs print or are given."""
    places = [config.home, *sorted(config.home.iterdir())]
    for directory in (config.run_directory, config.log_directory):
        if directory.is_dir():
            places += sorted(directory.iterdir())
    for place in places:
        try:
            status = place.lstat()
        except FileNotFoundError:
            continue
        if not stat.S_ISLNK(status.st_mode) and status.st_mode & 0o077:
            mode = "go-rwx" if place.is_dir() else "600"
            return fail(
                "permissions", f"others may use {place} ({stat.S_IMODE(status.st_mode):04o}): chmod {mode} {place}"
            )
    return ok("permissions", "only you can read the home and the files in it")


def links(config: Config) -> Check:
    """SQLite cannot see that two names are one file: each would get a log and locks of its own."""
    count = config.database.stat().st_nlink
    if count > 1:
        return fail("links", f"{config.database} has {count} hard links: through another name it would be damaged")
    return ok("links", "the database has one name")


def integrity(config: Config) -> Check:
    """The whole file is read; a second per some million system jobs."""
    try:
        opened = database.Database(config)
    except JobctlError as error:
        return fail("database", str(error))
    try:
        fault = opened.check()
        read_only = opened.read_only
    except JobctlError as error:
        return fail("database", str(error))
    finally:
        opened.close()
    if fault:
        return fail("database", f"{config.database} is damaged ({fault.splitlines()[-1]}); restore a backup of it")
    if read_only:
        return fail("database", f"{config.database} is sound, but read-only: nothing can be stored")
    return database_size(config)


def database_size(config: Config) -> Check:
    log = config.database.with_name(config.database.name + "-wal")
    log_size = log.stat().st_size if log.exists() else 0
    sizes = f"{size(config.database.stat().st_size)}, write-ahead log {size(log_size)}"
    if log_size > WAL_LIMIT:
        return warn("database", f"{sizes}: some process keeps an old read open, so the log cannot be reused")
    return ok("database", f"sound: {sizes}")


def wall_clock(store: Store) -> Check:
    now = store.clock.now()
    text = to_datetime(now).isoformat(" ", "seconds")
    if now < EARLIEST:
        return fail("clock", f"the clock shows {text}: it is wrong, set it")
    latest = max((one.modified_on for one in store.system_jobs(limit=1)), default=0)
    row = store.daemon()
    if row is not None:
        latest = max(latest, row.started_on)
    if latest > now + 60_000_000:
        stored = to_datetime(latest).isoformat(" ", "seconds")
        return warn("clock", f"the clock shows {text}, but {stored} is already recorded: it went back")
    return ok("clock", text)


def daemon(config: Config, store: Store | None) -> Check:
    """Who runs what is due."""
    row = store.daemon() if store is not None else None
    if not control.daemon_running(config):
        return warn("daemon", "no daemon is running; start: jobctl daemon")
    if row is None:
        return ok("daemon", "running")
    since = to_datetime(row.started_on).isoformat(" ", "seconds")
    return ok("daemon", f"process {row.pid} on {row.host}, jobctl {row.version}, {row.slots} slots, since {since}")


def jobs(store: Store) -> Iterator[Check]:
    """One line for each job that could not start, or one for all."""
    known = store.jobs()
    bad = 0
    for job in known:
        for problem in problems(job.version.definition):
            bad += 1
            yield fail(f"job {job.name}", problem)
    if not bad:
        count = "1 job" if len(known) == 1 else f"{len(known)} jobs"
        yield ok("jobs", f"{count}: commands, directories and files are there" if known else "none yet")


def problems(definition: Definition) -> Iterator[str]:
    """What is missing for a run of this definition."""
    if not os.path.isdir(definition.cwd):
        yield f"its directory {definition.cwd} is not there"
    elif not os.access(definition.cwd, os.X_OK):
        yield f"no permission to enter its directory {definition.cwd}"
    program = program_of(definition)
    if program and find_program(program, definition) is None:
        yield f"there is no program {program}"
    for name, file in definition.environment_from_file.items():
        if not os.access(os.path.join(definition.cwd, file), os.R_OK) or os.path.isdir(file):
            yield f"the file {file} for {name} cannot be read"


def program_of(definition: Definition) -> str | None:
    if definition.command is not None:
        return "/bin/sh"
    if definition.argv is not None:
        return definition.argv[0] if definition.argv else None
    return definition.python


def find_program(program: str, definition: Definition) -> str | None:
    """Where the run would find the program, with the run's own PATH and directory."""
    if "/" in program:
        return shutil.which(os.path.join(definition.cwd, program))
    return shutil.which(program, path=definition.environment.get("PATH", os.defpath))
