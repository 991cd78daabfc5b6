"""What a runner is told to do: definitions, each sent once, and the runs that refer to them."""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Iterator, Sequence
from typing import Any

from jobctl.assignment import Runner
from jobctl.claiming import Candidate
from jobctl.fleet import PACKAGE_PARENT, Message
from jobctl.model import Definition, JobVersion
from jobctl.runner.protocol import encode

MAX_VARIABLE = 128 * 1024 - 256
"""Bytes of a variable's value; Linux refuses longer strings."""
MAX_DEFINITION = 8 * 1024 * 1024
"""Bytes of what one definition says; a frame holds it, and also the largest data there is."""
MOST_DEFINED = 500
"""Definitions that one connection keeps."""
MOST_TOGETHER = 256 * 1024
"""Characters of data that one frame of several runs carries."""


class CannotPrepare(Exception):
    """The run cannot be given what its definition asks for."""


class Orders:
    """The messages that hand system jobs over to one runner."""

    def __init__(self, runner: Runner, kind: str = "work") -> None:
        self.runner = runner
        self.kind = kind
        self.runs: list[list[Any]] = []
        self.size = 0
        self.version: JobVersion | None = None
        """The definition of the newest run, if its runner need not be told of it again."""
        self.key = 0

    def add(self, version: JobVersion, candidate: Candidate, data: str | None) -> Sequence[Message]:
        """The messages that have to be sent before or because of it. Raises CannotPrepare in one sentence."""
        if data is None and version is self.version:  # most are so
            self.runs.append(
                [
                    self.key,
                    candidate.sequence,
                    candidate.id,
                    candidate.claim,
                    candidate.attempt + 1,
                    candidate.depth,
                    None,
                ]
            )
            return ()
        messages: list[Message] = []
        if version is not self.version:
            self._define(version, messages)
        size = 0 if data is None else len(data)
        if self.size + size > MOST_TOGETHER:
            messages += self.rest()
        self.size += size
        c = candidate
        self.runs.append([self.key, c.sequence, c.id, c.claim, c.attempt + 1, c.depth, data])
        return messages

    def _define(self, version: JobVersion, messages: list[Message]) -> None:
        self.version = None
        self.key = version.id % MOST_DEFINED
        known, told = self.runner.defined.get(self.key, (None, None))
        fixed = is_fixed(version.definition)
        if known != version.id or not fixed:
            work = shared(version)
            if (known, told) != (version.id, work):
                messages += self.rest()
                self.runner.defined[self.key] = version.id, work
                messages.append({"k": "define", "key": self.key, "work": work})
        if fixed:
            self.version = version

    def rest(self) -> Iterator[Message]:
        """The runs that no message holds yet."""
        if self.runs:
            self.runner.acked = self.runner.applied
            yield {"k": self.kind, "acked": self.runner.acked, "runs": self.runs}
            self.runs, self.size = [], 0


def is_fixed(definition: Definition) -> bool:
    """Whether its runs are given the same each time: nothing comes from the daemon's surroundings."""
    return not (definition.environment_from_daemon or definition.environment_from_file)


def shared(version: JobVersion) -> Message:
    """The part of a run that all of its definition have in common. Raises CannotPrepare."""
    definition = version.definition
    found: Message = {
        "job": version.job,
        "kind": "callable" if definition.callable else "command",
        "argv": arguments(definition),
        "callable": definition.callable,
        "python": definition.python,
        "path": list(definition.path),
        "isolate": definition.isolate,
        "cwd": definition.cwd if definition.internal is None else "/",
        "umask": definition.umask,
        "environment": environment(definition),
        "timeout": definition.timeout,
        "grace": definition.grace,
        "success_codes": list(definition.success_codes),
    }
    if len(encode(found)) > MAX_DEFINITION:
        raise CannotPrepare(f"its command and environment are larger than {MAX_DEFINITION >> 20} MiB together")
    return found


def arguments(definition: Definition) -> list[str] | None:
    """What its process is started with; None for a callable. jobctl's own code comes from where this daemon's does."""
    if definition.internal is not None:
        code = f"import sys; sys.path.insert(0, {PACKAGE_PARENT!r}); from jobctl.{definition.internal} import main"
        return [sys.executable, "-I", "-c", f"{code}; sys.exit(main())"]
    if definition.command is not None:
        return ["/bin/sh", "-c", definition.command]
    return None if definition.argv is None else list(definition.argv)


def content(path: str) -> str:
    """The text of a regular file that fits into a variable. Raises OSError, UnicodeDecodeError or CannotPrepare."""
    # Not blocking: opening a pipe that nobody writes to would hold up the daemon.
    with open(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC), "rb") as file:
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            raise CannotPrepare(f"{path} is not a regular file")
        found = file.read(MAX_VARIABLE + 1)
    if len(found) > MAX_VARIABLE:
        raise CannotPrepare(f"{path} is larger than {MAX_VARIABLE // 1024} KiB, too large for a variable")
    return found.decode()


def environment(definition: Definition) -> dict[str, str]:
    """What was recorded, and what the daemon or a file supplies now; nothing else. The runner adds who the run is."""
    found = dict(definition.environment)
    for name in definition.environment_from_daemon:
        if name in os.environ:
            found[name] = os.environ[name]
    for name, path in definition.environment_from_file.items():
        try:
            found[name] = content(path).removesuffix("\n")
        except (OSError, UnicodeDecodeError) as error:
            cause = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
            raise CannotPrepare(f"cannot read {path} for the variable {name}: {cause}") from None
        if "\0" in found[name]:
            raise CannotPrepare(f"{path} holds a NUL, which the variable {name} cannot carry")
    if os.environ.get("JOBCTL_TEST") == "1":
        found.update({name: os.environ[name] for name in ("JOBCTL_TEST", "JOBCTL_CLOCK") if name in os.environ})
    return found
