"""What a check answers."""

from __future__ import annotations

from enum import StrEnum
from typing import Final

from jobctl.records import dataclass

MEBIBYTE: Final = 1024 * 1024


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


def size(count: int) -> str:
    """`1.5 GiB`."""
    value, units = float(count), ["bytes", "KiB", "MiB", "GiB", "TiB"]
    while value >= 1024 and len(units) > 1:
        value /= 1024
        units.pop(0)
    return f"{value:.0f} {units[0]}" if value >= 100 or units[0] == "bytes" else f"{value:.1f} {units[0]}"
