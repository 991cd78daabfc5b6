"""jobctl from Python: mark functions as jobs, wait for system jobs, and speak of the run one is in."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Final, Protocol, TypeVar, overload

from jobctl.errors import BadInput, Refused, TryAgain, near_miss
from jobctl.records import dataclass, fields

if TYPE_CHECKING:
    from jobctl.model import SystemJob

F = TypeVar("F", bound=Callable[..., Any])

MARK: Final = "__jobctl_job__"
"""The attribute `@job` gives a function; `jobctl register` looks for it."""

ANSWER_WITHIN: Final = 5.0
"""Seconds a runner has to answer a report."""


@dataclass(frozen=True, slots=True)
class Options:
    """What `@job` may say of a job; durations are seconds or texts such as `2h30m`."""

    timeout: float | str | None = None
    grace: float | str | None = None
    retries: int | None = None
    retry_delay: float | str | None = None
    retry_backoff: float | None = None
    token: str | None = None
    priority: int | None = None
    on_lost: str | None = None
    concurrency: int | None = None
    keep: str | int | None = None
    notify: tuple[str, ...] | list[str] | None = None
    expect: float | str | None = None
    cwd: str | None = None
    env: Mapping[str, str] | tuple[str, ...] | list[str] | None = None
    python: str | None = None
    isolate: bool | None = None
    description: str | None = None
    tags: tuple[str, ...] | list[str] | None = None


@dataclass(frozen=True, slots=True)
class Mark:
    """What `@job` leaves on a function."""

    name: str
    options: Options


@overload
def job(name: F) -> F: ...


@overload
def job(name: str | None = None, **options: Any) -> Callable[[F], F]: ...


def job(name: str | F | None = None, **options: Any) -> F | Callable[[F], F]:
    """Mark a function as a job, for `jobctl register MODULE`; the function itself stays as it is.

    `name` is the function's own unless given. `options` are those of `Options`; TypeError names an unknown one.
    """
    known = [field.name for field in fields(Options)]
    for option in options:
        if option not in known:
            raise TypeError(f"jobctl.job() has no option {option!r}{near_miss(option, known)}")

    def mark(function: F, name: str | None) -> F:
        setattr(function, MARK, Mark(name or function.__name__, Options(**options)))
        return function

    if callable(name):
        return mark(name, None)
    return lambda function: mark(function, name)


def wait(system_job: SystemJob | int, timeout: float | None = None) -> SystemJob:
    """The system job once it is completed, however it ended; `timeout` is in seconds.

    Raises TimeoutError when it is not completed by then, SystemJobNotFound when there is none or it was deleted.
    """
    from jobctl.changes import Changes
    from jobctl.kept import open_store
    from jobctl.states import State

    sequence = system_job if isinstance(system_job, int) else system_job.sequence
    with open_store() as store:
        deadline = None if timeout is None else store.clock.monotonic() + timeout
        changes = Changes(store)
        while (found := store.system_job(sequence)).state is not State.COMPLETED:
            if not changes.wait(deadline):
                raise TimeoutError(f"system job {sequence} was not completed within {timeout:g} s")
        return found


def result(system_job: SystemJob | int, timeout: float | None = None) -> Any:
    """What the callable of a system job returned, once it has; `timeout` is in seconds.

    Raises NotSucceeded when it failed or was canceled, and what `wait` raises.
    """
    import json

    from jobctl.errors import NotSucceeded
    from jobctl.kept import open_store
    from jobctl.states import Status

    ended = wait(system_job, timeout)
    if ended.status is not Status.SUCCEEDED:
        how = f"{ended.status.label} ({ended.reason})"
        raise NotSucceeded(f"system job {ended.sequence} {how}" + (f": {ended.message}" if ended.message else ""))
    with open_store() as store:
        found = store.payload(ended.sequence)[1]
    return None if found is None else json.loads(found)


def emit(event: str) -> int:
    """Release the system jobs that wait for the event now; how many. Nothing is kept of it for later ones."""
    from jobctl import control
    from jobctl.kept import open_store

    with open_store() as store:
        return len(control.emit(store, event))


class Run(Protocol):
    """The run this code is part of."""

    id: str
    sequence: int
    job: str
    attempt: int

    def progress(self, percent: float, stage: str | None = None) -> None:
        """Say how far it is, from 0 to 100; `jobctl monitor` shows it."""
        ...

    def stage(self, stage: str) -> None:
        """Say what it is doing."""
        ...

    def log(self, text: str) -> None:
        """Write a line to the run's output."""
        ...


def current() -> Run:
    """The run this code is part of. Raises Refused outside of one."""
    worker = sys.modules.get("_jobctl_worker")
    if worker is not None and (run := worker.current()) is not None:
        its: Run = run
        return its
    if not os.environ.get("JOBCTL_ID"):
        raise Refused("jobctl.current() is only for code that a jobctl run executes; JOBCTL_ID is not set")
    return CommandRun()


class CommandRun:
    """The run of the command this process is part of, as its environment tells."""

    def __init__(self) -> None:
        self.id = os.environ["JOBCTL_ID"]
        self.sequence = int(os.environ.get("JOBCTL_SEQUENCE", "0"))
        self.job = os.environ.get("JOBCTL_JOB", "")
        self.attempt = int(os.environ.get("JOBCTL_ATTEMPT", "1"))

    def progress(self, percent: float, stage: str | None = None) -> None:
        if not 0 <= percent <= 100:
            raise ValueError(f"progress is from 0 to 100, not {percent}")
        self._report(progress=float(percent), stage=stage)

    def stage(self, stage: str) -> None:
        self._report(stage=stage)

    def log(self, text: str) -> None:
        print(text, flush=True)

    def _report(self, **said: float | str | None) -> None:
        # Work must not fail because nobody could be told how far it is.
        with contextlib.suppress(Refused, TryAgain):
            report(**said)


def report(**said: float | str | None) -> int:
    """Tell the runner of this run its `progress`, `stage` or `message`; returns the system job's number.

    Raises BadInput outside a run, Refused when the run is over, TryAgain when the runner does not answer.
    """
    runner, sequence = os.environ.get("JOBCTL_RUN", ""), os.environ.get("JOBCTL_SEQUENCE", "")
    home = os.environ.get("JOBCTL_HOME", "")
    if not (runner and sequence and home):
        raise BadInput("this is not inside a run: only what a system job runs can report")
    if not (runner.isalnum() and runner.isascii() and sequence.isdecimal() and len(sequence) < 20):
        raise BadInput("JOBCTL_RUN and JOBCTL_SEQUENCE are not those of a run: something has changed them")
    frame = {"k": "report", "sequence": int(sequence), "progress": None, "stage": None, "message": None, **said}
    try:
        answer = _ask(os.path.join(home, "run"), f"{runner}.sock", frame)
    except OSError as error:
        raise TryAgain(f"the runner of this run does not answer: {error.strerror or error}") from None
    if answer.get("k") != "ok":
        raise Refused(f"system job {sequence} is not what runs here now; nothing was reported")
    return int(sequence)


def _ask(directory: str, name: str, frame: dict[str, Any]) -> dict[str, Any]:
    """The answer of the socket `name` to one frame."""
    import socket

    from jobctl.runner import protocol

    # Through the directory's descriptor: the path of a socket is limited to 107 bytes, a home is not.
    descriptor = os.open(directory, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
            connection.settimeout(ANSWER_WITHIN)
            connection.connect(f"/proc/self/fd/{descriptor}/{name}")
            connection.sendall(protocol.encode(frame))
            reader = protocol.FrameReader()
            while chunk := connection.recv(65536):
                for answer in reader.feed(chunk):
                    return answer
    finally:
        os.close(descriptor)
    raise ConnectionResetError("it closed the connection")
