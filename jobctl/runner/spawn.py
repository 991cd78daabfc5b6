"""Starting a child so that it inherits nothing by accident."""

from __future__ import annotations

import errno
import os
import signal
from contextlib import suppress
from typing import Final, NamedTuple

PASSING: Final = frozenset({errno.EAGAIN, errno.EMFILE, errno.ENFILE, errno.ENOMEM})
"""What may be over in a moment: the run goes back and is not spent."""
TAKEN_FROM_PYTHON: Final = (signal.SIGPIPE, signal.SIGXFSZ)
"""Signals that the interpreter ignores and a child must not."""
OOM_SCORE: Final = 200
"""Added for children, so that the kernel picks a job before its runner or the daemon."""


class SpawnFailed(Exception):
    """The run's process cannot be started, and will not be the next time."""


class SpawnPostponed(Exception):
    """The machine is short of something; the same call may succeed later."""


class Child(NamedTuple):
    pid: int
    stdout: int
    stderr: int
    """Reading ends, not blocking."""


class Spawner:
    """Starts children; keeps open what every start needs.

    Working directory and umask are the runner's own for a moment: it has one thread, and nothing else is faster.
    """

    def __init__(self) -> None:
        self.null = os.open(os.devnull, os.O_RDWR | os.O_CLOEXEC)
        self.score = os.open("/proc/self/oom_score_adj", os.O_RDWR | os.O_CLOEXEC)
        self.home = os.open(".", os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
        self.own_score = os.pread(self.score, 16, 0).strip()
        self.child_score = b"%d" % min(int(self.own_score) + OOM_SCORE, 1000)
        self._keep_descriptors()

    def start(
        self, argv: list[str], cwd: str, umask: int, environment: dict[str, str], pass_descriptors: tuple[int, ...] = ()
    ) -> Child:
        """Start `argv` in its own process group. Raises SpawnFailed or SpawnPostponed."""
        pipes: list[int] = []
        try:
            pipes += os.pipe2(os.O_CLOEXEC)
            pipes += os.pipe2(os.O_CLOEXEC)
            descriptors = {self.null: 0, pipes[1]: 1, pipes[3]: 2, **{number: number for number in pass_descriptors}}
            pid = self._spawn(argv, cwd, umask, environment, descriptors)
        except (OSError, ValueError) as error:
            for end in pipes[0::2]:
                os.close(end)
            raise explained(error, argv, cwd) from None
        finally:
            for end in pipes[1::2]:
                os.close(end)
        os.set_blocking(pipes[0], False)
        os.set_blocking(pipes[2], False)
        return Child(pid, pipes[0], pipes[2])

    def _spawn(
        self, argv: list[str], cwd: str, umask: int, environment: dict[str, str], descriptors: dict[int, int]
    ) -> int:
        actions = [(os.POSIX_SPAWN_DUP2, ours, theirs) for ours, theirs in descriptors.items()]
        mask = os.umask(umask)
        self._set_score(self.child_score)
        try:
            os.chdir(cwd)
            program = find(argv[0], environment)
            return os.posix_spawn(
                program, argv, environment, file_actions=actions, setpgroup=0, setsigdef=TAKEN_FROM_PYTHON
            )
        finally:
            self._set_score(self.own_score)
            os.umask(mask)
            os.fchdir(self.home)

    def _set_score(self, score: bytes) -> None:
        with suppress(OSError):
            os.pwrite(self.score, score, 0)

    @staticmethod
    def _keep_descriptors() -> None:
        """Let no child inherit what this process was given itself; what it opens is not inherited anyway."""
        for name in os.listdir("/proc/self/fd"):
            with suppress(OSError):
                if int(name) > 2:
                    os.set_inheritable(int(name), False)


def find(program: str, environment: dict[str, str]) -> str:
    """The file of a program, sought in the PATH of its own environment. Raises FileNotFoundError."""
    if os.path.dirname(program):
        return program
    unfit = None
    for directory in os.get_exec_path(environment):
        path = os.path.join(directory, program)
        if os.access(path, os.X_OK) and not os.path.isdir(path):
            return path
        if unfit is None and os.path.exists(path):
            unfit = path
    if unfit is None:
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), program)
    return unfit  # starting it says what is wrong with it


def explained(error: OSError | ValueError, argv: list[str], cwd: str) -> SpawnFailed | SpawnPostponed:
    """The exception that says in words what kept `argv` from starting."""
    if not isinstance(error, OSError) or error.errno is None:
        return SpawnFailed(f"cannot start {argv[0]}: {error}")
    text = f"{os.strerror(error.errno)} (errno {error.errno})"
    if error.errno in PASSING:
        return SpawnPostponed(f"cannot start {argv[0]}: {text}")
    if error.filename == cwd and not (os.path.isdir(cwd) and os.access(cwd, os.X_OK)):
        return SpawnFailed(f"cannot change to directory {cwd}: {text}")
    if error.errno == errno.ENOENT and os.path.exists(os.path.join(cwd, argv[0])):
        return SpawnFailed(f"cannot start {argv[0]}: its interpreter is missing: {text}")
    return SpawnFailed(f"cannot start {argv[0]}: {text}")
