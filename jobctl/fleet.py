"""The daemon's runners: started, spoken to, adopted after a restart, and accounted for when they are gone."""

from __future__ import annotations

import os
import selectors
import signal
import socket
import subprocess
import sys
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from jobctl import processes
from jobctl.clock import Clock
from jobctl.config import Config
from jobctl.processes import Identity
from jobctl.runner import journal
from jobctl.runner.protocol import PROTOCOL, FrameReader, encode

Message = dict[str, Any]
PACKAGE_PARENT = str(Path(__file__).resolve().parent.parent)
BOOT = "import sys; sys.path.insert(0, sys.argv.pop(1)); from jobctl.runner.main import main; main()"
GREETING_WITHIN = 10.0
"""Seconds that an adopted runner has to say what it holds before it is taken for dead."""
STUCK_AFTER = 60.0
"""Seconds that a process may survive SIGKILL before its slot is given back."""


@dataclass
class Assignment:
    """A system job that a runner was given."""

    sequence: int
    claim: int
    attempt: int
    began: bool = False
    paused: bool = False
    stuck: bool = False


@dataclass(eq=False)
class Runner:
    """A runner as the daemon knows it."""

    id: str
    identity: Identity
    connection: socket.socket | None
    pidfd: int
    process: subprocess.Popen[bytes] | None = None
    seen_alive: bool = False
    """Whether this daemon has known it alive: only then is its session's number its own, and no stranger's."""
    stored: bool = False
    """Whether its row is committed: no work goes to one that is not."""
    greeted: bool = True
    """Whether it has said what it holds; an adopted one is given nothing before."""
    leaving: bool = False
    applied: int = 0
    """The journal record up to which everything is committed."""
    acked: int = 0
    given: dict[int, Assignment] = field(default_factory=dict)
    reader: FrameReader = field(default_factory=FrameReader)
    unsent: deque[bytes] = field(default_factory=deque)
    adopted_at: float = 0.0
    gone_since: float | None = None
    """When it was found dead; its processes are being ended."""
    told_stuck: bool = False

    @property
    def idle(self) -> bool:
        alive = self.gone_since is None and self.connection is not None
        return alive and self.greeted and not self.given and not self.leaving


class Fleet:
    """All runners of this daemon, on one selector with the daemon's other descriptors."""

    def __init__(self, config: Config, clock: Clock, generation: int) -> None:
        self.config = config
        self.clock = clock
        self.generation = generation
        self.selector = selectors.DefaultSelector()
        self.runners: dict[str, Runner] = {}
        self.inbox: deque[tuple[Runner, Message]] = deque()
        # Children from before this became a daemon (`sleep 9 & exec jobctl daemon`) are none of its runs.
        self.inherited = {info.pid for info in processes.scan() if info.ppid == os.getpid()}

    # Starting and adopting

    def spawn(self) -> Runner:
        """Start a runner in a session of its own. Raises OSError when no process can be started."""
        runner_id = os.urandom(8).hex()
        mine, theirs = socket.socketpair()
        environment = {"PATH": os.defpath, "JOBCTL_RUN": runner_id}
        for name in ("JOBCTL_TEST", "JOBCTL_CLOCK"):
            if name in os.environ:
                environment[name] = os.environ[name]
        number = theirs.fileno()
        arguments = [PACKAGE_PARENT, str(self.config.home), runner_id, str(number)]
        try:
            process = subprocess.Popen(
                [sys.executable, "-I", "-S", "-c", BOOT, *arguments],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                pass_fds=(number,),
                cwd="/",
                env=environment,
                start_new_session=True,
            )
        except OSError:
            mine.close()
            raise
        finally:
            theirs.close()
        runner = Runner(runner_id, processes.identity(process.pid), mine, os.pidfd_open(process.pid), process)
        self._watch(runner)
        return runner

    def adopt(self, runner_id: str, identity: Identity) -> Runner:
        """Take over a runner that an earlier daemon started, or what it left behind."""
        connection = self._connect(runner_id)
        pidfd = -1
        if processes.alive(identity):
            try:
                pidfd = os.pidfd_open(identity.pid)
            except OSError:
                pidfd = -1
        runner = Runner(runner_id, identity, connection, pidfd, stored=True, greeted=False)
        runner.adopted_at = self.clock.monotonic()
        if connection is None:
            self._lose(runner)
            self.runners[runner.id] = runner
        else:
            self._watch(runner)
        return runner

    def _connect(self, runner_id: str) -> socket.socket | None:
        directory = os.open(self.config.run_directory, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        connection.settimeout(1.0)  # one that is stopped may not take another connection
        try:
            connection.connect(f"/proc/self/fd/{directory}/{runner_id}.sock")
            return connection
        except OSError:
            connection.close()
            return None
        finally:
            os.close(directory)

    def _watch(self, runner: Runner) -> None:
        assert runner.connection is not None
        runner.connection.setblocking(False)
        self.runners[runner.id] = runner
        self.selector.register(runner.connection, selectors.EVENT_READ, runner)
        if runner.pidfd >= 0:
            runner.seen_alive = True
            self.selector.register(runner.pidfd, selectors.EVENT_READ, runner)
        self.send(runner, {"k": "hello", "generation": self.generation, "protocol": PROTOCOL})

    # Talking

    def send(self, runner: Runner, message: Message) -> None:
        """Queue a message and send what the socket takes; the rest follows when it can."""
        runner.unsent.append(encode(message))
        self._flush(runner)

    def _flush(self, runner: Runner) -> None:
        if runner.connection is None:
            return
        try:
            while runner.unsent:
                sent = runner.connection.send(runner.unsent[0])
                if sent < len(runner.unsent[0]):
                    runner.unsent[0] = runner.unsent[0][sent:]
                else:
                    runner.unsent.popleft()
        except BlockingIOError:
            pass
        except OSError:  # it is gone; its end is noticed by the reading side
            runner.unsent.clear()
        events = selectors.EVENT_READ | (selectors.EVENT_WRITE if runner.unsent else 0)
        self.selector.modify(runner.connection, events, runner)

    def handle(self, runner: Runner, descriptor: object, events: int) -> None:
        """What the selector found about a runner; frames go to the inbox."""
        if descriptor is not runner.connection:
            self._died(runner)
            return
        if events & selectors.EVENT_WRITE:
            self._flush(runner)
        if events & selectors.EVENT_READ:
            self._receive(runner)

    def _receive(self, runner: Runner) -> None:
        assert runner.connection is not None
        try:
            received = runner.connection.recv(1 << 20)
        except BlockingIOError:
            return
        except OSError:
            received = b""
        if received:
            self.inbox.extend((runner, message) for message in runner.reader.feed(received))
        else:
            self._disconnect(runner)
            self._lose(runner)

    def _died(self, runner: Runner) -> None:
        self.selector.unregister(runner.pidfd)
        os.close(runner.pidfd)
        runner.pidfd = -1
        if runner.connection is not None:
            self._receive(runner)  # what it said last
        self._disconnect(runner)
        self._lose(runner)

    def _disconnect(self, runner: Runner) -> None:
        if runner.connection is not None:
            self.selector.unregister(runner.connection)
            runner.connection.close()
            runner.connection = None

    def _lose(self, runner: Runner) -> None:
        if runner.gone_since is None:
            runner.gone_since = self.clock.monotonic()

    # Accounting for the dead

    def gone(self) -> list[Runner]:
        """Runners that are dead with all their processes; only then is anything decided about their work."""
        for runner in self.runners.values():
            if not runner.greeted and self.clock.monotonic() - runner.adopted_at > GREETING_WITHIN:
                self._lose(runner)
        return [
            runner for runner in self.runners.values() if runner.gone_since is not None and not self._survivors(runner)
        ]

    def _survivors(self, runner: Runner) -> bool:
        """Kill what is left of a runner and its runs; whether anything still lives."""
        self.reap()
        if runner.identity.boot_id != processes.boot_id():
            return False
        if processes.signal_if_same(runner.identity, signal.SIGKILL):
            return True
        left = self._members(runner)
        left += [orphan for orphan in self.orphans() if orphan not in left]
        for member in left:
            try:
                os.kill(member.pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        return bool(left)

    def _members(self, runner: Runner) -> list[processes.ProcessInfo]:
        found = processes.members_of_run(runner.identity.pid if runner.seen_alive else -1, runner.id)
        return [info for info in found if info.pid != os.getpid()]

    def orphans(self) -> list[processes.ProcessInfo]:
        """Descendants that came to this process, a subreaper, when their runner died: children that are no runner."""
        return [info for info in self._foreign_children() if info.state != "Z"]

    def _foreign_children(self) -> list[processes.ProcessInfo]:
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

    @property
    def burying(self) -> bool:
        return any(runner.gone_since is not None for runner in self.runners.values())

    @property
    def greeting(self) -> bool:
        """Whether an adopted runner has not yet said what it holds."""
        return any(not runner.greeted for runner in self.runners.values())

    def newly_stuck(self) -> list[tuple[Runner, Message]]:
        """Work whose processes survive SIGKILL, as if the dead runner had reported it; said once."""
        found: list[tuple[Runner, Message]] = []
        for runner in self.runners.values():
            if self.stuck(runner) and not runner.told_stuck:
                runner.told_stuck = True
                count = len(self._members(runner))
                for given in runner.given.values():
                    who = {"sequence": given.sequence, "claim": given.claim, "attempt": given.attempt}
                    found.append((runner, {"k": "stuck", "processes": count, **who}))
        return found

    def stuck(self, runner: Runner) -> bool:
        return runner.gone_since is not None and self.clock.monotonic() - runner.gone_since > STUCK_AFTER

    def records(self, runner: Runner) -> list[Message]:
        """What a dead runner wrote down and nobody has committed yet."""
        found = journal.read(self.journal_path(runner.id))
        return [record for record in found if record.get("n", 0) > runner.applied]

    def forget(self, runner: Runner) -> None:
        """Everything of it is committed: its files go."""
        self.runners.pop(runner.id, None)
        self._disconnect(runner)
        if runner.process is not None:
            runner.process.poll()
        for path in (self.journal_path(runner.id), self.socket_path(runner.id)):
            path.unlink(missing_ok=True)

    def clear_strays(self) -> None:
        """Remove files of runners that no row names and that nobody answers for."""
        found = {path.stem for path in self.config.run_directory.iterdir()} - {"wake", *self.runners}
        for runner_id in found:
            connection = self._connect(runner_id)
            if connection is not None:  # it leaves by itself: it was given nothing, or its row would be there
                connection.close()
                continue
            self.socket_path(runner_id).unlink(missing_ok=True)
            self.journal_path(runner_id).unlink(missing_ok=True)

    def journal_path(self, runner_id: str) -> Path:
        return self.config.run_directory / f"{runner_id}.journal"

    def socket_path(self, runner_id: str) -> Path:
        return self.config.run_directory / f"{runner_id}.sock"

    # What the daemon asks

    def idle(self) -> Iterator[Runner]:
        return (runner for runner in self.runners.values() if runner.idle)

    def of(self, sequence: int) -> tuple[Runner, Assignment] | None:
        """Who has the system job."""
        for runner in self.runners.values():
            if sequence in runner.given:
                return runner, runner.given[sequence]
        return None

    def slots_used(self) -> int:
        return sum(
            not (assignment.paused or assignment.stuck)
            for runner in self.runners.values()
            if not self.stuck(runner)
            for assignment in runner.given.values()
        )

    def go_on(self, runner: Runner, sequence: int, claim: int) -> None:
        """Let a paused one continue where it was, under its new claim."""
        if sequence in runner.given:
            runner.given[sequence].paused = False
            runner.given[sequence].claim = claim
        self.send(runner, {"k": "continue", "sequence": sequence, "claim": claim})

    def dismiss(self, runner: Runner) -> None:
        """Let an idle runner go."""
        runner.leaving = True
        self.send(runner, {"k": "exit"})

    def dismiss_surplus(self, wanted: int) -> None:
        """Let go of idle runners beyond as many as may be needed."""
        for runner in list(self.idle())[wanted:]:
            self.dismiss(runner)

    def wait(self, timeout: float | None) -> list[tuple[selectors.SelectorKey, int]]:
        """What is ready on any descriptor within `timeout` seconds; runners' share is handled."""
        others = []
        for key, events in self.selector.select(timeout):
            if isinstance(key.data, Runner):
                if key.fileobj == key.data.pidfd or key.fileobj is key.data.connection:
                    self.handle(key.data, key.fileobj, events)
            else:
                others.append((key, events))
        return others

    def close(self) -> None:
        """Let go of every runner; those that run something go on without a daemon."""
        for runner in self.runners.values():
            self._disconnect(runner)
