"""What a list is asked for: `$top`, `$skip` and `$filter`."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from jobctl.errors import BadInput, near_miss
from jobctl.web.payloads import whole

MOST: Final = 100
FURTHEST: Final = 2**31 - 1
CONDITION: Final = re.compile(r"\s*(\w+)\s+eq\s+(?:'(\w*)'|(\w+))\s*", re.ASCII)
STATES: Final = ("Enabled", "Disabled", "Completed", "Faulted")
STATUSES: Final = ("Completed", "Failed", "Postponed")


@dataclass(frozen=True, slots=True)
class Asked:
    top: int
    skip: int
    chosen: tuple[str, ...] | None
    """The states or statuses of which any will do; None: all."""

    @classmethod
    def of(cls, said: Mapping[str, str], name: str, values: Iterable[str]) -> Asked:
        """`name` is what may be filtered by, and `values` what it can be. Raises BadInput."""
        top, skip = whole(said, "$top", 1, MOST), whole(said, "$skip", 0, FURTHEST)
        return cls(
            MOST if top is None else top,
            skip or 0,
            _chosen(said["$filter"], name, tuple(values)) if "$filter" in said else None,
        )


def _chosen(text: str, name: str, values: tuple[str, ...]) -> tuple[str, ...]:
    known = {value.lower(): value for value in values}
    found = []
    for part in re.split(r"\s+or\s+", text):
        match = CONDITION.fullmatch(part)
        if match is None or match[1] != name:
            raise BadInput(f"$filter cannot be {text[:80]!a}; it is {name} eq {values[0]}, or several of these with or")
        value = match[2] if match[3] is None else match[3]
        if value.lower() not in known:
            hint = near_miss(value.lower(), known)
            raise BadInput(f"{name} is never {value[:40]!a}{hint}; it is one of {', '.join(values)}")
        found.append(known[value.lower()])
    return tuple(found)
