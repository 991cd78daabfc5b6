"""posix_spawn of the C library, by way of ctypes: Python's own cannot have every signal reset, and subprocess takes
many times as long.
"""

from __future__ import annotations

import ctypes
import os
from typing import Final

SETPGROUP: Final = 0x02
SETSIGDEF: Final = 0x04
"""Flags of <spawn.h>, the same in every C library for Linux."""
ROOM: Final = 1024
"""Bytes for an opaque structure; C libraries need 336 at most."""


class PosixSpawn:
    """Starts programs in process groups of their own, with every signal at its default."""

    def __init__(self) -> None:
        self.library = ctypes.CDLL(None)
        self.spawn = self.library.posix_spawn
        self.add_dup2 = self.library.posix_spawn_file_actions_adddup2
        # posix_spawn of glibc leaves the signals ignored that it uses itself, unless they are named here.
        self.attributes = ctypes.create_string_buffer(ROOM)
        self._check(self.library.posix_spawnattr_init(self.attributes))
        self._check(self.library.posix_spawnattr_setsigdefault(self.attributes, b"\xff" * 128))
        self._check(self.library.posix_spawnattr_setflags(self.attributes, ctypes.c_short(SETPGROUP | SETSIGDEF)))
        self.actions = ctypes.create_string_buffer(ROOM)
        self.pid = ctypes.c_int()

    def start(self, path: str, argv: list[str], environment: dict[str, str], standard: tuple[int, int, int]) -> int:
        """The pid of a new process with the descriptors `standard` as 0, 1 and 2. Raises OSError or ValueError."""
        arguments = strings([os.fsencode(part) for part in argv])
        if any("=" in name for name in environment):
            raise ValueError("illegal environment variable name")
        variables = strings([os.fsencode(f"{name}={value}") for name, value in environment.items()])
        self._check(self.library.posix_spawn_file_actions_init(self.actions))
        try:
            for number, descriptor in enumerate(standard):
                self._check(self.add_dup2(self.actions, descriptor, number))
            program = os.fsencode(path)
            self._check(
                self.spawn(ctypes.byref(self.pid), program, self.actions, self.attributes, arguments, variables)
            )
        finally:
            self.library.posix_spawn_file_actions_destroy(self.actions)
        return self.pid.value

    def _check(self, error: int) -> None:
        if error:
            raise OSError(error, os.strerror(error))


def strings(values: list[bytes]) -> ctypes.Array[ctypes.c_char_p]:
    """A null-terminated array of them. Raises ValueError when one holds a NUL."""
    if b"\0" in b"".join(values):
        raise ValueError("embedded null byte")
    return (ctypes.c_char_p * (len(values) + 1))(*values)
