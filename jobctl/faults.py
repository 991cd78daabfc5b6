"""What the operating system refuses, as jobctl's errors."""

from __future__ import annotations

import os
from pathlib import Path

from jobctl.errors import CannotOpen, DiskFull, NotPermitted, StorageFailed


def no_space(path: Path) -> bool:
    try:
        left = os.statvfs(path.parent)
    except OSError:
        return False
    return left.f_bavail * left.f_frsize < 65536


def raise_os_error(path: Path, error: OSError) -> None:
    """An operating-system error about `path` as jobctl's."""
    import errno

    place = error.filename or path
    if error.errno in (errno.EACCES, errno.EPERM):
        raise NotPermitted(f"cannot write {place}: {error.strerror}") from None
    if error.errno == errno.EROFS:
        raise CannotOpen(f"cannot write {place}: {error.strerror}") from None
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        raise DiskFull(f"cannot write {place}: the disk is full") from None
    raise StorageFailed(f"cannot use {place}: {error.strerror}") from None
