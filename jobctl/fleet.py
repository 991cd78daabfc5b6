"""The daemon's runners: started, spoken to, adopted after a restart, and accounted for when they are gone."""

from __future__ import annotations

import logging
import os
import selectors
import socket
import subprocess
import sys
from collections import deque
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from jobctl import processes
from jobctl.assignment import Assignment, Runner
from jobctl.clock import Clock
from jobctl.config import Config
from jobctl.processes import Identity
from jobctl.reaper import Reaper
from jobctl.runner import journal
from jobctl.runner.protocol import PROTOCOL, FrameReader, encode

log = logging.getLogger("jobctl")

Message = dict[str, Any]
PACKAGE_PARENT = str(Path(__file__).resolve().parent.parent)
BOOT = "import sys; sys.path.insert(0, sys.argv.pop(1)); from jobctl.runner.main import main; main()"
GREETING_WITHIN = 10.0
"""Seconds for which claiming waits until an adopted runner has said what it holds."""
CROWDED = 256
"""Messages that could not be stored yet, above which older reports of a run are dropped."""
FILES = (".sock", ".journal", ".journal.new", ".begun")
"""How the names of runners' files end."""
STUCK_AFTER = 60.0
"""Seconds that a process may survive SIGKILL before its slot is given back."""


class Fleet:
    """All runners of this daemon, on one selector with the daemon's other descriptors."""

    def __init__(self, config: Config, clock: Clock, generation: int) -> None:
        self.config = config
        self.clock = clock
        self.generation = generation
        self.selector = selectors.DefaultSelector()
        self.runners: dict[str, Runner] = {}
        self.inbox: deque[tuple[Runner, Message]] = deque()
        self.pressing = False
        """Whether the inbox holds something else than ends."""
        self.reaper = Reaper(self.runners)

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
        runner = Runner(runner_id, processes.identity(process.pid), None, os.pidfd_open(process.pid), process)
        self._watch(runner)
        self._join(runner, mine)
        return runner

    def adopt(self, runner_id: str, identity: Identity, protocol: int = PROTOCOL) -> None:
        """Take over a runner that an earlier daemon started, or what it left behind."""
        pidfd = -1
        if processes.alive(identity):
            try:
                pidfd = os.pidfd_open(identity.pid)
            except OSError:
                pidfd = -1
        runner = Runner(runner_id, identity, None, pidfd, stored=True, greeted=False, protocol=protocol)
        runner.adopted_at = self.clock.monotonic()
        self._watch(runner)
        self._await_greeting(runner)

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
        self.runners[runner.id] = runner
        if runner.pidfd >= 0:
            runner.seen_alive = True
            self.selector.register(runner.pidfd, selectors.EVENT_READ, runner)

    def _join(self, runner: Runner, connection: socket.socket) -> None:
        connection.setblocking(False)
        runner.connection, runner.blocked = connection, False
        runner.defined.clear()
        self.selector.register(connection, selectors.EVENT_READ, runner)
        self.send(runner, {"k": "hello", "generation": self.generation, "protocol": PROTOCOL})

    # Talking

    def send(self, runner: Runner, message: Message) -> None:
        """Queue a message and send what the socket takes; the rest follows when it can."""
        runner.unsent.append(encode(message))
        self._flush(runner)

    def acknowledge(self) -> None:
        """Tell runners what of their journals is committed, unless the orders they were given did."""
        for runner in self.runners.values():
            if runner.applied > runner.acked and runner.connection is not None:
                runner.acked = runner.applied
                self.send(runner, {"k": "ack", "upto": runner.acked})

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
        if bool(runner.unsent) != runner.blocked:
            runner.blocked = bool(runner.unsent)
            events = selectors.EVENT_READ | (selectors.EVENT_WRITE if runner.blocked else 0)
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
            runner.spoke = True
            for message in runner.reader.feed(received):
                self._take_in(runner, message)
        else:
            self._disconnect(runner)
            if runner.leaving or not processes.alive(runner.identity):
                self._lose(runner)
            else:  # it hung up but lives: ask it anew what it holds
                runner.greeted, runner.adopted_at = False, self.clock.monotonic()
                runner.given.clear()
                runner.unsent.clear()
                runner.blocked, runner.recalled = False, False
                runner.reader = FrameReader()

    def _take_in(self, runner: Runner, message: Message) -> None:
        if message.get("k") == "report" and len(self.inbox) > CROWDED:  # only the last one of a run matters
            same = ("report", message.get("sequence"))
            kept = [item for item in self.inbox if (item[1].get("k"), item[1].get("sequence")) != same]
            self.inbox = deque(kept)
        kind = message.get("k")
        if kind == "ends":
            runner.unstored += len(message["rows"])
        elif kind == "end":
            runner.unstored += 1
        else:
            self.pressing = True
        self.inbox.append((runner, message))

    @property
    def has_only_ends(self) -> bool:
        """Whether there is something to record, and nothing else than ends."""
        return bool(self.inbox) and not (self.pressing or self.burying or self.waiting_for_greetings)

    @property
    def may_wait(self) -> bool:
        """Whether there is nothing but ends, of runners that have enough to do: more of them may go into one commit."""
        return self.has_only_ends and all(runner.has_plenty for runner in self.runners.values() if runner.unstored)

    def stored(self, count: int) -> None:
        """The first so many messages are."""
        for _ in range(count):
            runner, _ = self.inbox.popleft()
            runner.unstored = 0
        self.pressing = bool(self.inbox)

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
        for runner in list(self.runners.values()):
            if not runner.greeted and runner.gone_since is None:
                self._await_greeting(runner)
        return [runner for runner in self.runners.values() if runner.gone_since is not None and self.reaper.end(runner)]

    def _await_greeting(self, runner: Runner) -> None:
        """One that lives is never given up: it may be starting, or stopped; what it runs goes on without a daemon."""
        if runner.connection is None:
            connection = self._connect(runner.id)
            if connection is not None:
                self._join(runner, connection)
            elif not processes.alive(runner.identity):
                self._lose(runner)
        if self._is_silent(runner) and not runner.silence_told:
            runner.silence_told = True
            log.warning("the runner with pid %d does not answer; what it runs is left to it", runner.identity.pid)

    def _is_silent(self, runner: Runner) -> bool:
        late = self.clock.monotonic() - runner.adopted_at > GREETING_WITHIN
        return late and not runner.greeted and runner.gone_since is None

    @property
    def burying(self) -> bool:
        return any(runner.gone_since is not None for runner in self.runners.values())

    @property
    def greeting(self) -> bool:
        """Whether an adopted runner may yet say what it holds: until then nobody knows how many slots are free."""
        return any(
            not runner.greeted and runner.gone_since is None and not self._is_silent(runner)
            for runner in self.runners.values()
        )

    @property
    def waiting_for_greetings(self) -> bool:
        return any(not runner.greeted and runner.gone_since is None for runner in self.runners.values())

    def report_stuck(self) -> None:
        """Say of work whose processes survive SIGKILL, as if the dead runner had reported it; once."""
        for runner in self.runners.values():
            if self.stuck(runner) and not runner.told_stuck:
                runner.told_stuck = True
                count = len(self.reaper.members(runner))
                told = {record["sequence"]: record["k"] for record in self.records(runner) if "sequence" in record}
                ended = {sequence for sequence, kind in told.items() if kind == "end"}  # it is buried with them
                others = [given for given in runner.given.values() if given.sequence not in ended]
                held = [given for given in others if given.began or told.get(given.sequence) == "begin"]
                for given in held:
                    who = {"sequence": given.sequence, "claim": given.claim, "attempt": given.attempt}
                    self.inbox.append((runner, {"k": "stuck", "processes": count, **who}))
                free = sorted(set(runner.given) - ended - {given.sequence for given in held})
                self.inbox.append((runner, {"k": "returned", "sequences": free}))

    def patience(self) -> float:
        """Seconds until it is worth looking again whether the processes of the dead are gone."""
        waited = [self.clock.monotonic() - since for r in self.runners.values() if (since := r.gone_since) is not None]
        newest = min(waited, default=STUCK_AFTER)
        return 0.01 if newest < 1.0 else 1.0 if newest < STUCK_AFTER else 5.0

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
        self._unlink_files(runner.id)

    def clear_strays(self, held: set[int]) -> None:
        """Remove files of runners that no row names and that nobody answers for, and data of runs not in `held`."""
        names = [path.name for path in self.config.run_directory.iterdir()]
        for runner_id in {name.partition(".")[0] for name in names if name.endswith(FILES)}:
            connection = None if runner_id in ("wake", *self.runners) else self._connect(runner_id)
            if connection is not None:  # it leaves by itself: it was given nothing, or its row would be there
                connection.close()
            elif runner_id not in ("wake", *self.runners):
                self._unlink_files(runner_id)
        for name in names:
            if name.endswith(".data") and name.partition(".")[0] not in {str(sequence) for sequence in held}:
                (self.config.run_directory / name).unlink(missing_ok=True)

    def _unlink_files(self, runner_id: str) -> None:
        for path in (self.socket_path(runner_id), *map(Path, journal.files(str(self.journal_path(runner_id))))):
            path.unlink(missing_ok=True)

    def journal_path(self, runner_id: str) -> Path:
        return self.config.run_directory / f"{runner_id}.journal"

    def socket_path(self, runner_id: str) -> Path:
        return self.config.run_directory / f"{runner_id}.sock"

    # What the daemon asks

    def idle(self) -> Iterator[Runner]:
        return (runner for runner in self.runners.values() if runner.idle)

    def recall(self, runner: Runner, sequences: list[int]) -> None:
        """Ask back what was handed ahead, unless it has begun meanwhile."""
        runner.recalled = True
        self.send(runner, {"k": "take_back", "sequences": sequences})

    def of(self, sequence: int) -> tuple[Runner, Assignment] | None:
        """Who has the system job."""
        for runner in self.runners.values():
            if sequence in runner.given:
                return runner, runner.given[sequence]
        return None

    def slots_used(self) -> int:
        silent = sum(self._is_silent(runner) for runner in self.runners.values())
        return silent + sum(runner.busy for runner in self.runners.values() if not self.stuck(runner))

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
        """Let go of idle runners beyond as many as may be needed, and of those that speak another protocol."""
        strangers = [r for r in self.runners.values() if r.protocol != PROTOCOL and r.greeted and not r.given]
        for runner in [*list(self.idle())[wanted:], *strangers]:
            if not runner.leaving:
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
