"""The interpreter in which callables run: one request at a time over a private descriptor.

Run by path, as `worker.py DESCRIPTOR [DIRECTORY...]`, under any Python from 3.8 on and without jobctl.
"""

from __future__ import annotations

import os
import sys

if sys.path and sys.path[0] == os.path.dirname(os.path.abspath(__file__)):
    del sys.path[0]  # neither its neighbours nor the working directory may shadow a module

import _thread
import faulthandler
import importlib
import json
import resource
import signal
import time
import types
from contextlib import suppress

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

MAX_RESULT = 1024 * 1024
MAX_DEPTH = 64
MAX_RUNS = 1000
MAX_RESIDENT = 200 * 1024 * 1024
MTIME_GRAIN = 0.01  # seconds by which a file's time may lag behind the clock

PID = os.getpid()
STANDARD_LIBRARY = os.path.dirname(os.path.abspath(os.__file__)) + os.sep
INSTALLED = (os.sep + "site-packages" + os.sep, os.sep + "dist-packages" + os.sep)


class Failure(Exception):
    """A run that ends as failed; its arguments are reason and message."""


class Channel:
    """Frames to and from the runner; closed in children, which must not speak for this process."""

    def __init__(self, descriptor: int) -> None:
        os.set_inheritable(descriptor, False)
        self.descriptor = descriptor
        self.reader = os.fdopen(descriptor, "rb", closefd=False)
        self.lock = _thread.allocate_lock()
        os.register_at_fork(after_in_child=self.close)

    def close(self) -> None:
        descriptor, self.descriptor = self.descriptor, -1
        with suppress(OSError):
            os.close(descriptor)

    def receive(self) -> dict[str, Any] | None:
        """The next message; None once the connection has ended."""
        with suppress(OSError, ValueError):
            message: dict[str, Any] = json.loads(self.reader.read(int.from_bytes(self.reader.read(4), "big")))
            return message
        return None

    def send(self, message: dict[str, Any]) -> None:
        body = json.dumps(message, separators=(",", ":")).encode("ascii")
        with self.lock:
            if self.descriptor >= 0:
                write_all(self.descriptor, len(body).to_bytes(4, "big") + body)


class Run:
    """What `jobctl.current()` gives: the run this code is part of."""

    def __init__(self, request: dict[str, Any], channel: Channel) -> None:
        self.id, self.sequence = request["id"], request["sequence"]
        self.job, self.attempt = request["job"], request["attempt"]
        self.depth = int(request["environment"].get("JOBCTL_DEPTH") or 0)
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
            self._channel.send({"k": "report", "progress": percent, "stage": stage})

    def _end(self) -> None:
        self._channel = None


class Traces:
    """What a run could leave behind in this process, as it is now."""

    def __init__(self, channel: Channel) -> None:
        self.modules = len(sys.modules)
        self.descriptors: list[object] = list(os.listdir("/proc/self/fd"))
        with suppress(OSError):  # a closed one is missing from the list above
            self.descriptors += [os.fstat(number)[1:3] for number in (0, 1, 2, channel.descriptor)]
        self.children = tuple(resource.getrusage(resource.RUSAGE_CHILDREN))
        self.threads = _thread._count()

    def leftover_threads(self) -> int:
        """How many more threads there are now; one that is just ending gets a moment."""
        for _ in range(20):
            if _thread._count() <= self.threads:
                return 0
            time.sleep(0.001)
        return _thread._count() - self.threads


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
    def __init__(self, channel: Channel) -> None:
        self.channel = channel
        self.environment = dict(os.environ)
        self.runs = 0
        self.files = Files()
        self.run: Run | None = None

    def serve(self) -> None:
        """Answer requests until the runner has no more, or this process is no longer as good as new."""
        for request in iter(self.channel.receive, None):
            self.channel.send({"k": "begun"})
            self.channel.send(answer := self.answer(request))
            if not answer["keep"]:
                break

    def answer(self, request: dict[str, Any]) -> dict[str, Any]:
        """Run one callable; what became of it and of this process."""
        self.runs += 1
        began = time.time()
        run = self.run = Run(request, self.channel)
        answer: dict[str, Any] = {"k": "end"}
        before = Traces(self.channel)
        try:
            self.set_up(request)
            function = load(request["callable"])
            args, kwargs = arguments(request["callable"], function, request["data"])
            if len(sys.modules) != before.modules:
                # What an import opens or starts is there to stay; what the call leaves is not.
                before = Traces(self.channel)
            answer["result"] = encoded(call(function, args, kwargs))
        except Failure as failure:
            answer["reason"], answer["message"] = failure.args
        except MemoryError as error:
            answer["reason"], answer["message"] = failed(error, "memory").args
        run._end()
        flush()
        answer["files"] = self.files.new(began)
        self.judge(answer, before, Traces(self.channel))
        return answer

    def judge(self, answer: dict[str, Any], before: Traces, after: Traces) -> None:
        """Add what the run left behind, and whether this process may serve another one."""
        answer["threads"] = before.leftover_threads()
        ignored = signal.getsignal(signal.SIGCHLD) is signal.SIG_IGN
        answer["children"] = ignored or before.children != after.children
        spoiled = answer.get("reason") in ("import", "memory") or answer["threads"] or not self.files.fresh
        with open("/proc/self/statm", "rb") as file:
            resident = int(file.read().split()[1]) * resource.getpagesize()
        modest = self.runs < MAX_RUNS and resident <= MAX_RESIDENT
        same = before.descriptors == after.descriptors
        answer["keep"] = not spoiled and same and modest and not has_child()

    def set_up(self, request: dict[str, Any]) -> None:
        """Undo what an earlier run may have changed."""
        wanted = {**self.environment, **request["environment"]}
        for name in set(os.environ) - set(wanted):
            del os.environ[name]
        for name, value in wanted.items():
            if os.environ.get(name) != value:
                os.environ[name] = value
        os.umask(request["umask"])
        sys.stdin, sys.stdout, sys.stderr = sys.__stdin__, sys.__stdout__, sys.__stderr__
        try:
            os.chdir(request["cwd"])
        except OSError as error:
            text = f"cannot change to directory {request['cwd']}: {error.strerror} (errno {error.errno})"
            raise Failure("spawn", text) from None


def load(name: str) -> Callable[..., Any]:
    """The object that `module:function` names."""
    module_name, _, path = name.partition(":")
    try:
        if module_name not in sys.modules:
            importlib.invalidate_caches()
        target: Any = importlib.import_module(module_name)
        for part in path.split("."):
            target = getattr(target, part)
    except BaseException as error:
        where = f"interpreter {sys.executable}, path {os.pathsep.join(map(str, sys.path))}"
        raise failed(error, "import", f"cannot import {name}: {describe(error)} ({where})") from None
    leave_if_forked(0)
    if not callable(target):
        raise Failure("import", f"{name} is not callable but of type {type(target).__name__}")
    return target  # type: ignore[no-any-return]


def arguments(name: str, function: Callable[..., Any], data: str | None) -> tuple[list[Any], dict[str, Any]]:
    """The positional and keyword arguments that `data` (JSON text or None) stands for."""
    value = None if data is None else json.loads(data)
    kwargs = value if isinstance(value, dict) else {}
    args = value if isinstance(value, list) else [] if value is None or value is kwargs else [value]
    import inspect

    try:
        signature = inspect.signature(function)
    except Exception:  # some built-in callables have none
        return args, kwargs
    try:
        signature.bind(*args, **kwargs)
    except TypeError as error:
        raise Failure("arguments", f"{name}: {error}") from None
    return args, kwargs


def call(function: Callable[..., Any], args: list[Any], kwargs: dict[str, Any]) -> Any:
    try:
        value = function(*args, **kwargs)
    except BaseException as error:
        raise failed(error, "exception") from None
    leave_if_forked(0)
    return value


def failed(error: BaseException, reason: str, message: str = "") -> Failure:
    """The Failure that an exception of the user's code means; its traceback goes to the log."""
    show(error)
    leave_if_forked(1)
    return Failure("memory" if isinstance(error, MemoryError) else reason, message or describe(error))


def leave_if_forked(code: int) -> None:
    """End a child that the user's code forked and let return from its call."""
    if os.getpid() != PID:
        flush()
        os._exit(code)


def encoded(value: Any) -> str:
    """The JSON text of a result. Raises Failure."""
    check_size(value)
    try:
        text = json.dumps(value, allow_nan=False, ensure_ascii=False, separators=(",", ":"))
        size = len(text.encode())
    except MemoryError:
        raise
    except Exception as error:
        kind = type(value).__name__
        raise Failure("no_result", f"the result, of type {kind}, is not JSON: {describe(error)}") from None
    if size > MAX_RESULT:
        raise Failure("result_too_large", "the result is larger than 1 MiB as JSON")
    return text


def check_size(value: Any) -> None:
    """Refuse what is too large or too deep before time and memory go into its text."""
    size = 0
    ahead = [(value, 0)]
    while ahead:
        value, depth = ahead.pop()
        size += len(value) if isinstance(value, (str, dict, list, tuple)) else 1
        if size > MAX_RESULT:
            raise Failure("result_too_large", "the result is larger than 1 MiB as JSON")
        if isinstance(value, (dict, list, tuple)):
            if depth == MAX_DEPTH:
                raise Failure("result_too_large", f"the result is nested deeper than {MAX_DEPTH}")
            ahead += [(item, depth + 1) for item in (value.values() if isinstance(value, dict) else value)]


def describe(error: BaseException) -> str:
    """`ValueError: text` of an exception, whatever its own methods do."""
    text = "(its text cannot be shown)"
    with suppress(BaseException):
        text = str(error)
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


def show(error: BaseException) -> None:
    """Write the traceback, without the frames of this file, to the run's stderr."""
    flush()
    try:
        import traceback

        frames = error.__traceback__
        while frames is not None and frames.tb_frame.f_code.co_filename in (__file__, importlib.__file__):
            frames = frames.tb_next
        text = "".join(traceback.format_exception(type(error), error, frames))
    except BaseException:
        text = describe(error) + "\n"
    write_all(2, text.encode("utf-8", "backslashreplace"))


def write_all(descriptor: int, data: bytes) -> None:
    """Write to a descriptor that user code may have closed."""
    view = memoryview(data)
    with suppress(OSError):
        while view:
            view = view[os.write(descriptor, view) :]


def flush() -> None:
    """Hand over what was printed; user code may have closed or replaced the files."""
    for file in (sys.stdout, sys.stderr, sys.__stdout__, sys.__stderr__):
        with suppress(Exception):
            file.flush()  # type: ignore[union-attr]


def has_child() -> bool:
    with suppress(ChildProcessError):
        return os.waitpid(-1, os.WNOHANG) is not None
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
    WORKER = Worker(Channel(int(sys.argv[1])))
    sys.path += sys.argv[2:]
    del sys.argv[1:]
    sys.modules["_jobctl_worker"] = sys.modules[__name__]
    sys.meta_path.append(StandIn)
    WORKER.serve()


if __name__ == "__main__":
    main()
