"""Callables that misbehave: each ends as promised, and the next one finds a worker as good as new."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from unittest.mock import ANY

import pytest

from tests.conftest import Jobctl, StartDaemon, wait_until
from tests.end_to_end.hostile import Bystander, check_nothing_left, ended, show, submit, submit_many, verdict

pytestmark = pytest.mark.thorough

MODULE = r"""
import ctypes, os, signal, struct, subprocess, sys, threading, time

def fine(): return {"ok": True}
def segfault(): ctypes.string_at(0)
def abort(): os.abort()
def exit_0(): os._exit(0)
def exit_256(): os._exit(256)
def kill_self(): os.kill(os.getpid(), signal.SIGKILL)
def system_exit(): raise SystemExit(0)
def system_exit_none(): sys.exit()
def interrupt(): raise KeyboardInterrupt
def raises(): raise ValueError("no good")
class Mute(Exception):
    def __str__(self): raise RuntimeError("mute")
def mute(): raise Mute
def escapes(): raise ValueError("\x1b]0;owned\x07\x1b[31m \ud800")
def recursion(): return recursion()
def memory():
    import resource
    resource.setrlimit(resource.RLIMIT_AS, (1 << 30, 1 << 30))
    return len(bytearray(4 << 30))
def returns_set(): return {1}
def returns_function(): return lambda: 0
def returns_nan(): return float("nan")
def returns_surrogate(): return "\ud800"
class Nasty:
    def __repr__(self): raise RuntimeError("nasty")
def returns_nasty(): return Nasty()
async def coroutine(): return 1
def generator(): yield 1
def huge(): return "x" * (2 << 20)
def gigantic(): return ["x" * (1 << 20)] * 4096
def deep():
    value = []
    for _ in range(100_000): value = [value]
    return value
def loop():
    value = []
    value.append(value)
    return value
def needs(month): return month
def prints():
    print("printed")
    print("error", file=sys.stderr)
    os.write(1, bytes(range(256)) * 1024)
    sys.stdout.write("no newline")
    return 1
def garbage():
    for name in os.listdir("/proc/self/fd"):
        if int(name) > 2:
            try: os.write(int(name), b"\xff" * 100)
            except OSError: pass
    time.sleep(60)
def closes_standard():
    os.closerange(0, 3)
    return 1
def closes_private():
    os.closerange(3, 256)
    return 1
def closes_all(): os.closerange(0, 256)
def thread():
    threading.Thread(target=time.sleep, args=(999,)).start()
    return 1
def daemon_thread():
    def busy():
        while True: print("busy", flush=True)
    threading.Thread(target=busy, daemon=True).start()
    return 1
def children():
    subprocess.Popen(["sleep", "999"], start_new_session=True)
    return 1
def forks():
    if os.fork() == 0: return "child"
    os.wait()
    return "parent"
def forks_and_leaves():
    if os.fork() == 0: time.sleep(999)
    return "parent"
def exit_handler():
    import atexit
    atexit.register(time.sleep, 999)
    os.chdir("/")
    return 1
def holds_the_lock(): ctypes.PyDLL(None).sleep(999)
def deaf():
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    while True: time.sleep(1)
def swallows():
    while True:
        try: time.sleep(1)
        except BaseException: pass
def breaks_json():
    import json
    json.dumps = lambda *args, **kwargs: 42
    return 1
def breaks_os():
    os.write = os.read = None
    return 1
def replaces_stdout():
    sys.stdout = sys.stderr = None
    return 1
def marks():
    sys.path.clear(); os.environ.clear(); os.umask(0o777); os.chdir("/"); signal.alarm(999)
    return 1
def looks():
    return [sorted(k for k in os.environ if k in ("PATH", "JOBCTL_ID", "HOME")), os.path.basename(os.getcwd())]
def forge(body):
    for name in os.listdir("/proc/self/fd"):
        if int(name) > 2:
            try: os.write(int(name), struct.pack(">I", len(body)) + body.encode())
            except OSError: pass
    time.sleep(60)
def act(name): return globals()[name]()
def kills_runner(): os.kill(os.getppid(), 9); time.sleep(60)
"""

OK = ("succeeded", None, None, None)
SILENT = ("failed", "no_result", ANY, None)
"""It closed or broke its connection; whether its exit is still seen depends on how fast it follows."""


def failed(reason: str, exit_code: int | None = None, signal: int | None = None) -> tuple[Any, ...]:
    return "failed", reason, exit_code, signal


QUICK: dict[str, tuple[tuple[Any, ...], str]] = {
    "segfault": (failed("signal", signal=11), "SIGSEGV"),
    "abort": (failed("signal", signal=6), "SIGABRT"),
    "kill_self": (failed("signal", signal=9), "SIGKILL"),
    "exit_0": (failed("no_result", 0), "exit code 0"),
    "exit_256": (failed("no_result", 0), "exit code 0"),
    "system_exit": (failed("exception"), "SystemExit: 0"),
    "system_exit_none": (failed("exception"), "SystemExit"),
    "interrupt": (failed("exception"), "KeyboardInterrupt"),
    "raises": (failed("exception"), "ValueError: no good"),
    "mute": (failed("exception"), "Mute"),
    "recursion": (failed("exception"), "RecursionError"),
    "memory": (failed("memory"), "MemoryError"),
    "returns_set": (failed("no_result"), "type set, is not JSON"),
    "returns_function": (failed("no_result"), "type function, is not JSON"),
    "returns_nan": (failed("no_result"), "type float, is not JSON"),
    "returns_surrogate": (failed("no_result"), "type str, is not JSON"),
    "returns_nasty": (failed("no_result"), "type Nasty, is not JSON"),
    "coroutine": (failed("no_result"), "type coroutine, is not JSON"),
    "generator": (failed("no_result"), "type generator, is not JSON"),
    "huge": (failed("result_too_large"), "larger than 1 MiB"),
    "gigantic": (failed("result_too_large"), "larger than 1 MiB"),
    "deep": (failed("result_too_large"), "deeper than 64"),
    "loop": (failed("result_too_large"), "deeper than 64"),
    "needs": (failed("arguments"), "missing a required argument: 'month'"),
    "prints": (OK, ""),
    "garbage": (SILENT, ""),
    "closes_standard": (OK, ""),
    "closes_private": (SILENT, ""),
    "closes_all": (SILENT, ""),
    "thread": (OK, "ended 1 leftover thread"),
    "daemon_thread": (OK, "ended 1 leftover thread"),
    "children": (OK, "ended 1 leftover process"),
    "forks": (OK, ""),
    "forks_and_leaves": (OK, "ended 1 leftover process"),
    "exit_handler": (OK, ""),
    "breaks_json": (OK, ""),
    "breaks_os": (SILENT, ""),
    "replaces_stdout": (OK, ""),
    "marks": (OK, ""),
    "kills_runner": (failed("lost"), "its runner was gone"),
}
"""What each callable of MODULE comes to, and a part of its message."""

RESULTS = {"prints": 1, "closes_standard": 1, "thread": 1, "forks": "parent", "forks_and_leaves": "parent"}


@pytest.fixture
def code(tmp_path: Path) -> Path:
    """The directory of the module `zoo`, with a file that would shadow a standard one."""
    directory = tmp_path / "code"
    directory.mkdir()
    (directory / "zoo.py").write_text(MODULE)
    (directory / "json.py").write_text("import os\nos._exit(3)\n")
    return directory


def define(jobctl: Jobctl, code: Path, function: str, *options: object) -> None:
    name = function.replace(":", "-").replace(".", "-")
    target = function if ":" in function else f"zoo:{function}"
    jobctl("add", name, "--callable", target, "--cwd", code, *options, expect=0)


@pytest.mark.parametrize("part", range(3))
def test_each_ends_as_promised(
    jobctl: Jobctl, daemon: StartDaemon, home: Path, tmp_path: Path, code: Path, part: int
) -> None:
    daemon("--slots", 2)
    bystander = Bystander(jobctl, tmp_path)
    for name in ("act", "needs", "looks"):
        define(jobctl, code, name)
    wanted: list[tuple[str, object]] = []
    names = list(QUICK)[part::3]
    for name in names:
        wanted += [(name, None) if name == "needs" else ("act", [name]), ("looks", None)]
    submitted = submit_many(jobctl, wanted)
    numbers, looks = dict(zip(names, submitted[0::2], strict=True)), submitted[1::2]
    rows = ended(jobctl, [*numbers.values(), *looks])
    expected = {name: QUICK[name][0] for name in numbers}
    assert {name: verdict(rows[number]) for name, number in numbers.items()} == expected
    for name, number in numbers.items():
        assert QUICK[name][1] in (rows[number]["message"] or ""), f"{name}: {rows[number]['message']}"
        assert name not in RESULTS or rows[number]["result"] == RESULTS[name]
    seen = {(rows[number]["status"], json.dumps(rows[number]["result"])) for number in looks}
    assert seen == {("succeeded", '[["HOME", "JOBCTL_ID", "PATH"], "code"]')}, "the next run is as good as the first"
    bystander.check()
    check_nothing_left(home)


def test_imports_that_fail_or_hang(jobctl: Jobctl, daemon: StartDaemon, home: Path, tmp_path: Path, code: Path) -> None:
    (code / "hangs.py").write_text("while True: pass\n")
    (code / "leaves.py").write_text("import sys\nsys.exit(0)\n")
    (code / "dies.py").write_text("import os\nos._exit(0)\n")
    (code / "broken.py").write_text("def f(:\n")
    expected: dict[str, tuple[tuple[Any, ...], str]] = {
        "no.such:fn": (failed("import"), "No module named 'no'"),
        "zoo:nothing": (failed("import"), "nothing"),
        "zoo:MODULE": (failed("import"), "MODULE"),
        "leaves:fn": (failed("import"), "SystemExit"),
        "broken:f": (failed("import"), "SyntaxError"),
        "dies:fn": (failed("no_result", 0), "exit code 0"),
        "hangs:fn": (failed("timeout", signal=15), "timed out after 1s"),
    }
    daemon("--slots", 2)
    bystander = Bystander(jobctl, tmp_path)
    numbers = {}
    for name in expected:
        define(jobctl, code, name, "--timeout", "1s" if "hangs" in name else "30s")
        numbers[name] = submit(jobctl, name.replace(":", "-").replace(".", "-"))
    rows = ended(jobctl, numbers.values())
    assert {name: verdict(rows[number]) for name, number in numbers.items()} == {k: v[0] for k, v in expected.items()}
    for name, (_, part) in expected.items():
        assert part in rows[numbers[name]]["message"], name
    assert str(code) in rows[numbers["no.such:fn"]]["message"], "the path that was tried is named"
    assert "Traceback" in jobctl("logs", numbers["no.such:fn"], "--stderr").stdout
    bystander.check()
    check_nothing_left(home)


def test_timeouts_end_what_does_not_listen(
    jobctl: Jobctl, daemon: StartDaemon, home: Path, tmp_path: Path, code: Path
) -> None:
    daemon("--slots", 4)
    bystander = Bystander(jobctl, tmp_path)
    numbers = {}
    for name in ("holds_the_lock", "deaf", "swallows"):
        define(jobctl, code, name, "--timeout", "1s", "--grace", "0.5s")
        numbers[name] = submit(jobctl, name)
    rows = ended(jobctl, numbers.values())
    found = {name: verdict(rows[number]) for name, number in numbers.items()}
    signals = {"holds_the_lock": 15, "deaf": 9, "swallows": 15}
    assert found == {name: failed("timeout", signal=signals[name]) for name in numbers}
    assert all(row["message"] == "timed out after 1s" and row["execution_time_span"] < 4 for row in rows.values())
    bystander.check()
    check_nothing_left(home)


def test_cancel_and_pause_of_a_callable(
    jobctl: Jobctl, daemon: StartDaemon, home: Path, tmp_path: Path, code: Path
) -> None:
    daemon("--slots", 3)
    define(jobctl, code, "holds_the_lock", "--grace", "0.5s")
    define(jobctl, code, "deaf", "--grace", "0.5s")
    numbers = [submit(jobctl, name) for name in ("holds_the_lock", "deaf")]
    wait_until(lambda: all(show(jobctl, number)["started_on"] for number in numbers))
    jobctl("pause", "--wait", *numbers, expect=0)
    assert {show(jobctl, number)["reason"] for number in numbers} == {"paused"}
    jobctl("cancel", "--wait", *numbers, expect=0)
    assert {verdict(show(jobctl, number))[:2] for number in numbers} == {("canceled", "user")}
    check_nothing_left(home)


FORGED: dict[str, dict[str, object]] = {
    "not JSON": {"result": "not json"},
    "not finite": {"result": "NaN"},
    "too deep": {"result": "[" * 5000 + "]" * 5000},
    "endless number": {"result": "1" * 10_000},
    "no thread count": {"result": "1", "threads": "many"},
    "infinite threads": {"result": "1", "threads": float("inf")},
    "NUL in a path": {"result": "1", "keep": True, "files": [["a\0b", 1, 1]]},
    "surrogate in a path": {"result": "1", "keep": True, "files": [["\ud800", 1, 1]]},
    "list for a path": {"result": "1", "keep": True, "files": [[["x"], 1, 1]]},
    "reason is a list": {"result": None, "reason": ["exception"], "message": {}},
    "escapes": {"result": None, "reason": "exception", "message": "\ud800\x1b]0;owned\x07" + "x" * 100_000},
}
"""Answers that a callable could write to the worker's descriptor itself; its own result may be false, nothing else."""


def test_forged_answers_harm_only_the_forger(
    jobctl: Jobctl, daemon: StartDaemon, home: Path, tmp_path: Path, code: Path
) -> None:
    daemon("--slots", 2)
    bystander = Bystander(jobctl, tmp_path)
    define(jobctl, code, "forge", "--timeout", "5s", "--grace", "0.2s")
    define(jobctl, code, "fine")
    wanted: list[tuple[str, object]] = []
    for answer in FORGED.values():
        frame: dict[str, object] = {"k": "end", "threads": 0, "children": False, "keep": False, "files": []}
        wanted += [("forge", [json.dumps(frame | answer)]), ("fine", None)]
    submitted = submit_many(jobctl, wanted)
    forged, fine = dict(zip(FORGED, submitted[0::2], strict=True)), submitted[1::2]
    assert jobctl("wait", *submitted, "--timeout", "40s").returncode == 1
    broken = {name: jobctl("show", number, "--json").stderr for name, number in forged.items()}
    assert {name: text for name, text in broken.items() if text} == {}
    listing = jobctl("monitor", "--json")
    assert listing.returncode == 0, listing.stderr
    json.loads(listing.stdout, parse_constant=lambda word: pytest.fail(f"{word} is not JSON"))
    reasons = {name: show(jobctl, number)["reason"] for name, number in forged.items()}
    assert "lost" not in reasons.values(), f"the forger broke its runner: {reasons}"
    assert [show(jobctl, number)["result"] for number in fine] == [{"ok": True}] * len(fine)
    bystander.check()
    check_nothing_left(home)


def test_text_of_a_job_cannot_command_a_terminal(jobctl: Jobctl, daemon: StartDaemon, code: Path) -> None:
    process = daemon()
    define(jobctl, code, "escapes")
    number = submit(jobctl, "escapes")
    assert verdict(ended(jobctl, [number])[number]) == failed("exception")
    for args in (("monitor",), ("show", number), ("wait", number), ("monitor", "--format", "csv")):
        done = jobctl(*args)
        assert "\x1b" not in done.stdout + done.stderr and "\x07" not in done.stdout + done.stderr, args
    wait_until(lambda: "escapes failed" in process.output)
    assert "\x1b" not in process.output, "the daemon's log goes to a terminal too"


def test_a_changed_file_is_imported_anew(jobctl: Jobctl, daemon: StartDaemon, code: Path) -> None:
    daemon("--slots", 2)
    define(jobctl, code, "changing:value")
    for number in range(4):
        (code / "changing.py").write_text(
            f"def value(): return {number}\n" + "#" * number
        )  # sizes differ for Python's cache
        assert jobctl("run", "changing-value", "--wait", "--json", expect=0).json["system_job"]["result"] == number
