"""The runner's side of a worker: an interpreter of the user's, kept warm between the callables it runs."""

from __future__ import annotations

import os
import select
import socket
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any, Final

from jobctl.runner.begun import RING, Begun
from jobctl.runner.loop import Loop
from jobctl.runner.output import Output
from jobctl.runner.peers import Peer
from jobctl.runner.protocol import FrameReader, ProtocolError, parse
from jobctl.runner.spawn import Spawner, SpawnPostponed
from jobctl.runner.tree import Ending, Tree
from jobctl.runner.work import Definition, Work, ordinal_of

SCRIPT: Final = os.path.join(os.path.dirname(os.path.abspath(__file__)), "worker.py")
GRACE: Final = 0.5
QUEUE: Final = 1024 * 1024
"""Bytes that requests waiting for the worker may take up in the kernel, if it allows as many."""
MOST_KNOWN: Final = 500
"""Definitions of which one worker is told."""


class Worker:
    """An interpreter in its own process group. Requests wait for it in the kernel, one per packet, where they can also
    be taken back; what it answers is heard by `answered`, and `ended` is called when it can answer no more."""

    def __init__(self, loop: Loop, spawner: Spawner, definition: Definition, begun: Begun) -> None:
        """Raises SpawnFailed or SpawnPostponed."""
        self.loop = loop
        self.begun = begun
        self.interpreter = definition.interpreter
        self.suited: Definition | None = definition
        """The definition that was found to suit it last."""
        self.files: dict[str, tuple[int, int]] = {}
        """Modification time (ns) and size of each user file it imported."""
        self.keys: dict[Definition, int] = {}
        self.known: set[Definition] = set()
        """Those whose keys the worker surely knows."""
        self.told: dict[Definition, int] = {}
        """The ordinal of the first run with which each was told that has not been taken back."""
        self.fresh = True
        self.ending: Ending | None = None
        self.answered: Callable[[Any], None] = lambda answer: None
        self.ended: Callable[[], None] = lambda: None
        self.awaited: Callable[[], None] = lambda: None
        """Called before answers are read that have come by themselves."""
        with _Ends() as ends:
            numbers = [end.fileno() for end in ends.theirs]
            events = ends.events.fileno()
            marks = f"{begun.descriptor}:{events}"
            argv = [definition.python, SCRIPT, *map(str, numbers), marks, *definition.path]
            passed = (*numbers, begun.descriptor, events)
            child = spawner.start(argv, definition.cwd, definition.umask, definition.environment, passed)
            for output in (child.stdout, child.stderr):
                ends.events.register(output, select.EPOLLIN)
            answers, self.requests, self.waiting = ends.keep()
        self.tree = Tree(child.pid)
        self.output = Output(loop, child.stdout, child.stderr)
        self.peer = Peer(loop, answers, lambda peer, answer: self.answered(answer), FrameReader(decode))
        self.peer.lost = lambda peer: self.ended()
        loop.watch(answers.fileno(), self._come)

    def _come(self) -> None:
        self.awaited()
        self.peer.read()

    def suits(self, definition: Definition) -> bool:
        """Whether a run would find what a new worker would give it, as far as its definition goes."""
        if definition is not self.suited:
            if self.interpreter != definition.interpreter:
                return False
            self.suited = definition
        return self.fresh or not definition.isolate

    def is_current(self) -> bool:
        """Whether it can take another run: it lives, and what it imported has not changed."""
        return self.peer.open and all(fingerprint(path) == known for path, known in self.files.items())

    def give(self, work: Work, data_file: str | None = None) -> bool:
        """Let a run wait for the worker; False when there is no room."""
        if data_file is None and (work.definition in self.known or self._knows(work.definition)):
            request = work.brief_request(self.keys[work.definition])
        else:
            request = work.request(self._tell(work), data_file)
        try:
            self.requests.send(request)
        except BlockingIOError:
            return False
        except OSError:
            self.peer.close()
        return True

    def _tell(self, work: Work) -> int:
        """The key for its definition, which the worker knows once it has begun this one; 0: it is to know none."""
        key = self.keys.get(work.definition, 0)
        if not key and len(self.keys) < MOST_KNOWN:
            key = self.keys[work.definition] = len(self.keys) + 1
        first = self.told.setdefault(work.definition, work.ordinal)
        if work.ordinal - first > RING // 2:  # the mark of its begin may be gone
            self.told[work.definition] = work.ordinal
        return key

    def _knows(self, definition: Definition) -> bool:
        ordinal = self.told.get(definition)
        if ordinal is None or definition not in self.keys or not self.begun.has(ordinal):
            return False
        self.known.add(definition)
        return True

    def take_back(self) -> set[int]:
        """Take all requests that the worker has not taken, which may take some meanwhile; their ordinals."""
        ordinals = set()
        self.told.clear()
        with suppress(OSError):
            while request := self.waiting.recv(32, socket.MSG_DONTWAIT):
                ordinals.add(ordinal_of(request))
        return ordinals

    def look(self) -> None:
        """Hear what it has answered by now."""
        while self.peer.open and self.peer.read():
            pass

    def go_on(self) -> None:
        """Its output has been read: let it take the next run."""
        if self.peer.open:
            with suppress(OSError):
                self.peer.connection.send(b"g")

    def retire(self) -> None:
        """Let the interpreter end, and see to it that it does."""
        self.hang_up()
        if self.ending is None:
            self.ending = Ending(self.loop, self.tree, GRACE, GRACE, lambda processes: None)

    def hang_up(self) -> None:
        """Give it no more, and hear no more of it."""
        self.ended = lambda: None
        self.peer.close()
        self.requests.close()
        self.waiting.close()

    def close(self) -> None:
        """Let go of a worker that is gone."""
        if self.ending is not None:
            self.ending.cancel()
        self.hang_up()
        self.output.close()
        self.tree.close()


class _Ends:
    """The sockets between runner and worker, and the epoll that tells the worker of output that is not read."""

    def __enter__(self) -> _Ends:
        """Raises SpawnPostponed."""
        self.all: list[socket.socket] = []
        try:
            self.all += socket.socketpair()
            self.all += socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
            self.events = select.epoll()
        except OSError as error:
            self._close_all()
            raise SpawnPostponed(f"cannot start a worker: {error.strerror}") from None
        self.answers, theirs, self.requests, self.waiting = self.all
        self.requests.setblocking(False)
        self.requests.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, QUEUE)
        self.theirs = (self.waiting, theirs)
        return self

    def keep(self) -> tuple[socket.socket, socket.socket, socket.socket]:
        """Those the runner needs: for answers, for requests, and the reading end of these."""
        for end in (self.answers, self.requests, self.waiting):
            self.all.remove(end)
        return self.answers, self.requests, self.waiting

    def __exit__(self, *error: object) -> None:
        self._close_all()
        self.events.close()

    def _close_all(self) -> None:
        for end in self.all:
            end.close()


def decode(bodies: Sequence[bytes | bytearray], answers: list[Any]) -> None:
    """Add the answers in frames, all read in one go if that can be. Raises ProtocolError."""
    if len(bodies) > 1:
        with suppress(ProtocolError):
            found = parse(b"[" + b",".join(bodies) + b"]")
            if len(found) == len(bodies):
                answers += found
                return
    answers += map(parse, bodies)


def fingerprint(path: str) -> tuple[int, int] | None:
    """What changes when a file does; None when it is gone."""
    try:
        found = os.stat(path)
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size
