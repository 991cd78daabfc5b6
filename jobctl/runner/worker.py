"""The interpreter in which callables run, one after another: requests come as packets, of which the runner takes back
what was not taken here; answers go over a stream of their own.

Run by path, as `worker.py REQUESTS ANSWERS BEGUN [DIRECTORY...]` with three descriptors, under any Python from 3.8
on and without jobctl: it needs only calling.py, beside it, and the standard library.
"""

from __future__ import annotations

import os
import sys

if sys.path and sys.path[0] == os.path.dirname(os.path.abspath(__file__)):
    del sys.path[0]  # neither its neighbours nor the working directory may shadow a module

import _signal  # type: ignore[import-not-found]  # the enumerations of `signal` cost more than the calls
import _socket
import _thread
import faulthandler
import fcntl
import json
import mmap
import resource
import termios
import time
import types
from contextlib import suppress
from importlib.machinery import SourceFileLoader
from json.encoder import encode_basestring_ascii

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

# By its path and under no name: user code finds nothing of it.
loader = SourceFileLoader("_jobctl_calling", os.path.join(os.path.dirname(os.path.abspath(__file__)), "calling.py"))
calling: Any = types.ModuleType(loader.name)
calling.__file__ = loader.path
loader.exec_module(calling)
calling.HIDDEN.add(__file__)

MAX_RUNS = 100_000
MAX_RESIDENT = 200 * 1024 * 1024
MAX_REQUEST = 256 * 1024
RING = 511  # as in begun.py
MTIME_GRAIN = 0.01  # seconds by which a file's time may lag behind the clock
MUCH_USED = 100
"""Runs after which quicker ways are worth their start."""
UNCHECKED = 10_000  # microseconds for which a full check may wait while requests do
NOTHING = bytes(4)
STANDARD_LIBRARY = os.path.dirname(os.path.abspath(os.__file__)) + os.sep
INSTALLED = (os.sep + "site-packages" + os.sep, os.sep + "dist-packages" + os.sep)
parse = json.JSONDecoder().scan_once  # type: ignore[attr-defined]


class Channel:
    """The ways from and to the runner; closed in children, which must not speak for this process."""

    def __init__(self, requests: int, answers: int) -> None:
        self.descriptors = [requests, answers]
        for descriptor in self.descriptors:
            os.set_inheritable(descriptor, False)
        self.requests = _socket.socket(fileno=requests)
        self.answers = answers
        self.buffer = bytearray(MAX_REQUEST)
        self.view = memoryview(self.buffer)
        self.lock = _thread.allocate_lock()
        os.register_at_fork(after_in_child=self.close)

    def close(self) -> None:
        self.answers = -1
        self.requests.detach()
        for descriptor in self.descriptors:
            with suppress(OSError):
                os.close(descriptor)

    def receive(self) -> Any:
        """The next request; None once there can be no more."""
        try:
            size = self.requests.recv_into(self.buffer)
            return parse(str(self.view[:size], "utf-8"), 0)[0]
        except (OSError, ValueError, StopIteration):
            return None

    def send(self, body: bytes) -> bool:
        """Send JSON text; False when nobody listens any more."""
        frame = len(body).to_bytes(4, "big") + body
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

    def __init__(self, job: str, sequence: int, id: str, attempt: int, depth: int, channel: Channel) -> None:
        self.id, self.sequence = id, sequence
        self.job, self.attempt, self.depth = job, attempt, depth
        self._channel: Channel | None = channel
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

    def _end(self) -> None:
        self._channel = None


class Traces:
    """What a run could leave behind in this process, as it is now."""

    def __init__(self, channel: Channel) -> None:
        self.modules = len(sys.modules)
        self.marks = marks()
        self.at = time.monotonic_ns()
        self.descriptors: list[object] = list(os.listdir("/proc/self/fd"))
        with suppress(OSError):  # a closed one is missing from the list above
            self.descriptors += [os.fstat(number)[1:3] for number in (0, 1, 2, *channel.descriptors)]

    def leftover_threads(self) -> int:
        """How many more threads there are now; one that is just ending gets a moment."""
        for _ in range(20):
            if _thread._count() <= self.marks[0]:
                return 0
            time.sleep(0.001)
        return int(_thread._count() - self.marks[0])


def marks() -> tuple[Any, ...]:
    """What shows cheaply that a run left something: threads, children waited for, descriptors, whether one has to wait
    for children."""
    try:
        lowest = os.dup(2)
        os.close(lowest)
    except OSError:
        lowest = -1
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return _thread._count(), lowest, _signal.getsignal(_signal.SIGCHLD) is _signal.SIG_IGN, children


class Files:
    """The user's own source files that were imported, as they were then."""

    def __init__(self) -> None:
        self.known = set(sys.modules)
        self.fresh = True

    def new(self, since: float) -> list[tuple[str, int, int]]:
        """Those imported since the last call; `fresh` falls if one changed after the instant `since`."""
        found = []
        modules = [] if len(sys.modules) == len(self.known) else list(sys.modules.items())
        for name, module in modules:
            path = None if name in self.known else getattr(module, "__file__", None)
            self.known.add(name)
            if (
                not isinstance(path, str)
                or path.startswith(STANDARD_LIBRARY)
                or any(part in path for part in INSTALLED)
            ):
                continue
            with suppress(OSError, ValueError):
                status = os.stat(path)
                found.append((os.path.abspath(path), status.st_mtime_ns, status.st_size))
                self.fresh = self.fresh and status.st_mtime <= since - MTIME_GRAIN
        return found


class Worker:
    def __init__(self, channel: Channel, begun: int) -> None:
        self.channel = channel
        self.begun = memoryview(mmap.mmap(begun, 8 + 8 * RING)).cast("q")
        """When the newest run began, and the ordinals of those that have."""
        os.close(begun)
        self.variables = calling.Variables()
        self.unread, self.has_child = unread, has_child
        self.runs = 0
        self.files = Files()
        self.run: Run | None = None
        self.before = Traces(channel)

    def serve(self) -> None:
        """Answer requests until the runner has no more, or this process is no longer as good as new."""
        for request in iter(self.channel.receive, None):
            if not self.answer(request):
                break

    def answer(self, request: list[Any]) -> bool:
        """Run one callable, and say what became of it and of this process; whether that may serve another one."""
        ordinal, name, cwd, umask, job, sequence, id, attempt, depth, data, file = request
        began, started = time.time_ns() // 1000, time.monotonic_ns()
        self.begun[0] = began
        self.begun[1 + ordinal % RING] = ordinal
        self.runs += 1
        if self.runs == MUCH_USED:
            self.hurry()
        run = self.run = Run(job, sequence, id, attempt, depth, self.channel)
        answer: dict[str, Any] = {}
        try:
            self.set_up(run, cwd, umask, data, file)
            function = calling.load(name)
            args, kwargs = calling.arguments(name, function, data if file is None else text_of(file))
            if len(sys.modules) != self.before.modules:
                # What an import opens or starts is there to stay; what the call leaves is not.
                self.before = Traces(self.channel)
            answer["result"] = calling.encoded(calling.call(function, args, kwargs))
        except calling.Failure as failure:
            answer["reason"], answer["message"] = failure.args
        except MemoryError as error:
            answer["reason"], answer["message"] = calling.failed(error, "memory").args
        run._channel = None
        calling.flush()
        answer["files"] = self.files.new(began / 1e6)
        answer["out"] = self.unread(1) or self.unread(2)
        self.judge(answer, time.monotonic_ns())
        ran = (time.monotonic_ns() - started) // 1000
        return self.tell(answer, ordinal, began, ran)

    def hurry(self) -> None:
        """Go on with quicker ways, where there are any."""
        with suppress(Exception):
            library = self.variables.library = calling.Library()
            self.unread, self.has_child = library.unread, library.has_child
        self.before.modules = len(sys.modules)

    def tell(self, answer: dict[str, Any], ordinal: int, began: int, ran: int) -> bool:
        """Send the answer; whether the next request may be taken."""
        keep: bool = answer["keep"]
        if keep and len(answer) == 4 and "result" in answer and not answer["out"] and not answer["files"]:
            body = f"[{ordinal},{began},{ran},{encode_basestring_ascii(answer['result'])}]"
            return self.channel.send(body.encode())
        body = json.dumps({"k": "end", "o": ordinal, "at": began, "ran": ran, "threads": 0, **answer})
        waits = answer["out"] or answer.get("children")
        return self.channel.send(body.encode()) and keep and (not waits or self.channel.wait_for_go())

    def judge(self, answer: dict[str, Any], now: int) -> None:
        """Add what the run left behind, and whether this process may serve another one."""
        before = self.before
        after = marks()
        spoiled = answer.get("reason") in ("import", "memory") or not self.files.fresh or self.runs >= MAX_RUNS
        if after != before.marks:
            if threads := before.leftover_threads():
                answer["threads"] = threads
            answer["children"] = after[2:] != before.marks[2:] or after[2]
            spoiled = spoiled or threads > 0 or after[1] != before.marks[1]
            before.marks = (before.marks[0], *after[1:])
        if not spoiled and (now - before.at > UNCHECKED * 1000 or not self.unread(self.channel.descriptors[0])):
            self.before = Traces(self.channel)
            spoiled = before.descriptors != self.before.descriptors or resident() > MAX_RESIDENT
        answer["keep"] = not spoiled and not self.has_child()

    def set_up(self, run: Run, cwd: str, umask: int, data: str | None, file: str | None) -> None:
        """Undo what an earlier run may have changed."""
        self.variables.give(run.id, run.sequence, (run.job, run.attempt, run.depth, data, file))
        os.umask(umask)
        sys.stdin, sys.stdout, sys.stderr = sys.__stdin__, sys.__stdout__, sys.__stderr__
        try:
            os.chdir(cwd)
        except OSError as error:
            text = f"cannot change to directory {cwd}: {error.strerror} (errno {error.errno})"
            raise calling.Failure("spawn", text) from None


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


def resident() -> int:
    """Bytes of memory in use; its highest amount where that does no harm, for it costs less to know."""
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    if most <= MAX_RESIDENT:
        return most
    with open("/proc/self/statm", "rb") as file:
        return int(file.read().split()[1]) * resource.getpagesize()


def has_child() -> bool:
    try:
        return os.waitpid(-1, os.WNOHANG) is not None
    except ChildProcessError:
        return False


class StandIn:
    """Finds a `jobctl` with `job` and `current` where none is installed."""

    @staticmethod
    def find_spec(name: str, path: Any = None, target: Any = None) -> Any:
        from importlib.machinery import ModuleSpec

        return ModuleSpec(name, StandIn) if name == "jobctl" else None  # type: ignore[arg-type]

    @staticmethod
    def create_module(spec: Any) -> Any:
        def job(name: Any = None, **options: Any) -> Any:
            return name if callable(name) else lambda function: function

        module: Any = types.ModuleType(spec.name, "What a callable needs of jobctl, supplied by its worker.")
        module.job, module.current = job, current
        return module

    @staticmethod
    def exec_module(module: Any) -> None: ...


WORKER: Worker


def current() -> Run | None:
    return WORKER.run


def main() -> None:
    global WORKER
    faulthandler.enable(file=2)
    for file in (sys.stdout, sys.stderr):
        file.reconfigure(errors="backslashreplace", line_buffering=True)  # type: ignore[union-attr]
    requests, answers, begun = map(int, sys.argv[1:4])
    WORKER = Worker(Channel(requests, answers), begun)
    sys.path += sys.argv[4:]
    del sys.argv[1:]
    sys.modules["_jobctl_worker"] = sys.modules[__name__]
    sys.meta_path.append(StandIn)
    WORKER.serve()


if __name__ == "__main__":
    main()
