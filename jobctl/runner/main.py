"""The runner's process: a queue of runs, one at a time, in the daemon's hands for as long as there is one."""

from __future__ import annotations

import os
import socket
import sys
import traceback
from collections import deque
from contextlib import suppress
from typing import Final

from jobctl.clock import system_clock
from jobctl.processes import collect_seldom, set_subreaper
from jobctl.runner import command
from jobctl.runner.begun import Begun
from jobctl.runner.callable import Call
from jobctl.runner.feed import Feed
from jobctl.runner.interpreter import Worker
from jobctl.runner.journal import Journal, begun_path
from jobctl.runner.loop import Loop, Timer, wake_on_children
from jobctl.runner.outcome import Exit
from jobctl.runner.peers import Peer, Peers, listen
from jobctl.runner.protocol import PROTOCOL, Message, text
from jobctl.runner.report import Reports
from jobctl.runner.run import Run
from jobctl.runner.spawn import Spawner, SpawnPostponed
from jobctl.runner.task import Task
from jobctl.runner.work import Definition, Work

WRITE_AGAIN_AFTER: Final = 1.0
MAX_TOGETHER: Final = 2 * 1024 * 1024
"""Characters of results that one hello carries."""


class Runner:
    def __init__(self, home: str, runner: str, first: socket.socket) -> None:
        self.home = home
        self.runner = runner
        self.clock = system_clock()
        self.loop = Loop(self.clock)
        self.spawner = Spawner()
        self.directory = os.path.join(home, "run")
        self.journal = Journal(os.path.join(self.directory, f"{runner}.journal"), runner)
        self.begun: Begun | None = None
        self.own_variables = {"JOBCTL_HOME": home, "JOBCTL_RUN": runner}
        self.definitions: dict[int, Definition] = {}
        self.queue: deque[Work] = deque()
        self.ends: list[str] = []
        """Texts of quick successes that are not recorded yet: all that come in one turn become one record."""
        self.current: Run | None = None
        self.worker: Worker | None = None
        self.feed = Feed(self)
        self.told_to_exit = False
        self.write_again: Timer | None = None
        self.trouble = ""
        """Why the journal could not be written."""
        self.peers = Peers(self.loop, self, listen(self.directory, f"{runner}.sock"), first)
        wake_on_children(self.loop, self.children_ended)

    def run(self) -> None:
        """Work until nothing is running and the daemon is gone or said so."""
        wait = False
        while not self.is_done():
            self.loop.turn(wait=wait)
            self.record_ends()
            self.bury_worker()
            wait = not self.advance()
            self.flush_journal()
            self.peers.flush()
            self.journal.tidy(self.feed.on_record)
        with suppress(FileNotFoundError):
            os.unlink(os.path.join(self.directory, f"{self.runner}.sock"))

    def is_done(self) -> bool:
        """Whether nothing is left to do; a worker is sent home first."""
        if self.is_busy() or (self.peers.daemon is not None and not self.told_to_exit):
            return False
        self.queue.clear()
        self.retire_worker()
        return self.worker is None and not self.journal.unwritten

    def is_busy(self) -> bool:
        return self.current is not None or bool(self.feed.held)

    # The queue

    def advance(self) -> bool:
        """Begin what can begin; whether more might at once."""
        if self.current is not None or not self.queue or self.peers.daemon is None:
            return False
        worker = self.worker
        if worker is not None and worker.ending is not None:
            return False
        work = self.queue[0]
        if work.definition.callable is not None and worker is not None:
            if not worker.fresh and self.feed.fill(worker):
                return False
            if not worker.is_current() or not worker.suits(work.definition):
                self.retire_worker()
                return self.worker is None
        if not self.feed.held:
            self.begin_next()
        return not self.is_busy()

    def begin_next(self) -> None:
        work = self.queue.popleft()
        run = Run(self, work)
        run.begin_text = self.note_begin(work, run.began, self.worker is None and work.definition.shares_worker)
        if not self.flush_journal():
            self.journal.withdraw()
            self.give_back(run, "cannot write the journal: " + self.trouble)
            return
        self.current = run
        self.begin(run)

    def begin(self, run: Run) -> None:
        try:
            run.begin()
        except SpawnPostponed as error:
            self.current = None
            self.give_back(run, str(error))

    def begin_again(self, run: Run) -> None:
        self.worker = None
        self.begin(run)

    def start_task(self, run: Run, environment: dict[str, str]) -> Task:
        """The task of `run`, started. Raises SpawnFailed or SpawnPostponed."""
        if run.work.definition.callable is None:
            spared = self.worker.tree.leader if self.worker is not None else None
            return command.start(self.loop, self.spawner, run.work, environment, spared, run.settle)
        if self.worker is None:
            self.worker = Worker(self.loop, self.spawner, run.work.definition, self.cell())
        self.feed.number(run.work)
        task = Call(self.worker, run)
        self.worker.give(run.work, run.data_file)
        return task

    def cell(self) -> Begun:
        """Where workers say what they begin. Raises SpawnPostponed."""
        if self.begun is None:
            try:
                self.begun = Begun(begun_path(self.journal.path))
            except OSError as error:
                raise SpawnPostponed(f"cannot write beside the journal: {error.strerror}") from None
        return self.begun

    def take_over(self, work: Work, worker: Worker, began: int, reports: Reports | None) -> Call:
        """Go on as a Run with what was fed to the worker and has begun."""
        run = self.current = Run(self, work, began)
        if reports is None:
            run.begin_text = self.note_begin(work, began)
        else:
            run.go_on_reporting(reports)
        task = Call(worker, run)
        run.take_over(task)
        return task

    def give_back(self, run: Run, message: str) -> None:
        self.record({"k": "unbegun", **run.names, "message": message})

    def ended(self, run: Run, result: Message) -> None:
        if run is self.current:
            self.current = None
        if isinstance(run.task, Call) and not run.task.keeps_worker:
            self.worker = None
        cold = isinstance(run.task, Call) and not run.task.warm and run.work.definition.shares_worker
        self.record_end(run.names, run.work.attempt, run.began, result, cold)

    def ended_quietly(self, work: Work, began: int, result: Message) -> None:
        self.record_end(work.names, work.attempt, began, result)

    # Records: journaled before the daemon is told, all of a turn in one go

    def record_end(self, names: Message, attempt: int, began: int, result: Message, cold: bool = False) -> None:
        special: Message = {"cold": True} if cold else {}
        self.record({"k": "end", **names, "attempt": attempt, "at": began, "outcome": result, **special})

    def record_ends(self) -> None:
        """Record the quick successes; before anything else is recorded or told, so that the order is kept."""
        if self.ends:
            ends, self.ends = self.ends, []
            self.peers.send(self.journal.add_ends(ends))

    def record(self, record: Message) -> None:
        self.record_ends()
        self.peers.send(self.journal.add(record))

    def note_begin(self, work: Work, began: int, cold: bool = False) -> bytes:
        """Record a begin without telling it."""
        self.record_ends()
        special: Message = {"cold": True} if cold else {}
        return self.journal.add({"k": "begin", **work.names, "attempt": work.attempt, "at": began, **special})

    def flush_journal(self) -> bool:
        """Write what was recorded; False when not all could be, which is tried again."""
        self.record_ends()
        if not self.journal.unwritten:
            return True
        try:
            self.journal.flush()
            if self.peers.daemon is None:
                self.journal.sync()
            return True
        except OSError as error:
            self.trouble = error.strerror or str(error)
            self.keep_writing()
            return False

    def keep_writing(self) -> None:
        if self.write_again is None:
            self.write_again = self.loop.call_later(WRITE_AGAIN_AFTER, self.write_unwritten)

    def write_unwritten(self) -> None:
        self.write_again = None
        try:
            self.journal.flush()
            self.journal.sync()
        except OSError:
            self.keep_writing()

    # The daemon and clients

    def send(self, message: Message) -> None:
        self.tell(text(message))

    def tell(self, encoded: bytes) -> None:
        """Send the daemon a message whose JSON text is given."""
        self.record_ends()
        self.peers.send(encoded)

    def is_crowded(self) -> bool:
        return self.peers.daemon is not None and self.peers.daemon.crowded

    def greeted(self, daemon: Peer) -> None:
        self.feed.collect()
        self.record_ends()
        self.definitions.clear()
        self.feed.forget()
        if self.current is not None:
            self.current.begin_text = None
        hello = {
            "k": "hello",
            "protocol": PROTOCOL,
            "runner": self.runner,
            "pid": os.getpid(),
            "current": None if self.current is None else self.current.describe(),
            "queued": [work.sequence for work in self.queue],
        }
        records = [record for _, record in self.journal.unacked]
        # Many large results do not fit into one frame; records are understood by themselves too.
        fits = sum(map(len, records)) < MAX_TOGETHER
        told = b",".join(records) if fits else b""
        others = [encoded for encoded in daemon.texts if encoded not in records]
        daemon.texts[:] = [text(hello)[:-1] + b',"records":[' + told + b"]}", *([] if fits else records), *others]

    def left_alone(self) -> None:
        self.feed.forget()
        self.feed.collect()
        self.flush_journal()
        if self.journal.unacked:
            with suppress(OSError):
                self.journal.sync()

    def told(self, message: Message) -> None:
        try:
            self.obey(message)
        except (LookupError, TypeError, ValueError):
            traceback.print_exc()  # a daemon's mistake must not cost the run in hand

    def obey(self, message: Message) -> None:
        match message["k"]:
            case "work":
                self.told_to_exit = False
                definitions = self.definitions
                self.queue.extend([Work(definitions[row[0]], row) for row in message["runs"]])
                self.journal.acknowledge(message.get("acked", 0))
            case "prepare":
                self.feed.prepare([Work(self.definitions[row[0]], row) for row in message["runs"]])
                self.journal.acknowledge(message.get("acked", 0))
            case "go":
                self.told_to_exit = False
                self.feed.go()
            case "forget":
                self.feed.forget()
            case "define":
                self.definitions[message["key"]] = Definition(message["work"], self.own_variables)
            case "ack":
                self.journal.acknowledge(message["upto"])
            case "take_back":
                self.send({"k": "returned", "sequences": self.drop(message["sequences"])})
            case "pause" | "continue" | "cancel":
                self.steer(message)
            case "exit":
                self.told_to_exit = not self.is_busy() and not self.queue

    def drop(self, sequences: list[int]) -> list[int]:
        """Forget those that have not begun; their numbers."""
        wanted = set(sequences)
        if any(work.sequence in wanted for work in self.feed.held):
            self.feed.collect()
        dropped = [work.sequence for work in self.queue if work.sequence in wanted]
        self.queue = deque([work for work in self.queue if work.sequence not in wanted])
        return dropped

    def steer(self, message: Message) -> None:
        sequence = message["sequence"]
        if any(work.sequence == sequence for work in self.feed.held):
            self.feed.collect()
        run = self.current
        if run is None or run.work.sequence != sequence:
            self.steer_queued(message, next((work for work in self.queue if work.sequence == sequence), None))
        elif message["k"] == "pause":
            run.pause()
        elif message["k"] == "continue":
            run.resume(message["claim"])
        else:
            run.cancel(message["reason"])

    def steer_queued(self, message: Message, work: Work | None) -> None:
        if work is None or message["k"] == "continue":
            return
        self.drop([work.sequence])
        if message["k"] == "pause":
            self.send({"k": "returned", "sequences": [work.sequence]})
            return
        # Never begun, and never to begin: that is an end.
        run = Run(self, work)
        run.cancel(message["reason"])
        run.abandon()

    def reported(self, message: Message) -> bool:
        if any(work.sequence == message.get("sequence") for work in self.feed.held):
            self.feed.collect()
        if self.current is None or self.current.work.sequence != message.get("sequence"):
            return False
        self.current.reports.take(message.get("progress"), message.get("stage"), message.get("message"))
        return True

    # Children

    def children_ended(self) -> None:
        self.reap()
        if self.current is not None:
            self.current.children_ended()
        self.bury_worker()

    def retire_worker(self) -> None:
        """Have the idle worker end."""
        if self.worker is not None and self.worker.ending is None:
            self.worker.retire()
            self.bury_worker()

    def bury_worker(self) -> None:
        if self.worker is not None and self.worker.ending is not None and self.worker.tree.is_gone():
            self.worker.close()
            self.worker = None

    def reap(self) -> None:
        """Take the wait status of every child that ended, the run's and those that came to the subreaper."""
        while True:
            try:
                ended = os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG)
            except ChildProcessError:
                return
            if ended is None:
                return
            exited = Exit(ended.si_status, None) if ended.si_code == os.CLD_EXITED else Exit(None, ended.si_status)
            if self.feed.held and self.worker is not None and self.worker.tree.leader == ended.si_pid:
                self.feed.worker_ended(self.worker)
            if self.current is not None and self.current.task is not None:
                self.current.task.child_ended(ended.si_pid, exited)
            if self.worker is not None and self.worker.tree.leader == ended.si_pid:
                self.lose_worker(self.worker)

    def lose_worker(self, worker: Worker) -> None:
        """A worker has ended; unless its own run sees to that, let go of it."""
        task = self.current.task if self.current is not None else None
        if isinstance(task, Call) or worker.ending is not None:
            return
        if task is not None:
            task.tree.spared = None
        worker.close()
        self.worker = None


def main() -> None:
    """Run as `main.py HOME RUNNER_ID FD`; FD is the daemon's first connection."""
    home, runner, descriptor = sys.argv[1:4]
    os.umask(0o077)
    os.set_inheritable(int(descriptor), False)
    set_subreaper()
    collect_seldom()
    try:
        owner = Runner(home, runner, socket.socket(fileno=int(descriptor)))
    except OSError as error:  # the home is being deleted, or its disk is full
        raise SystemExit(f"jobctl: a runner cannot start in {home}: {error.strerror}") from None
    owner.run()
