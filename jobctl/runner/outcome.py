"""How a run ended: exit statuses and requests to end it become an outcome here, and nowhere else."""

from __future__ import annotations

import signal
from typing import Final, NamedTuple

from jobctl.runner.protocol import SUCCEEDED as SUCCEEDED
from jobctl.runner.protocol import Message

# The values of model.Status; importing the model would cost every runner a megabyte.
FAILED: Final = 31
CANCELED: Final = 32

MAX_MESSAGE: Final = 2000


class Exit(NamedTuple):
    """The wait status of one process: exactly one of the two is set."""

    code: int | None
    signal: int | None

    @property
    def text(self) -> str:
        return f"killed by {signal_name(self.signal)}" if self.signal is not None else f"exit code {self.code}"


UNKNOWN: Final = Exit(None, None)


class Verdict(NamedTuple):
    """What a run came to, before the runner adds its times and sizes."""

    status: int
    reason: str | None = None
    exit: Exit = UNKNOWN
    message: str | None = None
    result: str | None = None


def message(verdict: Verdict, *, ended_on: int, run_time: int, **rest: object) -> Message:
    """An outcome as it is told; what is None is left out. Times are microseconds."""
    values = {
        "status": verdict.status,
        "reason": verdict.reason,
        "exit_code": verdict.exit.code,
        "signal": verdict.exit.signal,
        "message": verdict.message,
        "result": verdict.result,
        "ended_on": ended_on,
        "run_time": run_time,
        **rest,
    }
    return {name: value for name, value in values.items() if value is not None}


def signal_name(number: int) -> str:
    try:
        return f"{signal.Signals(number).name} ({number})"
    except ValueError:
        return f"signal {number}"


def of_command(exited: Exit, success_codes: list[int]) -> Verdict:
    """The verdict on a command that ended by itself."""
    if exited.signal is not None:
        return Verdict(FAILED, "signal", exited, exited.text)
    if exited.code in success_codes:
        return Verdict(SUCCEEDED, None, exited)
    return Verdict(FAILED, "exit", exited, exited.text)


def of_worker(exited: Exit) -> Verdict:
    """The verdict on a callable whose interpreter ended before it returned."""
    if exited.signal is not None:
        return Verdict(FAILED, "signal", exited, exited.text)
    return failed("no_result", f"the interpreter ended ({exited.text}) before the callable returned", exited)


def of_timeout(timeout: float | None, exited: Exit) -> Verdict:
    return failed("timeout", f"timed out after {timeout:g}s", exited)


def of_cancel(reason: str, exited: Exit) -> Verdict:
    return Verdict(CANCELED, reason, exited)


def failed(reason: str, message: str, exited: Exit = UNKNOWN) -> Verdict:
    return Verdict(FAILED, reason, exited, message[:MAX_MESSAGE])


def with_leftovers(verdict: Verdict, ended: int, one: str = "process", many: str = "processes") -> Verdict:
    """Name what outlived the run and was ended."""
    if not ended:
        return verdict
    text = f"ended {ended} leftover {one if ended == 1 else many}"
    return verdict._replace(message=f"{verdict.message}; {text}" if verdict.message else text)
