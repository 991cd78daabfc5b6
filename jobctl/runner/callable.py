"""A callable as the task of a run: a request to a worker, an interpreter kept warm between runs."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from typing import Final, Protocol

from jobctl.errors import BadInput
from jobctl.jsontext import check_json
from jobctl.runner import outcome
from jobctl.runner.loop import Loop, Timer
from jobctl.runner.outcome import SUCCEEDED, Exit, Verdict
from jobctl.runner.output import Output
from jobctl.runner.peers import Peer
from jobctl.runner.protocol import Message, Work
from jobctl.runner.report import Reports, clean
from jobctl.runner.spawn import Spawner, SpawnPostponed
from jobctl.runner.tree import Ending, Tree

SCRIPT: Final = os.path.join(os.path.dirname(os.path.abspath(__file__)), "worker.py")
REASONS: Final = frozenset(
    {"import", "arguments", "exception", "memory", "no_result", "result_too_large", "spawn"},
)
GRACE: Final = 0.5
EXIT_AFTER_EOF: Final = 0.2
"""Seconds in which a worker that closed its connection should show how it ended."""


class Worker:
    """An interpreter of the user's, in its own process group, that runs one callable at a time."""

    def __init__(self, loop: Loop, spawner: Spawner, work: Work, environment: dict[str, str]) -> None:
        """Raises SpawnFailed or SpawnPostponed."""
        self.loop = loop
        self.key = key(work, environment)
        self.files: dict[str, tuple[int, int]] = {}
        """Modification time (ns) and size of each user file it imported."""
        self.fresh = True
        self.call: Call | None = None
        self.ending: Ending | None = None
        try:
            ours, theirs = socket.socketpair()
        except OSError as error:
            raise SpawnPostponed(f"cannot start a worker: {error.strerror}") from None
        with theirs:
            argv = [work["python"], SCRIPT, str(theirs.fileno()), *work["path"]]
            try:
                child = spawner.start(argv, work["cwd"], work["umask"], self.key[3], (theirs.fileno(),))
            except BaseException:
                ours.close()
                raise
        self.tree = Tree(child.pid)
        self.output = Output(loop, child.stdout, child.stderr)
        self.peer = Peer(loop, ours, self._heard)
        self.peer.lost = self._lost

    def serves(self, work: Work, environment: dict[str, str]) -> bool:
        """Whether that run would find exactly what a new worker would give it."""
        if not self.peer.open or self.key != key(work, environment) or (work["isolate"] and not self.fresh):
            return False
        return all(fingerprint(path) == known for path, known in self.files.items())

    def retire(self) -> None:
        """Let the interpreter end, and see to it that it does."""
        self.peer.close()
        if self.ending is None:
            self.ending = Ending(self.loop, self.tree, GRACE, GRACE, lambda processes: None)

    def close(self) -> None:
        """Let go of a worker that is gone."""
        if self.ending is not None:
            self.ending.cancel()
        self.peer.close()
        self.output.close()
        self.tree.close()

    def _heard(self, peer: Peer, message: Message) -> None:
        if self.call is not None:
            self.call.heard(message)

    def _lost(self, peer: Peer) -> None:
        if self.call is not None:
            self.call.lost()


class Caller(Protocol):
    """The run that a call is for."""

    work: Work
    reports: Reports

    def begin_again(self) -> None: ...

    def settle(self, verdict: Verdict, *, gone: bool) -> None: ...


class Call:
    patience: Final = GRACE
    """Seconds a worker that is not kept has to end by itself, for handlers of its exit."""

    def __init__(self, worker: Worker, run: Caller, environment: dict[str, str]) -> None:
        self.worker = worker
        self.run = run
        self.work = work = run.work
        self.output = worker.output
        self.tree = worker.tree
        self.exit = outcome.UNKNOWN
        self.warm = not worker.fresh
        self.begun = False
        """Whether the worker has taken the run up: until then, nothing of it has happened."""
        self.tainted = False
        self.keeps_worker = False
        self.waiting: Timer | None = None
        worker.call = self
        worker.fresh = False
        names = ("callable", "data", "cwd", "umask", "sequence", "id", "job", "attempt")
        request = {name: work[name] for name in names}  # type: ignore[literal-required]
        worker.peer.send({"k": "run", **request, "environment": own_variables(environment)})
        worker.peer.flush()

    def child_ended(self, pid: int, exited: Exit) -> None:
        if pid == self.tree.leader:
            self.exit = exited
            self.look()
            if self.warm and not self.begun and not self.tainted:
                self.run.begin_again()
            else:
                self._settle(outcome.of_worker(exited))

    def look(self) -> None:
        while self.worker.peer.open and self.worker.peer.read():
            pass

    def close(self) -> None:
        self.worker.call = None
        if self.waiting is not None:
            self.waiting.cancel()
        if not self.keeps_worker:
            self.worker.close()

    def heard(self, message: Message) -> None:
        if message.get("k") == "begun":
            self.begun = True
        elif message.get("k") == "report":
            self.run.reports.take(message.get("progress"), message.get("stage"), message.get("message"))
        elif message.get("k") == "end":
            try:
                verdict = verdict_of(message)
                self.worker.files.update(files_of(message))
                self.keeps_worker = self._may_keep(message)
            except (LookupError, TypeError, ValueError, OverflowError, BadInput):
                verdict = outcome.failed("no_result", "the worker's answer makes no sense")
            if not self.keeps_worker:
                self.worker.call = None
                self.worker.peer.close()
            self._settle(verdict)

    def lost(self) -> None:
        """The connection ended without an answer: how the process ends says why."""

        def give_up() -> None:
            self._settle(outcome.failed("no_result", "the callable closed the worker's connection"))

        self.waiting = self.worker.loop.call_later(EXIT_AFTER_EOF, give_up)

    def _may_keep(self, message: Message) -> bool:
        if not message["keep"] or self.work["isolate"] or self.tainted:
            return False
        # The worker cannot see children of its children; only one that had children can have left any.
        return not message["children"] or len(self.tree.members()) == 1

    def _settle(self, verdict: Verdict) -> None:
        self.run.settle(verdict, gone=self.keeps_worker)


def verdict_of(message: Message) -> Verdict:
    """What the worker says, made harmless: user code shares its process."""
    reason, result = message.get("reason"), message.get("result")
    if reason is not None or not isinstance(result, str):
        verdict = outcome.failed(reason if reason in REASONS else "no_result", clean(str(message.get("message"))))
    else:
        check_json(result)  # user code shares the worker's process, and may have spoken in its place
        verdict = Verdict(SUCCEEDED, result=result)
    return outcome.with_leftovers(verdict, int(message["threads"]), "thread", "threads")


def files_of(message: Message) -> Iterator[tuple[str, tuple[int, int]]]:
    """The user files that the worker says it imported. Raises ValueError or TypeError."""
    for path, time, size in message["files"]:
        if "\0" in path:
            raise ValueError("a path holds a NUL")
        yield path, (int(time), int(size))


def key(work: Work, environment: dict[str, str]) -> tuple[str, list[str], str, dict[str, str]]:
    """What must be equal for two runs to share a worker."""
    shared = {name: value for name, value in environment.items() if not name.startswith("JOBCTL_")}
    return work["python"], work["path"], work["cwd"], {**shared, "JOBCTL_RUN": environment["JOBCTL_RUN"]}


def own_variables(environment: dict[str, str]) -> dict[str, str]:
    """The variables that differ from run to run."""
    return {name: value for name, value in environment.items() if name.startswith("JOBCTL_")}


def fingerprint(path: str) -> tuple[int, int] | None:
    """What changes when a file does; None when it is gone."""
    try:
        found = os.stat(path)
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size
