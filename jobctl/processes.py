"""Processes as the kernel knows them: identities that survive pid reuse, and who descends from whom."""

from __future__ import annotations

import gc
import os
import signal
from collections.abc import Callable
from typing import Final, NamedTuple

PR_SET_CHILD_SUBREAPER: Final = 36
DEAD: Final = "ZXx"
"""States of /proc/PID/stat in which a process no longer runs anything."""
STOPPED: Final = "Tt"
RESCANS: Final = 5
COLLECTED: Final = 20_000
"""Objects more than before after which cycles are looked for, where that is seldom worth it."""


class Identity(NamedTuple):
    """One process, never mistaken for a later one with the same number."""

    boot_id: str
    pid_namespace: str
    pid: int
    start_time: int
    """Clock ticks after boot."""


class ProcessInfo(NamedTuple):
    pid: int
    ppid: int
    state: str
    pgrp: int
    session: int
    start_time: int


def boot_id() -> str:
    """The kernel's random name for this boot."""
    with open("/proc/sys/kernel/random/boot_id", encoding="ascii") as file:
        return file.read().strip()


def pid_namespace() -> str:
    """The namespace in which this process's pids mean something, as `pid:[4026531836]`."""
    return os.readlink("/proc/self/ns/pid")


def inspect(pid: int) -> ProcessInfo | None:
    """What /proc says of `pid`, zombies included; None when there is no such process."""
    try:
        descriptor = os.open(f"/proc/{pid}/stat", os.O_RDONLY | os.O_CLOEXEC)
    except (FileNotFoundError, ProcessLookupError, PermissionError):  # gone, or hidden from this user
        return None
    try:
        text = os.read(descriptor, 4096)
    except ProcessLookupError:
        return None
    finally:
        os.close(descriptor)
    # The name may hold spaces and brackets; everything after the last bracket is numbers.
    fields = text[text.rindex(b")") + 2 :].split(None, 20)
    return ProcessInfo(
        pid, int(fields[1]), chr(fields[0][0]), int(fields[2]), int(fields[3]), start_time=int(fields[19])
    )


def start_time(pid: int) -> int | None:
    """When `pid` started, in clock ticks after boot; None if it is gone or a zombie."""
    found = inspect(pid)
    return None if found is None or found.state in DEAD else found.start_time


def identity(pid: int) -> Identity:
    """The identity of a living process. Raises ProcessLookupError when it is gone or a zombie."""
    started = start_time(pid)
    if started is None:
        raise ProcessLookupError(f"no process {pid}")
    return Identity(boot_id(), pid_namespace(), pid, started)


def alive(identity: Identity) -> bool:
    """Whether that very process still runs; a zombie does not, nor anything of another boot."""
    return (
        start_time(identity.pid) == identity.start_time
        and boot_id() == identity.boot_id
        and pid_namespace() == identity.pid_namespace
    )


def signal_if_same(identity: Identity, number: int) -> bool:
    """Signal that very process; False when it is gone, or not ours to signal."""
    return send(identity.pid, number, lambda: alive(identity))


def signal_member(process: ProcessInfo, number: int) -> bool:
    """Signal a process found by a scan; False when it is gone since, or not ours to signal."""
    return send(process.pid, number, lambda: start_time(process.pid) == process.start_time)


def send(pid: int, number: int, is_same: Callable[[], bool]) -> bool:
    try:
        # Opened before the check: from here on the descriptor cannot come to mean another process.
        descriptor = os.pidfd_open(pid)
    except OSError:
        return False
    try:
        if not is_same():
            return False
        signal.pidfd_send_signal(descriptor, number)
        return True
    except (ProcessLookupError, PermissionError):
        return False
    finally:
        os.close(descriptor)


def collect_seldom() -> None:
    """For a process whose turns make and drop many small objects without cycles: look for those less often, and never
    at what there is by now."""
    gc.freeze()
    gc.set_threshold(COLLECTED, 20, 20)


def set_subreaper() -> None:
    """Make this process the parent of every descendant whose own parent ends."""
    import ctypes  # only for daemons and runners: it costs start-up time

    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


def scan() -> list[ProcessInfo]:
    """Every process that can be seen, zombies included."""
    found = (inspect(int(name)) for name in os.listdir("/proc") if name.isdigit())
    return [process for process in found if process is not None]


def descendants(root: int, spared: int | None = None) -> list[ProcessInfo]:
    """The living processes below `root`, without `spared` and what is below it."""
    for _ in range(RESCANS):
        processes = scan()
        known = {process.pid for process in processes}
        # A parent that ended during the scan hides its children: they have a new one by now.
        if all(process.ppid in known or process.ppid == 0 for process in processes):
            break
    children: dict[int, list[ProcessInfo]] = {}
    for process in processes:
        children.setdefault(process.ppid, []).append(process)
    found: list[ProcessInfo] = []
    ahead = [root]
    while ahead:
        for child in children.get(ahead.pop(), ()):
            if child.pid != spared:
                found.append(child)
                ahead.append(child.pid)
    return [process for process in found if process.state not in DEAD]


def members_of_run(session: int, marker: str) -> list[ProcessInfo]:
    """The living processes of a session, and those whose environment has `JOBCTL_RUN=marker`."""
    wanted = b"\0JOBCTL_RUN=" + marker.encode() + b"\0"
    return [
        process
        for process in scan()
        if process.state not in DEAD and (process.session == session or wanted in environment(process.pid))
    ]


def environment(pid: int) -> bytes:
    """The environment a process was started with, each entry between NULs; empty when it cannot be read."""
    try:
        with open(f"/proc/{pid}/environ", "rb") as file:
            return b"\0" + file.read() + b"\0"
    except OSError:
        return b""


def has_pending(pid: int, number: int) -> bool:
    """Whether a signal was sent to a process and has not been acted upon."""
    try:
        with open(f"/proc/{pid}/status", encoding="ascii", errors="replace") as file:
            masks = [int(line.split()[1], 16) for line in file if line.startswith(("SigPnd:", "ShdPnd:"))]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return any(mask >> (number - 1) & 1 for mask in masks)
