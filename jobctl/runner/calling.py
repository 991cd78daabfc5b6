"""One call in a worker: from the name of a callable and JSON to its result as JSON, or to a reason.

Loaded by worker.py, under any Python from 3.8 on and without jobctl.
"""

from __future__ import annotations

import importlib
import json
import os
import sys
import types
from contextlib import suppress

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

MAX_RESULT = 1024 * 1024
MAX_DEPTH = 64
MAX_PLAIN = 10**18
"""Whole numbers up to which neither size nor form needs a look."""
MAX_FITTING = 1000
OWN = (b"JOBCTL_ID", b"JOBCTL_SEQUENCE")
"""The variables that differ from run to run."""
ROOM = 96
"""Bytes for such a variable."""
MOST_OWN = 64
"""Bytes of both their values together, which leaves room for a name."""
FITTING: set[Any] = set()
"""Functions with the shapes of arguments that fit them."""
HIDDEN = {__file__, importlib.__file__}
"""Files that tracebacks do not begin with."""

PID = os.getpid()
encode = json.JSONEncoder(allow_nan=False, ensure_ascii=False, separators=(",", ":")).encode


class Failure(Exception):
    """A run that ends as failed; its arguments are reason and message."""


class Library:
    """Calls of the C library in a worker that is much used: quicker, and without what Python adds to them."""

    def __init__(self) -> None:
        """Raises whatever it meets where Python has no ctypes, or the C library not all of it."""
        import ctypes

        library = ctypes.PyDLL(None)  # none of the calls waits: the interpreter lock may stay
        self.waitpid, self.putenv = library.waitpid, library.putenv
        self.environ = ctypes.c_void_p.in_dll(library, "environ")
        self.texts = [ctypes.create_string_buffer(ROOM) for _ in OWN]
        """Of the variables that differ from run to run: the C library has them where they stand."""
        self.addresses = [ctypes.addressof(text) for text in self.texts]
        self.pointer = ctypes.POINTER(ctypes.c_void_p)
        self.cast = ctypes.cast
        self.seen: tuple[Any, ...] = (-1, (), 0, 0)
        """Where the environment was, its entries, and which of them are these variables."""

    def name_run(self, id: bytes, sequence: bytes) -> bool:
        """Set the variables that differ from run to run; False where they are too long for their places.

        putenv of Python is setenv, of which some C libraries keep every value there ever was.
        """
        if len(id) + len(sequence) > MOST_OWN:
            return False
        texts, addresses = self.texts, self.addresses
        texts[0].value = OWN[0] + b"=" + id
        texts[1].value = OWN[1] + b"=" + sequence
        at, entries, first, second = self.seen
        if at == self.environ.value and entries[first] == addresses[0] and entries[second] == addresses[1]:
            return True
        return self.put()

    def put(self) -> bool:
        """Have the texts in the environment, and find where."""
        if any(self.putenv(text) != 0 for text in self.texts):
            return False
        entries = self.cast(self.environ, self.pointer)
        found: dict[int, int] = {}
        number = 0
        while (address := entries[number]) is not None:
            found[address] = number
            number += 1
        self.seen = (self.environ.value, entries, *(found[address] for address in self.addresses))
        return True

    def has_child(self) -> bool:
        return self.waitpid(-1, None, os.WNOHANG) != -1  # type: ignore[no-any-return]


class Variables:
    """The environment of this process: what was there from the start, and what the newest run has of its own."""

    def __init__(self) -> None:
        self.environ = os.environ
        self.library: Library | None = None
        self.content: dict[bytes, bytes] = self.environ._data  # type: ignore[attr-defined]  # itself it codes each name
        self.base = dict(self.content)
        self.left = dict(self.content)
        """As it was left for the newest run."""
        self.own: dict[bytes, bytes] = {}
        """Those of the newest run, as they were when it last shared none with the one before."""
        self.alike: tuple[Any, ...] = ()
        """What the newest run may share with the next: job, attempt, depth, data, file of data."""

    def give(self, id: str, sequence: int, alike: tuple[Any, ...]) -> None:
        """Give a run its variables, and undo what an earlier one has changed; only those that differ are touched."""
        os.environ = self.environ  # noqa: B003  # the object, whatever stands there now
        content, left = self.content, self.left
        own_id, own_sequence = id.encode(), b"%d" % sequence
        if left != content:
            self.restore()
            self.alike = ()
        if alike != self.alike:
            self.change({OWN[0]: own_id, OWN[1]: own_sequence, **shared(*alike)})
            self.alike = alike
            return
        if self.library is None or not self.library.name_run(own_id, own_sequence):
            os.putenv(OWN[0], own_id)
            os.putenv(OWN[1], own_sequence)
        content[OWN[0]] = left[OWN[0]] = own_id
        content[OWN[1]] = left[OWN[1]] = own_sequence

    def restore(self) -> None:
        for name in self.content.keys() - self.base.keys():
            os.unsetenv(name)
            del self.content[name]
        for name, value in self.base.items():
            self.put(name, value)
        self.own = {}

    def change(self, wanted: dict[bytes, bytes]) -> None:
        for name, value in wanted.items():
            if name in OWN or self.own.get(name) != value:
                self.put(name, value)
        for name in self.own.keys() - wanted.keys():
            os.unsetenv(name)
            self.content.pop(name, None)
            if name in self.base:
                self.put(name, self.base[name])
        self.own = wanted
        self.left = dict(self.content)

    def put(self, name: bytes, value: bytes) -> None:
        os.putenv(name, value)
        self.content[name] = value


def shared(job: str, attempt: int, depth: int, data: str | None, file: str | None) -> dict[bytes, bytes]:
    """The variables that several runs may have in common."""
    found = {
        b"JOBCTL_JOB": os.fsencode(job),
        b"JOBCTL_ATTEMPT": b"%d" % attempt,
        b"JOBCTL_DEPTH": b"%d" % depth,
    }
    if data is not None:
        found[b"JOBCTL_DATA"] = os.fsencode(data)
    elif file is not None:
        found[b"JOBCTL_DATA_FILE"] = os.fsencode(file)
    return found


def load(name: str) -> Callable[..., Any]:
    """The object that `module:function` names."""
    module_name, _, path = name.partition(":")
    module = sys.modules.get(module_name)
    if type(module) is types.ModuleType:
        found = module.__dict__.get(path)
        if type(found) is types.FunctionType:  # looking it up has run nobody's code
            return found
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
    plain = type(function) is types.FunctionType
    if data is None and plain and (function, 0) in FITTING:
        return [], {}
    value = None if data is None else json.loads(data)
    kwargs = value if isinstance(value, dict) else {}
    args = value if isinstance(value, list) else [] if value is None or value is kwargs else [value]
    # Whether arguments fit depends only on their number and names.
    shape = (function, len(args), *kwargs) if plain else None
    if shape in FITTING:
        return args, kwargs
    import inspect

    try:
        signature = inspect.signature(function)
    except Exception:  # some built-in callables have none
        return args, kwargs
    try:
        signature.bind(*args, **kwargs)
    except TypeError as error:
        raise Failure("arguments", f"{name}: {error}") from None
    if shape is not None and len(FITTING) < MAX_FITTING:
        FITTING.add(shape)
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
    if value is None:
        return "null"
    if type(value) is int and -MAX_PLAIN <= value <= MAX_PLAIN:
        return str(value)
    check_size(value)
    try:
        text = encode(value)
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
        while frames is not None and frames.tb_frame.f_code.co_filename in HIDDEN:
            frames = frames.tb_next
        text = "".join(traceback.format_exception(type(error), error, frames))
    except BaseException:
        text = describe(error) + "\n"
    write_all(2, text.encode("utf-8", "backslashreplace"))


def write_all(descriptor: int, data: bytes) -> bool:
    """Write to a descriptor that user code may have closed; whether it could be."""
    view = memoryview(data)
    with suppress(OSError):
        while view:
            view = view[os.write(descriptor, view) :]
    return not view


def flush() -> None:
    """Hand over what was printed; user code may have closed or replaced the files."""
    files = [sys.stdout, sys.stderr]
    if files[0] is not sys.__stdout__ or files[1] is not sys.__stderr__:
        files += [sys.__stdout__, sys.__stderr__]
    for file in files:
        try:
            file.flush()
        except Exception:
            continue


class StandIn:
    """Finds a `jobctl` with `job` and `current` where none is installed."""

    current: Any
    """Supplied by worker.py."""

    @staticmethod
    def find_spec(name: str, path: Any = None, target: Any = None) -> Any:
        from importlib.machinery import ModuleSpec

        return ModuleSpec(name, StandIn) if name == "jobctl" else None  # type: ignore[arg-type]

    @staticmethod
    def create_module(spec: Any) -> Any:
        def job(name: Any = None, **options: Any) -> Any:
            return name if callable(name) else lambda function: function

        module: Any = types.ModuleType(spec.name, "What a callable needs of jobctl, supplied by its worker.")
        module.job, module.current = job, StandIn.current
        return module

    @staticmethod
    def exec_module(module: Any) -> None: ...
