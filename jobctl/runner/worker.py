"""The interpreter in which callables run, one after another: requests come as packets, of which the runner takes back
what was not taken here; answers go over a stream of their own.

Run by path, as `worker.py REQUESTS ANSWERS BEGUN[:EVENTS] [DIRECTORY...]` with descriptors, under any Python from 3.8
on and without jobctl: it needs only calling.py and leftovers.py, beside it, and the standard library. EVENTS is an
epoll that tells of output that the runner has not read; without it (a runner may be older than this file) the pipes
are asked.
"""

from __future__ import annotations

import os
import sys

if sys.path and sys.path[0] == os.path.dirname(os.path.abspath(__file__)):
    del sys.path[0]  # neither its neighbours nor the working directory may shadow a module

import _socket
import _thread
import faulthandler
import fcntl
import json
import mmap
import select
import struct
import termios
import time
import types
from contextlib import suppress
from importlib.machinery import SourceFileLoader
from json.encoder import encode_basestring_ascii

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any


def beside(name: str) -> Any:
    """A file that stands beside this one: by its path and under no name, so that user code finds nothing of it."""
    path = os.path.join(os.path.dirname(os.path.abspath(__file__)), f"{name}.py")
    loader = SourceFileLoader(f"_jobctl_{name}", path)
    module = types.ModuleType(loader.name)
    module.__file__ = loader.path
    loader.exec_module(module)
    return module


calling = beside("calling")
leftovers = beside("leftovers")
calling.HIDDEN.add(__file__)

MAX_RUNS = 100_000
MAX_REQUEST = 256 * 1024
RING = 511  # as in begun.py, like the next
MARKS = 8 + 8 * RING
ANSWER = struct.Struct("<qqB23s")  # behind the ordinal
MOST_WRITTEN = 23  # characters of a result
CELLS = 6  # of eight bytes, that an answer takes up
SIZE = MARKS + 8 * CELLS * RING
ORDERLY = ("x86_64", "i386", "i686")  # others may see what was written last before what was written first
SILENCE = 1_000_000  # nanoseconds for which answers are only written down
MUCH_USED = 100
"""Runs after which quicker ways are worth their start."""
UNCHECKED = 10_000_000  # nanoseconds for which a full check may wait while requests do
BRIEF = struct.Struct("<BQQQQQ16s")  # as in work.py
SHORT = 1
FIELDS = 11  # of a request in full, its key apart
WAITING = select.EPOLLRDNORM  # how a request is told from output
NOTHING = bytes(4)
parse = json.JSONDecoder().scan_once  # type: ignore[attr-defined]


class Channel:
    """The ways from and to the runner; closed in children, which must not speak for this process."""

    def __init__(self, requests: int, answers: int, events: int | None = None) -> None:
        self.descriptors = [requests, answers] if events is None else [requests, answers, events]
        for descriptor in self.descriptors:
            os.set_inheritable(descriptor, False)
        self.requests = _socket.socket(fileno=requests)
        self.answers = answers
        self.buffer = bytearray(MAX_REQUEST)
        self.known: dict[int, tuple[Any, ...]] = {}
        """What runs have in common (callable, directory, mask, job), by the keys they were told with."""
        self.view = memoryview(self.buffer)
        self.lock = _thread.allocate_lock()
        self.sent = 0
        """Frames."""
        self.sent_at = 0
        """When the last answer was; nanoseconds of the monotonic clock."""
        self.unsaid = False
        """Whether an answer was written down and nothing sent since."""
        self.events = None if events is None else select.epoll.fromfd(events)
        if self.events is not None:
            self.events.register(requests, WAITING)
        self.only_requests = [(requests, WAITING)]
        os.register_at_fork(after_in_child=self.close)

    def close(self) -> None:
        self.answers = -1
        self.requests.detach()
        for descriptor in self.descriptors:
            with suppress(OSError):
                os.close(descriptor)

    def receive(self) -> Sequence[Any] | None:
        """The next request; None once there can be no more."""
        try:
            try:
                size = self.requests.recv_into(self.buffer, 0, _socket.MSG_DONTWAIT if self.unsaid else 0)
            except BlockingIOError:
                self.send(b'{"k":"written"}')
                size = self.requests.recv_into(self.buffer)
            if not size:
                return None
            if self.buffer[0] != SHORT:
                return self.in_full(parse(str(self.view[:size], "utf-8"), 0)[0])
            _, key, ordinal, sequence, attempt, depth, id = BRIEF.unpack_from(self.buffer)
            data = str(self.view[BRIEF.size : size], "utf-8", "surrogatepass") if size > BRIEF.size else None
            return (ordinal, *self.known[key], sequence, id.hex(), attempt, depth, data, None)
        except (OSError, ValueError, StopIteration):
            return None

    def in_full(self, request: list[Any]) -> list[Any]:
        """A request that says all there is; with a key, its like may follow in short."""
        if len(request) > FIELDS and (key := request.pop()):
            self.known[key] = tuple(request[1:5])
        return request

    def only_requests_wait(self) -> bool:
        """Whether there are requests, and no output that the runner has not read, as far as one look tells."""
        try:
            return self.events is not None and self.events.poll(0, 3) == self.only_requests
        except (OSError, ValueError):
            return False

    def look(self) -> tuple[bool, bool]:
        """Whether there are requests, and whether there is output that the runner has not read."""
        if self.events is not None:
            with suppress(OSError, ValueError):
                found = [event for _, event in self.events.poll(0, 3)]
                return any(event & WAITING for event in found), any(event & select.EPOLLIN for event in found)
        return unread(self.descriptors[0]), unread(1) or unread(2)

    def send(self, body: bytes) -> bool:
        """Send JSON text; False when nobody listens any more."""
        frame = len(body).to_bytes(4, "big") + body
        self.sent += 1
        self.unsaid = False
        with self.lock:
            try:
                written = os.write(self.answers, frame)
            except (OSError, OverflowError):
                return False
            return written == len(frame) or bool(calling.write_all(self.answers, frame[written:]))

    def wait_for_go(self) -> bool:
        """Wait until the runner has looked; False when it is gone."""
        with suppress(OSError):
            return os.read(self.answers, 1) != b""
        return False


class Run:
    """What `jobctl.current()` gives: the run this code is part of."""

    def __init__(self, channel: Channel | None, job: str, sequence: int, id: str, attempt: int, depth: int) -> None:
        self.id, self.sequence = id, sequence
        self.job, self.attempt, self.depth = job, attempt, depth
        self._channel = channel
        self._said: tuple[float | None, str | None] = (None, None)

    def progress(self, percent: float, stage: str | None = None) -> None:
        """Say how far it is, from 0 to 100."""
        if not 0 <= percent <= 100:
            raise ValueError(f"progress is from 0 to 100, not {percent!r}")
        self._say(float(percent), self._said[1] if stage is None else str(stage))

    def stage(self, stage: str) -> None:
        """Say what it is doing."""
        self._say(self._said[0], str(stage))

    def log(self, text: object) -> None:
        """Write a line to the run's output."""
        print(text, flush=True)

    def _say(self, percent: float | None, stage: str | None) -> None:
        if (percent, stage) != self._said and self._channel is not None:
            self._said = (percent, stage)
            self._channel.send(json.dumps({"k": "report", "progress": percent, "stage": stage}).encode())


class Worker:
    def __init__(self, channel: Channel, begun: int) -> None:
        self.channel = channel
        has_room = os.fstat(begun).st_size >= SIZE and os.uname().machine in ORDERLY
        memory = mmap.mmap(begun, SIZE if has_room else MARKS)
        os.close(begun)
        self.cells = memoryview(memory).cast("q")
        self.begun = self.cells[: MARKS // 8]
        """When the newest run began, and the ordinals of those that have."""
        self.written = memory if has_room else None
        """Where quick successes may be written down, each in its place; after that, its ordinal."""
        self.variables = calling.Variables()
        self.has_child = leftovers.has_child
        self.runs = 0
        self.files = leftovers.Files()
        self.run: Run | None = None
        """What the newest run's code was given."""
        self.asked: tuple[Any, ...] | None = None
        self.heard: Channel | None = None
        """Where the newest run may report, while it lasts."""
        self.before = leftovers.Traces(channel.descriptors)

    def serve(self) -> None:
        """Answer requests until the runner has no more, or this process is no longer as good as new."""
        for request in iter(self.channel.receive, None):
            if not self.answer(request):
                break

    def answer(self, request: Sequence[Any]) -> bool:
        """Run one callable, and say what became of it and of this process; whether that may serve another one."""
        ordinal, name, cwd, umask, job, sequence, id, attempt, depth, data, file = request
        began, started = time.time_ns() // 1000, time.monotonic_ns()
        self.begun[0] = began
        self.begun[1 + ordinal % RING] = ordinal
        sent = self.channel.sent
        self.runs += 1
        if self.runs == MUCH_USED:
            self.hurry()
        self.run, self.asked, self.heard = None, (job, sequence, id, attempt, depth), self.channel
        failure: tuple[str, str] | None = None
        try:
            self.variables.give(id, sequence, (job, attempt, depth, data, file))
            self.set_up(cwd, umask)
            function = calling.load(name)
            args, kwargs = calling.arguments(name, function, data if file is None else text_of(file))
            if len(sys.modules) != self.before.modules:
                # What an import opens or starts is there to stay; what the call leaves is not.
                self.before = leftovers.Traces(self.channel.descriptors)
            result = calling.encoded(calling.call(function, args, kwargs))
        except calling.Failure as error:
            failure = error.args
        except MemoryError as error:
            failure = calling.failed(error, "memory").args
        self.hear_no_more()
        calling.flush()
        now = time.monotonic_ns()
        if failure is None and self.is_untouched(now):
            return self.succeed(ordinal, began, (now - started) // 1000, result, now, sent)
        answer: dict[str, Any] = {}
        if failure is None:
            answer["result"] = result
        else:
            answer["reason"], answer["message"] = failure
        answer["files"] = self.files.new(began / 1e6)
        waits, answer["out"] = self.channel.look()
        self.judge(answer, now, waits)
        return self.tell(answer, ordinal, began, (time.monotonic_ns() - started) // 1000)

    def current(self) -> Run | None:
        """What the newest run's code may know of it; made when somebody asks."""
        if self.run is None and self.asked is not None:
            self.run = Run(self.heard, *self.asked)
        return self.run

    def succeed(self, ordinal: int, began: int, ran: int, result: str, now: int, sent: int) -> bool:
        """Answer for a run that left nothing: sent at once, or written down while the last was sent just before."""
        channel = self.channel
        if (
            self.written is None
            or now - channel.sent_at > SILENCE
            or channel.sent != sent  # what it said comes before its answer
            or len(result) > MOST_WRITTEN
            or not result.isascii()
        ):
            channel.sent_at = now
            return channel.send(success(ordinal, began, ran, result))
        text = result.encode()
        place = MARKS // 8 + CELLS * (ordinal % RING)
        ANSWER.pack_into(self.written, 8 * place + 8, began, ran, len(text), text)
        self.cells[place] = ordinal
        channel.unsaid = True
        return True

    def hear_no_more(self) -> None:
        """The run is over: what is left of it has nothing to say."""
        self.heard = None
        if self.run is not None:
            self.run._channel = None

    def is_untouched(self, now: int) -> bool:
        """Whether the run left nothing that shows at once, and the next request waits: a full check may wait too."""
        before = self.before
        return (
            now - before.at <= UNCHECKED
            and self.channel.only_requests_wait()
            and len(sys.modules) == len(self.files.known)
            and leftovers.marks() == before.marks
            and self.files.fresh
            and self.runs < MAX_RUNS
            and not self.has_child()
        )

    def hurry(self) -> None:
        """Go on with quicker ways, where there are any."""
        with suppress(Exception):
            library = self.variables.library = calling.Library()
            self.has_child = library.has_child
        self.before.modules = len(sys.modules)

    def tell(self, answer: dict[str, Any], ordinal: int, began: int, ran: int) -> bool:
        """Send the answer; whether the next request may be taken."""
        keep: bool = answer["keep"]
        if keep and len(answer) == 4 and "result" in answer and not answer["out"] and not answer["files"]:
            return self.channel.send(success(ordinal, began, ran, answer["result"]))
        body = json.dumps({"k": "end", "o": ordinal, "at": began, "ran": ran, "threads": 0, **answer})
        waits = answer["out"] or answer.get("children")
        return self.channel.send(body.encode()) and keep and (not waits or self.channel.wait_for_go())

    def judge(self, answer: dict[str, Any], now: int, waits: bool) -> None:
        """Add what the run left behind, and whether this process may serve another one; whether a request `waits`."""
        before = self.before
        after = leftovers.marks()
        spoiled = answer.get("reason") in ("import", "memory") or not self.files.fresh or self.runs >= MAX_RUNS
        if after != before.marks:
            if threads := before.leftover_threads():
                answer["threads"] = threads
            answer["children"] = after[2:] != before.marks[2:] or after[2]
            spoiled = spoiled or threads > 0 or after[1] != before.marks[1]
            before.marks = (before.marks[0], *after[1:])
        if not spoiled and (now - before.at > UNCHECKED or not waits):
            self.before = leftovers.Traces(self.channel.descriptors)
            spoiled = before.descriptors != self.before.descriptors or leftovers.is_large()
        answer["keep"] = not spoiled and not self.has_child()

    def set_up(self, cwd: str, umask: int) -> None:
        """Undo what an earlier run may have changed, its variables apart."""
        os.umask(umask)
        sys.stdin, sys.stdout, sys.stderr = sys.__stdin__, sys.__stdout__, sys.__stderr__
        try:
            os.chdir(cwd)
        except OSError as error:
            text = f"cannot change to directory {cwd}: {error.strerror} (errno {error.errno})"
            raise calling.Failure("spawn", text) from None


def success(ordinal: int, began: int, ran: int, result: str) -> bytes:
    """The answer of a run of which there is nothing else to say."""
    return f"[{ordinal},{began},{ran},{encode_basestring_ascii(result)}]".encode()


def text_of(path: str) -> str:
    """The content of a data file."""
    with open(path, encoding="utf-8", errors="surrogatepass") as file:
        return file.read()


def unread(descriptor: int) -> bool:
    """Whether something waits there to be read by somebody."""
    try:
        return fcntl.ioctl(descriptor, termios.FIONREAD, NOTHING) != NOTHING
    except OSError:
        return False


WORKER: Worker


def current() -> Run | None:
    return WORKER.current()


def main() -> None:
    global WORKER
    faulthandler.enable(file=2)
    for file in (sys.stdout, sys.stderr):
        file.reconfigure(errors="backslashreplace", line_buffering=True)  # type: ignore[union-attr]
    requests, answers = map(int, sys.argv[1:3])
    begun, *events = map(int, sys.argv[3].split(":"))
    WORKER = Worker(Channel(requests, answers, *events), begun)
    sys.path += sys.argv[4:]
    del sys.argv[1:]
    sys.modules["_jobctl_worker"] = sys.modules[__name__]
    calling.StandIn.current = staticmethod(current)
    sys.meta_path.append(calling.StandIn)
    WORKER.serve()


if __name__ == "__main__":
    main()
