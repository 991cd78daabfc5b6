"""The processes of the run in hand, and how they are stopped, continued and ended."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from contextlib import suppress
from typing import Final

from jobctl.processes import STOPPED, ProcessInfo, descendants, has_pending, signal_member
from jobctl.runner.loop import Handler, Loop, Timer

PIDFD_SIGNAL_PROCESS_GROUP: Final = 4
"""Linux 6.9; reaches members that are being forked at that moment."""
FIRST_PAUSE: Final = 0.002
LONGEST_PAUSE: Final = 1.0
ASLEEP_AFTER: Final = 0.1
STUCK_AFTER: Final = 60.0
HAS_LISTS: Final = os.path.exists("/proc/thread-self/children")
"""A kernel may be built without."""
PASSES: Final = 3
"""Scans in one go before other events get their turn."""


class Tree:
    """Every descendant of the runner, but the `spared` process and its own.

    The runner is a subreaper, so nothing a run starts can leave this tree.
    """

    def __init__(self, leader: int, spared: int | None = None) -> None:
        self.leader = leader
        self.spared = spared
        self.root = os.getpid()
        self.descriptor = -1
        with suppress(OSError):  # out of descriptors: members are then signalled one by one
            self.descriptor = os.pidfd_open(leader)

    def close(self) -> None:
        if self.descriptor >= 0:
            os.close(self.descriptor)
            self.descriptor = -1

    def members(self) -> list[ProcessInfo]:
        return descendants(self.root, self.spared)

    def is_gone(self) -> bool:
        """Whether nothing of it runs any more."""
        if self.spared is None:
            return has_no_child()
        if HAS_LISTS:
            return children(self.root) == [self.spared]
        # One scan can miss what was forked during it by a process that then ended.
        return not self.members() and not self.members()

    def is_alone(self) -> bool:
        """Whether the leader lives, and nothing else of it."""
        if HAS_LISTS:
            return children(self.root) == [self.leader] and not children(self.leader)
        return len(self.members()) == 1

    def signal(self, *numbers: int) -> list[ProcessInfo]:
        """Send each signal to every member; the members, as one scan found them."""
        members = self.members()
        for number in numbers:
            group = self._signal_group(number)
            for member in members:
                if not (group and member.pgrp == self.leader):
                    signal_member(member, number)
        return members

    def stop(self, asleep: bool) -> bool:
        """Stop every member; whether a scan found them all stopped, or `asleep` in the kernel and about to stop."""
        return any(all(stands_still(member, asleep) for member in self.signal(signal.SIGSTOP)) for _ in range(PASSES))

    def resume(self) -> None:
        """Let every member go on."""
        self.signal(signal.SIGCONT)

    def kill(self) -> int:
        """Send SIGKILL until a scan finds no member, for a few scans; the number found by the last."""
        for _ in range(PASSES):
            members = self.signal(signal.SIGKILL)
            if not members:
                break
        return len(members)

    def _signal_group(self, number: int) -> bool:
        if self.descriptor < 0:
            return False
        try:
            signal.pidfd_send_signal(self.descriptor, number, None, PIDFD_SIGNAL_PROCESS_GROUP)
        except OSError:
            return False
        return True


def stands_still(member: ProcessInfo, asleep: bool) -> bool:
    """Whether it is stopped; or, if `asleep` counts, will stop before it runs another instruction of its own.

    A parent in vfork sleeps so until its child, which may be stopped itself, has called exec.
    """
    return member.state in STOPPED or (asleep and member.state == "D" and has_pending(member.pid, signal.SIGSTOP))


def has_no_child() -> bool:
    """Whether the runner has no child left, living or unreaped."""
    try:
        os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
    except ChildProcessError:
        return True
    return False


def children(pid: int) -> list[int]:
    """The children of every thread of a process, living or unreaped; none when it is gone.

    One stays on the kernel's list until its parent reaps it, and new ones come last: so the runner's list of its own
    misses none. What is left of a run is such a child, or below one.
    """
    found: list[int] = []
    try:
        for thread in os.listdir(f"/proc/{pid}/task"):
            with suppress(FileNotFoundError, ProcessLookupError), open(f"/proc/{pid}/task/{thread}/children") as file:
                found += map(int, file.read().split())
    except (FileNotFoundError, ProcessLookupError):
        pass
    return found


class Pausing:
    """Stops a tree: again and again, until a scan finds no running member."""

    def __init__(self, loop: Loop, tree: Tree, stopped: Handler) -> None:
        self.loop = loop
        self.tree = tree
        self.stopped = stopped
        self.wait = FIRST_PAUSE
        self.timer: Timer | None = None

    def step(self) -> None:
        self.timer = None
        # Most sleep only for a moment; it is taken for still once it has lasted.
        if self.tree.stop(asleep=self.wait > ASLEEP_AFTER):
            self.stopped()
        else:
            self.timer = self.loop.call_later(self.wait, self.step)
            self.wait = min(self.wait * 2, LONGEST_PAUSE)

    def cancel(self) -> None:
        if self.timer is not None:
            self.timer.cancel()


class Ending:
    """Ends a tree: after `patience` with SIGTERM, after another `grace` with SIGKILL, until it is gone."""

    def __init__(self, loop: Loop, tree: Tree, patience: float, grace: float, stuck: Callable[[int], None]) -> None:
        self.loop = loop
        self.tree = tree
        self.grace = grace
        self.stuck = stuck
        self.ended = 0
        """Members besides the leader that were there when the first signal was sent."""
        self.wait = FIRST_PAUSE
        self.killing_since: float | None = None
        self.timer: Timer | None = None
        if patience > 0:
            self.timer = loop.call_later(patience, self._terminate)
        else:
            self._terminate()

    def cancel(self) -> None:
        if self.timer is not None:
            self.timer.cancel()

    def _terminate(self) -> None:
        # A stopped process acts on SIGTERM only once it is continued.
        members = self.tree.signal(signal.SIGTERM, signal.SIGCONT)
        self.ended = sum(member.pid != self.tree.leader for member in members)
        self.timer = self.loop.call_later(self.grace, self._kill)

    def _kill(self) -> None:
        now = self.loop.clock.monotonic()
        if self.killing_since is None:
            self.killing_since = now
        left = self.tree.kill()
        if left and now - self.killing_since >= STUCK_AFTER:
            self.killing_since = now
            self.stuck(left)
        self.timer = self.loop.call_later(self.wait, self._kill)
        self.wait = min(self.wait * 2, LONGEST_PAUSE)
