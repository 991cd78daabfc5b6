"""What the systems run: nothing, or a note of when it began. Only the standard library, for any worker."""

import os
import time


def noop() -> int:
    return 1


def stamp(path: str, number: int) -> int:
    """Append the number and the instant of this first line: nanoseconds of the wall clock and of the steady one."""
    wall, steady = time.time_ns(), time.monotonic_ns()
    descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    os.write(descriptor, b"%d %d %d\n" % (number, wall, steady))
    os.close(descriptor)
    return 1
