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
from jobctl.processes import set_subreaper
from jobctl.runner import command
from jobctl.runner.callable import Call, Worker
from jobctl.runner.journal import Journal
from jobctl.runner.loop import Loop, Timer, wake_on_children
from jobctl.runner.outcome import Exit
from jobctl.runner.peers import Peer, Peers, listen
from jobctl.runner.protocol import PROTOCOL, Message, Work
from jobctl.runner.run import Run
from jobctl.runner.spawn import Spawner, SpawnPostponed
from jobctl.runner.task import Task

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
        self.queue: deque[Work] = deque()
        self.current: Run | None = None
        self.worker: Worker | None = None
        self.told_to_exit = False
        self.write_again: Timer | None = None
        self.peers = Peers(self.loop, self, listen(self.directory, f"{runner}.sock"), first)
        wake_on_children(self.loop, self.children_ended)

    def run(self) -> None:
        """Work until nothing is running and the daemon is gone or said so."""
        while not self.is_done():
            self.bury_worker()
            self.loop.turn(wait=not self.can_begin())
            if self.can_begin():
                self.begin_next()
            self.peers.flush()
        with suppress(FileNotFoundError):
            os.unlink(os.path.join(self.directory, f"{self.runner}.sock"))

    def is_done(self) -> bool:
        """Whether nothing is left to do; a worker is sent home first."""
        if self.current is not None or (self.peers.daemon is not None and not self.told_to_exit):
            return False
        self.queue.clear()
        self.retire_worker()
        return self.worker is None and not self.journal.unwritten

    # The queue

    def can_begin(self) -> bool:
        retiring = self.worker is not None and self.worker.ending is not None
        return self.current is None and bool(self.queue) and self.peers.daemon is not None and not retiring

    def begin_next(self) -> None:
        work = self.queue[0]
        if work["kind"] == "callable" and self.worker is not None and not self.suits(self.worker, work):
            self.retire_worker()
            return
        self.queue.popleft()
        run = Run(self, work)
        begin = {"k": "begin", **run.names, "attempt": work["attempt"], "at": run.began}
        try:
            self.record(begin)
        except OSError as error:
            self.journal.forget_last()
            self.give_back(run, f"cannot write the journal: {error.strerror}")
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

    def suits(self, worker: Worker, work: Work) -> bool:
        return worker.serves(work, {**work["environment"], "JOBCTL_RUN": self.runner})

    def start_task(self, run: Run, environment: dict[str, str]) -> Task:
        """The task of `run`, started. Raises SpawnFailed or SpawnPostponed."""
        if run.work["kind"] == "command":
            spared = self.worker.tree.leader if self.worker is not None else None
            return command.start(self.loop, self.spawner, run.work, environment, spared, run.settle)
        if self.worker is None:
            self.worker = Worker(self.loop, self.spawner, run.work, environment)
        return Call(self.worker, run, environment)

    def give_back(self, run: Run, message: str) -> None:
        with suppress(OSError):
            self.record({"k": "unbegun", **run.names, "message": message})

    def ended(self, run: Run, result: Message) -> None:
        if run is self.current:
            self.current = None
        if isinstance(run.task, Call) and not run.task.keeps_worker:
            self.worker = None
        with suppress(OSError):
            self.record({"k": "end", **run.names, "attempt": run.work["attempt"], "outcome": result})

    def record(self, record: Message) -> None:
        """Journal first, then tell the daemon. Raises OSError; the record is then told all the same."""
        try:
            self.journal.append(record)
            if self.peers.daemon is None:
                self.journal.sync()
        except OSError:
            self.keep_writing()
            if record["k"] == "begin":
                raise
        self.send(record)

    def keep_writing(self) -> None:
        if self.write_again is None:
            self.write_again = self.loop.call_later(WRITE_AGAIN_AFTER, self.write_unwritten)

    def write_unwritten(self) -> None:
        self.write_again = None
        try:
            self.journal.retry()
            self.journal.sync()
        except OSError:
            self.keep_writing()

    # The daemon and clients

    def send(self, message: Message) -> None:
        self.peers.send(message)

    def is_crowded(self) -> bool:
        return self.peers.daemon is not None and self.peers.daemon.crowded

    def greeted(self, daemon: Peer) -> None:
        hello = {
            "k": "hello",
            "protocol": PROTOCOL,
            "runner": self.runner,
            "pid": os.getpid(),
            "current": None if self.current is None else self.current.describe(),
            "queued": [work["sequence"] for work in self.queue],
        }
        records = self.journal.unacked
        # Many large results do not fit into one frame; records are understood by themselves too.
        fits = sum(len(record["outcome"]["result"] or "") for record in records if record["k"] == "end") < MAX_TOGETHER
        daemon.send({**hello, "records": records if fits else []})
        if not fits:
            for record in records:
                daemon.send(record)

    def left_alone(self) -> None:
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
                self.queue.extend(message["runs"])
                self.journal.acknowledge(message.get("acked", 0))
            case "ack":
                self.journal.acknowledge(message["upto"])
            case "take_back":
                self.send({"k": "returned", "sequences": self.drop(message["sequences"])})
            case "pause" | "continue" | "cancel":
                self.steer(message)
            case "exit":
                self.told_to_exit = self.current is None and not self.queue

    def drop(self, sequences: list[int]) -> list[int]:
        """Forget those that have not begun; their numbers."""
        dropped = [work["sequence"] for work in self.queue if work["sequence"] in sequences]
        self.queue = deque(work for work in self.queue if work["sequence"] not in dropped)
        return dropped

    def steer(self, message: Message) -> None:
        sequence = message["sequence"]
        run = self.current
        if run is None or run.work["sequence"] != sequence:
            self.steer_queued(message, next((work for work in self.queue if work["sequence"] == sequence), None))
        elif message["k"] == "pause":
            run.pause()
        elif message["k"] == "continue":
            run.resume(message["claim"])
        else:
            run.cancel(message["reason"])

    def steer_queued(self, message: Message, work: Work | None) -> None:
        if work is None or message["k"] == "continue":
            return
        self.drop([work["sequence"]])
        if message["k"] == "pause":
            self.send({"k": "returned", "sequences": [work["sequence"]]})
            return
        # Never begun, and never to begin: that is an end.
        run = Run(self, work)
        run.cancel(message["reason"])
        run.abandon()

    def reported(self, message: Message) -> bool:
        if self.current is None or self.current.work["sequence"] != message.get("sequence"):
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
    set_subreaper()
    Runner(home, runner, socket.socket(fileno=int(descriptor))).run()
