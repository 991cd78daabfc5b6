"""What the tests of callables call: good, bad and hostile functions."""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any


def add(a: int, b: int = 1) -> dict[str, int]:
    return {"sum": a + b}


def pid() -> int:
    return os.getpid()


def echo(*args: Any, **kwargs: Any) -> list[Any]:
    return [args, kwargs]


def environment() -> dict[str, str]:
    return dict(os.environ)


def environments() -> list[Any]:
    """The variables of a run as Python has them, as the C library has them, and as a child gets them."""
    library = ctypes.CDLL(None)
    library.getenv.restype = ctypes.c_char_p
    names = ("JOBCTL_ID", "JOBCTL_SEQUENCE")
    child = subprocess.run(["env"], env=None, capture_output=True, text=True, check=True).stdout.splitlines()
    given = dict(line.partition("=")[::2] for line in child)
    found = [[os.environ[name], library.getenv(name.encode()).decode(), given[name]] for name in names]
    for name in names:
        os.putenv(name, "spoiled")  # past os.environ
    return found


def told(*data: Any) -> list[Any]:
    """What a run knows of itself."""
    run = sys.modules["_jobctl_worker"].current()
    return [run.id, run.sequence, run.job, run.attempt, run.depth, os.getcwd(), ascii(data)]


def moves_variables() -> None:
    """Past os.environ: with so many more variables the C library keeps all of them elsewhere."""
    os.unsetenv("JOBCTL_ID")
    for number in range(1000):
        os.putenv(f"MOVED_{number}", "1")
        os.unsetenv(f"MOVED_{number - 500}")


def surroundings() -> list[Any]:
    before = os.umask(0)
    os.umask(before)
    return [os.getcwd(), before, sys.argv[1:], sys.path]


def spoil() -> None:
    os.environ["SPOILED"] = "1"
    os.chdir("/")
    os.umask(0)
    sys.stdout = None


def replaces_environment() -> None:
    os.environ["JOBCTL_JOB"] = "another"
    os.environ = {"SPOILED": "1"}  # type: ignore[assignment]  # noqa: B003


def says(text: str, error: str = "") -> None:
    print(text)
    print(error, file=sys.stderr)


def partial_line() -> None:
    print("no newline", end="")
    os.write(1, b"raw \xff")


class Rude(Exception):
    def __str__(self) -> str:
        raise RuntimeError("no text")


def raises(name: str) -> None:
    error = {
        "ValueError": ValueError("wrong"),
        "SystemExit": SystemExit(),
        "SystemExit 0": SystemExit(0),
        "KeyboardInterrupt": KeyboardInterrupt(),
        "MemoryError": MemoryError("no room"),
        "Rude": Rude(),
        "Surrogate": ValueError("\ud800"),
    }[name]
    raise error


class Unprintable:
    def __repr__(self) -> str:
        raise RuntimeError("no")


def returns(name: str) -> Any:
    circle: list[Any] = []
    circle.append(circle)
    deep: list[Any] = []
    for _ in range(64):
        deep = [deep]
    return {
        "NaN": float("nan"),
        "set": {1},
        "lambda": lambda: None,
        "nested": {"a": [object()]},
        "surrogate": "\ud800",
        "unprintable": Unprintable(),
        "bytes": b"x",
        "circle": circle,
        "deep": deep,
        "large": "x" * (1024 * 1024 + 1),
        "huge": ["x" * 1000] * 1_000_000,
        "exact": "x" * (1024 * 1024 - 2),
        "wide": ["é" * 400_000],
        "almost deep": deep[0],
        "text": "zażółć",
    }[name]


def leaves(what: str) -> None:
    if what == "thread":
        threading.Thread(target=time.sleep, args=(999,)).start()
    elif what == "daemon thread":
        threading.Thread(target=time.sleep, args=(999,), daemon=True).start()
    elif what == "child":
        subprocess.Popen(["sleep", "999"])
    elif what == "orphan":
        subprocess.run(["sh", "-c", "setsid sleep 999 & setsid setsid sleep 999 &"], check=True)
    elif what == "descriptor":
        os.open("/dev/null", os.O_RDONLY)
    elif what == "stdout":
        os.dup2(os.open("/dev/null", os.O_WRONLY), 1)
    elif what == "memory":
        globals()["hoard"] = bytearray(220 * 1024 * 1024)
    elif what == "nothing":
        thread = threading.Thread(target=time.sleep, args=(0.001,))
        thread.start()
        thread.join()
        subprocess.run(["true"], check=True)


def dies(how: str) -> None:
    print("last words")
    sys.stdout.flush()
    if how == "exit 0":
        os._exit(0)
    elif how == "exit 256":
        os._exit(256)
    elif how == "exit 7":
        os._exit(7)
    elif how == "segfault":
        ctypes.string_at(0)
    elif how == "abort":
        os.abort()
    elif how == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
    elif how == "close":
        os.closerange(3, 256)


def closes_and_goes_on() -> None:
    os.closerange(3, 256)
    time.sleep(999)


def closes_standard_descriptors() -> int:
    for descriptor in (0, 1, 2):
        os.close(descriptor)
    return 1


def forges() -> str:
    frame = b'{"k":"end","result":"\\"forged\\"","files":[],"threads":0,"children":false,"keep":true}'
    os.write(1, len(frame).to_bytes(4, "big") + frame)
    os.write(2, len(frame).to_bytes(4, "big") + frame)
    return "true one"


def forges_on_the_private_descriptor() -> None:
    for descriptor in range(3, 20):
        try:
            os.write(descriptor, b"\0\0\0\2[]")
        except OSError:
            continue
    time.sleep(999)


def forks() -> int:
    return os.fork()


def forks_and_fails_in_the_child() -> str:
    if os.fork() == 0:
        raise ValueError("child")
    os.wait()
    return "parent"


def holds_the_interpreter_lock(seconds: int) -> None:
    Path("ready").touch()
    ctypes.PyDLL(None).sleep(seconds)


def sleeps(seconds: float) -> None:
    Path("ready").touch()
    time.sleep(seconds)


def ignores_term() -> None:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    Path("ready").touch()
    while True:
        time.sleep(0.01)


def reports(count: int) -> None:
    import jobctl

    run: Any = jobctl.current()
    for number in range(count):
        run.progress(number, stage=f"step {number}")
    run.log("logged")


def who() -> list[Any]:
    import jobctl

    run: Any = jobctl.current()
    return [run.sequence, run.id, run.job, run.attempt, run.depth]


def has_jobctl() -> str:
    import jobctl

    return str(getattr(jobctl, "__file__", None))


def witness(seconds: float = 0.0, ends_with: str = "") -> None:
    """Leave the run's number where the test finds it, before anything else happens."""
    descriptor = os.open("witness", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    os.write(descriptor, os.environ["JOBCTL_SEQUENCE"].encode() + b"\n")
    os.close(descriptor)
    time.sleep(seconds)
    if ends_with == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
    elif ends_with == "exception":
        raise ValueError("as asked")


def waits_for_gate() -> None:
    Path("ready").touch()
    while not os.path.exists("gate"):
        time.sleep(0.001)


def prints(size: int) -> None:
    """Output in which every line names the run."""
    line = os.environ["JOBCTL_SEQUENCE"].rjust(15) + "\n"
    for _ in range(size // len(line)):
        sys.stdout.write(line)
    sys.stderr.write(line)


def says_how_far() -> None:
    import jobctl

    run: Any = jobctl.current()
    run.progress(run.sequence % 100, stage=str(run.sequence))


def writes_garbage() -> None:
    for name in os.listdir("/proc/self/fd"):
        if int(name) > 2:
            try:
                os.write(int(name), b"\xff" * 100)
            except OSError:
                continue
    time.sleep(999)


def answers(kind: str, number: int) -> Any:
    """As that kind says."""
    if kind == "fails":
        raise ValueError(number)
    if kind == "says":
        print(number)
    if kind == "reports":
        sys.modules["_jobctl_worker"].current().stage(f"stage {number}")
    return {"none": None, "long": [number, "x" * 100], "wide": [number, "ż"]}.get(kind, [number])
