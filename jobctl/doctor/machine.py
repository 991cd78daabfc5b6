"""The machine: kernel, SQLite, time zones."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from jobctl import database
from jobctl.doctor.checks import Check, fail, ok, warn
from jobctl.errors import JobctlError

KERNEL: Final = (5, 4)
SQLITE: Final = (3, 51, 3)
SQLITE_BACKPORTS: Final = frozenset({(3, 50, 7), (3, 44, 6)})
"""Versions with the fix of the WAL-reset bug (sqlite.org/wal.html#walresetbug)."""


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
