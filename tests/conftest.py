"""A home, the real command and real daemons for the tests, and the check that nothing of theirs lives on."""

from __future__ import annotations

import compileall
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Protocol

import hypothesis
import pytest

SOURCE = Path(__file__).resolve().parent.parent
"""On the path of every command the tests start, as it is on their own: both see the same code."""

# The same examples in every run: what is new is searched for by the campaigns.
hypothesis.settings.register_profile("jobctl", deadline=None, print_blob=True, derandomize=True)
hypothesis.settings.load_profile("jobctl")

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    # Started in a shell's background: every command the tests interrupt would inherit that and never hear it.
    signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_sessionstart(session: pytest.Session) -> None:
    """Compile the package once, for the thousands of commands the tests start; they leave no files of their own."""
    if not hasattr(session.config, "workerinput"):
        compileall.compile_dir(SOURCE / "jobctl", quiet=2)


class WaitUntil(Protocol):
    def __call__(self, condition: Callable[[], object], timeout: float = 20.0, what: str = "") -> Any: ...


def wait_until(condition: Callable[[], object], timeout: float = 20.0, what: str = "") -> Any:
    """The first true value of `condition`; fails the test after `timeout` seconds."""
    deadline = time.monotonic() + timeout
    pause = 0.002
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            pytest.fail(f"not within {timeout:g} s: {what or getattr(condition, '__name__', condition)}")
        time.sleep(pause)
        pause = min(pause * 1.5, 0.1)


class Completed(subprocess.CompletedProcess[str]):
    """What a command printed and how it exited."""

    @property
    def json(self) -> Any:
        """The document on stdout."""
        return json.loads(self.stdout)


class Jobctl:
    """Runs the real command as a process of its own."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self.environment = environment

    def command(self, *args: str) -> list[str]:
        return [sys.executable, "-m", "jobctl", *args]

    def __call__(
        self,
        *args: object,
        input: str | None = None,
        env: Mapping[str, str] | None = None,
        cwd: str | Path = "/",
        timeout: float = 60.0,
        expect: int | None = None,
    ) -> Completed:
        """`expect` is the exit code it must have; None takes any."""
        argv = self.command(*map(str, args))
        process = subprocess.Popen(
            argv,
            stdin=subprocess.DEVNULL if input is None else subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd=cwd,
            env={**self.environment, **(env or {})},
            encoding="utf-8",
            errors="surrogateescape",
        )
        with process:
            try:
                out, err = process.communicate(input, timeout)
            except BaseException:
                process.kill()
                raise
        assert expect is None or process.returncode == expect, f"{args}: exit {process.returncode}\n{out}{err}"
        return Completed(argv, process.returncode, out, err)


class Daemon:
    """A real `jobctl daemon` process."""

    def __init__(self, jobctl: Jobctl, args: tuple[object, ...], env: Mapping[str, str] | None, log: Path) -> None:
        self.log = log
        with log.open("ab") as file:
            self.process = subprocess.Popen(
                jobctl.command("daemon", *map(str, args)),
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=file,
                cwd="/",
                env={**jobctl.environment, **(env or {})},
                start_new_session=True,
            )

    @property
    def pid(self) -> int:
        return self.process.pid

    @property
    def alive(self) -> bool:
        return self.process.poll() is None

    @property
    def output(self) -> str:
        """What every daemon of this test wrote so far."""
        return self.log.read_text(encoding="utf-8", errors="replace")

    def send(self, number: int) -> None:
        self.process.send_signal(number)

    def wait(self, timeout: float = 30.0) -> int:
        """Its exit code, once it has ended by itself."""
        return self.process.wait(timeout)

    def stop(self, number: int = signal.SIGTERM, timeout: float = 30.0) -> int:
        """Ask it to stop and wait; its exit code."""
        self.send(number)
        return self.wait(timeout)

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()


class StartDaemon(Protocol):
    def __call__(self, *args: object, env: Mapping[str, str] | None = None, ready: bool = True) -> Daemon: ...


class ClockFile:
    """Moves the clocks of every jobctl process of the test."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.wall = self.monotonic = 0.0
        self.set()

    def set(self, wall: float | None = None, monotonic: float | None = None) -> None:
        """Seconds from the real clocks; None leaves an offset as it is."""
        self.wall = self.wall if wall is None else wall
        self.monotonic = self.monotonic if monotonic is None else monotonic
        draft = self.path.with_suffix(".new")
        draft.write_text(f"{self.wall!r} {self.monotonic!r}", encoding="ascii")
        draft.replace(self.path)

    def advance(self, seconds: float) -> None:
        """Let time pass on both clocks."""
        self.set(self.wall + seconds, self.monotonic + seconds)


def read_process(pid: int, name: str) -> bytes:
    try:
        return Path(f"/proc/{pid}/{name}").read_bytes()
    except OSError:
        return b""


def belongs(pid: int, home: Path) -> bool:
    """Whether a live process names this home in its environment or its arguments."""
    mark = os.fsencode(home)
    if b"JOBCTL_HOME=" + mark in read_process(pid, "environ").split(b"\0"):
        return True
    return mark in read_process(pid, "cmdline").split(b"\0")


def processes_of(home: Path) -> set[int]:
    """The live processes of a home: those that name it, the sessions they lead, and all their descendants."""
    stats = {int(entry): read_process(int(entry), "stat") for entry in os.listdir("/proc") if entry.isdigit()}
    fields = {pid: stat.rpartition(b")")[2].split() for pid, stat in stats.items() if stat}
    live = {pid: (int(field[1]), int(field[3])) for pid, field in fields.items() if field[0] not in (b"Z", b"X")}
    found = {pid for pid in live if belongs(pid, home)} - {os.getpid()}
    while True:
        more = {pid for pid, (parent, session) in live.items() if parent in found or session in found}
        if more <= found:
            return found
        found |= more


def end_processes(home: Path) -> None:
    """Kill, by pid, what still lives of a home, until nothing does."""

    def none_left() -> bool:
        left = processes_of(home)
        for pid in left:
            try:
                descriptor = os.pidfd_open(pid)
            except ProcessLookupError:
                continue
            try:
                signal.pidfd_send_signal(descriptor, signal.SIGKILL)
            except ProcessLookupError:
                pass
            finally:
                os.close(descriptor)
        return not left

    wait_until(none_left, what=f"the processes of {home} are gone")


@pytest.fixture(name="wait_until")
def wait_until_fixture() -> WaitUntil:
    return wait_until


@pytest.fixture
def home(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A home with a short path, also this process's `JOBCTL_HOME`; the test fails if a process outlives it."""
    directory = Path(tempfile.mkdtemp(prefix="jobctl-", dir="/tmp"))
    for name in [name for name in os.environ if name.startswith("JOBCTL_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("JOBCTL_HOME", str(directory))
    try:
        yield directory
        left = {pid: read_process(pid, "cmdline").replace(b"\0", b" ").decode() for pid in processes_of(directory)}
        if left:
            end_processes(directory)
            pytest.fail(f"processes outlived the test: {left}")
    finally:
        shutil.rmtree(directory, ignore_errors=True)


@pytest.fixture
def environment(home: Path, tmp_path: Path) -> dict[str, str]:
    """What every command and daemon of the test gets as its environment; fixtures and tests may add to it."""
    person = tmp_path / "person"
    person.mkdir()
    kept = {name: os.environ[name] for name in ("PATH", "USER", "LOGNAME", "TZ") if name in os.environ}
    return {
        **kept,
        "HOME": str(person),
        "LANG": "C.UTF-8",
        "JOBCTL_HOME": str(home),
        "PYTHONPATH": str(SOURCE),
        "PYTHONDONTWRITEBYTECODE": "1",
    }


@pytest.fixture
def jobctl(environment: dict[str, str]) -> Jobctl:
    return Jobctl(environment)


@pytest.fixture
def clock_file(environment: dict[str, str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> ClockFile:
    """Clocks that the test moves, for this process and those it starts from now on."""
    clock = ClockFile(tmp_path / "clock")
    for name, value in {"JOBCTL_TEST": "1", "JOBCTL_CLOCK": str(clock.path)}.items():
        environment[name] = value
        monkeypatch.setenv(name, value)
    return clock


@pytest.fixture
def daemon(jobctl: Jobctl, home: Path, tmp_path: Path) -> Iterator[StartDaemon]:
    """Starts real daemons; at the end they, their runners and what those still run are ended, by pid."""
    started: list[Daemon] = []

    def start(*args: object, env: Mapping[str, str] | None = None, ready: bool = True) -> Daemon:
        one = Daemon(jobctl, args, env, tmp_path / "daemon.log")
        started.append(one)
        if ready:
            wait_until(lambda: not one.alive or is_up(home, one.pid), what="the daemon is up")
            assert one.alive, f"the daemon ended at once:\n{one.output}"
        return one

    yield start
    for one in started:
        if one.alive:
            one.send(signal.SIGCONT)
            one.send(signal.SIGTERM)
    for one in started:
        try:
            one.wait(15)
        except subprocess.TimeoutExpired:
            one.kill()
    end_processes(home)


def is_up(home: Path, pid: int) -> bool:
    """Whether the daemon `pid` has recorded itself as the one of this home."""
    import apsw

    try:
        database = apsw.Connection(str(home / "jobctl.db"), flags=apsw.SQLITE_OPEN_READONLY)
    except apsw.Error:
        return False
    try:
        row = database.execute("SELECT pid FROM daemons ORDER BY id DESC LIMIT 1").fetchone()
    except apsw.Error:
        return False
    finally:
        database.close()
    return row is not None and row[0] == pid
