"""GUIDs: those of system jobs are their ids, those of users hold the number of the actor."""

from __future__ import annotations

import re
from typing import Final
from uuid import UUID

FORM: Final = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
ACTORS: Final = 0x6A6F6263746C_4001_8000 << 48
"""The first 80 bits of a user's GUID; the other 48 are the number of the actor's row."""


def parse(text: str) -> UUID | None:
    """A GUID as OData writes it; None for anything else."""
    return UUID(text) if FORM.fullmatch(text) else None


def of_system_job(hexadecimal: str) -> str:
    """`0f…` of 32 digits as a GUID."""
    return str(UUID(hexadecimal))


def of_actor(number: int) -> str:
    return str(UUID(int=ACTORS | number))


def actor(guid: UUID) -> int:
    """The number of the actor; -1, which no actor has, for a GUID of another kind."""
    number = guid.int ^ ACTORS
    return number if 0 < number < 1 << 48 else -1
