"""Everything that can go wrong from outside: one class, one sentence, one exit code."""

from __future__ import annotations

from collections.abc import Iterable

FAILED = 1
USAGE = 2
NOT_FOUND = 3
REFUSED = 4
INTERNAL = 70
CANNOT_OPEN = 73
IO_ERROR = 74
TRY_AGAIN = 75
PERMISSION = 77
TIMED_OUT = 124
INTERRUPTED = 130


class JobctlError(Exception):
    """An error whose text is meant for the person who asked; `exit_code` is the process's."""

    exit_code = INTERNAL


class BadInput(JobctlError):
    """What was asked for cannot be understood, or can never be right."""

    exit_code = USAGE


class NotFound(JobctlError):
    """No job or system job goes by that name."""

    exit_code = NOT_FOUND


class JobNotFound(NotFound):
    def __init__(self, name: str, known: Iterable[str] = ()) -> None:
        super().__init__(f"no job named {name!r}{near_miss(name, known)}")


class SystemJobNotFound(NotFound):
    def __init__(self, text: str) -> None:
        super().__init__(f"no system job {text}; see: jobctl monitor")


class NotSucceeded(JobctlError):
    """What was waited for failed, or was canceled."""

    exit_code = FAILED


class Refused(JobctlError):
    """Not legal in the present state; nothing was changed."""

    exit_code = REFUSED


class CannotOpen(JobctlError):
    """The home directory or the database cannot be created or opened."""

    exit_code = CANNOT_OPEN


class StorageFailed(JobctlError):
    """The disk or the database answered with an error; nothing was acknowledged."""

    exit_code = IO_ERROR


class DiskFull(StorageFailed):
    """No room left; what is stored is intact, and the same call may succeed later."""


class TryAgain(JobctlError):
    """Somebody else holds what is needed; the same call may succeed later."""

    exit_code = TRY_AGAIN


class NotPermitted(JobctlError):
    exit_code = PERMISSION


class TimedOut(JobctlError):
    exit_code = TIMED_OUT


def near_miss(word: str, known: Iterable[str]) -> str:
    """`; did you mean 'backup'?` when one of `known` is close to `word`, else nothing."""
    import difflib  # only when something went wrong: it costs start-up time

    close = difflib.get_close_matches(word, list(known), n=1)
    return f"; did you mean {close[0]!r}?" if close else ""
