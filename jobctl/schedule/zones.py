"""Time zones by IANA name."""

from __future__ import annotations

import os
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from jobctl.errors import BadInput, near_miss

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

# They exist in the database, but one means "whatever this machine says today" and the others count leap seconds
# or nothing at all.
NOT_NAMES = ("localtime", "posixrules", "Factory", "right/")

LONGEST = 64


def zone(name: str) -> ZoneInfo:
    """The zone of that IANA name, such as Europe/Madrid; BadInput when the database has none."""
    found = _find(name)
    if found is not None:
        return found
    from zoneinfo import available_timezones

    known = {each.lower(): each for each in available_timezones()}
    same = known.get(name.lower())
    hint = f"; did you mean {same!r}?" if same and same != name else near_miss(name[:LONGEST], known.values())
    raise BadInput(f"no time zone named {name[:LONGEST]!r}{hint or '; write a name like Europe/Madrid or UTC'}")


def local_zone_name(environ: Mapping[str, str] = os.environ, etc: Path = Path("/etc")) -> str:
    """This machine's zone by name: TZ, else the target of /etc/localtime, else /etc/timezone, else UTC."""
    if environ.get("TZ") == "":
        return "UTC"  # POSIX: an empty TZ is UTC
    for candidate in (environ.get("TZ", ""), _link_target(etc / "localtime"), _first_line(etc / "timezone")):
        name = candidate.removeprefix(":").rpartition("zoneinfo/")[2].removeprefix("posix/")
        if name and _find(name):
            return name
    return "UTC"


@lru_cache(maxsize=256)
def _find(name: str) -> ZoneInfo | None:
    from zoneinfo import ZoneInfo

    try:
        return None if name.startswith(NOT_NAMES) else ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        return None


def _link_target(path: Path) -> str:
    # Not resolve(): the zone files may be links themselves, and the name chosen is the first one.
    try:
        return os.readlink(path)
    except OSError:
        return ""


def _first_line(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace").partition("\n")[0].strip()
    except OSError:
        return ""
