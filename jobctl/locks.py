"""Advisory locks on files in the home: they end with their holder, and nothing has to be cleaned up."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

KNOCK = 0.01


class FileLock:
    """An exclusive flock on a file that is never deleted; waiters queue in the kernel."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._held: int | None = None
        self._kept: int | None = None
        """An open descriptor that nobody holds: opening the file anew would cost more than the lock."""
        self._standing = False
        """Whether a thread of an abandoned wait still stands in line."""

    def open(self) -> int:
        return os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)

    def acquire(self, timeout: float = 0.0) -> bool:
        """Whether the lock was taken within `timeout` seconds."""
        descriptor = self._kept if self._kept is not None else self.open()
        self._kept = None
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if timeout <= 0 or not self._wait(descriptor, timeout):
                if timeout <= 0:
                    os.close(descriptor)
                return False
        except BaseException:
            os.close(descriptor)
            raise
        self._held = descriptor
        return True

    def _wait(self, descriptor: int, timeout: float) -> bool:
        """flock knows no timeout, so a thread stands in the queue; abandoned, it leaves as soon as it is served."""
        import threading  # only under contention: it costs start-up time

        if self._standing:  # one in line is enough: knock until then
            return self._knock(descriptor, timeout)
        served, settle = threading.Event(), threading.Lock()
        abandoned = False

        def stand_in_line() -> None:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            with settle:
                self._standing = False
                if abandoned:
                    os.close(descriptor)
                else:
                    served.set()

        self._standing = True
        threading.Thread(target=stand_in_line, daemon=True).start()
        patient = False
        try:
            patient = served.wait(timeout)
        finally:  # also when a Ctrl-C ends the wait: nobody would release a lock that is served later
            with settle:
                abandoned = True
                if served.is_set() and not patient:
                    os.close(descriptor)
        return patient

    def _knock(self, descriptor: int, timeout: float) -> bool:
        import threading

        for _ in range(max(1, round(timeout / KNOCK))):
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                return True
            except BlockingIOError:
                threading.Event().wait(KNOCK)
        os.close(descriptor)
        return False

    def release(self) -> None:
        if self._held is not None:
            os.close(self._held)
            self._held = None

    def pass_on(self) -> None:
        """Let the next one have it, and keep the file open for another time."""
        if self._held is not None:
            fcntl.flock(self._held, fcntl.LOCK_UN)
            self._held, self._kept = None, self._held

    def close(self) -> None:
        """Release it, and close what was kept open."""
        self.release()
        if self._kept is not None:
            os.close(self._kept)
            self._kept = None

    @property
    def held(self) -> bool:
        return self._held is not None

    def write(self, text: str) -> None:
        """Replace the content of the held file; others may read it."""
        assert self._held is not None
        os.ftruncate(self._held, 0)
        os.pwrite(self._held, text.encode(), 0)

    def read(self) -> str:
        """What the last holder wrote, or nothing."""
        try:
            descriptor = os.open(self.path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
        except OSError:
            return ""
        try:
            return os.pread(descriptor, 4096, 0).decode(errors="replace")
        finally:
            os.close(descriptor)

    def is_free(self) -> bool:
        """Whether nobody holds it just now. Asked with a shared lock, so that two who ask do not see each other."""
        try:
            descriptor = self.open()
        except OSError:
            return True
        try:
            fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
            return True
        except BlockingIOError:
            return False
        finally:
            os.close(descriptor)


def is_held(path: Path) -> bool:
    """Whether somebody holds the lock of that file just now."""
    return not FileLock(path).is_free()
