"""What runs leave behind in their worker's process: threads, children, descriptors, memory, imported files.

Loaded by worker.py, under any Python from 3.8 on and without jobctl.
"""

from __future__ import annotations

import _signal  # type: ignore[import-not-found]  # the enumerations of `signal` cost more than the calls
import _thread
import os
import resource
import sys
import time
from contextlib import suppress

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

MAX_RESIDENT = 200 * 1024 * 1024
MTIME_GRAIN = 0.01  # seconds by which a file's time may lag behind the clock
STANDARD_LIBRARY = os.path.dirname(os.path.abspath(os.__file__)) + os.sep
INSTALLED = (os.sep + "site-packages" + os.sep, os.sep + "dist-packages" + os.sep)


class Traces:
    """What a run could leave behind in this process, as it is now."""

    def __init__(self, descriptors: list[int]) -> None:
        """With the worker's own `descriptors`."""
        self.modules = len(sys.modules)
        self.marks = marks()
        self.at = time.monotonic_ns()
        self.descriptors: list[object] = list(os.listdir("/proc/self/fd"))
        with suppress(OSError):  # a closed one is missing from the list above
            self.descriptors += [os.fstat(number)[1:3] for number in (0, 1, 2, *descriptors)]

    def leftover_threads(self) -> int:
        """How many more threads there are now; one that is just ending gets a moment."""
        for _ in range(20):
            if _thread._count() <= self.marks[0]:
                return 0
            time.sleep(0.001)
        return int(_thread._count() - self.marks[0])


def marks() -> tuple[Any, ...]:
    """What shows cheaply that a run left something: threads, children waited for, descriptors, whether one has to wait
    for children."""
    try:
        lowest = os.dup(2)
        os.close(lowest)
    except OSError:
        lowest = -1
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return _thread._count(), lowest, _signal.getsignal(_signal.SIGCHLD) is _signal.SIG_IGN, children


class Files:
    """The user's own source files that were imported, as they were then."""

    def __init__(self) -> None:
        self.known = set(sys.modules)
        self.fresh = True

    def new(self, since: float) -> list[tuple[str, int, int]]:
        """Those imported since the last call; `fresh` falls if one changed after the instant `since`."""
        found = []
        modules = [] if len(sys.modules) == len(self.known) else list(sys.modules.items())
        for name, module in modules:
            path = None if name in self.known else getattr(module, "__file__", None)
            self.known.add(name)
            if (
                not isinstance(path, str)
                or path.startswith(STANDARD_LIBRARY)
                or any(part in path for part in INSTALLED)
            ):
                continue
            with suppress(OSError, ValueError):
                status = os.stat(path)
                found.append((os.path.abspath(path), status.st_mtime_ns, status.st_size))
                self.fresh = self.fresh and status.st_mtime <= since - MTIME_GRAIN
        return found


def is_large() -> bool:
    """Whether it uses more memory than a worker should; how much it ever did costs less to know."""
    if resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 <= MAX_RESIDENT:
        return False
    with open("/proc/self/statm", "rb") as file:
        return int(file.read().split()[1]) * resource.getpagesize() > MAX_RESIDENT


def has_child() -> bool:
    try:
        return os.waitpid(-1, os.WNOHANG) is not None
    except ChildProcessError:
        return False
