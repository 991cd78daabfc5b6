"""Ids of system jobs: 16 bytes, shown as 32 hexadecimal digits, made from the number so that they lead back to it.

A UUID of version 8 (RFC 9562, 5.8). Its first 32 bits are the number's last ones, scrambled: by eight digits a person
names one system job, and they look like no number. Then 16 bits of the number, and 74 random ones.
"""

from __future__ import annotations

import os
from typing import Final

FACTOR: Final = 0x9E3779B1
"""Odd, so that multiplying by it, modulo 2**32, leaves each number another one; 2**32 by the golden ratio."""
BACK: Final = pow(FACTOR, -1, 2**32)
END: Final = 2**48
"""The numbers that fit: a thousand system jobs a second, for nine thousand years."""
SHORTEST: Final = 8
"""Digits of a prefix at least."""
MARKS: Final = 8 << 76 | 2 << 62
"""Version and variant."""
FREE: Final = (1 << 76) - 1 ^ 3 << 62
"""The bits that are random."""


def identity(sequence: int) -> bytes:
    """The id of a new system job with that number, which is less than END."""
    number = (sequence * FACTOR & 0xFFFFFFFF) << 16 | sequence >> 32
    return (number << 80 | MARKS | int.from_bytes(os.urandom(10)) & FREE).to_bytes(16)


def number_of(identity: bytes) -> int:
    """The number from which that id was made, if it was made from one."""
    return int.from_bytes(identity[:4]) * BACK & 0xFFFFFFFF | int.from_bytes(identity[4:6]) << 32


def numbers_of(prefix: str, newest: int) -> range:
    """The numbers up to `newest` whose ids may begin with `prefix`, of 8 hexadecimal digits at least."""
    assert len(prefix) >= SHORTEST
    return range(int(prefix[:8], 16) * BACK & 0xFFFFFFFF, newest + 1, 2**32)
