"""The one place that reads a clock. Instants are integer microseconds since 1970-01-01 UTC."""

from __future__ import annotations

import os
import time
from datetime import UTC, datetime, timedelta
from typing import Protocol

MICROSECONDS = 1_000_000
AWAKE = 200
"""Microseconds by which a sleep may end too late: for so long an instant is awaited without sleeping."""
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
FOREVER = (datetime(9999, 12, 31, tzinfo=UTC) - EPOCH) // timedelta(microseconds=1) - 1
"""The last instant that there is here: what rests until then rests until further notice."""


class Clock(Protocol):
    def now(self) -> int:
        """The wall clock, in microseconds since the epoch."""
        ...

    def monotonic(self) -> float:
        """Seconds on a clock that never steps; only differences mean anything."""
        ...

    def boottime(self) -> float:
        """As monotonic, but it also counts while the machine sleeps."""
        ...


class SystemClock:
    monotonic = staticmethod(time.monotonic)

    def now(self) -> int:
        return time.time_ns() // 1000

    def boottime(self) -> float:
        return time.clock_gettime(time.CLOCK_BOOTTIME)


class OffsetClock:
    """The system's clocks moved by the two numbers (seconds: wall, monotonic) in a file, read at every call."""

    def __init__(self, path: str) -> None:
        self.path = path

    def offsets(self) -> tuple[float, float]:
        try:
            with open(self.path, encoding="ascii") as file:
                wall, monotonic = (file.read().split() + ["0", "0"])[:2]
            return float(wall), float(monotonic)
        except (OSError, ValueError):
            return 0.0, 0.0

    def now(self) -> int:
        return time.time_ns() // 1000 + self.shift()

    def monotonic(self) -> float:
        return time.monotonic() + self.offsets()[1]

    def boottime(self) -> float:
        return time.clock_gettime(time.CLOCK_BOOTTIME) + self.offsets()[1]

    def shift(self) -> int:
        """Microseconds by which `now` is ahead of the system's wall clock."""
        return round(self.offsets()[0] * MICROSECONDS)


def shift(clock: Clock) -> int:
    """Microseconds by which a clock is ahead of the system's wall clock."""
    return clock.shift() if isinstance(clock, OffsetClock) else 0


def doze(seconds: float) -> None:
    """Sleep by the system's clock, whatever moves the others: for moments only."""
    time.sleep(seconds)


def wait_until(clock: Clock, instant: int, longest: float) -> bool:
    """Wait for an instant (microseconds UTC) that is at most `longest` seconds away, the last moment wide awake.

    False when it is further away, also because the clock was set back meanwhile; never true before it.
    """
    while (left := instant - clock.now()) > 0:
        if left > longest * MICROSECONDS:
            return False
        if left > AWAKE:
            doze((left - AWAKE) / MICROSECONDS)
    return True


def system_clock() -> Clock:
    """The clock of this process; `JOBCTL_CLOCK=FILE` moves it, but only under `JOBCTL_TEST=1`."""
    path = os.environ.get("JOBCTL_CLOCK")
    if path and os.environ.get("JOBCTL_TEST") == "1":
        return OffsetClock(path)
    return SystemClock()


def to_datetime(instant: int) -> datetime:
    """An instant as an aware UTC datetime."""
    return EPOCH + timedelta(microseconds=instant)


def from_datetime(moment: datetime) -> int:
    """An aware datetime as an instant."""
    return (moment - EPOCH) // timedelta(microseconds=1)


def utc_offset(instant: int) -> int:
    """Minutes by which this machine's time was east of UTC at that instant."""
    global _offset
    minute, names = instant // (60 * MICROSECONDS), time.tzname
    last = _offset
    if last[0] != minute or last[1] is not names:  # time.tzset, which may change it, names the zone anew
        last = _offset = minute, names, time.localtime(instant // MICROSECONDS).tm_gmtoff // 60
    return last[2]


_offset: tuple[int, tuple[str, str], int] = (0, ("", ""), 0)
"""The last answer of `utc_offset` and for which minute it is: time changes at a full minute."""


class Alarm:
    """A descriptor that becomes readable at an instant of the wall clock, or when that clock is set.

    The wait is absolute, so sleep of the machine and steps of the clock neither delay nor repeat anything.
    """

    CLOCK_REALTIME = 0
    ABSOLUTE_CANCELED_ON_SET = 1 | 2

    def __init__(self) -> None:
        import ctypes

        class Specification(ctypes.Structure):
            _fields_ = [(name, ctypes.c_long) for name in ("every", "every_ns", "at", "at_ns")]

        self._specification = Specification
        self._reference = ctypes.byref
        self._libc = ctypes.CDLL(None, use_errno=True)
        self._set: int | None = None
        """What it was set to and has not rung for."""
        self.descriptor = int(self._libc.timerfd_create(self.CLOCK_REALTIME, os.O_NONBLOCK | os.O_CLOEXEC))
        if self.descriptor < 0:
            raise OSError(ctypes.get_errno(), "timerfd_create")

    def fileno(self) -> int:
        return self.descriptor

    def set(self, instant: int | None) -> None:
        """Ring at the instant (microseconds UTC; None: never, though still when the clock is set)."""
        instant = 2**40 * MICROSECONDS if instant is None else max(1, instant)
        if instant == self._set:
            return
        self._set = instant
        seconds, rest = divmod(instant, MICROSECONDS)
        when = self._specification(0, 0, seconds, rest * 1000)
        self._libc.timerfd_settime(self.descriptor, self.ABSOLUTE_CANCELED_ON_SET, self._reference(when), None)

    def clear(self) -> None:
        self._set = None
        try:
            os.read(self.descriptor, 8)
        except OSError:  # not rung yet (EAGAIN), or the clock was set (ECANCELED): looking again is right in both cases
            pass
