"""The home: where it lies, who may use it, how large it is, and whether the database is sound."""

from __future__ import annotations

import os
import stat
from contextlib import suppress
from pathlib import Path
from typing import Final

from jobctl import database
from jobctl.config import Config
from jobctl.doctor.checks import MEBIBYTE, Check, fail, ok, size, warn
from jobctl.errors import JobctlError

WAL_LIMIT: Final = 64 * MEBIBYTE
LITTLE_SPACE: Final = 256 * MEBIBYTE
NO_SPACE: Final = 16 * MEBIBYTE
MUCH_OUTPUT: Final = 10 * 1024 * MEBIBYTE

NETWORK: Final = frozenset(
    {"nfs", "nfs4", "cifs", "smb3", "smbfs", "ncpfs", "9p", "afs", "coda", "ceph", "glusterfs", "lustre", "gpfs"}
    | {"ocfs2", "gfs2", "beegfs", "orangefs", "pvfs2"}
)
FLEETING: Final = frozenset({"tmpfs", "ramfs"})


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


def contents(config: Config) -> Check:
    """How much the home holds."""
    output, files = 0, 0
    places = [config.log_directory]
    while places:
        try:
            entries = list(os.scandir(places.pop()))
        except OSError:  # it went meanwhile
            continue
        for entry in entries:
            if entry.is_dir(follow_symlinks=False):
                places.append(Path(entry.path))
                continue
            with suppress(FileNotFoundError):
                output, files = output + entry.stat(follow_symlinks=False).st_size, files + 1
    rest = sum(entry.stat(follow_symlinks=False).st_size for entry in os.scandir(config.home) if entry.is_file())
    text = f"{size(output + rest)} in all, {size(output)} of it output in {files} file{'s' * (files != 1)}"
    return warn("size", f"{text}: let older runs be deleted") if output > MUCH_OUTPUT else ok("size", text)


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
