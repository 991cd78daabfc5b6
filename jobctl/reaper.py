"""Ends what dead runners left behind, and collects children that ended."""

from __future__ import annotations

import os
import signal
from collections.abc import Mapping

from jobctl import processes
from jobctl.assignment import Runner
from jobctl.processes import ProcessInfo


class Reaper:
    """Knows which processes belonged to a runner; the daemon is a subreaper, so orphans come to it."""

    def __init__(self, runners: Mapping[str, Runner]) -> None:
        self.runners = runners
        # Children from before this became a daemon (`sleep 9 & exec jobctl daemon`) are none of its runs.
        self.inherited = {info.pid for info in processes.scan() if info.ppid == os.getpid()}
        # As PID 1 it is given everybody's orphans.
        self.is_init = os.getpid() == 1

    def end(self, runner: Runner) -> bool:
        """Kill what is left of a dead runner and its runs; whether nothing is left."""
        self.reap()
        if runner.identity.boot_id != processes.boot_id():
            return True
        if processes.signal_if_same(runner.identity, signal.SIGKILL):
            return False
        left = self.members(runner)
        left += [orphan for orphan in self.orphans(runner) if orphan not in left]
        for member in left:
            processes.signal_member(member, signal.SIGKILL)
        if not left:
            self.reap()  # what died since the first time: nobody looks for it later
        return not left

    def members(self, runner: Runner) -> list[ProcessInfo]:
        """The living processes of its session and those that carry its mark."""
        found = processes.members_of_run(runner.identity.pid if runner.seen_alive else -1, runner.id)
        return [info for info in found if info.pid != os.getpid()]

    def orphans(self, runner: Runner) -> list[ProcessInfo]:
        """Children of this process that are no runner and may have been the dead runner's, by any sign."""
        if self.is_init:
            return []
        others = [other for other in self.runners.values() if other is not runner]
        sessions = {other.identity.pid for other in others if other.seen_alive}
        marks = [f"\0JOBCTL_RUN={other.id}\0".encode() for other in others]
        return [
            info
            for info in self._foreign_children()
            if info.state not in processes.DEAD
            and info.session not in sessions
            and not any(mark in processes.environment(info.pid) for mark in marks)
        ]

    def _foreign_children(self) -> list[ProcessInfo]:
        known = {runner.identity.pid for runner in self.runners.values() if runner.process is not None}
        known |= self.inherited
        me = os.getpid()
        return [info for info in processes.scan() if info.ppid == me and info.pid not in known]

    def reap(self) -> None:
        """Collect children that ended, runners and orphans alike."""
        for runner in self.runners.values():
            if runner.process is not None:
                runner.process.poll()
        for info in self._foreign_children():
            if info.state == "Z":
                try:
                    os.waitpid(info.pid, os.WNOHANG)
                except ChildProcessError:
                    pass
