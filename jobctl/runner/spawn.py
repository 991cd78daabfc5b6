"""Starting a child so that it inherits nothing by accident."""

from __future__ import annotations

import errno
import os
import subprocess
from contextlib import suppress
from typing import Final, NamedTuple

from jobctl.runner.posix import PosixSpawn

PASSING: Final = frozenset({errno.EAGAIN, errno.EMFILE, errno.ENFILE, errno.ENOMEM})
"""What may be over in a moment: the run goes back and is not spent."""
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
    """Starts children; keeps open what every start needs."""

    def __init__(self) -> None:
        self.posix = PosixSpawn()
        self.null = os.open(os.devnull, os.O_RDWR | os.O_CLOEXEC)
        self.score = os.open("/proc/self/oom_score_adj", os.O_RDWR | os.O_CLOEXEC)
        self.own_score = os.pread(self.score, 16, 0).strip()
        self.child_score = b"%d" % min(int(self.own_score) + OOM_SCORE, 1000)

    def start(
        self, argv: list[str], cwd: str, umask: int, environment: dict[str, str], pass_descriptors: tuple[int, ...] = ()
    ) -> Child:
        """Start `argv` in its own process group. Raises SpawnFailed or SpawnPostponed."""
        pipes: list[int] = []
        try:
            pipes += os.pipe2(os.O_CLOEXEC)
            pipes += os.pipe2(os.O_CLOEXEC)
            self._set_score(self.child_score)
            if pass_descriptors:
                pid = self._start_with_descriptors(argv, cwd, umask, environment, pipes, pass_descriptors)
            else:
                pid = self._start(argv, cwd, umask, environment, pipes)
        except (OSError, ValueError) as error:
            for end in pipes[0::2]:
                os.close(end)
            raise explained(error, argv, cwd) from None
        finally:
            self._set_score(self.own_score)
            for end in pipes[1::2]:
                os.close(end)
        os.set_blocking(pipes[0], False)
        os.set_blocking(pipes[2], False)
        return Child(pid, pipes[0], pipes[2])

    def _start(self, argv: list[str], cwd: str, umask: int, environment: dict[str, str], pipes: list[int]) -> int:
        """The quick way. Every descriptor of the runner closes on exec, and it has but one thread: so it may take on
        the child's directory and mask itself for a moment."""
        try:
            os.chdir(cwd)
        except OSError as error:
            error.filename = cwd
            raise
        own = os.umask(umask)
        try:
            return self._search(argv, environment, (self.null, pipes[1], pipes[3]))
        finally:
            os.umask(own)
            os.chdir("/")

    def _search(self, argv: list[str], environment: dict[str, str], standard: tuple[int, int, int]) -> int:
        """Start the program that `argv` names in the environment's PATH, as execvpe finds it. Raises OSError."""
        name = argv[0]
        missing: OSError | None = None
        refused: OSError | None = None
        for path in (name,) if "/" in name else [os.path.join(part, name) for part in os.get_exec_path(environment)]:
            try:
                return self.posix.start(path, argv, environment, standard)
            except (FileNotFoundError, NotADirectoryError) as error:
                missing = error
            except OSError as error:
                refused = error
        trouble = refused or missing
        assert trouble is not None
        raise trouble

    def _start_with_descriptors(
        self,
        argv: list[str],
        cwd: str,
        umask: int,
        environment: dict[str, str],
        pipes: list[int],
        descriptors: tuple[int, ...],
    ) -> int:
        process = subprocess.Popen(
            argv,
            stdin=self.null,
            stdout=pipes[1],
            stderr=pipes[3],
            cwd=cwd,
            umask=umask,
            env=environment,
            pass_fds=descriptors,
            process_group=0,
        )
        # The runner reaps every child itself; an unset code would make Popen try as well.
        process.returncode = 0
        return process.pid

    def _set_score(self, score: bytes) -> None:
        with suppress(OSError):
            os.pwrite(self.score, score, 0)


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
