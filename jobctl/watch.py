"""Notice at once that files of a directory were deleted, moved or replaced."""

from __future__ import annotations

import ctypes
import os
from pathlib import Path

DELETED_OR_MOVED = 0x40 | 0x80 | 0x200 | 0x400 | 0x800
"""IN_MOVED_FROM, IN_MOVED_TO, IN_DELETE, IN_DELETE_SELF, IN_MOVE_SELF."""


def watch(directory: Path) -> int:
    """An inotify descriptor that becomes readable. Raises OSError when the kernel has none to give."""
    libc = ctypes.CDLL(None, use_errno=True)
    descriptor = int(libc.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC))
    if descriptor < 0 or libc.inotify_add_watch(descriptor, os.fsencode(directory), DELETED_OR_MOVED) < 0:
        raise OSError(ctypes.get_errno(), "inotify")
    return descriptor


def drain(descriptor: int) -> None:
    try:
        while os.read(descriptor, 65536):
            pass
    except BlockingIOError:
        pass
